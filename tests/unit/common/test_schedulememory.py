"""The schedule that agents share: in memory without a name, checked before it is used."""

import os
import subprocess
import sys

import numpy as np
import pytest
from msgspec import structs

from ovbench.common.errors import UsageError
from ovbench.common.schedulememory import open_schedule, share_schedule

OFFSETS = np.array([-5, 0, 7, 1 << 60], np.int64)


def test_another_mapping_has_the_same_instants_and_the_same_counter() -> None:
    with share_schedule(OFFSETS) as address:
        one, other = open_schedule(address), open_schedule(address)
    assert np.array_equal(one.offsets_ns, OFFSETS)
    assert (one.taken, other.taken) == (0, 0)
    one.memory[32] += 3
    assert other.taken == 3


def test_it_outlives_the_context_for_those_that_have_it_and_for_nobody_else() -> None:
    with share_schedule(OFFSETS) as address:
        memory = open_schedule(address)
    assert np.array_equal(memory.offsets_ns, OFFSETS)
    with pytest.raises(UsageError, match="cannot have the coordinator's schedule"):
        open_schedule(address)


def test_another_process_of_the_same_user_finds_it() -> None:
    program = (
        "import sys, msgspec; from ovbench.common.job import ScheduleAddress; "
        "from ovbench.common.schedulememory import open_schedule; "
        "print(open_schedule(msgspec.json.decode(sys.argv[1], type=ScheduleAddress)).offsets_ns.tolist())"
    )
    with share_schedule(OFFSETS) as address:
        import msgspec

        text = msgspec.json.encode(address).decode()
        done = subprocess.run([sys.executable, "-c", program, text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(OFFSETS.tolist())


def test_what_is_of_another_run_is_refused() -> None:
    with share_schedule(OFFSETS) as address, pytest.raises(UsageError, match="of another run"):
        open_schedule(structs.replace(address, nonce="0" * 32))


@pytest.mark.parametrize("count", [3, 5, 1 << 40])
def test_one_of_another_size_is_refused(count: int) -> None:
    with share_schedule(OFFSETS) as address, pytest.raises(UsageError, match="another file is there"):
        open_schedule(structs.replace(address, count=count))


def test_a_file_that_could_shrink_under_its_reader_is_refused() -> None:
    descriptor = os.memfd_create("unsealed", os.MFD_ALLOW_SEALING)
    try:
        with share_schedule(OFFSETS) as address:
            os.ftruncate(descriptor, 8 * (64 + len(OFFSETS)))
            with pytest.raises(UsageError, match="another file is there"):
                open_schedule(structs.replace(address, descriptor=descriptor))
    finally:
        os.close(descriptor)


def test_a_process_that_there_is_not_is_said() -> None:
    with share_schedule(OFFSETS) as address, pytest.raises(UsageError, match="same PID namespace"):
        open_schedule(structs.replace(address, pid=(1 << 22) + 1))
