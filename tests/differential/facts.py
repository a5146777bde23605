"""What benchmark_app and ovbench each tell of one run, in the same words, so that it can be compared.

benchmark_app tells in what it prints and in the files it writes; ovbench in its report, and in the same files. A fact
is there only where the program told it.
"""

import csv
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Facts = dict[str, object]

REFUSED: Final = "refused"
RAN: Final = "ran"
_EXIT_USAGE: Final = 2

_PORT: Final = re.compile(r".+ \(node: .+\) : \S+ / \S+ / \S+")
_START: Final = re.compile(
    r"Start inference (?P<api>a?sync)hronously(?:, (?P<requests>\d+) inference requests)?"
    r".*?, limits: (?:(?P<duration>\d+) ms duration)?(?:, )?(?:(?P<iterations>\d+) iterations)?"
)
_THEIR_LAYER: Final = re.compile(r"^\S+ +Status\.(\w+) +layerType: (\S+) +execType: (\S+) +realTime", re.M)
_OUR_LAYER: Final = re.compile(r"^ *\S+ +(\S+) +(\(not run\)|\(optimized out\)|\S+) +[\d.]+ +[\d.]+ +\S+$", re.M)
_EXECUTED_BY: Final = {"NOT_RUN": "(not run)", "OPTIMIZED_OUT": "(optimized out)"}


@dataclass(frozen=True)
class Ran:
    """A program that has ended, and the folder that it ran in and wrote to."""

    code: int
    out: str
    err: str
    folder: Path


def of_benchmark_app(ran: Ran) -> Facts:
    if ran.code:
        return {"outcome": REFUSED}
    text = "\n".join(line.removeprefix("[ INFO ] ") for line in ran.out.splitlines())
    facts: Facts = {"outcome": RAN, **_tables(text), **_printed_properties(text), **_files(ran.folder)}
    if found := re.search(r"^Model batch size: (\d+)$", text, re.M):
        facts["batch"] = int(found[1])
    if started := _START.search(text):
        facts.update(_counts(text, started))
    if "First inference took" in text or "Skipping warmup" in text:
        facts["first inference"] = "First inference took" in text
        facts["inference only"] = "inference only mode" in text
    if groups := re.findall(r"^\d+\.( .+\])$", text, re.M):
        facts["groups"] = groups
    if found := re.search(r"^ +(\d+) percentile:", text, re.M):
        facts["percentile"] = int(found[1])
    if random := re.findall(r"^Fill input '(.+)' with random values", text, re.M):
        facts["random inputs"] = sorted(random)
    if layers := _THEIR_LAYER.findall(text):
        facts["layers printed"] = sorted({(kind, _EXECUTED_BY.get(status, by)) for status, kind, by in layers})
    return facts


def _counts(text: str, started: re.Match[str]) -> Facts:
    """The load as it was about to start, and how much of it there was where that is certain."""
    facts: Facts = {"api": started["api"]}
    if started["requests"]:
        facts["requests"] = int(started["requests"])
    if started["iterations"]:
        facts["iterations"] = int(started["iterations"])
    count = re.search(r"^Count: +(\d+) iterations", text, re.M)
    if started["iterations"] and not started["duration"] and count:
        facts["count"] = int(count[1])
    return facts


def of_ovbench(ran: Ran) -> Facts:
    if ran.code:
        return {"outcome": REFUSED if ran.code == _EXIT_USAGE else f"exit code {ran.code}: {ran.err or ran.out}"}
    report: dict[str, Any] = json.loads((ran.folder / "report.json").read_text())
    effective, phases = report["effective"], report["phases_ms"]
    facts: Facts = {"outcome": RAN, **_tables(ran.out), **_files(ran.folder)}
    facts |= {f"property {name}": _plain(value) for name, value in effective["properties"].items()}
    facts |= {
        "batch": effective["batch"],
        "api": effective["api"],
        "requests": effective["nireq"],
        "iterations": effective["iterations"],
        "count": report["throughput"]["completed"],
        "inference only": effective["inference_only"],
        "first inference": bool(phases and phases["first_inference"] > 0),
        "groups": [_group(group["shapes"]) for group in report["groups"]],
        "layers printed": sorted(set(_OUR_LAYER.findall(ran.out))),
        "random inputs": sorted(part["input"] for part in effective["fillings"] if "random" in part["text"]),
    }
    if report["latency_ms"]:
        facts["percentile"] = report["latency_ms"]["chosen_percentile"]
    return facts


def _group(shapes: dict[str, list[int]]) -> str:
    """benchmark_app's words for the shapes that inputs have together."""
    return "".join(f" {name}: [{','.join(map(str, shape))}]" for name, shape in shapes.items())


def _tables(text: str) -> Facts:
    """The lines of each table of inputs or outputs, by its place: as the model was read, then as it is compiled."""
    facts: Facts = {}
    rows: list[str] | None = None
    for line in map(str.strip, text.splitlines()):
        if line in ("Model inputs:", "Model outputs:"):
            rows = []
            facts[f"{'as read' if len(facts) < 2 else 'as compiled'}: {line}"] = rows
        elif rows is not None and _PORT.fullmatch(line):
            rows.append(line)
        else:
            rows = None
    return facts


