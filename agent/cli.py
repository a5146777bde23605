"""`ovbench-agent`: one agent, or the supervisor of a host, started by hand or by a launcher."""

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

from ovbench.common.errors import ExitCode, UsageError
from ovbench.common.printable import one_line, open_streams

from .host.process import run_in_own_session, wake_on_time
from .options import FROM_STANDARD_INPUT, WholeHost, parse_options
from .trust import Trust, encode_trust


def main() -> NoReturn:
    open_streams()
    try:
        options = parse_options()
        if isinstance(options, WholeHost):
            _end(lambda: _supervise(options))
        _prepare_agent()
    except UsageError as error:
        _say(str(error))
        sys.exit(ExitCode.USAGE)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    serve_and_exit(options.endpoint, options.agent, options.patience_s, options.trust)


def _prepare_agent() -> None:
    run_in_own_session()  # before there is much to copy
    # numpy's BLAS would start threads on every CPU when it is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from .loop.cache import load_loops

    load_loops()


def serve_and_exit(endpoint: str, agent: int | None, patience_s: float, trust: Trust | None = None) -> NoReturn:
    """Serve one job and end the process, without waiting for whatever OpenVINO's threads are doing.

    `trust`: what a job may ask for; None, of agents that the coordinator has started itself, is anything.
    """

    def serve() -> ExitCode:
        try:
            return _serve(endpoint, agent, patience_s, trust)
        except OSError as error:
            raise UsageError(f"--connect {endpoint}: {error.strerror or error}") from None

    _end(serve)


def _end(work: Callable[[], ExitCode]) -> NoReturn:
    """With the code of what was done."""
    code = ExitCode.INTERNAL
    try:
        code = work()
    except UsageError as error:
        code = ExitCode.USAGE
        _say(str(error))
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except BaseException:
        with suppress(OSError):
            traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):
            stream.flush()
    os._exit(code)


def _say(text: str) -> None:
    """To whoever has started this, if anybody still listens."""
    with suppress(ValueError, OSError):
        print(one_line(f"ovbench-agent: {text}"), file=sys.stderr, flush=True)


def _serve(endpoint: str, agent: int | None, patience_s: float, trust: Trust | None) -> ExitCode:
    from .control import Ended
    from .service import serve

    wake_on_time()
    try:
        serve(endpoint, agent, patience_s, trust)
    except Ended as ended:
        if str(ended):
            _say(str(ended))
        return ended.code


def _supervise(options: WholeHost) -> ExitCode:
    from .modelcache.cache import ModelCache
    from .supervisor.duty import Ended
    from .supervisor.launcherpipe import LauncherPipe
    from .supervisor.service import Terms, read_join, supervise

    wake_on_time()
    pipe = LauncherPipe() if options.join == FROM_STANDARD_INPUT else None
    join = read_join(options.join, pipe, options.patience_s)
    trust = options.trust
    cache = ModelCache(options.cache, trust.extensions)
    word = encode_trust(replace(trust, cache=str(cache.folder)))
    terms = Terms(options.patience_s, options.pythons, trust.extensions, trust.caps.memory_mb, word)
    try:
        supervise(join, pipe, terms, cache)
    except Ended as ended:
        if str(ended):
            _say(str(ended))
        return ended.code


if __name__ == "__main__":
    main()
