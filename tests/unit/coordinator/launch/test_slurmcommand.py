import os
import subprocess

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.launch.slurmcommand import GRANTED, granted_job, salloc_command, srun_command


def test_options_are_taken_as_a_shell_takes_them() -> None:
    command = salloc_command("-p debug -N 2 --comment 'two words'")
    assert command[:3] == ("salloc", "--job-name=ovbench", "--no-kill")
    assert command[3:9] == ("-p", "debug", "-N", "2", "--comment", "two words")
    assert command[9:11] == ("sh", "-c")


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ("-p 'debug", 'no closing quotation; write them as in "-p debug -N 2 --time 10"'),
        ("-N 2 --no-shell", "with --no-shell nobody would end the allocation"),
        ("--no-s", "with --no-shell nobody would end the allocation"),
    ],
)
def test_options_that_would_leave_an_allocation_behind_or_make_no_sense_are_refused(options: str, refusal: str) -> None:
    with pytest.raises(UsageError, match=refusal):
        salloc_command(options)


def test_what_holds_the_allocation_says_which_it_is_and_gives_it_back_when_nobody_is_there() -> None:
    """Run by a shell, with a stand-in for scancel that is a function of it."""
    command = salloc_command("")
    environment = {**os.environ, "SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "node[1-2]"}
    script = f'scancel() {{ echo "scancel $*"; }}; {command[-1]}'
    held = subprocess.run(["sh", "-c", script], input=b"", capture_output=True, env=environment)
    job, granted, cancelled = held.stdout.decode().splitlines()
    assert granted_job(job) == ("7", "node[1-2]")
    assert (granted, cancelled) == (GRANTED, "scancel --quiet 7")


@pytest.mark.parametrize("line", ["salloc: Granted job allocation 7", "", "ovbench-job 7"])
def test_no_other_line_says_which_job_was_granted(line: str) -> None:
    assert granted_job(line) is None


def test_a_step_has_the_job_s_cpus_whatever_the_environment_says_of_its_tasks() -> None:
    variables = ("PATH", "SLURM_CONF", "SLURM_JWT", "SLURM_NTASKS", "SLURM_CPUS_PER_TASK", "SRUN_CPUS_PER_TASK")
    command = srun_command("7", "node1", "exec true", variables)
    assert command[:8] == (
        "env", "-u", "SLURM_CPUS_PER_TASK", "-u", "SLURM_NTASKS", "-u", "SRUN_CPUS_PER_TASK", "srun",
    )  # fmt: skip
    assert {"--jobid=7", "--nodelist=node1", "--cpu-bind=none", "--overlap", "--ntasks-per-node=1"} <= set(command)
    assert command[-3:] == ("sh", "-c", "exec true")
