"""One lead of a merge: what was read of it on both sides, what is decided, and what is recorded afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from uuid import UUID

from sync_pipelines.scouter.field_bases import Merged, Stored
from sync_pipelines.scouter.lead import NO_CONTENT
from sync_pipelines.scouter.local_lead import is_local
from sync_pipelines.scouter.mapping.field_hashes import is_refused
from sync_pipelines.scouter.reverse import three_way
from sync_pipelines.scouter.reverse.three_way import Base, Merge, Reading

LOCAL = "id: the number belongs to another lead of TabuladorMax"
GONE = "deleted in TabuladorMax, and deletes do not travel"
NOT_KEPT = "TabuladorMax keeps another value"


class Here(NamedTuple):
    """A row of TabuladorMax."""

    hashes: Mapping[str, str]
    content_hash: UUID
    version: float | None
    updated_at: str | None
    created_at: str | None


class There(NamedTuple):
    """A row of Gestão Scouter."""

    reading: Reading
    content_hash: UUID | None
    created_at: str | None
    sync_source: str | None
    #: As the row says it.
    updated_at: str | None
    digest: UUID


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
        return self.there.reading if self.there else None

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
        if not self.stored.has_fields and self.stored.content_hash != NO_CONTENT:
            # Pushed before the reverse sync was switched on: the side that is as that push left it is the base.
            if self.there.content_hash == self.stored.content_hash:
                base = replace(base, fields=self.there.reading.hashes)
            elif self.here is not None and self.here.content_hash == self.stored.content_hash:
                base = replace(base, fields=self.here.hashes)
        if write is not None and self.there.reading.stamp == write.stamp != base.stamp:
            base = base.with_write(write.hashes, write.stamp)
        return base

    @property
    def differs(self) -> bool:
        """Whether the two sides are not equal now."""
        return self.after is not None and self.row is not None and self.after.hashes != self.row.hashes

    @property
    def is_seen(self) -> bool:
        """Whether the lead stands on both sides, and was compared."""
        return self.after is not None and self.row is not None and self.refusal is None

    def decide(self, reversible: frozenset[str]) -> None:
        """Decide what becomes of the lead."""
        if self.here is None and self.stored.is_known:
            self.refusal = GONE
        elif self.here is None:
            self.merge = three_way.first_values(self.row, self.changes, reversible)
        elif self._is_another():
            self.refusal = LOCAL
        else:
            self.merge = three_way.merge(
                self.here.hashes,
                self.here.version,
                self.row,
                changes=self.changes,
                base=self.base,
                reversible=reversible,
                now=self.now,
            )

    def note_after(self, after: Here | None) -> None:
        """Note the row as it is now: a trigger may have changed a value, or not let it through."""
        self.after = after
        if after is not None:
            readings = self.readings
            self.failed |= {
                name: NOT_KEPT
                for name, reading in self.taken.items()
                if after.hashes[name] != readings[reading].hashes[name]
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

    def recorded(self) -> Merged:
        """The lead as it is recorded: what stands there was seen; where it was refused, what stands here."""
        assert self.after is not None and self.there is not None
        row, base = self.there.reading, self.base
        # Also of a change that the row there does not show: it may be let wait again.
        odd = {
            name for one in (row, *self.changes) for name, value in one.hashes.items() if is_refused(value)
        }
        refused = odd | self.failed.keys()
        marks = {
            name: three_way.refused_mark(self.after.hashes[name]) for name in refused & row.hashes.keys()
        }
        if row.stamp != base.stamp:  # somebody else's mark: what was there before it is not known
            base = replace(base, previous={}, stamp=row.stamp, previous_stamp=base.stamp)
        versions = [one.version for one in (row, *self.changes) if three_way.is_usable(one.version, self.now)]
        seen = [one for one in (base.seen_version, *versions) if one is not None]
        stored = Stored(
            base=replace(base, fields={**row.hashes, **marks}, seen_version=max(seen, default=None)),
            content_hash=NO_CONTENT if self.differs else self.after.content_hash,
            digest=self.there.digest,
        )
        return Merged(self.lead_id, stored, self.after.updated_at)

    def _is_another(self) -> bool:
        """Whether the row there is a lead that Gestão Scouter made itself under a number of ours."""
        return (
            self.here is not None
            and self.there is not None
            and not self.stored.is_known
            and self.stored.write is None
            and is_local(
                self.there.sync_source,
                created_here=self.here.created_at,
                created_there=self.there.created_at,
                is_new=True,
            )
        )
