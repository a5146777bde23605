"""The words are those that Slurm 22.05 said."""

import pytest

from ovbench.coordinator.launch.couriers import Ended
from ovbench.coordinator.launch.slurmfailure import how_ended, how_refused

SCANCEL = "its Slurm job, or the step in it, was cancelled (scancel)"


def ended(said: str, status: int = 1, reached: bool = True, killed_by: str = "") -> Ended:
    return Ended(status, reached, tuple(said.split("\n")), killed_by)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "salloc: error: invalid partition specified: nope\n"
            "salloc: error: Job submit/allocate failed: Invalid partition name specified",
            "Slurm refused the allocation: Invalid partition name specified; see: sinfo",
        ),
        (
            "salloc: unrecognized option '--bogus'\nTry \"salloc --help\" for more information",
            "salloc knows no option --bogus; see: man salloc",
        ),
        ('salloc: error: "x" is not a valid node count', 'salloc gave no allocation: "x" is not a valid node count'),
        (
            "salloc: error: Unable to allocate resources: Requested nodes are busy\n"
            "salloc: Job allocation 12 has been revoked.",
            "the nodes are busy; leave out --immediate to wait for them, or see: sinfo",
        ),
        (
            "salloc: Job allocation 10 has been revoked.\nsalloc: Job has been cancelled\n"
            "salloc: error: Job submit/allocate failed: Job/step already completing or completed",
            "the request was cancelled by somebody (scancel)",
        ),
        (
            "salloc: error: Unable to allocate resources: Unable to contact slurm controller (connect failure)",
            "Slurm's controller does not answer (Unable to contact slurm controller (connect failure)); try: scontrol "
            "ping",
        ),
        (
            "salloc: error: s_p_parse_file: cannot stat file /etc/slurm/slurm.conf: No such file or directory, "
            "retrying in 1sec up to 60sec",
            "Slurm is not set up here, as there is no /etc/slurm/slurm.conf; run this where srun works",
        ),
        ("salloc: error: Invalid --time specification", "salloc gave no allocation: Invalid --time specification"),
        ("", "salloc gave no allocation: it gave no reason"),
    ],
)
def test_why_there_is_no_allocation(said: str, words: str) -> None:
    assert how_refused(Ended(1, False, tuple(said.split("\n")) if said else ())) == words


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "srun: Job step aborted: Waiting up to 32 seconds for job step to finish.\n"
            "slurmstepd-a: error: *** STEP 4.0 ON a CANCELLED AT 2026-11-26T19:26:35 ***\n"
            "srun: error: a: task 0: Terminated",
            SCANCEL,
        ),
        (
            "slurmstepd: error: *** STEP 4.0 ON a CANCELLED AT 2026-11-26T19:26:35 DUE TO TIME LIMIT ***",
            "its Slurm job has reached its time limit; ask for more with --time",
        ),
        ("srun: error: Node failure on a", "Slurm says that it is down; see: scontrol show node a"),
        (
            "slurmstepd: error: Detected 1 oom_kill event in StepId=4.0. Some of the step tasks have been OOM Killed.",
            "it was ended for lack of memory; ask for more with --mem, or start fewer agents",
        ),
        (
            "srun: error: Unable to create step for job 15: Requested node configuration is not available",
            "Slurm does not start anything on it: Requested node configuration is not available; see: scontrol show "
            "node a",
        ),
        (
            "srun: error: Unable to confirm allocation for job 999: Invalid job id specified\n"
            "srun: Check SLURM_JOB_ID environment variable. Expired or invalid job 999",
            "the Slurm job is over; begin in a new one",
        ),
        (
            "srun: error: Task launch for StepId=4.0 failed on node a: Communication connection failure",
            "Slurm could not start anything on it: Communication connection failure; see: scontrol show node a",
        ),
    ],
)
def test_what_slurm_says_of_an_end_is_put_into_a_sentence(said: str, words: str) -> None:
    for reached in (False, True):
        assert how_ended(ended(said, reached=reached), "a", None) == words


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        ("ovbench-agent: the disk is full\nsrun: error: a: task 0: Exited with exit code 2", 2, "the disk is full"),
        ("srun: error: a: task 0: Killed", 137, "its supervisor was ended there by a signal (Killed)"),
        (
            "one\ntwo\nsrun: error: a: task 0: Exited with exit code 3",
            3,
            "its supervisor ended with exit code 3; its last words: two",
        ),
        ("", 0, "its supervisor has ended"),
    ],
)
def test_what_the_supervisor_says_of_its_own_end_is_not_lost_in_slurm_s_words(
    said: str, status: int, words: str
) -> None:
    assert how_ended(ended(said, status), "a", None) == words


def test_an_srun_that_was_killed_or_reached_nothing_says_so() -> None:
    assert how_ended(ended("", killed_by="SIGKILL"), "a", None) == "its srun was killed by SIGKILL"
    said = "srun: error: x: unknown\nsrun: something else"
    assert how_ended(ended(said, reached=False), "a", None) == "srun could not start anything on it: x: unknown"
