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

The row there is the truth about that side. What an announced change says beside it counts in two cases only. Either our
own push wrote over it in the moment between its reading and its writing: the change was made on the row as our write
before the last one had left it, and nobody has seen its value. Or the change is later than a row that has not changed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from sync_pipelines.scouter.mapping.field_hashes import NULL, REFUSED, is_refused

Side = Literal["here", "there"]
LATER, EQUAL, UNUSABLE = "the later updated_at", "updated_at is equal", "updated_at cannot be used"
ONE_WAY = "the field cannot be taken back"


@dataclass(frozen=True)
class Reading:
    """The row there, or an announced change: hashes by field, `updated_at` and `last_sync_at` in seconds since 1970.

    `version` is None without a usable `updated_at`; `arrived` is when it came. `replayed` are the fields that were
    refused before, if a person lets the change wait again. `is_repeated`: the same text was dealt with before.
    """

    id: int
    hashes: Mapping[str, str]
    version: float | None
    stamp: float | None
    arrived: float
    replayed: frozenset[str] = frozenset()
    is_repeated: bool = False

    def again(self) -> Reading:
        """The change as one that came before."""
        return replace(self, is_repeated=True)


@dataclass(frozen=True)
class Base:
    """How a lead was last seen there: `fields` now, `previous` before our last write, whose mark is `stamp`."""

    fields: Mapping[str, str] = field(default_factory=dict)
    previous: Mapping[str, str] = field(default_factory=dict)
    stamp: float | None = None
    previous_stamp: float | None = None
    seen_version: float | None = None

    def with_write(self, hashes: Mapping[str, str], stamp: float) -> Base:
        """The base after a write of ours that arrived, though nobody recorded it."""
        return replace(
            self,
            fields={**self.fields, **hashes},
            previous=self.fields,
            stamp=stamp,
            previous_stamp=self.stamp,
        )


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


class _Claim(NamedTuple):
    """A value of Gestão Scouter's side, and the base that it has to be compared with."""

    hash: str
    reading: Reading
    base: str | None


def merge(
    here: Mapping[str, str],
    here_version: float | None,
    row: Reading | None,
    *,
    changes: Sequence[Reading],
    base: Base,
    reversible: Collection[str],
    now: float,
) -> Merge:
    """Merge a lead that TabuladorMax has. `changes` are in the order in which they were announced."""
    takes, conflicts = list[Take](), list[Conflict]()
    refused: dict[int, list[str]] = {}
    for name, claim in _claims(row, changes, base, now=now).items():
        mine, theirs, before = here.get(name, NULL), claim.hash, claim.base
        if theirs in (mine, before):
            continue
        if is_refused(theirs):
            refused.setdefault(claim.reading.id, []).append(name)
        elif name not in reversible:
            if before is not None:
                conflicts.append(_conflict(name, claim, "here", ONE_WAY))
        elif before is None and NULL in (mine, theirs):
            if mine == NULL:
                takes.append(Take(name, claim.reading.id))
        elif before is not None and _is_unchanged(mine, before):
            takes.append(Take(name, claim.reading.id))
        else:
            kept, reason = later_side(here_version, _version(claim.reading, changes, now), now)
            conflicts.append(_conflict(name, claim, kept, reason))
            if kept == "there":
                takes.append(Take(name, claim.reading.id))
    return Merge(takes, conflicts, refused)


def first_values(row: Reading | None, changes: Sequence[Reading], reversible: Collection[str]) -> Merge:
    """A lead that TabuladorMax does not have: the row there, or what was announced of it."""
    takes: dict[str, Take] = {}
    conflicts: dict[str, Conflict] = {}
    refused: dict[int, list[str]] = {}
    for reading in (row,) if row else changes:
        for name, value in reading.hashes.items():
            if is_refused(value):
                refused.setdefault(reading.id, []).append(name)
            elif name in reversible:  # nulls too: the column may have a default
                takes[name] = Take(name, reading.id)
            elif value != NULL:
                conflicts[name] = Conflict(name, reading.id, "here", ONE_WAY, reading.version)
    return Merge([*takes.values()], [*conflicts.values()], refused)


