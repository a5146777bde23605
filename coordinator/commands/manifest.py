"""`manifest`: writes what a cluster's own engine takes to start the hosts of a run, and their keys."""

import os
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ovbench.common.bounded import MOST_HOSTS
from ovbench.common.errors import ExitCode, Unwritable, UsageError
from ovbench.common.join import Join, join_bytes
from ovbench.common.printable import one_line

from ..launch.manifest import Cluster, host_names, inner_endpoint, objects
from ..launch.yamltext import yaml_documents
from ..request.flag import Flag
from ..request.parser import Parser
from ..request.values import digits, number
from .verb import Call

_MOST_NAME: Final = 40
"""Of the 63 characters of a DNS label, what a pod's number and part leave."""

_MANIFEST: Final = "manifest.yaml"
_KEYS: Final = "run.keys"
_HEAD: Final = """\
# Written by ovbench-coord manifest kubernetes. It has the keys of one run: keep it from others, and write another
# for the next run. kubectl create -f manifest.yaml; kubectl delete -f manifest.yaml
"""


def _text(pattern: str, what: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"'{text}' is not {what}")
        return text

    return convert


_label: Final = _text(
    rf"[a-z]([a-z0-9-]{{0,{_MOST_NAME - 2}}}[a-z0-9])?",
    f"a name for objects: at most {_MOST_NAME} lower-case letters, digits and hyphens, a letter first",
)
_selector: Final = _text(
    r"[A-Za-z0-9][A-Za-z0-9./_-]{0,316}=[A-Za-z0-9._-]{0,63}", "a label of nodes, as in kubernetes.io/arch=amd64"
)
_advertise: Final = _text(r"tcp://[^\s/]+:[0-9]{1,5}", "where hosts reach the coordinator, as in tcp://10.0.0.7:5555")
_pods: Final = number(digits, f"a whole number from 1 to {MOST_HOSTS}", lambda n: 1 <= n <= MOST_HOSTS)
_cpus: Final = number(digits, "a whole number of CPUs from 1 to 8192", lambda n: 1 <= n <= 8192)

FLAGS: Final = (
    Flag("pods", ("--pods",), "how many hosts: a pod each, on a node of its own", metavar="N", parse=_pods),
    Flag("cpus", ("--cpus",), "whole CPUs of each, which no other container has", metavar="N", parse=_cpus),
    Flag(
        "memory", ("--memory",), "memory of each, such as 16Gi (default 8Gi)", metavar="SIZE", default="8Gi",
        parse=_text(r"[1-9][0-9]{0,6}(Mi|Gi|Ti)", "a size as Kubernetes writes it, such as 8Gi"),
    ),
    Flag(
        "image", ("--image",), "the container's image, which has ovbench, sh and cat", metavar="IMAGE",
        parse=_text(r"[a-z0-9][A-Za-z0-9./:@_-]{0,500}", "the name of an image, such as registry.local/ovbench:0.1"),
    ),
    Flag("name", ("--name",), "of the objects (default ovbench)", metavar="NAME", default="ovbench", parse=_label),
    Flag("namespace", ("--namespace",), "default: that of kubectl's context", metavar="NAME", parse=_text(
        r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "the name of a namespace"
    )),
    Flag(
        "selector", ("--node-selector",), "only nodes with this label; may be given several times", metavar="KEY=VALUE",
        parse=_selector, repeatable=True,
    ),
    Flag(
        "advertise", ("--advertise",),
        "the coordinator is not in the cluster, and hosts reach it here; default: it has a pod of its own",
        metavar="tcp://ADDRESS:PORT", parse=_advertise,
    ),
    Flag(
        "coordinator_cpus", ("--coordinator-cpus",), "whole CPUs of the coordinator's pod (default 2)", metavar="N",
        parse=_cpus, default=2,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class WriteManifest:
    """`endpoint`: where hosts reach the coordinator."""

    folder: Path
    cluster: Cluster
    endpoint: str


def parse_manifest(argv: Sequence[str]) -> WriteManifest:
    """What stands after `--` is the coordinator's, in its pod."""
    own, words = _divided(argv)
    parser = Parser(
        "manifest",
        FLAGS,
        description="Writes FOLDER/manifest.yaml for kubectl: an Indexed Job whose pods are the hosts of a run, the "
        "coordinator's Job and Service, and Secrets with keys for that run; docs/hosts.md says how to go on. What "
        "stands after -- is for the coordinator: the flags of a run.",
    )
    parser.add_argument("engine", choices=("kubernetes",), help="whose")
    parser.add_argument("folder", metavar="FOLDER", help="is made if it is not there; its files are for your eyes only")
    raw = parser.parse_args(list(own))
    missing = [name for name in ("pods", "cpus", "image") if getattr(raw, name) is None]
    if missing:
        raise UsageError(f"manifest kubernetes: --{missing[0]} is missing; give --pods N --cpus N --image IMAGE")
    if words and raw.advertise is not None:
        raise UsageError(
            f"--advertise {raw.advertise}: the coordinator is not in the cluster, so give its flags to it, not after --"
        )
    cluster = Cluster(
        name=raw.name,
        image=raw.image,
        hosts=raw.pods,
        cpus=raw.cpus,
        memory=raw.memory,
        namespace=raw.namespace,
        selector=dict(label.split("=", 1) for label in raw.selector or ()),
        inside=raw.advertise is None,
        coordinator_cpus=raw.coordinator_cpus,
        words=words,
    )
    return WriteManifest(Path(raw.folder).absolute(), cluster, raw.advertise or inner_endpoint(cluster))


def manifest(request: WriteManifest, _: Call) -> ExitCode:
    """Raises Unwritable where the folder or a file cannot be written."""
    from ..launch.runkeys import make_run_keys, run_keys_bytes

    cluster, folder = request.cluster, request.folder
    keys, pairs = make_run_keys(host_names(cluster))
    joins = [
        join_bytes(Join(request.endpoint, name, keys.own.public, pair.public, pair.secret)).decode()
        for name, pair in pairs.items()
    ]
    own = run_keys_bytes(keys)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = yaml_documents(objects(cluster, joins, own.decode()), _HEAD)
        write_secret_file(folder / _MANIFEST, text.encode())
        if not cluster.inside:
            write_secret_file(folder / _KEYS, own)
    except OSError as error:
        raise Unwritable(f"{folder} cannot be written: {error.strerror}") from None
    for line in _next_steps(request):
        print(one_line(line))
    return ExitCode.VALID


def write_secret_file(file: Path, data: bytes) -> None:
    """Whole or not at all, and never readable by anybody else. Raises OSError."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        temporary.rename(file)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _next_steps(request: WriteManifest) -> tuple[str, ...]:
    where, cluster = shlex.quote(str(request.folder / _MANIFEST)), request.cluster
    space = "" if cluster.namespace is None else f" -n {cluster.namespace}"
    create, delete = f"kubectl create -f {where}", f"kubectl delete -f {where}"
    if cluster.inside:
        return (create, f"kubectl logs{space} -f job/{cluster.name}-coordinator --pod-running-timeout=5m", delete)
    keys = shlex.quote(str(request.folder / _KEYS))
    return (create, f"ovbench-coord --launcher kubernetes --run-keys {keys} --bind {request.endpoint}", delete)


def _divided(argv: Sequence[str]) -> tuple[Sequence[str], tuple[str, ...]]:
    place = list(argv).index("--") if "--" in argv else len(argv)
    return argv[:place], tuple(argv[place + 1 :])
