"""One lead of a merge: what was read of it on both sides, what is decided, and what is recorded afterwards."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from sync_pipelines.scouter.lead import NO_CONTENT
from sync_pipelines.scouter.local_lead import is_local
from sync_pipelines.scouter.mapping.field_hashes import NULL, column_of, is_refused
from sync_pipelines.scouter.reverse import three_way
from sync_pipelines.scouter.reverse.base import Base, Reading
from sync_pipelines.scouter.reverse.claims import is_usable
from sync_pipelines.scouter.reverse.sides import Here, There
from sync_pipelines.scouter.reverse.three_way import Merge
from sync_pipelines.scouter.stored_lead import Merged, Stored
from sync_pipelines.scouter.sync_source import is_ours

LOCAL = "id: the number belongs to another lead of TabuladorMax"
GONE = "deleted in TabuladorMax, and deletes do not travel"
NOT_KEPT = "TabuladorMax keeps another value"


@dataclass
class LeadMerge:
    """A lead of a batch, from what was read to what became of it."""

    lead_id: int
    stored: Stored
    here: Here | None = None
    there: There | None = None
    changes: Sequence[Reading] = ()
    merge: Merge = field(default_factory=Merge)
    #: Why nothing of the lead is merged.
    refusal: str | None = None
    #: Fields that TabuladorMax did not take after all, with the reason.
    failed: dict[str, str] = field(default_factory=dict)
    after: Here | None = None
    now: float = 0.0

    @property
    def row(self) -> Reading | None:
        return self.there.row(self.stored) if self.there else None

    @property
    def taken(self) -> dict[str, int]:
        """The reading that each field is taken from."""
        return {name: reading for name, reading in self.merge.takes if name not in self.failed}

    @property
    def readings(self) -> dict[int, Reading]:
        return {one.id: one for one in (*self.changes, *([self.row] if self.row else []))}

    @property
    def base(self) -> Base:
        """The base of the merge, with what a push that ended early had written."""
        base, write = self.stored.base, self.stored.write
        if self.there is None:
            return base
        stamp = self.there.reading.stamp
        if self._is_unknown_write:
            base = replace(base, fields={})
        elif not self.stored.has_fields and self.stored.content_hash != NO_CONTENT:
            # Pushed before the reverse sync was switched on: the side that is as that push left it is the base.
            if self.there.content_hash == self.stored.content_hash:
                base = replace(base, fields=self.there.reading.hashes)
            elif self.here is not None and self.here.content_hash == self.stored.content_hash:
                base = replace(base, fields=self.here.hashes)
        if write is not None and self._has_arrived:
            # Of a column that went over under another transform, and is not as it was written, nothing is known.
            gone = {column_of(label) for label in write.former} - write.hashes.keys()
            kept = {name: value for name, value in base.fields.items() if name not in gone}
            left, also = sorted(kept.keys() - write.hashes.keys()), self.stored.overwritten_elsewhere
            base = base.changed({**kept, **write.hashes}, write.stamp, untouched=left, also=also)
        elif write is not None:
            # A trigger there may write stamps of its own: what stands there as we sent it is ours all the same.
            row = self.there.reading.hashes
            ours = {name: value for name, value in write.hashes.items() if row.get(name) == value}
            base = replace(base, fields={**base.fields, **ours}).with_lost(write.stamp, write.everything)
        # Without a stamp the row was made anew where ours was deleted, unless a tool there has emptied the stamp alone.
        is_remade = stamp is None and self.stored.base.stamp is not None and not self.there.is_of(self.here)
        empty = {name for name, value in self.there.reading.hashes.items() if value == NULL}
        unsure = {name for name in empty if is_remade or self.stored.doubts(name, self.there.reading.version)}
        return replace(base, fields={n: value for n, value in base.fields.items() if n not in unsure})

    @property
    def here_version(self) -> float | None:
        """When somebody else changed the lead here: a merge of ours dates it too."""
        if self.here is None or self.stored.here_version is None:
            return self.here.version if self.here else None
        is_ours = self.here.version == self.stored.updated_at
        return self.stored.here_version if is_ours else self.here.version

    @property
    def _is_unknown_write(self) -> bool:
        """Whether the row bears the mark of a write that we do not know of, or not any more.

        The ops database is an older one, or a request of a push that has ended arrived after a later write.
        """
        base, write = self.stored.base, self.stored.write
        stamp = self.there.reading.stamp if self.there else None
        if self.there is None or stamp is None or not is_ours(self.there.sync_source):
            return False
        if base.stamp is None and write is None and self.stored.is_known and self.stored.digest is None:
            return False  # adopted: it was pushed before there were bases
        return not (write and write.stamp == stamp) and not base.states(stamp)

    @property
    def _has_arrived(self) -> bool:
        """Whether the write that nobody recorded stands there."""
        write = self.stored.write
        return self.row is not None and write is not None and self.row.stamp == write.stamp

    @property
    def doubted(self) -> frozenset[str]:
        """Fields that differ from what we wrote just before, without a sign that a person changed them."""
        write, row = self.stored.write, self.row
        if write is None or row is None or not self._has_arrived:
            return frozenset()
        if write.version is not None and row.version != write.version:
            return frozenset()
        announced = {
            name
            for change in self.changes
            if change.is_announced and change.stamp == row.stamp
            for name, value in change.hashes.items()
            if row.hashes.get(name) == value
        }
        return (
            frozenset(row.hashes) - announced - {n for n, v in write.hashes.items() if row.hashes.get(n) == v}
        )

    @property
    def differs(self) -> bool:
        """Whether the two sides are not equal now."""
        return self.after is not None and self.row is not None and self.after.hashes != self.row.hashes

    @property
    def is_seen(self) -> bool:
        """Whether the lead stands on both sides, and was compared."""
        return self.after is not None and self.row is not None and self.refusal is None

    def recognize(self, name: str, theirs: str, mine: str) -> None:
        """Read a value there as ours, wherever it occurs."""

        def read(reading: Reading) -> Reading:
            same = reading.hashes.get(name) == theirs
            return replace(reading, hashes={**reading.hashes, name: mine}) if same else reading

        if self.there is not None:
            self.there = self.there._replace(reading=read(self.there.reading))
        self.changes = [read(one) for one in self.changes]

    def decide(self, reversible: frozenset[str]) -> None:
        """Decide what becomes of the lead."""
        if self.here is None and (self.stored.is_known or self._is_unknown_write):
            self.refusal = GONE
        elif self.here is None:
            self.merge = three_way.first_values(self.row, self.changes, reversible, now=self.now)
        elif self._is_another():
            self.refusal = LOCAL
        else:
            self.merge = three_way.merge(
                self.here.hashes,
                self.here_version,
                self.row,
                changes=self.changes,
                base=self.base,
                reversible=reversible,
                doubted=self.doubted,
                fills=not (self.stored.is_known and self._is_unknown_write),
                now=self.now,
            )

    def note_after(self, after: Here | None, rewritten: Collection[str]) -> None:
        """Note the row as it is now: a trigger may have changed a value, or not let it through.

        `rewritten` are fields whose text has several spellings: TabuladorMax gives its own back.
        """
        self.after = after
        if after is None:  # swallowed, or deleted in the same moment
            self.failed |= dict.fromkeys(self.taken, NOT_KEPT)
        else:
            readings = self.readings
            self.failed |= {
                name: NOT_KEPT
                for name, reading in self.taken.items()
                if after.hashes[name] != readings[reading].hashes[name] and name not in rewritten
            }
            # Made of columns that were taken too: then both sides have the same after all.
            self.merge = replace(
                self.merge,
                conflicts=[
                    one
                    for one in self.merge.conflicts
                    if one.reason != three_way.ONE_WAY
                    or after.hashes[one.field] != readings[one.reading].hashes[one.field]
                ],
            )

    @property
    def is_recorded(self) -> bool:
        """Whether what was seen is the base of the next merge: also of a row that was edited there and deleted."""
        is_gone_there = self.row is None and self.stored.is_known and self.after is not None
        return self.is_seen or (is_gone_there and bool(self.taken))

    def recorded(self) -> Merged:
        """The lead as it is recorded: what stands there was seen; where it was refused, what stands here."""
        assert self.after is not None
        if self.there is None:
            return self._recorded_without_row(self.after)
        row, base = self.there.reading, self.base
        refused = {name for name, value in row.hashes.items() if is_refused(value)} | self.failed.keys()
        marks = {
            name: three_way.refused_mark(self.after.hashes[name]) for name in refused & row.hashes.keys()
        }
        overwritten: dict[float | None, dict[str, Reading]] = {}
        for name, number in self.taken.items():
            taken = self.readings[number]
            if taken.stamp != row.stamp:
                overwritten.setdefault(taken.stamp, {})[name] = taken
        for stamp, readings in overwritten.items():
            values = {name: one.hashes[name] for name, one in readings.items()}
            base = base.with_taken(stamp, values, _last(one.version for one in readings.values()))
        edited = {name for name, value in row.hashes.items() if value != base.fields.get(name)}
        # Our own date, of a row that nobody has edited under it, says nothing of the times of that clock.
        ours = (self.stored.updated_at, self.stored.write.version if self.stored.write else None)
        is_theirs = _last([row.version]) is not None and (row.version not in ours or edited)
        version = row.version if is_theirs else base.seen_version
        base = base.without_doubts(edited | self.taken.keys())
        altered = [one.field for one in self.merge.conflicts if one.reason == three_way.ALTERED]
        doubted = {name: row.hashes[name] for name in altered}
        seen = base.changed({**row.hashes, **marks}, row.stamp, doubted=doubted)
        stored = Stored(
            base=replace(seen, seen_version=version),
            content_hash=NO_CONTENT if self.differs else self.after.content_hash,
            digest=self.there.digest,
            here_version=self._version_after(),
        )
        return Merged(self.lead_id, stored, self.after.updated_at)

    def _recorded_without_row(self, after: Here) -> Merged:
        """The row was deleted there, and announced before with the values that are taken: it last had these."""
        values = {name: self.readings[number].hashes[name] for name, number in self.taken.items()}
        versions = [self.readings[number].version for number in self.taken.values()]
        base = replace(
            self.stored.base,
            fields={**self.stored.base.fields, **values},
            seen_version=_last([self.stored.base.seen_version, *versions]),
        )
        stored = Stored(base=base, here_version=self._version_after())
        return Merged(self.lead_id, stored, after.updated_at)

    def _version_after(self) -> float | None:
        """The time of the last change that is in the lead now, of the usable ones."""
        readings = self.readings
        return self._latest(
            [self.here_version, *(readings[number].version for number in self.taken.values())]
        )

    def _latest(self, versions: Iterable[float | None]) -> float | None:
        usable = (one for one in versions if one is not None and is_usable(one, self.now))
        return max(usable, default=None)

    def is_of_another(self, change: Reading, sync_source: str | None, created: str | None) -> bool:
        """Whether a change is one of a lead that Gestão Scouter made itself, and that ours has replaced since."""
        base = self.stored.base
        if self.here is None or change.stamp is not None or (base.stamp is None and not base.is_void):
            return False
        mine = self.here.created_at
        return is_local(sync_source, created_here=mine, created_there=created, is_new=False)

    def _is_another(self) -> bool:
        """Whether the row there is a lead that Gestão Scouter made itself under a number of ours.

        A lead that we have written bears our stamp. One that was deleted there and made again does not.
        """
        here, there, base = self.here, self.there, self.stored.base
        if here is None or there is None or self._has_arrived:
            return False
        is_new = not self.stored.is_known
        was_ours = base.stamp is not None or base.is_void
        if not is_new and (not was_ours or there.reading.stamp is not None):
            return False
        return is_local(
            there.sync_source,
            created_here=here.created_at,
            created_there=there.created_at,
            is_new=is_new,
        )


def _last(versions: Iterable[float | None]) -> float | None:
    """The last of times of Gestão Scouter, also if it is in the future: its clock dates the later changes too."""
    return max((one for one in versions if one is not None and math.isfinite(one)), default=None)
