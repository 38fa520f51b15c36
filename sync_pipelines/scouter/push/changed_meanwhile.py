"""Leads that a person changed at the destination between our writing and our reading back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sync_pipelines.scouter.field_bases import FieldBases, Stored
from sync_pipelines.scouter.lead import Lead
from sync_pipelines.scouter.reverse.drain import Drain


@dataclass(frozen=True)
class ChangedMeanwhile:
    """Tells a person's change from a write of ours that did not arrive, by a connection of its own."""

    drain: Drain

    @property
    def bases(self) -> FieldBases:
        return self.drain.bases

    def of(self, differing: Mapping[int, tuple[Lead, bytes]]) -> list[int]:
        """Those of these leads, with the rows that were read back, whose values are neither ours nor the old ones.


        A row may have been changed in columns of its own only, with its `updated_at`.
        Their entries in ops.lead_writes stay: by them the next merge knows what we wrote.
        """
        if not differing:
            return []
        stored = self.bases.load(list(differing))
        rows = {lead_id: row for lead_id, (_, row) in differing.items() if rb"\u0000" not in row}
        read = self.bases.fields.read
        changed = []
        for lead_id, hashes, _ in self.drain.row_hashes(rows) if rows else ():
            sent, old = read(differing[lead_id][0].field_hashes), stored.get(lead_id, Stored()).base.fields
            differ = [(name, value) for name, value in read(hashes).items() if value != sent.get(name)]
            if all(value != old.get(name) for name, value in differ):
                changed.append(lead_id)
        return changed
