"""What is said while an environment is made for a run."""

from collections.abc import Callable, Sequence

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.commands.launching import launched
from ovbench.coordinator.commands.verb import Call
from ovbench.coordinator.launch import environments
from ovbench.coordinator.session.interrupts import Interrupts
from tests.builders import request


@pytest.mark.parametrize(("quiet", "said"), [(False, "ovbench-coord: installing OpenVINO 2025.4.0\n"), (True, "")])
def test_what_is_installed_is_said_unless_the_caller_is_quiet(
    quiet: bool, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def make(releases: Sequence[str], say: Callable[[str], None]) -> None:
        say(f"installing OpenVINO {releases[0]}")
        raise UsageError("no more")

    monkeypatch.setattr(environments, "make", make)
    call = Call(("ovbench-coord",), Interrupts(), quiet=quiet)
    with pytest.raises(UsageError, match="no more"), launched(request("--openvino", "2025.4.0", "--agents", "1"), call):
        pass
    assert capsys.readouterr().err == said
