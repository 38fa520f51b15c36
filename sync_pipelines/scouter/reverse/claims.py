"""What Gestão Scouter's side says of each field of a lead: its row, and what was announced beside it.

The row there is the truth about that side. What an announced change says beside it counts in two cases only. Either our
own push wrote over it in the moment between its reading and its writing: the change was made on the row as an earlier
write of ours had left it, and nobody has seen its value. Or the change is later than a row that has not changed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sync_pipelines.scouter.mapping.field_hashes import NULL, is_refused
from sync_pipelines.scouter.reverse.base import Base, Reading

#: How long a change may be on its way longer than a later one, in seconds.
_OVERTAKING = 60.0


class Claim(NamedTuple):
    """A value of Gestão Scouter's side, and the base that it has to be compared with."""

    hash: str
    reading: Reading
    base: str | None


def claims_of(
    row: Reading | None,
    changes: Sequence[Reading],
    base: Base,
    *,
    here: Mapping[str, str],
    here_version: float | None,
    now: float,
) -> Mapping[str, Claim]:
    """What Gestão Scouter's side says of each field."""
    claims: dict[str, Claim] = {}
    if row is not None:
        before = _base_of(row, base)
        claims = {name: Claim(value, row, before.get(name)) for name, value in row.hashes.items()}
    for change in in_order(changes):
        is_outdated = row is not None and any(_shows(later, row) for later in changes if later.id > change.id)
        claims |= {
            name: Claim(change.hashes[name], change, mark)
            for name, mark in _replayed(change, base, here_version=here_version, now=now)
            if not (name in claims and _is_newly_written(claims[name], row, here.get(name, NULL)))
        }
        for name, known in _unseen(change, row, base, now=now, is_outdated=is_outdated):
            if not (name in claims and _shows_our_write(change, name, known=known, earlier=claims[name])):
                claims[name] = Claim(change.hashes[name], change, known)
    return claims


def _shows_our_write(change: Reading, name: str, *, known: str | None, earlier: Claim) -> bool:
    """Whether a change leaves a field as our write had made it, which went over the value of an earlier change."""
    return change.hashes[name] == known and change.stamp != earlier.reading.stamp


def _replayed(
    change: Reading, base: Base, *, here_version: float | None, now: float
) -> Iterator[tuple[str, str | None]]:
    """The fields of a change that were refused before and that a person lets wait again, each with its base.

    That is the mark of the refusal, which a push may have gone over. Where the field was seen otherwise since, or the
    mark is forgotten, a later change on either side is not undone without a word.
    """
    latest = [one for one in (here_version, base.seen_version) if one is not None and is_usable(one, now)]
    is_last = change.version is not None and all(change.version >= one for one in latest)
    for name in change.replayed & change.hashes.keys():
        known = base.fields.get(name)
        marks = (one for one in (known, base.before(name)) if one and is_refused(one))
        yield name, next(marks, known if is_last else None)


def _is_newly_written(claim: Claim, row: Reading | None, mine: str) -> bool:
    """Whether the row there has a value of which this side knows nothing: it was written after the refused one."""
    return claim.reading is row and claim.hash not in (claim.base, mine) and not is_refused(claim.hash)


def _base_of(row: Reading, base: Base) -> Mapping[str, str | None]:
    """What the row there has to be compared with.

    A request of ours that timed out may arrive late, after a later write: then the row is as that one made it. Where
    Gestão Scouter was restored from a backup, the row is as it was seen before, under an earlier date.
    """
    if row.stamp is None:
        return base.fields
    states = base.states(row.stamp)
    is_earlier = row.stamp != base.stamp or _is_dated_before(row, base)
    if is_earlier and (restored := next((one for one in states if _is_as(row, one)), None)):
        return restored
    return states[-1] if states and row.stamp != base.stamp else base.fields


def _is_dated_before(row: Reading, base: Base) -> bool:
    """Whether the row has an earlier date than it was seen with."""
    return row.version is not None and base.seen_version is not None and row.version < base.seen_version


def _is_as(row: Reading, state: Mapping[str, str | None]) -> bool:
    return all(state.get(name) == value for name, value in row.hashes.items())


def _shows(change: Reading, row: Reading) -> bool:
    """Whether the change, which came later than another one, announced the row as it is: then it counts, not that."""
    return change.hashes == row.hashes


def in_order(changes: Sequence[Reading]) -> list[Reading]:
    """Changes by their time. What came before its own date counts by its arrival.

    Of changes that one clock dated the earlier date is the earlier change, whichever of them came first.
    """
    places = {one.id: (one.arrived, one.id) for one in changes}
    for dated in _by_clock(changes):
        arrivals = sorted(places[one.id] for one in dated)
        places |= {
            one.id: min(_date(one), arrival)
            for one, arrival in zip(sorted(dated, key=_date), arrivals, strict=True)
        }
    return sorted(changes, key=lambda one: places[one.id])


def _by_clock(changes: Sequence[Reading]) -> list[list[Reading]]:
    """Those with a date, by how far this is ahead of their arrival."""
    clocks, last = [list[Reading]()], 0.0
    dated = (one for one in changes if one.version is not None and math.isfinite(one.version))
    for one in sorted(dated, key=_ahead):
        if _ahead(one) > last + _OVERTAKING:
            clocks.append([])
        clocks[-1].append(one)
        last = _ahead(one)
    return clocks


def _ahead(change: Reading) -> float:
    return max(_date(change)[0] - change.arrived, 0.0)


def _date(change: Reading) -> tuple[float, int]:
    assert change.version is not None
    return change.version, change.id


