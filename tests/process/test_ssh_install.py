"""--install beside a real sshd. Its pip finds stand-ins for what ovbench needs, which lead to what is here."""

import os
import sys
import sysconfig
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.launch.ownwheel import own_wheel
from ovbench.coordinator.launch.sshinstall import install
from tests.leftovers import MARK, running
from tests.process.driver import Ran
from tests.sshd import Sshd, needs_sshd, sshd_environment, start_sshd

pytestmark = [pytest.mark.long, needs_sshd]

StartSshd = Callable[..., Sshd]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[StartSshd]:
    """An sshd whose sessions have these variables, and a cache of their own."""
    running: list[Iterator[Sshd]] = []

    def begin(**environment: str) -> Sshd:
        folder = tmp_path / f"sshd-{len(running)}"
        folder.mkdir()
        cache = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PIP_CONFIG_FILE": os.devnull}
        running.append(start_sshd(folder, sshd_environment(**cache, **environment)))
        return next(running[-1])

    yield begin
    for one in running:
        next(one, None)


def stand_ins(folder: Path) -> Path:
    """Wheels of what ovbench needs, in the versions that are here; one of them leads to all that is installed here."""
    folder.mkdir()
    for pinned in own_wheel().versions:
        name, _, version = pinned.partition("==")
        info = f"{name}-{version}.dist-info"
        with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            if name == "msgspec":
                wheel.writestr("here.pth", sysconfig.get_path("platlib") + "\n")
            wheel.writestr(f"{info}/RECORD", "")
    return folder


def test_hosts_get_an_environment_once_and_use_it_again(serve: StartSshd, tmp_path: Path) -> None:
    """Two hosts that share a home make one environment."""
    sshd = serve(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(stand_ins(tmp_path / "wheels")))
    hosts = (sshd.host("127.0.0.1"), sshd.host("127.0.0.2"))
    key = own_wheel().key
    folder = tmp_path / "cache" / "ovbench" / "hosts" / key
    said: list[str] = []
    pythons = install(hosts, sshd.ssh, sys.executable, said.append)
    assert dict(pythons) == {host.name: f"{folder}/bin/python" for host in hosts}
    assert len([line for line in said if f": making {folder}" in line]) == 1
    assert [line for line in said if line.endswith(": waiting for another installation of the same")]
    assert list(folder.glob("lib/python3.*/site-packages/ovbench/agent/cli.py"))

    said.clear()
    install(hosts[:1], sshd.ssh, sys.executable, said.append)
    assert said == [f"{hosts[0].name}: ready: {folder}/bin/python"]


def test_what_pip_lacks_is_one_sentence(serve: StartSshd, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    sshd = serve(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path / "empty"))
    with pytest.raises(UsageError) as refused:
        install((sshd.host(),), sshd.ssh, None, lambda line: None)
    assert str(refused.value).startswith(
        f"--install: {sshd.host().name}: pip could not install ovbench there: No matching distribution found for "
    )
    assert not list(tmp_path.glob("cache/ovbench/hosts/*/ovbench-complete"))


def test_a_host_that_cannot_be_reached_is_named(serve: StartSshd) -> None:
    sshd = serve()
    (sshd.folder / "authorized_keys").write_text("")
    with pytest.raises(UsageError, match=rf"^--install: {sshd.host().name}: permission denied \(publickey\)"):
        install((sshd.host(),), sshd.ssh, None, lambda line: None)


def test_a_python_that_is_not_there_is_said(serve: StartSshd) -> None:
    sshd = serve()
    with pytest.raises(UsageError, match=r"there is no such Python: /no/such"):
        install((sshd.host(),), sshd.ssh, "/no/such", lambda line: None)


def test_a_cache_that_cannot_be_written_is_said(serve: StartSshd, tmp_path: Path) -> None:
    sshd = serve()
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(UsageError, match=r"cache/ovbench.*: (Not a directory|File exists)"):
        install((sshd.host(),), sshd.ssh, sys.executable, lambda line: None)


def test_an_interrupted_installation_leaves_no_process_and_is_made_anew(serve: StartSshd, tmp_path: Path) -> None:
    """As by Ctrl-C while it makes the environment."""
    sshd = serve(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(stand_ins(tmp_path / "wheels")))

    def interrupt(line: str) -> None:
        if ": making " in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install((sshd.host(),), sshd.ssh, sys.executable, interrupt)
    deadline = time.monotonic() + 4.0
    while left := {pid: words for pid, words in running(os.environ[MARK]).items() if not words.startswith("sshd")}:
        assert time.monotonic() < deadline, left
    said: list[str] = []
    install((sshd.host(),), sshd.ssh, sys.executable, said.append)
    assert ": making " in said[0]


def test_a_run_takes_place_in_an_environment_of_the_real_packages(
    serve: StartSshd, run: Callable[..., Ran], tmp_path: Path
) -> None:
    """By a registry, which is asked as the user's own pip would."""
    names = ("PATH", "HTTPS_PROXY", "https_proxy", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CERT")
    sshd = serve(**{name: os.environ[name] for name in names if name in os.environ})
    reached = ("--hosts", sshd.host().name, "--ssh-config", sshd.config, "--bind", "tcp://127.0.0.1:0")
    null = ("--backend", "null:2000", "-api", "sync", "--agents", "1", "--warmup", "0.1", "-t", "1")
    ran = run(*reached, "--install", *null)
    assert ran.code == 0, ran.err
    (python,) = (tmp_path / "cache" / "ovbench" / "hosts").glob("*/bin/python")
    assert f"{sshd.host().name}: ready: {python}" in ran.err
    assert [host["name"] for host in ran.report["hosts"]] == [sshd.host().name]
