"""The base of each lead's merge, in the ops database: how its fields were last seen at Gestão Scouter.

Kept where the reverse sync is on. A push writes down what it is about to send (`begin`) before it sends it: what a
kill leaves behind in ops.lead_writes is compared with the row there before anything else happens to the lead.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from sync_pipelines.lib import postgres
from sync_pipelines.scouter.lead import NO_CONTENT, Lead
from sync_pipelines.scouter.mapping.field_hashes import MISSING, FieldList
from sync_pipelines.scouter.reverse.three_way import Base

_LOAD = """
    select lead_id, content_hash, field_list, fields, previous_fields, seen_digest,
        extract(epoch from stamp)::float8, extract(epoch from previous_stamp)::float8,
        extract(epoch from seen_version)::float8
    from ops.lead_exchanges where destination = %s and lead_id = any(%s::bigint[])
"""
_RECORD_PUSHED = """
    insert into ops.lead_exchanges as known (destination, lead_id, content_hash, updated_at, direction, run_id,
        field_list, fields, stamp, seen_digest)
    select %(destination)s, lead_id, content_hash, updated_at, 'pushed', %(run_id)s, %(list)s, fields, %(stamp)s, digest
    from unnest(%(ids)s::bigint[], %(hashes)s::uuid[], %(times)s::timestamptz[], %(fields)s::text[], %(digests)s::uuid[])
        as sent (lead_id, content_hash, updated_at, fields, digest)
    on conflict (destination, lead_id) do update set
        content_hash = excluded.content_hash, updated_at = excluded.updated_at, direction = excluded.direction,
        run_id = excluded.run_id, exchanged_at = now(), doubted = false,
        previous_fields = case when known.field_list = excluded.field_list then known.fields end,
        previous_stamp = known.stamp, field_list = excluded.field_list, fields = excluded.fields,
        stamp = excluded.stamp, seen_digest = excluded.seen_digest
"""
_RECORD_MERGED = """
    insert into ops.lead_exchanges as known (destination, lead_id, content_hash, updated_at, direction, run_id,
        field_list, fields, previous_fields, stamp, previous_stamp, seen_digest, seen_version)
    select %(destination)s, lead_id, coalesce(content_hash, %(nothing)s), updated_at, 'taken_back', %(run_id)s,
        field_list, fields, previous_fields, to_timestamp(stamp), to_timestamp(previous_stamp), digest,
        to_timestamp(version)
    from jsonb_to_recordset(%(merged)s::jsonb) as merged (
        lead_id bigint, content_hash uuid, updated_at timestamptz, field_list uuid, fields text, previous_fields text,
        stamp float8, previous_stamp float8, digest uuid, version float8
    )
    on conflict (destination, lead_id) do update set
        content_hash = excluded.content_hash, updated_at = excluded.updated_at, direction = excluded.direction,
        run_id = excluded.run_id, exchanged_at = now(), doubted = false, field_list = excluded.field_list,
        fields = excluded.fields, previous_fields = excluded.previous_fields, stamp = excluded.stamp,
        previous_stamp = excluded.previous_stamp, seen_digest = excluded.seen_digest,
        seen_version = excluded.seen_version
