"""What a flag of a study has beyond a flag of a run: its key in a plan, and the kind of study that it is for. Pure."""

from dataclasses import dataclass

from ..request.flag import Flag


@dataclass(frozen=True)
class StudyFlag(Flag):
    """`plan`: what its value in a plan is, in words; empty where a plan may not have it. `elsewhere`: of a kind's own
    flag, why another one has no use for it, which is `{kind}`."""

    plan: str = ""
    elsewhere: str = ""

    @property
    def is_text(self) -> bool:
        return self.parse is str

    def allows(self, value: object) -> bool:
        """Whether a plan may have it: a text, or a number that the command line would take."""
        if self.is_text:
            return isinstance(value, str)
        if type(value) not in (int, float):
            return False
        try:
            self.parse(repr(value))
        except ValueError:
            return False
        return True
