"""What a merge reads of Gestão Scouter's side, and what is remembered of it.

Each write of ours marks the row by another `last_sync_at`, its stamp, and a person's edit leaves the stamp as it is. So
a stamp names the time between two writes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

from sync_pipelines.scouter.mapping.field_hashes import Labels, column_of, is_refused

#: Changes of a base that are kept.
LONGEST_HISTORY = 12
#: How far another machine's clock may be ahead, in seconds; SQL has it as `interval '1 day'`.
_AHEAD = 86400.0


def is_our_time(stamp: float | None, now: float) -> bool:
    """Whether a push of ours may have written this `last_sync_at`; a person writes infinity, or the year 20225."""
    return stamp is not None and -math.inf < stamp < now + _AHEAD


@dataclass(frozen=True)
class Reading:
    """The row there, or an announced change: hashes by field, `updated_at` and `last_sync_at` in seconds since 1970.

    `version` is None without a usable `updated_at`; `arrived` is when it came. `replayed` are the fields that were
    refused before, if a person lets the change wait again. `is_repeated`: the same text was dealt with before.
    `is_announced`: Gestão Scouter said so itself; our own push may also have found the row. `is_as_written`: the row is
    byte for byte as it was read back after our last write.
    """

    id: int
    hashes: Mapping[str, str]
    version: float | None
    stamp: float | None
    arrived: float
    replayed: frozenset[str] = frozenset()
    is_repeated: bool = False
    is_announced: bool = True
    is_as_written: bool = False

    def again(self) -> Reading:
        """The change as one that came before."""
        return replace(self, is_repeated=True)


class Before(NamedTuple):
    """A change of the base: while our stamp there was `stamp`, these fields were as in `fields` (None: unknown).

    `version` is the `updated_at` of the row that was last merged under that stamp; None if none was. `untouched` are
    fields that the write which ended it did not send: a push may be of some fields only. With `taken_under` the fields
    are values that a write of ours, of that stamp, had overwritten, and that were taken while it stood there. `doubted`
    are the values of the row that were then seen and not taken, because nobody had announced them. With `lost` it is no
    change: a write of ours of that stamp had not arrived, and these are its fields, those that the mapping of then had
    otherwise by their label. It may arrive still.
    """

    stamp: float | None
    fields: Mapping[str, str | None]
    version: float | None = None
    untouched: Sequence[str] | None = None
    taken_under: float | None = None
    doubted: Mapping[str, str] | None = None
    lost: Mapping[str, str] | None = None

    def under(self, labels: Labels) -> Before:
        """The change as the mapping of these labels reads it."""
        lost = {
            column_of(name) if name in labels.labels else name: value
            for name, value in (self.lost or {}).items()
        }
        return self._replace(lost=lost) if lost else self

    @property
    def lost_fields(self) -> Mapping[str, str | None]:
        """The fields of that write; None for those of which it is not known how they would be read now."""
        lost = self.lost or {}
        return {column_of(name): lost.get(column_of(name)) for name in lost}


@dataclass(frozen=True)
class Base:
    """How a lead was last seen there; `stamp` is that of our last write, `history` what was before, newest first."""

    #: `seen_version` is the `updated_at` of the row that was merged last under this stamp.
    fields: Mapping[str, str] = field(default_factory=dict)
    stamp: float | None = None
    seen_version: float | None = None
    history: Sequence[Before] = ()

    @property
    def is_void(self) -> bool:
        """Whether the row was written by us, and is not there any more."""
        return not self.fields and self.stamp is None and any(one.stamp is not None for one in self.history)

    def changed(
        self,
        fields: Mapping[str, str],
        stamp: float | None,
        *,
        untouched: Sequence[str] | None = None,
        doubted: Mapping[str, str] | None = None,
        also: Mapping[str, str | None] = MappingProxyType({}),
    ) -> Base:
        """The base when other fields, or another stamp, were seen; `also` are further fields as they were before."""
        names = self.fields.keys() | fields.keys()
        before = {name: self.fields.get(name) for name in names if self.fields.get(name) != fields.get(name)}
        before |= {name: value for name, value in also.items() if name not in names}
        if not before and stamp == self.stamp:
            return self
        ended = Before(
            self.stamp, before, version=self.seen_version, untouched=untouched, doubted=doubted or None
        )
        history = (ended, *self.history)[:LONGEST_HISTORY]
        return replace(self, fields=fields, stamp=stamp, history=history)

    def states(self, stamp: float | None) -> list[Mapping[str, str | None]]:
        """How the fields were seen while our stamp was this one, newest first; the oldest is what we wrote."""
        state: Mapping[str, str | None] = self.fields
        found = [state] if stamp == self.stamp else []
        for before in self._changes:
            state = {**state, **before.fields}
            if before.stamp == stamp:
                found.append(state)
            elif found:
                break
        if not found:  # it arrived late, over what stood there
            lost = [one.lost_fields for one in self.history if one.lost and one.stamp == stamp]
            found = [{**self.fields, **fields} for fields in lost]
        return found

    @property
    def _changes(self) -> list[Before]:
        return [one for one in self.history if one.lost is None]

    def with_lost(self, stamp: float, fields: Mapping[str, str]) -> Base:
        """The base with a write of ours that has not arrived."""
        if any(one.stamp == stamp for one in self.history):
            return self
        history = (Before(stamp, {}, lost=fields), *self.history)
        return replace(self, history=history[:LONGEST_HISTORY])

    def untouched_since(self, stamp: float | None) -> Collection[str]:
        """Fields that no write of ours has sent since our stamp was this one: the row there shows all of them."""
        untouched: set[str] | None = None
        after = self.stamp
        for before in self._changes:
            if before.stamp != after:
                found = set(before.untouched or ())
                untouched = found if untouched is None else untouched & found
            if before.stamp == stamp:
                break
            after = before.stamp
        return untouched or frozenset()

    def before(self, name: str) -> str | None:
        """How the field was seen before it was as it is in the base; None if that is not known."""
        return next((one.fields[name] for one in self._changes if name in one.fields), None)

    def was_edited(self, name: str) -> bool:
        """Whether somebody edited the field over our last write; what that write went over is older."""
        value, written = self.fields.get(name), self.states(self.stamp)[-1].get(name)
        return (
            value is not None and value != written and not is_refused(value) and not self.doubt(name, value)
        )

    def merged_version(self, stamp: float | None) -> float | None:
        """The `updated_at` of the row that was merged last while our stamp was this one."""
        return next((one.version for one in self._changes if one.stamp == stamp), None)

    def was_taken(self, name: str, value: str, stamp: float | None) -> bool:
        """Whether the value was taken while the row there, of this stamp, showed what our write had put in its place.

        Then it is no change of TabuladorMax: who edits that row edits the field after it.
        """
        return stamp is not None and any(
            before.taken_under == stamp and before.fields.get(name) == value for before in self.history
        )

    def doubt(self, name: str, value: str) -> Before | None:
        """The change of the base by which the value was seen and not taken; its fields are what we had written."""
        return next((one for one in self.history if (one.doubted or {}).get(name) == value), None)

    def without_doubts(self, names: Collection[str]) -> Base:
        """The base when these fields were taken, or edited since: a late announcement says nothing of them."""
        history = [
            one._replace(doubted={n: v for n, v in one.doubted.items() if n not in names} or None)
            if one.doubted
            else one
            for one in self.history
        ]
        return replace(self, history=history)

    def with_taken(self, stamp: float | None, fields: Mapping[str, str], version: float | None) -> Base:
        """The base when values that a later write of ours had overwritten were taken after all.

        They were the last ones under that stamp, of the time `version`: the next such change is compared with them.
        """
        entries = enumerate(self.history)
        place = next((at for at, one in entries if one.stamp == stamp and one.lost is None), None)
        if place is None or not fields:
            return self
        ended, old = self.history[place], self.states(stamp)[0]
        kept = ended._replace(fields={**{name: old.get(name) for name in fields}, **ended.fields})
        times = [one for one in (ended.version, version) if one is not None]
        taken = Before(stamp, fields, version=max(times, default=None), taken_under=self.stamp)
        return replace(self, history=(*self.history[:place], taken, kept, *self.history[place + 1 :]))