"""


class Write(NamedTuple):
    """What was about to be written there, and never recorded as read back; `stamp` as `Base` has it."""

    hashes: Mapping[str, str]
    stamp: float


@dataclass(frozen=True)
class Stored:
    """What is kept of a lead: its base, the content that both sides last had, the digest of the row there."""

    base: Base = field(default_factory=Base)
    content_hash: UUID = NO_CONTENT
    digest: UUID | None = None
    has_fields: bool = False
    write: Write | None = None
    #: False for a lead that was never exchanged.
    is_known: bool = False


@dataclass(frozen=True)
class Merged:
    """A lead after a merge, as it is recorded; `content_hash` only if both sides have the same."""

    lead_id: int
    stored: Stored
    updated_at: str | None

    def document(self, fields: FieldList) -> dict[str, Any]:
        base, digest = self.stored.base, self.stored.digest
        return {
            "lead_id": self.lead_id,
            "content_hash": str(self.stored.content_hash),
            "updated_at": self.updated_at,
            "field_list": str(fields.id),
            "fields": fields.write(base.fields),
            "previous_fields": fields.write(base.previous),
            "stamp": base.stamp,
            "previous_stamp": base.previous_stamp,
            "version": base.seen_version,
            "digest": str(digest) if digest else None,
        }


@dataclass(frozen=True)
class FieldBases:
    """The bases of one destination under one mapping, over one connection."""

    connection: postgres.Connection
    destination: str
    fields: FieldList

    def digests(self, ids: Sequence[int]) -> dict[int, UUID | None]:
        """The digest of each row as it was last seen, None if that does not tell; quicker than `load`.

        Leads of which nothing is kept are not in it.
        """
        given = (self.destination, postgres.array(ids))
        found: dict[int, UUID | None] = dict(
            self.connection.execute(
                "select lead_id, seen_digest from ops.lead_exchanges"
                " where destination = %s and lead_id = any(%s::bigint[])",
                given,
                binary=True,
            ).fetchall()
        )
        writes = self.connection.execute(
            "select lead_id from ops.lead_writes where destination = %s and lead_id = any(%s::bigint[])",
            given,
        )
        return found | dict.fromkeys((lead_id for (lead_id,) in writes), None)

    def load(self, ids: Sequence[int]) -> dict[int, Stored]:
        """What is kept of these leads; those of which nothing is kept are not in it."""
        given = (self.destination, postgres.array(ids))
        found = {row[0]: self._stored(row) for row in self.connection.execute(_LOAD, given).fetchall()}
        for lead_id, listed, hashes, stamp in self.connection.execute(
            "select lead_id, field_list, fields, extract(epoch from stamp)::float8 from ops.lead_writes"
            " where destination = %s and lead_id = any(%s::bigint[])",
            given,
        ).fetchall():
            write = Write(self._read(listed, hashes), stamp)
            found[lead_id] = replace(found.get(lead_id, Stored()), write=write)
        return found

    def without_fields(self, most: int) -> dict[int, UUID]:
        """Leads that were pushed without a record of their fields, each with the hash of its content."""
        rows = self.connection.execute(
            "select lead_id, content_hash from ops.lead_exchanges"
            " where destination = %s and fields is null and content_hash <> %s limit %s",
            (self.destination, NO_CONTENT, most),
        ).fetchall()
        return dict(rows)

    def adopt(self, hashes: Mapping[int, str | None]) -> None:
        """Record the fields of such leads; None says that nothing is known of them."""
        with self.connection.transaction():
            self._keep_list()
            self.connection.execute(
                "update ops.lead_exchanges as known set field_list = %s, fields = found.fields,"
                " previous_fields = null, seen_digest = null"
                " from unnest(%s::bigint[], %s::text[]) as found (lead_id, fields)"
                " where known.destination = %s and known.lead_id = found.lead_id and known.fields is null",
                (
                    self.fields.id,
                    postgres.array(hashes),
                    postgres.array(text or self.fields.write({}) for text in hashes.values()),
                    self.destination,
                ),
            )

    def unfinished(self) -> list[int]:
        """The leads that a push which ended early was about to write."""
        rows = self.connection.execute(
            "select lead_id from ops.lead_writes where destination = %s order by lead_id", (self.destination,)
        ).fetchall()
        return [lead_id for (lead_id,) in rows]

    def begin(self, leads: Iterable[Lead], *, stamp: str, run_id: str) -> None:
        """Write down what is about to be sent, on the disk before this returns."""
        listed = list(leads)
        if not listed:
            return
        with self.connection.transaction():
            self.connection.execute("set local synchronous_commit = on")
            self._keep_list()
            self.connection.execute(
                "insert into ops.lead_writes (destination, lead_id, field_list, fields, stamp, run_id)"
                " select %s, lead_id, %s, fields, %s, %s from unnest(%s::bigint[], %s::text[])"
                " as sent (lead_id, fields) on conflict (destination, lead_id) do update set"
                " field_list = excluded.field_list, fields = excluded.fields, stamp = excluded.stamp,"
                " run_id = excluded.run_id, begun_at = now()",
                (
                    self.destination,
                    self.fields.id,
                    stamp,
                    run_id,
                    postgres.array(lead.id for lead in listed),
                    postgres.array(lead.field_hashes for lead in listed),
                ),
            )

    def record_pushed(
        self, leads: Iterable[Lead], digests: Mapping[int, UUID], *, stamp: str, run_id: str
    ) -> None:
        """Record leads that were sent and read back equal, with the digests of their rows."""
        newest = {lead.id: lead for lead in leads}
        if not newest:
            return
        self.connection.execute(
            _RECORD_PUSHED,
            {
                "destination": self.destination,
                "run_id": run_id,
                "list": self.fields.id,
                "stamp": stamp,
                "ids": postgres.array(newest),
                "hashes": postgres.array(lead.content_hash for lead in newest.values()),
                "times": postgres.array(lead.updated_at for lead in newest.values()),
                "fields": postgres.array(lead.field_hashes for lead in newest.values()),
                "digests": postgres.array(map(digests.__getitem__, newest)),
            },
        )
        self.finish(list(newest))

    def record_merged(self, merged: Sequence[Mapping[str, Any]], *, run_id: str) -> None:
        """Record what merges saw (`Merged.document`), in the caller's transaction."""
        if not merged:
            return
        self._keep_list()
        self.connection.execute(
            _RECORD_MERGED,
            {
                "destination": self.destination,
                "run_id": run_id,
                "nothing": NO_CONTENT,
                "merged": json.dumps(list(merged)),
            },
        )
        self.finish([one["lead_id"] for one in merged])

    def distrust(self, ids: Sequence[int]) -> None:
        """These are not there as they were sent: they are sent again, and their base stays what it was."""
        if not ids:
            return
        self.connection.execute(
            "update ops.lead_exchanges set content_hash = %s where destination = %s and lead_id = any(%s::bigint[])",
            (NO_CONTENT, self.destination, postgres.array(ids)),
        )
        self.finish(ids)

    def finish(self, ids: Sequence[int]) -> None:
        """Forget what was about to be sent of these leads: it was dealt with."""
        self.connection.execute(
            "delete from ops.lead_writes where destination = %s and lead_id = any(%s::bigint[])",
            (self.destination, postgres.array(ids)),
        )

    def _keep_list(self) -> None:
        self.connection.execute(
            "insert into ops.lead_field_lists (id, fields) values (%s, %s) on conflict do nothing",
            (self.fields.id, self.fields.labels),
        )

    def _stored(self, row: Sequence[Any]) -> Stored:
        _, content_hash, listed, hashes, previous, digest, stamp, previous_stamp, version = row
        return Stored(
            base=Base(
                fields=self._read(listed, hashes),
                previous=self._read(listed, previous),
                stamp=stamp,
                previous_stamp=previous_stamp,
                seen_version=version,
            ),
            content_hash=content_hash,
            digest=digest,
            has_fields=bool(hashes and hashes.strip(MISSING)),
            is_known=True,
        )

    def _read(self, listed: UUID | None, text: str | None) -> dict[str, str]:
        if listed is None or listed == self.fields.id:
            return self.fields.read(text)
        return self.fields.read(self.fields.relabelled(self._lists.get(listed, []), text))

    @cached_property
    def _lists(self) -> dict[UUID, list[str]]:
        return dict(self.connection.execute("select id, fields from ops.lead_field_lists").fetchall())
