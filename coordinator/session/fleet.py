"""Who is alive, what each agent is doing, and what happens next: decided purely, from what was heard and when.

No socket, no process, no clock: whatever it is asked or handed, it returns actions for the session to carry out.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence

from ovbench.common.clock import NS_PER_S, to_ns
from ovbench.common.job import Job
from ovbench.common.lifecycle import IllegalMessage, State, advance
from ovbench.common.messages import (
    PROTOCOL_VERSION,
    Again,
    AnyNotice,
    AnyOrder,
    Counted,
    End,
    Failed,
    Finished,
    Foreign,
    Hello,
    Prepare,
    Progress,
    Pulse,
    Reject,
    Release,
    Start,
    Stop,
    Tally,
    WarmUp,
    tag,
)

from .actions import AboutToBegin, Action, AllReady, Begins, Ends, Kill, LoadEnded, Lost, Refused, Send, Tallied
from .claims import fault
from .crew import Contact, Crew
from .member import Member
from .phase import Phase
from .record import AgentRecord
from .rules import Rules, overdue


def release(crew: Crew) -> list[Send]:
    """The end: let everyone go who can still hear it."""
    return [Send(contact.peer, Release()) for contact in crew.contacts]


class Fleet:
    def __init__(
        self,
        jobs: Sequence[Job],
        rules: Rules,
        now_ns: int,
        cpus_of: Callable[[int], Collection[int] | None] = lambda agent: None,
        given: bool = False,
        agents_per_cpu: float = 1.0,
    ) -> None:
        """`cpus_of`: all that there are on an agent's host, None where that is not known. `given`: each agent has been
        given its place by the launcher. `agents_per_cpu`: on the host where they are the most."""
        self._cpus_of = cpus_of
        self._given = given
        self.members = tuple(
            Member(index, job, heard_ns=now_ns, since_ns=now_ns, moved_ns=now_ns) for index, job in enumerate(jobs)
        )
        self._rules = rules.crowded(agents_per_cpu)
        self._by_peer: dict[bytes, Member] = {}
        self._by_nonce: dict[str, Member] = {}
        self._in_state = Counter(member.state for member in self.members)  # so no message is a walk over all members
        self._joined_ns = now_ns
        self._pulse_ns = now_ns
        self._ticked_ns = now_ns
        self._stopped_ns: int | None = None
        self._prepared = False
        self.begin_ns: int | None = None
        self.warm_up_ns: int | None = None
        self.end_ns: int | None = None
        """When the load is to end, if that was ordered."""
        self.aborted = False
        self.illegal = 0
        """Messages that came when the lifecycle does not allow them, or from nobody we know."""

    def take_over(self, crew: Crew, now_ns: int) -> list[Action]:
        """Begin with agents that have delivered for another fleet, in their places, and do without any hello."""
        actions: list[Action] = []
        for member, former in zip(self.members, crew.contacts, strict=True):
            self._move(member, State.DELIVERED, now_ns)
            self._move(member, advance(member.state, "again"), now_ns)
            member.pid, member.host, member.nonce, member.heard_ns = former.pid, former.host, former.nonce, now_ns
            self._connect(member, former.peer)
            actions.append(Send(former.peer, Again(member.job)))
        return actions

    def records(self) -> tuple[AgentRecord, ...]:
        """What is left of all members."""
        return tuple(member.record() for member in self.members)

    def crew(self) -> Crew:
        """Who can still be reached."""
        whole = self.still(State.DELIVERED) == len(self.members)
        return Crew(tuple(self._reachable()), whole)

    def _reachable(self) -> Iterator[Contact]:
        return (contact for member in self.members if (contact := member.contact) is not None)

    @property
    def over(self) -> bool:
        return self.aborted or not self._living_states() or self._compiled_only

    @property
    def phase(self) -> Phase:
        if self.begin_ns is not None:
            return Phase.RUNNING if self.still(State.RUNNING) else Phase.DELIVERING
        if self.warm_up_ns is not None:
            return Phase.WARMING_UP
        return Phase.JOINING if self.still(State.EXPECTED) else Phase.PREPARING

    def still(self, *states: State) -> int:
        """How many are in one of them."""
        return sum(self._in_state[state] for state in states)

    def living(self) -> list[Member]:
        return [member for member in self.members if not member.state.ended]

    def missing(self) -> list[Member]:
        return [member for member in self.members if member.state is State.EXPECTED]

    def heard(self, peer: bytes, notice: AnyNotice | Foreign, now_ns: int) -> list[Action]:
        if isinstance(notice, Hello | Foreign) and notice.version != PROTOCOL_VERSION:
            reason = f"this agent speaks protocol {notice.version}, the coordinator {PROTOCOL_VERSION}"
            return [Send(peer, Reject(f"{reason}; install the same ovbench for both"))]
        if isinstance(notice, Foreign):
            return []
        if isinstance(notice, Hello):
            return self._hello(peer, notice, now_ns)
        member = self._by_peer.get(peer)
        if member is None or member.state is State.LOST:
            self.illegal += 1
            return []
        try:
            state = advance(member.state, tag(notice))
        except IllegalMessage:
            self.illegal += 1
            return self._idle(member, now_ns)
        member.heard_ns = now_ns
        why = fault(member, notice, self._cpus_of(member.id), self.begin_ns, now_ns)
        actions: list[Action] = []
        if why:
            actions += self._lose(member, why, now_ns)
        elif isinstance(notice, Progress):
            member.beat(notice, now_ns)
            return self._idle(member, now_ns)
        elif isinstance(notice, Counted):
            member.keep(notice)
            return self._idle(member, now_ns)
        else:
            member.keep(notice)
            if state is not member.state:
                self._move(member, state, now_ns)
            if isinstance(notice, Failed) and notice.kind == "usage":
                actions.append(Refused(notice.message))
        actions += self._proceed()
        if isinstance(notice, Tally) and not why:
            actions.append(Tallied(member.id, notice))
        if isinstance(notice, Finished):
            actions.append(LoadEnded(member.id, last=not self.still(State.RUNNING)))
        return actions

    def garbled(self, peer: bytes, what: str, now_ns: int) -> list[Action]:
        """Something came from this peer that is no message: an agent that cannot be understood is lost."""
        member = self._by_peer.get(peer)
        return (
            [] if member is None else self.died(member.id, f"it sent something that is not a message: {what}", now_ns)
        )

    def died(self, agent: int, how: str, now_ns: int) -> list[Action]:
        """The process of an agent has ended."""
        member = self.members[agent]
        if member.state.ended:
            return []
        return [*self._lose(member, how, now_ns), *self._proceed()]

    def unreachable(self, peer: bytes, now_ns: int) -> list[Action]:
        """A message could not be sent to this peer."""
        member = self._by_peer.get(peer)
        return [] if member is None else self.died(member.id, "its connection closed", now_ns)

    def tick(self, now_ns: int) -> list[Action]:
        """What is due by now. Call it several times a second, whatever arrives."""
        self._forgive(now_ns)
        actions: list[Action] = []
        for member in self.members:
            member.idle_notices = 0
            why = self._verdict(member, now_ns)
            if why:
                actions += self._lose(member, why, now_ns)
        actions += self._proceed()
        if now_ns - self._pulse_ns >= to_ns(self._rules.heartbeat_s):
            self._pulse_ns = now_ns
            # To those that have delivered, too: they wait for the others, and for what comes next.
            actions += [Send(contact.peer, Pulse()) for contact in self._reachable()]
        return actions

    def begin(self, now_ns: int) -> list[Action]:
        """Answers `AboutToBegin`, when everything is prepared for it: set the instant, and order all to begin then."""
        state, living = self._common_wait, self.living()
        if state is None:
            return []
        at_ns = self._instant(now_ns)
        if state is State.READY and living[0].job.load.warmup_s > 0:
            self.warm_up_ns = at_ns
            return list(self._order_all(living, WarmUp(at_ns), at_ns))
        self.begin_ns = at_ns
        return [Begins(at_ns), *self._order_all(living, Start(at_ns), at_ns)]

    def end(self, now_ns: int) -> list[Action]:
        """Enough is known: have the load end soon, at one instant for all, as if that had been its length."""
        running = [member for member in self.members if member.state is State.RUNNING]
        if not running or self._stopped_ns is not None or self.end_ns is not None:
            return []
        at_ns = self.end_ns = self._instant(now_ns)
        for member in running:
            member.end_ns = at_ns
        return [Ends(at_ns), *(Send(member.peer, End(at_ns)) for member in running if member.peer is not None)]

    def stop(self, now_ns: int) -> list[Action]:
        """The user wants an end: a load that runs is stopped and delivered, anything else is abandoned."""
        if self._stopped_ns is not None:
            return []
        self._stopped_ns = now_ns
        if not any(member.state in (State.RUNNING, State.DELIVERING, State.DELIVERED) for member in self.members):
            self.aborted = True
            return []
        return [Send(member.peer, Stop()) for member in self.living() if member.peer is not None]

    @property
    def _compiled_only(self) -> bool:
        return self._prepared and self.members[0].job.load.compile_only

    def _hello(self, peer: bytes, hello: Hello, now_ns: int) -> list[Action]:
        known = self._by_peer.get(peer)
        again = self._by_nonce.get(hello.nonce)
        if known is not None and known is not again:
            return self._idle(known, now_ns) or [Send(peer, Reject("another agent has this connection"))]
        if again is not None:
            return self._idle(again, now_ns) or self._welcome(again, peer, hello, now_ns)
        if self._given and hello.agent is None:
            return [Send(peer, Reject("the coordinator starts its agents itself; use --launcher external for others"))]
        free = [m for m in self.missing() if hello.agent is None or m.id == hello.agent]
        if not free or self.aborted:
            wanted = "no place is free" if hello.agent is None else f"the place of agent {hello.agent} is not free"
            return [Send(peer, Reject(f"{wanted}; the coordinator has {len(self.members)} agents"))]
        self._joined_ns = now_ns
        self._move(free[0], State.PREPARING, now_ns)
        return self._welcome(free[0], peer, hello, now_ns)

    def _welcome(self, member: Member, peer: bytes, hello: Hello, now_ns: int) -> list[Action]:
        """One that comes, or says hello again as it has had no answer or its connection is new: the old one is none."""
        if member.state is State.LOST:
            return [Send(peer, Reject(f"{member.name} is lost: {member.why}"))]
        member.pid, member.host, member.nonce, member.heard_ns = hello.pid, hello.host, hello.nonce, now_ns
        self._connect(member, peer)
        if member.state is not State.PREPARING:
            return []
        return [Send(peer, Prepare(member.id, member.job, self._rules.heartbeat_s, self._rules.lease_s))]

    def _connect(self, member: Member, peer: bytes) -> None:
        if member.peer is not None:
            self._by_peer.pop(member.peer, None)
        member.peer = peer
        self._by_peer[peer] = member
        self._by_nonce[member.nonce] = member

    def _proceed(self) -> Iterator[Action]:
        """Take the next common step if all that are left have come to it."""
        if self._common_wait is None:
            return
        if not self._prepared:
            self._prepared = True
            yield AllReady()
        if not self._compiled_only:
            yield AboutToBegin()

    @property
    def _common_wait(self) -> State | None:
        """The state in which all that are left wait to begin something; None while any of them is in another."""
        states = self._living_states()
        return states[0] if len(states) == 1 and states[0] in (State.READY, State.WARMED) else None

    def _idle(self, member: Member, now_ns: int) -> list[Action]:
        """It has sent what brings it no further. Nobody needs many of these, and they take time from all."""
        member.idle_notices += 1
        if member.state.ended or member.idle_notices <= self._rules.notices:
            return []
        why = f"it sent over {self._rules.notices} messages that say nothing new within a moment"
        return [*self._lose(member, why, now_ns), *self._proceed()]

    def _move(self, member: Member, state: State, since_ns: int) -> None:
        self._in_state[member.state] -= 1
        self._in_state[state] += 1
        member.enter(state, since_ns)

    def _living_states(self) -> list[State]:
        """The states that members are in who have not ended."""
        return [state for state, count in self._in_state.items() if count and not state.ended]

    def _instant(self, now_ns: int) -> int:
        """Soon, but not before all can know."""
        return now_ns + self._rules.margin_ns + len(self.members) * self._rules.margin_per_agent_ns

    def _order_all(self, members: list[Member], order: AnyOrder, at_ns: int) -> Iterator[Action]:
        for member in members:
            assert member.peer is not None
            self._move(member, advance(member.state, tag(order)), at_ns)
            yield Send(member.peer, order)

    def _verdict(self, member: Member, now_ns: int) -> str:
        """Why this member is to be given up now; empty if it is not."""
        if member.state.ended:
            return ""
        if member.state is State.EXPECTED:
            return self._verdict_on_absent(now_ns)
        return overdue(member, self._rules, now_ns, self._stopped_ns)

    def _verdict_on_absent(self, now_ns: int) -> str:
        since_s = (now_ns - self._joined_ns) / NS_PER_S
        limit_s = self._rules.join_s if self._by_peer else max(self._rules.join_s, self._rules.join_first_s)
        return f"it never came; no agent has joined for {since_s:.1f} s" if since_s > limit_s else ""

    def _lose(self, member: Member, why: str, now_ns: int) -> list[Action]:
        self._move(member, State.LOST, now_ns)
        member.why = why
        member.forget()
        return [Kill(member.id), Lost(member.id, why)]

    def _forgive(self, now_ns: int) -> None:
        """A coordinator that itself was not run for a while must not hold the silence against the agents."""
        gap_ns = now_ns - self._ticked_ns
        self._ticked_ns = now_ns
        if gap_ns <= NS_PER_S:
            return

        def later(at_ns: int) -> int:
            return max(at_ns, min(now_ns, at_ns + gap_ns))

        self._joined_ns = later(self._joined_ns)
        self._stopped_ns = None if self._stopped_ns is None else later(self._stopped_ns)
        for member in self.members:
            member.heard_ns, member.moved_ns, member.since_ns = map(
                later, (member.heard_ns, member.moved_ns, member.since_ns)
            )
