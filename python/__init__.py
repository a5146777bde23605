"""ovbench from Python: the calls that the command line is built on.

    import ovbench

    report = ovbench.run("model.xml", agents=4, api="sync", duration_s=5)
    report.throughput.fps, report.latency_ms.p99, report.validity.status

* `run` measures once, `study` many settings, several times each; both return what was measured.
* `load` reads a saved result, `compare` puts results side by side.
* `calibrate` measures how far equal runs of this machine are apart.
* Wrong usage raises `UsageError`, a file that cannot be written `Unwritable`, Ctrl-C `Interrupted`, with what was
  measured until then. A figure that is doubtful raises nothing: see `report.validity`.

What is not asked for is not imported, as agents import from this package, too.
"""

__all__ = [
    "Calibration",
    "Comparison",
    "Interrupted",
    "ListenerWarning",
    "NotKept",
    "Report",
    "Study",
    "Unwritable",
    "UsageError",
    "__version__",
    "calibrate",
    "compare",
    "load",
    "run",
    "study",
]

_HOMES = {
    "Calibration": "calibrations",
    "Comparison": "comparisons",
    "Interrupted": "errors",
    "ListenerWarning": "errors",
    "NotKept": "errors",
    "Report": "reports",
    "Study": "studies",
    "Unwritable": "errors",
    "UsageError": "errors",
    "calibrate": "calibrations",
    "compare": "calls",
    "load": "calls",
    "run": "calls",
    "study": "calls",
}
"""Where each is defined; `__init__.pyi` says the same to type checkers."""


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("ovbench")
    if name not in _HOMES:
        raise AttributeError(f"module 'ovbench' has no attribute '{name}'")
    from importlib import import_module

    found: object = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
