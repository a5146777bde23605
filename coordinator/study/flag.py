"""What a flag of a study has beyond a flag of a run: its key in a plan, and the kind of study that it is for. Pure."""

from dataclasses import dataclass

from ..request.flag import Flag


@dataclass(frozen=True)
class StudyFlag(Flag):
    """`plan`: what its value in a plan is, in words, "a text" first where it is one; empty where a plan may not have
    it. `elsewhere`: of a kind's own flag, why another one has no use for it, which is `{kind}`."""

    plan: str = ""
    elsewhere: str = ""

    @property
    def is_text(self) -> bool:
        return self.parse is str or self.plan.startswith("a text")

    def allows(self, value: object) -> bool:
        """Whether a plan may have it: a text, or a number that the command line would take; of a flag that may be
        repeated texts that it would take, one or an array of them; of a switch whether it is set."""
        if self.repeatable:
            texts = value if isinstance(value, list) else [value]
            return bool(texts) and all(isinstance(one, str) and self._takes(one) for one in texts)
        if self.takes == "nothing":
            return isinstance(value, bool)
        if self.is_text:
            return isinstance(value, str) and self._takes(value)
        if type(value) not in (int, float):
            return False
        return self._takes(repr(value))

    def _takes(self, text: str) -> bool:
        try:
            self.parse(text)
        except ValueError:
            return False
        return True
