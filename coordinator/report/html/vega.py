"""The charting library: Vega as one script for pages, charts as Vega draws them, and as SVG or PNG. Only here.

vl-convert has Vega and Vega-Lite in it and runs them without a browser. A page is given charts in Vega's own terms, so
that one that is wrong is noticed before anybody opens it.
"""

import importlib.metadata
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from ovbench.common.cache import Uncached, entry
from ovbench.common.errors import UsageError

from ...request.request import PlotFormat
from .chart import CONFIG, PALETTE, Chart

SNIPPET: Final = "window.vegaEmbed=vegaEmbed;"
LIBRARY_MARK: Final = f"/* {SNIPPET} */\n"
"""What the script begins with: another snippet makes it anew."""

_FILE: Final = "vega.js"

WIDTH: Final = 720


def library() -> ModuleType:
    """Raises UsageError where the extra is missing."""
    try:
        import vl_convert
    except ImportError:
        raise UsageError(
            "a report in HTML and plots need vl-convert-python, which is not there: pip install 'ovbench[html]'"
        ) from None
    return vl_convert


def script() -> str:
    """What a page needs to draw charts, about 900 kB; made in a second or two, then kept in the user's cache.

    Raises UsageError where the extra is missing.
    """
    converter = library()
    made: list[str] = []

    def make(folder: Path) -> None:
        made.append(made[0] if made else LIBRARY_MARK + str(converter.javascript_bundle(SNIPPET)))
        (folder / _FILE).write_text(made[0], encoding="utf-8")

    made_with = {"vl-convert-python": importlib.metadata.version("vl-convert-python"), "mark": LIBRARY_MARK}
    try:
        found = entry("vega", made_with, make)
        return made[0] if made else (found.folder / _FILE).read_text(encoding="utf-8")
    except (Uncached, OSError):
        return made[0] if made else LIBRARY_MARK + str(converter.javascript_bundle(SNIPPET))


def compiled(chart: Chart) -> dict[str, Any]:
    """As Vega specifies it. Raises UsageError where the extra is missing, ValueError where the chart is wrong."""
    spec: dict[str, Any] = library().vegalite_to_vega({**chart.spec, "config": CONFIG})
    return spec


def plot(chart: Chart, form: PlotFormat) -> bytes:
    """As a file, in the light colours. Raises UsageError where the extra is missing."""
    converter = library()
    still = [layer for layer in chart.spec["layer"] if "params" not in layer]
    spec = json.dumps({**chart.spec, "layer": still, "width": WIDTH, "title": chart.title, "config": _file_config()})
    for name, (light, _) in PALETTE.items():
        spec = spec.replace(f"var({name})", light)
    if form == "svg":
        return str(converter.vegalite_to_svg(spec, allowed_base_urls=[])).encode()
    return bytes(converter.vegalite_to_png(spec, scale=2, allowed_base_urls=[]))


def plot_files(charts: Sequence[Chart], form: PlotFormat | None) -> dict[str, bytes]:
    """Contents by file name; none without a format."""
    return {} if form is None else {f"{chart.name}.{form}": plot(chart, form) for chart in charts}


def _file_config() -> dict[str, Any]:
    return {**CONFIG, "background": "var(--paper)", "font": "sans-serif", "padding": 12, "title": {"anchor": "start"}}