def _printed_properties(text: str) -> Facts:
    """Those below the line `Model:`, as Python prints them."""
    _, _, below = text.partition("\nModel:\n")
    lines = below.partition("[Step")[0].splitlines()
    pairs = (line.strip().partition(": ") for line in lines if line.startswith("  "))
    return {f"property {name}": _plain(value) for name, _, value in pairs}


_TYPES: Final = {"float32": "f32", "float16": "f16", "bfloat16": "bf16", "uint8_t": "u8", "int8_t": "i8"}


def _plain(value: str) -> str:
    """One spelling for what Python, C and configuration files spell each in their own way."""
    if found := re.fullmatch(r"<Type: '(\w+)'>", value):
        return _TYPES.get(found[1], found[1])
    if found := re.fullmatch(r"\['(.+)'\]", value):
        return found[1]
    bare = re.sub(r"^[A-Z]\w+\.(?=[A-Z])", "", value)
    spelt = {"True": "YES", "False": "NO", "set()": "", "1.0": "1", "LOG_NONE": "NO"}
    return spelt.get(bare, bare)


def _files(folder: Path) -> Facts:
    """What the files say that a program wrote because it was asked to."""
    facts: Facts = {}
    for file in sorted(folder.iterdir()):
        if file.name == "config.json":
            facts |= dict(_config(json.loads(file.read_text())))
        elif file.name == "graph.xml":
            layers = ElementTree.parse(file).getroot().iter("layer")
            facts["graph"] = sorted((layer.attrib["name"], layer.attrib["type"]) for layer in layers)
        elif file.name == "cache":
            facts["cached models"] = len(list(file.glob("*.blob")))
        elif file.name in ("benchmark_report.json", "benchmark_report.csv"):
            facts |= {f"{file.name}: {key}": value for key, value in _report(file).items()}
        elif file.name.startswith("benchmark_"):
            facts |= {f"{file.name}: {key}": value for key, value in _counters(file).items()}
    return facts


def _config(config: dict[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    for device, properties in config.items():
        for name, value in properties.items():
            yield f"config {device}.{name}", _plain(value)


_SECTIONS: Final = {
    "Command line parameters": "cmd_options",
    "Configuration setup": "configuration_setup",
    "Execution results": "execution_results",
}


def _report(file: Path) -> Facts:
    """By section and key; of the results only the keys, and that the values are numbers."""
    sections = json.loads(file.read_text()) if file.suffix == ".json" else _sections(file)
    facts: Facts = {}
    for section, values in sections.items():
        for key, value in values.items() if isinstance(values, dict) else ():
            measured = section == "execution_results" and key != "total number of iterations"
            facts[f"{section}/{key}"] = _shape_of(value) if measured else value
    return facts


def _shape_of(value: object) -> str:
    return re.sub(r"\d+", "0", str(value))


def _sections(file: Path) -> dict[str, dict[str, str]]:
    """benchmark_report.csv: a title, lines of `key;value`, an empty line."""
    sections: dict[str, dict[str, str]] = {}
    for block in file.read_text().strip().split("\n\n"):
        title, *lines = block.splitlines()
        pairs = (line.partition(";") for line in lines)
        sections[_SECTIONS.get(title, title)] = {key: value for key, _, value in pairs}
    return sections


def _counters(file: Path) -> Facts:
    """A report of layers without its times: its form, and in each part of it what the layers are, in any order."""
    return _counters_of_json(file) if file.suffix == ".json" else _counters_of_csv(file)


def _counters_of_json(file: Path) -> Facts:
    report: dict[str, Any] = json.loads(file.read_text())
    (parts,) = (part if isinstance(part, list) else [part] for part in report.values() if not isinstance(part, str))
    nodes = [node for part in parts for node in part["nodes"]]
    keys = {key for level in (report, *parts, *nodes) for key in level}
    return {
        **{f"key {key}": True for key in keys},
        "layers": [sorted(tuple(node[key] for key in _LAYER_KEYS) for node in part["nodes"]) for part in parts],
        "numbers": sorted({_shape_of(node["real_time"]) for node in nodes}),
    }


_LAYER_KEYS: Final = ("name", "status", "node_type", "exec_type")


def _counters_of_csv(file: Path) -> Facts:
    """Parts begin with a header that names the columns."""
    with file.open(newline="") as stream:
        rows = [row for row in csv.reader(stream, delimiter="," if "sorted" in file.name else ";") if row]
    headers = [row for row in rows if row[0] == "layerName"]
    layers = [tuple(row[:4]) for row in rows if row[0] != "layerName" and not row[0].startswith("Total")]
    totals = [_shape_of(row) for row in rows if row[0].startswith("Total")]
    return {"header": headers, "layers": sorted(layers), "totals": totals}
