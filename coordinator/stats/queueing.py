"""A queue that several servers work off: the share of arrivals that wait, and how long. Pure."""


def erlang_c(servers: int, load: float) -> float:
    """The share of Poisson arrivals that wait in M/M/c, by Erlang; `load` is the share of their time that servers
    serve, below 1. By the recursion of Erlang's B, in which nothing overflows."""
    offered = servers * load
    lost = 1.0
    for server in range(1, servers + 1):
        lost = offered * lost / (server + offered * lost)
    return lost / (1 - load * (1 - lost))
