"""`python -m ovbench.coordinator.launch.raydriver ADDRESS`: the process beside the coordinator that talks to Ray.

Ray brings threads, handlers of signals and a hundred megabytes along, which the process that measures can do without.
It takes every CPU of each node of the cluster for a placement group, so that Ray puts nobody else there, and on each an
actor that holds the node's supervisor. When this process ends, however it does, Ray ends the actors, and each takes its
supervisor along.

Standard input has lines of JSON, `["start", HOST, PYTHON, ARGUMENTS, JOIN]` and `["end", HOST]`; its end is the end.
What is written is `raywords`.
"""

import contextlib
import importlib.util
import json
import os
import select
import signal
import sys
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, Final, NoReturn

from ovbench.common import printable

from . import couriers as couriers_module
from . import supervisorline, tether
from .couriers import Couriers, Ended
from .raywords import Lost, Over, Refused, Say, Taken, Word, spoken
from .supervisorline import REACHED, supervisor_line

_SENT_BY_VALUE: Final = (couriers_module, tether, supervisorline, printable)
"""Ray's Python on the nodes may have no ovbench: it is enough that the supervisor's has."""

_LONG_S: Final = 3600.0
_LOOK_S: Final = 1.0
_PATIENCE_S: Final = 60.0
_LEAST: Final = 0.001
"""Of the resource that each node has by its address, so that a bundle is for that node."""


class Guard:
    """An actor: one on each node, in a process of its own."""

    def hold(self, python: str | None, arguments: Sequence[str], join: str) -> tuple[int, bool, tuple[str, ...], str]:
        """Start the supervisor and wait for its end: what `Ended` has. In the main thread, which lives as long as the
        process, so that the supervisor dies with it."""
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, 0)  # Ray gives its workers a niceness of 15
        if python is None and importlib.util.find_spec("ovbench") is not None:
            python = sys.executable
        line = supervisor_line(python, os.path.dirname(sys.executable), arguments)
        couriers = Couriers()
        couriers.add("here", ["sh", "-c", line], join.encode(), REACHED)
        while True:
            for _, news in couriers.turn(_LONG_S):
                if isinstance(news, Ended):
                    return news.status, news.reached, news.lines, news.killed_by


class Driver:
    """`ray`: the module, connected to the cluster."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._nodes = _nodes(ray)
        self._group = _take(ray, self._nodes)
        self._guard = ray.remote(Guard)
        self._actors: dict[str, Any] = {}
        self._done_read, self._done_write = os.pipe()
        self._waits: dict[int, tuple[str, Any]] = {}
        """By number: the host, and what its actor will return."""
        self._started = 0

    def run(self) -> None:
        """Until standard input ends."""
        for host in self._nodes:
            say(Taken(host))
        say(Taken(""))
        poll = select.poll()
        for fd in (0, self._done_read):
            poll.register(fd, select.POLLIN)
        pending = b""
        while True:
            for fd, _ in poll.poll():
                data = os.read(fd, 65536)
                if fd == self._done_read:
                    for number in data.split():
                        self._done(int(number))
                elif not data:
                    return
                else:
                    *lines, pending = (pending + data).split(b"\n")
                    for line in lines:
                        self._obey(*json.loads(line))

    def close(self) -> None:
        for host in tuple(self._actors):
            self._end(host)
        self._ray.util.remove_placement_group(self._group)

    def _obey(self, what: str, host: str, *more: Any) -> None:
        self._end(host)
        if what == "start":
            strategy = self._ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy(
                self._group, placement_group_bundle_index=list(self._nodes).index(host)
            )
            options = {"num_cpus": 0, "max_restarts": 0, "scheduling_strategy": strategy}
            actor = self._actors[host] = self._guard.options(**options).remote()
            self._started += 1
            number = self._started
            result = actor.hold.options(max_task_retries=0).remote(*more)
            self._waits[number] = (host, result)
            # Called in a thread of Ray's: a line to a pipe is all that it does.
            result.future().add_done_callback(lambda _: os.write(self._done_write, b"%d\n" % number))

    def _end(self, host: str) -> None:
        if (actor := self._actors.pop(host, None)) is not None:
            self._ray.kill(actor)

    def _done(self, number: int) -> None:
        host, result = self._waits.pop(number)
        try:
            status, reached, lines, killed_by = self._ray.get(result)
        except self._ray.exceptions.RayError as error:
            say(Lost(host, f"{type(error).__name__}: {error}"))
        else:
            say(Over(host, status, reached, lines, killed_by))


def _nodes(ray: Any) -> Mapping[str, Mapping[str, Any]]:
    """By the names that hosts have: those with CPUs, one for each address. A name that several have is none."""
    alive = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    by_address = {node["NodeManagerAddress"]: node for node in sorted(alive, key=lambda node: str(node["NodeID"]))}
    named = [str(node["NodeManagerHostname"]) for node in by_address.values()]
    return {
        name if named.count(name) == 1 else address: node
        for (address, node), name in sorted(zip(by_address.items(), named, strict=True), key=lambda pair: pair[0][0])
    }


def _take(ray: Any, nodes: Mapping[str, Mapping[str, Any]]) -> Any:
    """All CPUs of each node, as soon as nobody else has any."""
    if not nodes:
        refuse("the Ray cluster has no node with CPUs; add some with: ray start --address=...")
    bundles = [
        {"CPU": node["Resources"]["CPU"], f"node:{node['NodeManagerAddress']}": _LEAST} for node in nodes.values()
    ]
    group = ray.util.placement_group(bundles, strategy="STRICT_SPREAD", name="ovbench")
    if not group.wait(_LOOK_S):
        say(Say(f"waiting for all CPUs of {len(nodes)} Ray nodes, some of which are in use"))
        if not group.wait(_PATIENCE_S):
            ray.util.remove_placement_group(group)
            refuse(f"CPUs of the Ray cluster were in use by others for {_PATIENCE_S:g} s; see who by: ray status")
    return group


def say(word: Word) -> None:
    os.write(1, spoken(word).encode() + b"\n")


def refuse(sentence: str) -> NoReturn:
    say(Refused(sentence))
    sys.exit(2)


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def main(address: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import ray
    import ray.util.scheduling_strategies

    for module in _SENT_BY_VALUE:
        ray.cloudpickle.register_pickle_by_value(module)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # of many kinds, a plain one among them
        say(Lost("", f"{type(error).__name__}: {error}"))
        sys.exit(2)
    signal.signal(signal.SIGTERM, _terminated)  # after Ray's own
    driver = Driver(ray)
    try:
        driver.run()
    finally:
        driver.close()
        ray.shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
