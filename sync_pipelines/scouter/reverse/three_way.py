"""The merge of one lead, field by field, as a function of what was read: no database, no clock.

The base of a field is how it was last seen at Gestão Scouter and dealt with (`Base`). Beside it stand the row of
TabuladorMax (here), the row of Gestão Scouter (there), and the changes that were announced and are not dealt with.

| here | there | what happens |
|---|---|---|
| as the base | as the base | nothing |
| as the base | changed | TabuladorMax takes it, a null too |
| changed | as the base | it stays; the push sends it |
| changed | the same | nothing |
| changed | otherwise | the later `updated_at` decides; TabuladorMax if they are equal or unusable. A conflict |
| any | refused | TabuladorMax's value stands. A reject |

Without a base (a field that was never exchanged) a filled value wins over an empty one; two filled ones are a conflict.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from sync_pipelines.scouter.mapping.field_hashes import NULL, REFUSED, is_refused
from sync_pipelines.scouter.reverse.base import Base, Reading
from sync_pipelines.scouter.reverse.claims import Claim, claims_of, in_order, is_unsure, is_usable

Side = Literal["here", "there"]
LATER, EQUAL, UNUSABLE = "the later updated_at", "updated_at is equal", "updated_at cannot be used"
ONE_WAY = "the field cannot be taken back"
UNSURE = "announced late, under an updated_at that was not raised: it may be an older value"
ALTERED = "it stood otherwise after our own write, and nobody announced a change"
CONFIRMED = "it stood otherwise after our own write, and the row was announced or edited afterwards"


class Take(NamedTuple):
    """A field that TabuladorMax takes from a reading."""

    field: str
    reading: int


class Conflict(NamedTuple):
    """A field that both sides changed: which reading had the other value, which side is kept and why."""

    field: str
    reading: int
    kept: Side
    reason: str
    there_version: float | None


@dataclass(frozen=True)
class Merge:
    """What becomes of a lead; `refused` are fields whose value there TabuladorMax cannot hold, by reading."""

    takes: Sequence[Take] = ()
    conflicts: Sequence[Conflict] = ()
    refused: Mapping[int, Collection[str]] = field(default_factory=dict)


def merge(
    here: Mapping[str, str],
    here_version: float | None,
    row: Reading | None,
    *,
    changes: Sequence[Reading],
    base: Base,
    reversible: Collection[str],
    doubted: Collection[str] = (),
    fills: bool = True,
    now: float,
) -> Merge:
    """Merge a lead that TabuladorMax has. `changes` are in the order in which they were announced.

    Without `fills` an empty field is one that somebody may have emptied: the later side decides, and it is listed.
    `doubted` are fields of the row that differ from what we wrote just before, though nobody seems to have changed
    them: a trigger there may have. TabuladorMax does not take them.
    """
    takes, conflicts = list[Take](), list[Conflict]()
    refused: dict[int, list[str]] = {}
    for name, claim in claims_of(row, changes, base, here=here, here_version=here_version, now=now).items():
        mine, theirs, before = here.get(name, NULL), claim.hash, claim.base
        if theirs in (mine, before):
            continue
        if is_refused(theirs):
            refused.setdefault(claim.reading.id, []).append(name)
        elif claim.reading is row and name in doubted:
            conflicts.append(_conflict(name, claim, "here", reason=ALTERED))
        elif name not in reversible:
            if before is not None or theirs != NULL:
                conflicts.append(_conflict(name, claim, "here", reason=ONE_WAY))
        elif before is None and NULL in (mine, theirs) and fills:
            if mine == NULL:
                takes.append(Take(name, claim.reading.id))
        elif before is not None and _is_unchanged(name, mine, before, stamp=claim.reading.stamp, base=base):
            takes.append(Take(name, claim.reading.id))
            if late := _late(name, claim, base, is_row=claim.reading is row):
                conflicts.append(_conflict(name, claim, "there", reason=late))
        else:
            kept, reason = later_side(here_version, _version(claim.reading, changes, now), now)
            conflicts.append(_conflict(name, claim, kept, reason=reason))
            if kept == "there":
                takes.append(Take(name, claim.reading.id))
    return Merge(takes, conflicts, refused)


def first_values(
    row: Reading | None, changes: Sequence[Reading], reversible: Collection[str], *, now: float
) -> Merge:
    """A lead that TabuladorMax does not have: the row there, or what was announced of it."""
    takes: dict[str, Take] = {}
    conflicts: dict[str, Conflict] = {}
    refused: dict[int, list[str]] = {}
    for reading in (row,) if row else in_order(changes):
        for name, value in reading.hashes.items():
            if is_refused(value):
                refused.setdefault(reading.id, []).append(name)
            elif name in reversible:  # nulls too: the column may have a default
                takes[name] = Take(name, reading.id)
            elif value != NULL:
                conflicts[name] = Conflict(
                    name, reading.id, "here", reason=ONE_WAY, there_version=reading.version
                )
    return Merge([*takes.values()], [*conflicts.values()], refused)


def later_side(here: float | None, there: float | None, now: float) -> tuple[Side, str]:
    """The side with the later time, in seconds since 1970, and why it is kept."""
    if not (is_usable(here, now) and is_usable(there, now)):
        return "here", UNUSABLE
    assert here is not None and there is not None
    if here == there:
        return "here", EQUAL
    return ("there" if there > here else "here"), LATER


def refused_mark(here: str) -> str:
    """The base of a field whose value there was refused: it says what stood here, for a replay."""
    return f"{REFUSED}{here[:-1]}"


def _version(reading: Reading, changes: Sequence[Reading], now: float) -> float | None:
    """The time of a change; one in the future counts as the time at which it came.

    The outbox says when that was by the clock of Gestão Scouter, which may be ahead of ours.
    """
    if reading.version is None or reading.version <= now or reading.version == -math.inf:
        return reading.version
    arrived = [one.arrived for one in changes if one.version == reading.version]
    return min(*arrived, reading.arrived, now)


def _is_unchanged(name: str, mine: str, before: str, *, stamp: float | None, base: Base) -> bool:
    """Whether nobody changed the field here since the base `before`.

    A value that was refused or doubted there was not taken, and one that was taken late was not sent yet.
    """
    if mine == before or before == refused_mark(mine) or base.was_taken(name, mine, stamp):
        return True
    doubt = base.doubt(name, before)
    return doubt is not None and doubt.stamp == stamp and doubt.fields.get(name) == mine


def _late(name: str, claim: Claim, base: Base, *, is_row: bool) -> str | None:
    """Why a person should look at a value that is taken, if somebody should: it was doubted, or announced late."""
    if base.doubt(name, claim.hash):
        return CONFIRMED
    # The row stands there, and the value that left the mark of a refusal is known.
    is_known = is_row or is_refused(claim.base or "")
    return UNSURE if not is_known and is_unsure(claim.reading, base) else None


def _conflict(name: str, claim: Claim, kept: Side, reason: str) -> Conflict:
    return Conflict(name, claim.reading.id, kept, reason=reason, there_version=claim.reading.version)
