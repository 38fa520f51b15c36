"""What people did since all was quiet, and what both sides must hold because of it.

The rules are of values alone. An edit *saw* another one if it wrote over its value: then the other one is over. Edits
of both sides that did not see each other are concurrent: one of the two stands, and the other is listed as a conflict.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sync_pipelines_tests.scouter.reverse.model.fields import ONE_WAY, Side, Value

Place = tuple[int, str]


class Edit(NamedTuple):
    """What a person wrote over `before`, at one side. `is_valid`: TabuladorMax can hold it."""

    side: Side
    place: Place
    before: Value
    value: Value
    is_valid: bool = True


class Listed(NamedTuple):
    """The fields of which a conflict was listed since the last rest; and those too of which one is open still.

    What is decided in the same way again is not listed twice.
    """

    now: Collection[Place] = ()
    still: Collection[Place] = ()


@dataclass
class Journal:
    """The edits since all was quiet, and what both sides held then, by lead and field."""

    quiet: dict[Place, Value] = field(default_factory=dict)
    edits: list[Edit] = field(default_factory=list)
    #: Values of edits whose row was deleted there: they came over in time, or did not.
    loose: dict[Place, list[Value]] = field(default_factory=dict)
    #: Fields that may be listed although nobody edits them now: a person let a reject of before wait again.
    replayed: set[Place] = field(default_factory=set)
    #: Leads that were deleted there, maybe before anybody had seen them. A row that is made again has no base: what
    #: stands there then is a change of both sides.
    deleted_there: set[int] = field(default_factory=set)
    #: Leads that somebody made since, and of those the ones that an export of some fields found: its row there is
    #: empty but for those fields, and who fills one there meets the value of who made the lead.
    made: set[int] = field(default_factory=set)
    sent_in_part: set[int] = field(default_factory=set)

    def begin(self, held: Mapping[Place, Value]) -> None:
        """All is quiet."""
        self.quiet, self.edits = dict(held), []
        self.loose.clear()
        self.replayed.clear()
        self.deleted_there.clear()
        self.made.clear()
        self.sent_in_part.clear()

    def deleted(self, side: Side, lead: int) -> None:
        """Deletes do not travel: of what is deleted here nothing is expected, of the other the row here stands."""
        if side == "there":
            self.deleted_there.add(lead)
            for edit in self.edits:
                if edit.side == "there" and edit.place[0] == lead:
                    self.loose.setdefault(edit.place, []).append(edit.value)
        else:
            self.quiet = {place: value for place, value in self.quiet.items() if place[0] != lead}
        self.edits = [edit for edit in self.edits if edit.place[0] != lead or edit.side != side == "there"]

    def wrong(self, held: Mapping[Place, Value], listed: Listed) -> list[str]:
        """What is not as it must be, where both sides hold `held` and conflicts are `listed`."""
        missing = {place[0] for place in held.keys() ^ self.quiet.keys()} - self.deleted_there
        sentences = [f"lead {lead} is on no side, or nobody made it" for lead in sorted(missing)]
        for place in sorted(held.keys() & self.quiet.keys()):
            edits, quiet = [edit for edit in self.edits if edit.place == place], self.quiet[place]
            if place[0] in self.sent_in_part:
                edits, quiet = [Edit("here", place, None, value=quiet), *edits], None
            rule = _wrong_one_way if place[1] == ONE_WAY.tab else _wrong
            if place[0] in self.deleted_there and held[place] in self._without_row(place, edits):
                continue
            if place in listed.now and not self._may_be_listed(place, edits):
                wrong: str | None = "a conflict is listed, and only one side was edited"
            else:
                wrong = rule(edits, quiet, held=held[place], is_listed=place in listed.still)
            if wrong:
                done = "; ".join(f"{one.side} {one.before!r} -> {one.value!r}" for one in edits)
                sentences.append(f"{place}: {wrong}. {self.quiet[place]!r}, then {done or 'nothing'}")
        return sentences

    def _without_row(self, place: Place, edits: list[Edit]) -> list[Value]:
        """What may stand besides, where the row there was deleted."""
        is_edited_here = any(edit.side == "here" for edit in edits)
        return [*self.loose.get(place, ()), *([] if is_edited_here else [self.quiet[place]])]

    def _may_be_listed(self, place: Place, edits: list[Edit]) -> bool:
        """Whether both sides edited it; where it cannot travel back, whether the other side did."""
        if place in self.replayed or place[0] in self.deleted_there:
            return True
        sides = {edit.side for edit in edits}
        return "there" in sides if place[1] == ONE_WAY.tab else len(sides) > 1


def _wrong(edits: list[Edit], quiet: Value, *, held: Value, is_listed: bool) -> str | None:
    allowed = _allowed(edits, quiet)
    if held not in allowed:
        return f"both hold {held!r} instead of {' or '.join(map(repr, allowed))}"
    lost = [edit for edit in _unseen(edits, quiet) if edit.value != held]
    if lost and not is_listed:
        return f"{lost[0].value!r} of {lost[0].side} is gone, and no conflict is listed"
    return None


def _wrong_one_way(edits: list[Edit], _quiet: Value, *, held: Value, is_listed: bool) -> str | None:
    """What TabuladorMax makes of it stands, as both sides are compared; an edit there is listed."""
    lost = [edit for edit in _unseen(edits, None) if edit.side == "there" and edit.value != held]
    return f"{lost[-1].value!r} is gone, and no conflict is listed" if lost and not is_listed else None


def _allowed(edits: list[Edit], quiet: Value) -> list[Value]:
    """The values that may stand: the last of each side, or the very last one if it saw the other side's."""
    last = {edit.side: edit for edit in edits if edit.is_valid}
    if not last:
        return [quiet]
    values = [edit.value for edit in last.values()]
    if len(values) == 2 and edits[-1].is_valid:
        other = last["here" if edits[-1].side == "there" else "there"]
        if _is_fresh(other, edits, quiet) and edits[-1].before == other.value:
            return [edits[-1].value]
    if not all(edit.is_valid for edit in edits):
        # Whether a valid value came over before an invalid one was written over it depends on the moment.
        values += [quiet, *(edit.value for edit in edits if edit.is_valid)]
    return values


def _unseen(edits: list[Edit], quiet: Value) -> list[Edit]:
    """Fresh valid edits that nobody wrote over: each stands, or is listed."""
    seen = {edit.before for edit in edits}
    return [
        edit for edit in edits if edit.is_valid and edit.value not in seen and _is_fresh(edit, edits, quiet)
    ]


def _is_fresh(edit: Edit, edits: list[Edit], quiet: Value) -> bool:
    """Whether no other edit wrote this value, and it was not there before: only then it names its edit."""
    return edit.value != quiet and sum(other.value == edit.value for other in edits) == 1
