"""Machines that plans are made for, some like those that are sold, some drawn at random."""

from hypothesis import strategies as st

from ovbench.common.topology import Cpu, Topology


def machine(
    sockets: int = 1,
    cores: int = 4,
    threads: int = 1,
    allowed: frozenset[int] | None = None,
    *,
    nodes: int = 1,
    caches: int = 1,
    efficient: int = 0,
) -> Topology:
    """Numbered as Linux does: first one thread of every core, then the second of every core.

    `cores` of a socket, `nodes` of a socket and `caches` of a node share them evenly; the last `efficient` cores of a
    socket are of that kind and have one thread.
    """
    total = sockets * cores
    per_node = cores // nodes
    cpus = tuple(
        sorted(
            Cpu(
                socket=core // cores,
                node=core // per_node,
                core=core,
                id=core + thread * total,
                l3=core // (per_node // caches) * (per_node // caches),
                kind="performance" if core % cores < cores - efficient else "efficient",
            )
            for core in range(total)
            for thread in range(threads if core % cores < cores - efficient else 1)
        )
    )
    return Topology(cpus, frozenset(cpu.id for cpu in cpus) if allowed is None else allowed)


@st.composite
def machines(draw: st.DrawFn) -> Topology:
    """Any that Linux could show: odd ones of up to 64 CPUs, of which some may not be used."""
    cpus = []
    ids = iter(draw(st.permutations(range(64))))
    node = core = 0
    for socket in range(draw(st.integers(1, 3))):
        for _ in range(draw(st.integers(1, 2))):
            for _ in range(draw(st.integers(1, 2))):
                cache = core
                kind = draw(st.sampled_from(["performance", "efficient"]))
                for _ in range(draw(st.integers(1, 2))):
                    cpus += [
                        Cpu(socket, node, core, next(ids), cache, kind)  # type: ignore[arg-type]
                        for _ in range(draw(st.integers(1, 2)))
                    ]
                    core += 1
            node += 1
    mine = draw(st.sets(st.sampled_from([cpu.id for cpu in cpus]), min_size=1))
    return Topology(tuple(sorted(cpus)), draw(st.sampled_from([frozenset(mine), frozenset(c.id for c in cpus)])))
