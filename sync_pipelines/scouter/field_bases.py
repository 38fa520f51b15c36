"""The base of each lead's merge, in the ops database: how its fields were last seen at Gestão Scouter.

Kept where the reverse sync is on. A push writes down what it is about to send before it sends it (`page_writes`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from uuid import UUID

from sync_pipelines.lib import postgres
from sync_pipelines.scouter.lead import NO_CONTENT, Lead
from sync_pipelines.scouter.mapping.field_hashes import MISSING, FieldList, Labels, column_of
from sync_pipelines.scouter.page_writes import LeadWrite, PageWrites
from sync_pipelines.scouter.reverse.base import LONGEST_HISTORY, Base, Before
from sync_pipelines.scouter.reverse.sql_files import statement
from sync_pipelines.scouter.stored_lead import Stored, Write


@dataclass(frozen=True)
class FieldBases:
    """The bases of one destination under one mapping, over one connection."""

    connection: postgres.Connection
    destination: str
    fields: FieldList

    @property
    def writes(self) -> PageWrites:
        """What is about to be written there."""
        return PageWrites(self.connection, self.destination, self.fields)

    def digests(self, ids: Sequence[int]) -> dict[int, UUID | None]:
        """The digest of each row as it was last seen, None if that does not tell; quicker than `load`.

        Leads of which nothing is kept are not in it.
        """
        if not ids:
            return {}
        given = (self.destination, postgres.array(ids))
        found: dict[int, UUID | None] = dict(
            self.connection.execute(
                "select lead_id, case when fields is not null then seen_digest end from ops.lead_exchanges"
                " where destination = %s and lead_id = any(%s::bigint[])",
                given,
                binary=True,
            ).fetchall()
        )
        return found | dict.fromkeys(self.writes.under_way(ids), None)

    def load(self, ids: Sequence[int]) -> dict[int, Stored]:
        """What is kept of these leads; those of which nothing is kept are not in it."""
        given = (self.destination, postgres.array(ids))
        rows = self.connection.execute(
            "select lead_id, content_hash, field_list, fields, history, seen_digest,"
            " extract(epoch from stamp)::float8, extract(epoch from seen_version)::float8,"
            " extract(epoch from updated_at)::float8, extract(epoch from here_version)::float8,"
            " case when doubted then doubted_columns else '{}' end"
            " from ops.lead_exchanges where destination = %s and lead_id = any(%s::bigint[])",
            given,
        ).fetchall()
        found = {row[0]: self._stored(row) for row in rows}
        for one in self.writes.load(ids):
            hashes, former = self._read(one.field_list, one.fields)
            write = Write(hashes, one.stamp, one.version, former=former)
            found[one.lead_id] = replace(found.get(one.lead_id, Stored()), write=write)
        return found

    def latest_stamp(self) -> float | None:
        """The latest of our writes, recorded or begun."""
        row = self.connection.execute(
            "select extract(epoch from max(stamp))::float8 from ("
            " select stamp from ops.lead_exchanges where destination = %(destination)s union all"
            " select stamp from ops.page_writes where destination = %(destination)s) as written"
            # What a person wrote there is none of ours (`base.is_our_time`).
            " where stamp < now() + interval '1 day'",
            {"destination": self.destination},
        ).fetchone()
        return row[0] if row else None

    def void(self, ids: Sequence[int]) -> None:
        """Note that the rows of these leads are not there any more: one that is made again is new.

        How they were stays in the history: an edit that was made before may be announced afterwards.
        """
        if ids:
            voided = [
                {"lead_id": lead_id, "history": one.base.changed({}, None).history}
                for lead_id, one in self.load(ids).items()
                if one.is_known
            ]
            self.connection.execute(
                "update ops.lead_exchanges as known set content_hash = %s, fields = %s, field_list = %s,"
                " history = gone.history, stamp = null, seen_digest = null, seen_version = null"
                " from jsonb_to_recordset(%s::jsonb) as gone (lead_id bigint, history jsonb)"
                " where destination = %s and known.lead_id = gone.lead_id",
                (
                    NO_CONTENT,
                    self.fields.write({}),
                    self.fields.id,
                    json.dumps(voided),
                    self.destination,
                ),
            )

    def note_versions(self, versions: Mapping[int, str | None]) -> None:
        """Note the `updated_at` of rows whose fields are as they were last seen: a change before it was seen too."""
        if versions:
            self.connection.execute(
                "update ops.lead_exchanges as known set seen_version = seen.version"
                " from unnest(%s::bigint[], %s::timestamptz[]) as seen (lead_id, version)"
                " where known.destination = %s and known.lead_id = seen.lead_id and isfinite(seen.version)"
                # That one we have written ourselves.
                " and seen.version is distinct from known.updated_at",
                (postgres.array(versions), postgres.array(versions.values()), self.destination),
            )

    def record_pushed(self, leads: Iterable[Lead], digests: Mapping[int, UUID], *, run_id: str) -> None:
        """Record leads that were sent and read back equal, with the digests of their rows."""
        newest = {lead.id: lead for lead in leads}
        if not newest:
            return
        own, sent = self.fields.labels, {one: lead.field_hashes for one, lead in newest.items()}
        # The others are kept under another list, or a merge has seen more of them since.
        others = sent.keys() - self._record_pushed(newest, digests, own, sent=sent, run_id=run_id)
        if others:
            left = {lead_id: sent[lead_id] for lead_id in others}
            for labels, group in self._by_list(left, own):
                self._record_pushed(newest, digests, labels, sent=group, run_id=run_id)
        self.writes.finish_leads(newest.values())

    def _record_pushed(
        self,
        leads: Mapping[int, Lead],
        digests: Mapping[int, UUID],
        labels: Labels,
        *,
        sent: Mapping[int, str],
        run_id: str,
    ) -> set[int]:
        """Record leads in `sent` that no other list keeps and no merge has seen since; which they are."""
        group = [leads[lead_id] for lead_id in sent]
        rows = self.connection.execute(
            statement("record_pushed"),
            {
                "destination": self.destination,
                "run_id": run_id,
                "list": labels.id,
                "names": labels.names,
                "longest": str(LONGEST_HISTORY),
                "untouched": sorted(set(labels.names) - set(self.fields.names)),
                "ids": postgres.array(sent),
                "hashes": postgres.array(lead.content_hash for lead in group),
                "times": postgres.array(lead.updated_at for lead in group),
                "fields": labels.pack(sent.values()),
                "width": labels.width,
                "stamps": postgres.array(lead.stamp for lead in group),
                "digests": postgres.array(digests[lead.id] for lead in group),
            },
            binary=True,
        )
        return {lead_id for (lead_id,) in rows}

    def record_merged(self, merged: Sequence[Mapping[str, Any]], *, run_id: str) -> None:
        """Record what merges saw (`Merged.document`), in the caller's transaction."""
        if not merged:
            return
        documents = {one["lead_id"]: dict(one) for one in merged}
        stands = {lead_id: each["stamp"] for lead_id, each in documents.items()}
        begun = [one for one in self.writes.load(list(stands)) if one.stamp == stands[one.lead_id]]
        # What a killed push has left may be of its own mapping.
        for listed in {each["field_list"] for each in documents.values()}:
            own = self.fields.labels if listed == str(self.fields.id) else self._lists[UUID(listed)]
            hashes = {one: each["fields"] for one, each in documents.items() if each["field_list"] == listed}
            for labels, seen in self._by_list(hashes, own, begun=begun):
                for lead_id, fields in seen.items():
                    untouched = sorted(set(labels.names) - set(own.names))
                    documents[lead_id] |= {
                        "field_list": str(labels.id),
                        "fields": fields,
                        "untouched": untouched,
                    }
        self.connection.execute(
            statement("record_merged"),
            {
                "destination": self.destination,
                "run_id": run_id,
                "merged": json.dumps(list(documents.values())),
            },
        )
        self.writes.finish(list(documents))

    def keep_list(self, labels: Labels | None = None) -> None:
        """Keep which hash belongs to which field; without an argument those of this mapping."""
        labels = labels or self.fields.labels
        self.connection.execute(
            "insert into ops.lead_field_lists (id, fields) values (%s, %s) on conflict do nothing",
            (labels.id, list(labels.labels)),
        )

    def distrust(self, ids: Sequence[int]) -> None:
        """These are not there as they were sent: they are sent again, and their base stays what it was."""
        if ids:
            self.connection.execute(
                "update ops.lead_exchanges set content_hash = %s"
                " where destination = %s and lead_id = any(%s::bigint[])",
                (NO_CONTENT, self.destination, postgres.array(ids)),
            )

    def _by_list(
        self, hashes: Mapping[int, str], own: Labels, *, begun: Collection[LeadWrite] = ()
    ) -> Iterator[tuple[Labels, dict[int, str]]]:
        """Leads by the list that their fields are kept under. `begun` are writes of them that stand there.

        Mostly that is their own, which was kept before anything was sent or merged under it. A mapping of fewer fields
        must not forget the others: they stay as they were kept, or written. Of a column that both have, what is
        recorded now counts.
        """
        left = dict(hashes)
        wider: dict[Labels, dict[int, str]] = {}
        written = {one.lead_id: one for one in begun if one.field_list != own.id and one.lead_id in left}
        kept = self._under_other_lists(left, own, also=written)
        for lead_id in kept.keys() | written.keys():
            joined, fields = kept.get(lead_id, (own, dict[str, str]()))
            if write := written.get(lead_id):
                listed = self._lists[write.field_list]
                joined, fields = joined.joined(listed), {**fields, **listed.read(write.fields)}
            joined = joined.joined(own)
            labels = own if set(joined.labels) == set(own.labels) else joined
            self.keep_list(labels)
            if labels is not own:
                ours = own.read(left.pop(lead_id))
                wider.setdefault(labels, {})[lead_id] = labels.write({**fields, **ours})
            if lead_id in kept:
                self.connection.execute(
                    "update ops.lead_exchanges set field_list = %s, fields = %s"
                    " where destination = %s and lead_id = %s",
                    (labels.id, labels.write(kept[lead_id][1]), self.destination, lead_id),
                )
        yield from ((own, left), *wider.items()) if left else wider.items()

    def _under_other_lists(
        self, ids: Collection[int], own: Labels, *, also: Collection[int]
    ) -> dict[int, tuple[Labels, dict[str, str]]]:
        """The hashes of leads that are kept under another list than `own`, and of `also` under any."""
        rows = self.connection.execute(
            "select lead_id, field_list, fields from ops.lead_exchanges"
            " where destination = %s and lead_id = any(%s::bigint[]) and fields is not null"
            " and (field_list <> %s or lead_id = any(%s::bigint[]))",
            (self.destination, postgres.array(ids), own.id, postgres.array(also)),
        ).fetchall()
        return {
            lead_id: (self._lists[listed], self._lists[listed].read(text)) for lead_id, listed, text in rows
        }

    def _stored(self, row: Sequence[Any]) -> Stored:
        _, content_hash, listed, hashes, history, digest, stamp, version, *dates = row
        fields, former = self._read(listed, hashes)
        changes = [Before(*one).under(self.fields.labels) for one in history or ()]
        return Stored(
            base=Base(fields, stamp=stamp, seen_version=version, history=changes),
            content_hash=content_hash,
            digest=digest,
            has_fields=bool(hashes and hashes.strip(MISSING)),
            former=former,
            updated_at=dates[0],
            here_version=dates[1],
            doubted=frozenset(dates[2]),
            is_known=True,
        )

    def _read(self, listed: UUID | None, text: str | None) -> tuple[dict[str, str], dict[str, str]]:
        """Hashes by column; and by label those of other columns, or of ours under another transform or type."""
        if text is None or listed is None:
            return {}, {}
        own = self.fields.labels
        if listed == own.id:
            return self.fields.read(text), {}
        hashes = self._lists[listed].read(text)
        former = {label: value for label, value in hashes.items() if label not in own.labels}
        # An earlier version kept both of a column, and nobody knows which is the later one.
        unsure = {column_of(label) for label in former}
        fields = {
            column_of(label): hashes[label]
            for label in own.labels
            if label in hashes and column_of(label) not in unsure
        }
        return fields, former

    @cached_property
    def _lists(self) -> dict[UUID, Labels]:
        rows = self.connection.execute("select id, fields from ops.lead_field_lists").fetchall()
        return {number: Labels(tuple(labels)) for number, labels in rows}
