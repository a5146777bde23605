"""Where `ovbench-coord` begins. All but this is imported where Ctrl-C already ends the command without a traceback."""

from ovbench.common.errors import ExitCode


def main() -> None:
    try:
        from .cli import main as command
    except KeyboardInterrupt:
        raise SystemExit(ExitCode.INTERRUPTED) from None
    command()
