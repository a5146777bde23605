"""One HTML file that needs nothing else: text is escaped, a script draws the charts, nothing is loaded."""

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Final

from .chart import PALETTE, Chart
from .vega import compiled, script

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; img-src data:"
)
"""With this a browser asks no host for anything. Vega compiles its expressions, hence unsafe-eval."""

_INTERVAL: Final = re.compile(r"[\d.,]+(?: \w+)? to [\d.,]+(?: \w+)?")


class Html(str):
    """What is HTML already; any other string is text."""

    __slots__ = ()


Content = Html | str | None | Iterable[Html]


def tag(name: str, *content: Content, **attributes: str | bool | None) -> Html:
    """`class_` stands for class, `data_chart` for data-chart; None and False leave an attribute out."""
    spelled = "".join(_attribute(key, value) for key, value in attributes.items())
    return Html(f"<{name}{spelled}>{join(*content)}</{name}>")


def join(*content: Content) -> Html:
    return Html("".join(_html(part) for part in content))


def _html(part: Content) -> str:
    if part is None:
        return ""
    if isinstance(part, Html):
        return part
    return html.escape(part) if isinstance(part, str) else "".join(part)


def _attribute(key: str, value: str | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{html.escape(value)}"'


def section(title: str, *content: Content) -> Html:
    return tag("section", tag("h2", title), *content)


def tiles(values: Sequence[tuple[str, str, str]]) -> Html:
    """Key figures: what, value, and what is said below it."""
    shown = (
        tag("div", tag("dt", what), tag("dd", value, tag("small", note) if note else None))
        for what, value, note in values
    )
    return tag("dl", shown, class_="tiles")


def table(columns: Sequence[str], rows: Iterable[Sequence[Content]], names: int = 1) -> Html:
    """The first `names` columns are flush left."""

    def cells(kind: str, row: Sequence[Content]) -> Html:
        return tag("tr", (tag(kind, _cell(cell), class_="name" if at < names else None) for at, cell in enumerate(row)))

    head = tag("thead", cells("th", columns))
    return tag("div", tag("table", head, tag("tbody", (cells("td", row) for row in rows))), class_="scroll")


def _cell(cell: Content) -> Content:
    """An interval may be divided where paper is narrow, but none of its numbers."""
    if isinstance(cell, Html) or not isinstance(cell, str) or _INTERVAL.fullmatch(cell) is None:
        return cell
    low, _, high = cell.partition(" to ")
    return join(f"{low} to ", Html("<wbr>"), high)


def pairs(values: Mapping[str, str]) -> Html:
    rows = (tag("tr", tag("th", key, scope="row"), tag("td", value)) for key, value in values.items())
    return tag("div", tag("table", tag("tbody", rows), class_="pairs"), class_="scroll")


def command(line: str) -> Html:
    return tag("div", tag("pre", tag("code", line)), class_="command")


def folded(summary: str, *content: Content) -> Html:
    return tag("details", tag("summary", summary), *content)


def figures(charts: Sequence[Chart]) -> Html:
    return tag("div", (_figure(chart) for chart in charts), class_="charts")


def _figure(chart: Chart) -> Html:
    return tag(
        "figure",
        tag("h3", chart.title),
        tag("figcaption", chart.caption),
        tag("div", class_="plot", role="img", aria_label=f"{chart.title}. {chart.caption}"),
        tag("script", _data(compiled(chart)), type="application/json"),
        data_chart=chart.name,
        class_="wide" if chart.wide else None,
    )


def _data(value: object) -> Html:
    """JSON that no HTML parser mistakes for the end of a script."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Html(text)


def document(title: str, body: Html) -> bytes:
    """The file. Raises UsageError where the extra that draws charts is missing."""
    head = join(
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", title),
        tag("style", Html(_colours() + _part("page.css"))),
    )
    library = script().replace("</script", "<\\/script")
    scripts = join(
        tag("div", id="tip", hidden=True),
        tag("script", Html(library)),
        tag("script", Html(_part("page.js"))),
    )
    page = f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>{body}\n{scripts}</body></html>\n'
    return page.encode("utf-8", "replace")


def _colours() -> str:
    """Light on paper, whatever the screen has."""
    light, dark = ("".join(f"{name}:{pair[at]};" for name, pair in PALETTE.items()) for at in (0, 1))
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def _part(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
