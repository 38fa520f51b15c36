"""Before leads are sent, where the reverse sync is on: a push overwrites nothing that it has not seen.

The rows there are read. Where one is as it was last seen, its lead goes the usual way. Where a person changed it, the
lead is merged first, and then sent by a write that finds the row only as it was merged (`Conditional`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from sync_pipelines.lib import exact_json
from sync_pipelines.lib.http.postgrest import SchemaError
from sync_pipelines.scouter.destination_rows import digest_of, read_rows
from sync_pipelines.scouter.last_synced import Known
from sync_pipelines.scouter.lead import NO_CONTENT, Conditional, Lead, Rejected
from sync_pipelines.scouter.mapping.contract_columns import KEY, STAMPS
from sync_pipelines.scouter.mapping.field_hashes import NULL
from sync_pipelines.scouter.push.extract import PAGE, LeadReader
from sync_pipelines.scouter.push.load import SchemaChangedError
from sync_pipelines.scouter.reverse.drain import Drain
from sync_pipelines.scouter.reverse.lead_merge import LOCAL, LeadMerge
from sync_pipelines.scouter.stored_lead import Stored

VERSION = "updated_at"
LOCAL_LEAD = (
    "não enviado: este número pertence a um lead criado no próprio Gestão Scouter; confira os dois e, se for o caso,"
    " aceite overwrite_local_leads"
)
NOT_MERGED = "não enviado: o lead mudou no Gestão Scouter e não pôde ser conciliado agora"
UNREADABLE = "não enviado: a linha deste lead no Gestão Scouter não pôde ser lida"


class Looked(NamedTuple):
    """Leads that go the usual way, that are sent under a condition, that need not be sent now, and that are held."""

    usual: Mapping[int, Lead]
    conditional: Mapping[int, Conditional]
    equal: Collection[int]
    held: Mapping[int, Rejected] = MappingProxyType({})


@dataclass(frozen=True)
class MergeFirst:
    """Looks at the rows of a page, by connections of its own."""

    drain: Drain

    def there(self, ids: Sequence[int]) -> frozenset[int]:
        """Those of these leads that stand there: of a first push none does."""
        answers = read_rows(self.drain.client, (KEY,), ids, at_once=PAGE)
        return frozenset(lead_id for rows in answers for lead_id, _ in rows)

    def look(
        self, reader: LeadReader, leads: Mapping[int, Lead], *, there: Collection[int], overwrites: bool
    ) -> Looked:
        """Look at the rows of these leads, merge those that somebody changed, and write down what will be sent.

        `reader` read the leads, and reads those again that were merged. `there` are the new ones that stand there.
        `overwrites`: a person wants our leads to replace other ones that stand under their number.
        Raises SchemaChangedError if the destination lacks a column, SyncError if a side cannot be read.
        """
        asked = [one for one, lead in leads.items() if not lead.is_new or one in there]
        try:
            rows = self.drain.rows(asked)
        except SchemaError as error:
            raise SchemaChangedError(error.problem) from None
        known = self.drain.bases.digests(list(leads))
        # A row that is as it was last seen was readable then.
        other = {one: row for one, row in rows.items() if known.get(one) != digest_of(row)}
        hashes, odd = self.drain.row_hashes(other)
        found = {lead_id: rows[lead_id] for lead_id, _, _ in hashes}
        changed = self._changed(found, leads, hashes)
        # Somebody may have changed a field and taken that back.
        self.drain.bases.note_versions(
            {
                one: exact_json.loads_odd(found[one]).get(VERSION)
                for one in found.keys() - set(changed)
                if one in known
            }
        )
        # Also those that a comparison has found missing, which counts them as new.
        self.drain.bases.void([one for one in known if one not in rows and one not in odd])
        conditional, equal, refused = self._merged(reader, {lead_id: rows[lead_id] for lead_id in changed})
        if overwrites:  # also one that was made where ours was deleted
            local = {lead_id for lead_id, reason in refused.items() if reason == LOCAL_LEAD}
            refused = {lead_id: reason for lead_id, reason in refused.items() if lead_id not in local}
            changed = [lead_id for lead_id in changed if lead_id not in local]
        held = {lead_id: Rejected(leads[lead_id], None, UNREADABLE) for lead_id in odd}
        held |= {lead_id: Rejected(leads[lead_id], None, reason) for lead_id, reason in refused.items()}
        apart = {*changed, *odd}
        usual = {lead_id: lead for lead_id, lead in leads.items() if lead_id not in apart}
        sent = [*usual.values(), *(one.lead for one in conditional.values())]
        self.drain.bases.writes.begin(sent, run_id=self.drain.run_id)
        return Looked(usual, conditional, equal, held=held)

    def _changed(
        self,
        rows: Mapping[int, bytes],
        leads: Mapping[int, Lead],
        row_hashes: Sequence[tuple[int, str, UUID | None]],
    ) -> list[int]:
        """The leads whose row is neither as it was last seen, field by field, nor as we would write it."""
        if not rows:
            return []
        read = self.drain.statements.fields.read
        stored, nothing = self.drain.stored(list(rows), rows), Stored()
        return [
            lead_id
            for lead_id, hashes, content_hash in row_hashes
            if not _is_as_seen(
                stored.get(lead_id, nothing),
                read(hashes),
                content_hash,
                ours=read(leads[lead_id].field_hashes),
            )
        ]

    def _merged(
        self, reader: LeadReader, found: Mapping[int, bytes]
    ) -> tuple[dict[int, Conditional], list[int], dict[int, str]]:
        """Merge leads; those to be sent under a condition, those that are equal now, those that were not merged."""
        if not found:
            return {}, [], {}
        merges = {one.lead_id: one for one in self.drain.merge(self.drain.take(found))[1]}
        # The others are locked by somebody, or hold what no statement reads: their changes wait, or are rejected.
        refused = dict.fromkeys(found.keys() - merges.keys(), NOT_MERGED)
        refused |= {lead_id: LOCAL_LEAD for lead_id, one in merges.items() if one.refusal == LOCAL}
        apart = {lead_id: one for lead_id, one in merges.items() if one.is_seen and one.differs}
        content = reader.content(list(apart), Known(), send_all=True)
        conditional = {
            lead_id: self._conditional(one, content.changed[lead_id])
            for lead_id, one in apart.items()
            if lead_id in content.changed
        }
        equal = [lead_id for lead_id in merges if lead_id not in conditional and lead_id not in refused]
        return conditional, equal, refused

    def _conditional(self, one: LeadMerge, lead: Lead) -> Conditional:
        assert one.row is not None and one.there is not None
        mine = self.drain.statements.fields.read(lead.field_hashes)
        names = [name for name, value in mine.items() if one.row.hashes.get(name) != value]
        dates = [field.destination for field in self.drain.mapping.fields if field.sources == (VERSION,)]
        written = dict.fromkeys([*names, *dates, *STAMPS])
        return Conditional(lead, one.there.updated_at, tuple(written))


def _is_as_seen(
    stored: Stored, hashes: Mapping[str, str], content_hash: object, *, ours: Mapping[str, str]
) -> bool:
    """Whether nobody changed a row, so that nothing is lost if `ours` is written over it."""
    if hashes == ours:
        return True
    if stored.write is not None:
        return False
    if not stored.has_fields:
        return stored.content_hash not in (NO_CONTENT, None) and stored.content_hash == content_hash
    base = stored.base.fields
    # What is empty in a column that was made again is nobody's doing.
    hashes = {name: value for name, value in hashes.items() if value != NULL or name not in stored.doubted}
    # Of a field that was never exchanged nothing is lost if it is empty there, or as it is here.
    return all(value in (base.get(name) or NULL, ours.get(name)) for name, value in hashes.items())
