"""What the ops database keeps of one lead of the reverse sync."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from sync_pipelines.scouter.last_synced import EVERY
from sync_pipelines.scouter.lead import NO_CONTENT
from sync_pipelines.scouter.mapping.field_hashes import FieldList, column_of
from sync_pipelines.scouter.reverse.base import Base

#: Seconds: where Gestão Scouter dates rows itself, ours bears a time of this long after our stamp.
_WRITING = 10.0


class Write(NamedTuple):
    """What was about to be written there, and never recorded as read back; times in seconds since 1970.

    `version` is the `updated_at` that was sent, None where the destination dates its rows itself. `former` are columns
    that were written under another transform or type, or that the mapping does not have now, by label.
    """

    hashes: Mapping[str, str]
    stamp: float
    version: float | None
    former: Mapping[str, str] = MappingProxyType({})

    @property
    def everything(self) -> Mapping[str, str]:
        """All fields, the former ones by label."""
        return {**self.former, **self.hashes}


@dataclass(frozen=True)
class Stored:
    """What is kept of a lead: its base, the content that both sides last had, the digest of the row there."""

    base: Base = field(default_factory=Base)
    content_hash: UUID = NO_CONTENT
    digest: UUID | None = None
    has_fields: bool = False
    write: Write | None = None
    #: TabuladorMax's `updated_at` after the last merge, and the time of its last change by somebody else.
    updated_at: float | None = None
    here_version: float | None = None
    #: Columns there that were away since, or EVERY: what is empty in them is nobody's doing.
    doubted: frozenset[str] = frozenset()
    #: False for a lead that was never exchanged.
    is_known: bool = False
    #: Columns that were last exchanged under another transform or type, or that are not mapped now, by label.
    former: Mapping[str, str] = field(default_factory=dict)

    @property
    def overwritten_elsewhere(self) -> dict[str, str | None]:
        """Columns that the mapping does not have and that `write` changed, as they were before it."""
        written = self.write.former if self.write else {}
        mapped = self.base.fields.keys() | (self.write.hashes.keys() if self.write else ())
        changed = {
            label: self.former.get(label) for label in written if self.former.get(label) != written[label]
        }
        return {column_of(label): value for label, value in changed.items() if column_of(label) not in mapped}

    def doubts(self, name: str, version: float | None) -> bool:
        """Whether a column of the row, which is of this `updated_at`, may be empty because it was made again.

        In a row that somebody has edited since, only a column that was away for certain.
        """
        return name in self.doubted or (EVERY in self.doubted and not self._is_edited(version))

    def _is_edited(self, version: float | None) -> bool:
        seen = self.base.seen_version
        if version is None or version in (seen, self.updated_at):
            return False
        if seen is None and self.base.stamp is not None:
            seen = self.base.stamp + _WRITING
        return seen is not None and version > seen


@dataclass(frozen=True)
class Merged:
    """A lead after a merge, as it is recorded; its content hash is NO_CONTENT unless both sides have the same."""

    lead_id: int
    stored: Stored
    updated_at: str | None

    def document(self, fields: FieldList) -> dict[str, Any]:
        """As JSON, which `FieldBases.record_merged` takes."""
        base, digest = self.stored.base, self.stored.digest
        return {
            "lead_id": self.lead_id,
            "content_hash": str(self.stored.content_hash),
            "updated_at": self.updated_at,
            "field_list": str(fields.id),
            "fields": fields.write(base.fields),
            "history": base.history,
            "stamp": base.stamp,
            "version": base.seen_version,
            "here_version": self.stored.here_version,
            "digest": str(digest) if digest else None,
        }
