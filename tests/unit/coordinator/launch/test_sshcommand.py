from ovbench.coordinator.launch.sshcommand import Ssh
from ovbench.coordinator.request.hosts import HostSpec, parse_hosts


def options(command: tuple[str, ...]) -> set[str]:
    return {command[place + 1] for place, word in enumerate(command) if word == "-o"}


def test_the_host_stands_after_all_options_so_that_it_cannot_be_one() -> None:
    (host,) = parse_hosts("--hosts", "me@[fd00::7]:2222")
    command = Ssh("my config").command(host, "the line")
    assert command[0] == "ssh"
    assert command[-9:] == ("-F", "my config", "-p", "2222", "-l", "me", "--", "fd00::7", "the line")


def test_what_is_not_given_is_left_to_the_users_configuration() -> None:
    command = Ssh().command(HostSpec("a", "a"), "line")
    assert not {"-F", "-p", "-l"} & set(command)
    assert not [option for option in options(command) if option.startswith(("StrictHostKey", "UserKnown", "Identity"))]


def test_nothing_is_asked_shared_or_forwarded() -> None:
    command = Ssh().command(HostSpec("a", "a"), "line")
    assert {"-T", "-a", "-x"} <= set(command)
    assert {"BatchMode=yes", "ControlMaster=no", "ControlPath=none", "ClearAllForwardings=yes"} <= options(command)


def test_a_command_by_hand_can_be_pasted_into_a_shell() -> None:
    (host,) = parse_hosts("--hosts", "me@c:2222")
    assert Ssh("my config").by_hand(host, "true") == "ssh -F 'my config' -p 2222 -l me c true"