def later_side(here: float | None, there: float | None, now: float) -> tuple[Side, str]:
    """The side with the later time, in seconds since 1970, and why it is kept."""
    if not (is_usable(here, now) and is_usable(there, now)):
        return "here", UNUSABLE
    assert here is not None and there is not None
    if here == there:
        return "here", EQUAL
    return ("there" if there > here else "here"), LATER


def is_unchanged_row(row: Reading, base: Base) -> bool:
    """Whether the row there is as the base says."""
    return all(base.fields.get(name) in (None, value) for name, value in row.hashes.items())


def refused_mark(here: str) -> str:
    """The base of a field whose value there was refused: it says what stood here, for a replay."""
    return f"{REFUSED}{here[:-1]}"


def _claims(
    row: Reading | None, changes: Sequence[Reading], base: Base, *, now: float
) -> Mapping[str, _Claim]:
    """What Gestão Scouter's side says of each field."""
    claims = (
        {name: _Claim(value, row, base.fields.get(name)) for name, value in row.hashes.items()} if row else {}
    )
    for change in in_order(changes, now):
        for name, before in _unseen(change, row, base, now=now):
            claims[name] = _Claim(change.hashes[name], change, before)
    return claims


def in_order(changes: Sequence[Reading], now: float) -> list[Reading]:
    """Changes by their time; one whose time cannot be used counts by its arrival."""
    return sorted(changes, key=lambda one: (_order(one, now), one.id))


def may_speak(change: Reading, row: Reading | None, base: Base, *, now: float) -> bool:
    """Whether the change may say more than the row there, unless it was delivered before."""
    if row is not None and _was_overwritten(change, row, base):
        return True
    return _is_later(change, row, base, now=now)


def _unseen(
    change: Reading, row: Reading | None, base: Base, *, now: float
) -> Iterator[tuple[str, str | None]]:
    """The fields of an announced change that the row there does not show and nobody has seen, with their base."""
    for name in change.replayed & change.hashes.keys():
        marks = (one.get(name) for one in (base.fields, base.previous))
        yield name, next((mark for mark in marks if mark and is_refused(mark)), None)
    if change.is_repeated:
        return
    if row is not None and _was_overwritten(change, row, base):
        for name, value in change.hashes.items():
            written = base.fields.get(name)
            if row.hashes.get(name) == written:
                yield name, written if value == written else base.previous.get(name)
    elif _is_later(change, row, base, now=now):
        yield from ((name, base.fields.get(name)) for name in change.hashes)


def _was_overwritten(change: Reading, row: Reading, base: Base) -> bool:
    """Whether the change was made on the row as our write before the last one had left it."""
    return row.stamp is not None and row.stamp == base.stamp and change.stamp == base.previous_stamp


def _is_later(change: Reading, row: Reading | None, base: Base, *, now: float) -> bool:
    """Whether the change is later than a row that has not changed: that row does not show it yet."""
    if not is_usable(change.version, now):
        return False
    if row is not None and not (is_unchanged_row(row, base) and is_usable(row.version, now)):
        return False
    assert change.version is not None
    seen = [one for one in (row.version if row else None, base.seen_version) if one is not None]
    return all(change.version > one for one in seen)


def _order(change: Reading, now: float) -> float:
    return change.version if change.version is not None and is_usable(change.version, now) else change.arrived


def _version(reading: Reading, changes: Sequence[Reading], now: float) -> float | None:
    """The time of a change; one in the future counts as the time at which it came."""
    if reading.version is None or reading.version <= now or reading.version == -math.inf:
        return reading.version
    return min((one.arrived for one in changes if one.version == reading.version), default=reading.arrived)


def is_usable(version: float | None, now: float) -> bool:
    """Whether a time says when a change was made: neither missing nor infinite nor in the future."""
    return version is not None and -math.inf < version <= now


def _is_unchanged(mine: str, before: str) -> bool:
    return mine == before or before == refused_mark(mine)


def _conflict(name: str, claim: _Claim, kept: Side, reason: str) -> Conflict:
    return Conflict(name, claim.reading.id, kept, reason, claim.reading.version)