def may_speak(change: Reading, row: Reading | None, base: Base, *, now: float) -> bool:
    """Whether the change may say more than the row there, unless it was delivered before."""
    if row is not None and (_was_overwritten(change, row, base) or any(_confirmed(change, row, base))):
        return True
    return _was_retried(change, row, base) or _is_later(change, row, base, now=now)


def _unseen(
    change: Reading, row: Reading | None, base: Base, *, now: float, is_outdated: bool
) -> Iterator[tuple[str, str | None]]:
    """The fields of an announced change that the row there does not show and nobody has seen, with their base."""
    if change.is_repeated or change.replayed:
        return
    if row is not None and _was_overwritten(change, row, base):
        if not _was_merged_before(change, base):
            yield from _overwritten(change, row, base)
    elif not is_outdated and (_was_retried(change, row, base) or _is_later(change, row, base, now=now)):
        yield from ((name, base.fields.get(name)) for name in change.hashes)
    if row is not None:
        yield from _confirmed(change, row, base)


def _overwritten(change: Reading, row: Reading, base: Base) -> Iterator[tuple[str, str | None]]:
    """The fields of a change that our last write went over, each as it was under the write before."""
    states, untouched = base.states(change.stamp), base.untouched_since(change.stamp)
    # What was made after the row that was merged is new, also if the field had that value before.
    seen = states[:1] if _is_newer(change, base) else states
    for name, value in change.hashes.items():
        written = base.fields.get(name)
        if row.hashes.get(name) == written and name not in untouched and not base.was_edited(name):
            is_seen = value == written or any(state.get(name) == value for state in seen)
            yield name, value if is_seen else states[0].get(name)


def _confirmed(change: Reading, row: Reading, base: Base) -> Iterator[tuple[str, str | None]]:
    """The fields that stood otherwise after a write of ours, and that the change announces: it was no trigger.

    The edit may have been made before our write, if that was of other fields only.
    """
    for name, value in change.hashes.items():
        doubt = base.doubt(name, value)
        if doubt is not None and row.hashes.get(name) == base.fields.get(name):
            yield name, doubt.fields.get(name)


def _was_overwritten(change: Reading, row: Reading, base: Base) -> bool:
    """Whether the change was made on the row as an earlier write of ours had left it, and the last one stands there."""
    return row.stamp == base.stamp != change.stamp and bool(base.states(change.stamp))


def _was_retried(change: Reading, row: Reading | None, base: Base) -> bool:
    """Whether the change was made after our last write had arrived, and a second attempt of that write went over it.

    The answer to the first one was lost; both bear one stamp, and a trigger there dates the row. What somebody takes
    back later gets a later date, and the row is not as it was read back any more.
    """
    if row is None or not row.is_as_written or row.stamp is None:
        return False
    if row.version is None or change.version is None:
        return False
    return change.stamp == row.stamp == base.stamp and row.stamp <= change.version < row.version


def _was_merged_before(change: Reading, base: Base) -> bool:
    """Whether the row that was merged before our write was later than the change: it showed it, or what came since."""
    return _is_older(change, base) and not _shows_merged(change, base)


def _is_older(change: Reading, base: Base) -> bool:
    """Whether the change has an earlier date than the row that was merged. One clock dated both, right or wrong."""
    version = base.merged_version(change.stamp)
    return version is not None and change.version is not None and -math.inf < change.version < version


def _is_newer(change: Reading, base: Base) -> bool:
    """Whether the change has a later date than the row that was merged."""
    version = base.merged_version(change.stamp)
    return version is not None and change.version is not None and version < change.version < math.inf


def _shows_merged(change: Reading, base: Base) -> bool:
    """Whether the change shows all that was changed in the merged row: it may be later, whatever its date.

    A transaction that waited for that row is dated by its begin.
    """
    states = base.states(change.stamp)
    changed = {name: value for name, value in states[0].items() if value != states[-1].get(name)}
    return bool(changed) and all(change.hashes.get(name) == value for name, value in changed.items())


def is_unsure(change: Reading, base: Base) -> bool:
    """Whether the change is not dated after the row that was merged: nobody can say which of them is later."""
    version = base.merged_version(change.stamp)
    return version is not None and (change.version == version or _is_older(change, base))


def _is_later(change: Reading, row: Reading | None, base: Base, *, now: float) -> bool:
    """Whether the change is later than a row that has not changed: that row does not show it yet."""
    if change.version is None or math.isinf(change.version):
        return False
    is_dated = is_usable(change.version, now)
    if row is None:
        if (base.fields or base.stamp is not None) and not _is_of_last_write(change, base):
            return False  # the row was there and was deleted: nobody can say whether the change came before
    elif not (is_dated and is_unchanged_row(row, base) and is_usable(row.version, now)):
        return False
    seen = [one for one in (row.version if row else None, base.seen_version) if one is not None]
    # A date in the future is compared with others of that clock only.
    return all(change.version > one for one in seen if not is_dated or is_usable(one, now))


def _is_of_last_write(change: Reading, base: Base) -> bool:
    """Whether the change was made on the row as our last write had left it."""
    return base.stamp is not None and change.stamp == base.stamp


def is_unchanged_row(row: Reading, base: Base) -> bool:
    """Whether the row there is as the base says."""
    return all(base.fields.get(name) in (None, value) for name, value in row.hashes.items())


def is_usable(version: float | None, now: float) -> bool:
    """Whether a time says when a change was made: neither missing nor infinite nor in the future."""
    return version is not None and -math.inf < version <= now
