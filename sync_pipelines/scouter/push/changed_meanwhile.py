"""Leads that a person changed at the destination between our writing and our reading back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sync_pipelines.lib import exact_json
from sync_pipelines.scouter.field_bases import FieldBases
from sync_pipelines.scouter.lead import Lead
from sync_pipelines.scouter.mapping.column_types import TIMESTAMPTZ
from sync_pipelines.scouter.push.stored_value import is_same
from sync_pipelines.scouter.reverse.drain import Drain
from sync_pipelines.scouter.reverse.reverse_mapping import VERSION
from sync_pipelines.scouter.reverse.statements import STAMP


@dataclass(frozen=True)
class ChangedMeanwhile:
    """Tells a person's change from a trigger's, by a connection of its own.

    Both leave our stamp on the row. A person's change dates the row anew, or is announced; a trigger that changes what
    we write does so at once, under the date that we sent. Where the destination dates all rows itself, a date says
    nothing: it does if rows come back with our content and another date, and none with the date that we sent.
    """

    drain: Drain

    @property
    def bases(self) -> FieldBases:
        return self.drain.bases

    def of(
        self, differing: Mapping[int, tuple[Lead, bytes]], *, keeps_dates: bool
    ) -> tuple[list[int], list[int]]:
        """Of leads whose rows came back otherwise: those with our content, and those that a person has changed.

        `keeps_dates`: other rows came back as they were sent, with our date.
        The entries in ops.page_writes of the latter stay: by them the next merge knows what we wrote.
        """
        stamped = {lead_id: row for lead_id, (lead, row) in differing.items() if _has_our_stamp(lead, row)}
        read, (found, _) = self.bases.fields.read, self.drain.row_hashes(stamped)
        hashes = {lead_id: read(text) for lead_id, text, _ in found}
        if not hashes:
            return [], []
        equal = [one for one, mine in hashes.items() if mine == read(differing[one][0].field_hashes)]
        dated = {one for one in hashes if not _has_our_date(*differing[one])}
        if dated & set(equal) and not keeps_dates:
            self.bases.writes.note_undated(hashes)
            dated = set()
        announced = self.drain.waiting(hashes)
        return equal, [one for one in hashes if one not in equal and (one in dated or one in announced)]


def _has_our_stamp(lead: Lead, row: bytes) -> bool:
    """Whether our write arrived at all."""
    return is_same(lead.stamp, exact_json.loads_odd(row).get(STAMP), TIMESTAMPTZ)


def _has_our_date(lead: Lead, row: bytes) -> bool:
    return is_same(lead.updated_at, exact_json.loads_odd(row).get(VERSION), TIMESTAMPTZ)
