"""Where `ovbench-coord` begins. All but this is imported where Ctrl-C already ends the command without a traceback."""

from ovbench.common.errors import ExitCode

from .session.interrupts import Interrupts


def main() -> None:
    interrupts = Interrupts()
    interrupts.listen()
    try:
        from .commands.cli import main as command
    except KeyboardInterrupt:
        raise SystemExit(ExitCode.INTERRUPTED) from None
    command(interrupts=interrupts)


if __name__ == "__main__":
    main()
