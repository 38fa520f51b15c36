"""The last-synced state of each lead, in the ops database: what need not be sent again, and what an echo looks like.

A lead is recorded when it was read at the destination and found equal; `exchanged_at` is when that was. The write does
not wait for the disk: what a crash loses is sent again, which is harmless. The state is believed until it is doubted:
a column that was dropped there and created again is empty, so a doubted lead is read again before it counts as
unchanged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from sync_pipelines.lib import postgres
from sync_pipelines.lib.http.postgrest import Problem
from sync_pipelines.lib.records.inbox import Inbox
from sync_pipelines.scouter.lead import TOPIC, Lead


class Known(NamedTuple):
    """The last-synced state of some leads, as texts of arrays: they go from one database to the other.

    `readings` is when each lead was last found equal at the destination, in seconds since 1970; `from_reverse_sync`
    are those that the reverse sync wrote last.
    """

    ids: str = "{}"
    hashes: str = "{}"
    times: str = "{}"
    doubts: str = "{}"
    readings: Mapping[int, float] = MappingProxyType({})
    from_reverse_sync: frozenset[int] = frozenset()


#: Any column may be another one now.
EVERY = "*"
#: For the connection: no wait for the disk, and times as every database reads them.
SESSION = {"synchronous_commit": "off", "DateStyle": "ISO"}


@dataclass(frozen=True)
class LastSynced:
    """The last-synced state of one destination, which is known by its address."""

    connection: postgres.Connection
    destination: str

    def known(self, ids: Sequence[int]) -> Known:
        row = self.connection.execute(
            "select array_agg(lead_id)::text, array_agg(content_hash)::text, array_agg(updated_at)::text,"
            " array_agg(doubted)::text, array_agg(lead_id), array_agg(extract(epoch from exchanged_at)::float8),"
            " array_agg(lead_id) filter (where direction = 'taken_back')"
            " from ops.lead_exchanges where destination = %s and lead_id = any(%s::bigint[])",
            (self.destination, postgres.array(ids)),
            binary=True,
        ).fetchone()
        if row is None or row[0] is None:
            return Known()
        found, hashes, times, doubts, leads, seconds, back = row
        readings = dict(zip(leads, seconds, strict=True))
        return Known(
            found,
            hashes,
            times,
            doubts=doubts,
            readings=readings,
            from_reverse_sync=frozenset(back or ()),
        )

    def record(self, leads: Iterable[Lead], *, run_id: str, only_unknown: bool = False) -> None:
        """Record leads that both sides hold, without their fields (`FieldBases.record_pushed` has them).

        What was known of those is void from now on: the reverse sync would take a later push for somebody's change.
        With `only_unknown` what is known of a lead stays: who only looks at both sides has written nothing.
        """
        newest = {lead.id: lead for lead in leads}
        if not newest:
            return
        self.connection.execute(
            "insert into ops.lead_exchanges"
            " (destination, lead_id, content_hash, updated_at, direction, run_id)"
            " select %s, lead_id, content_hash, updated_at, 'pushed', %s"
            " from unnest(%s::bigint[], %s::uuid[], %s::timestamptz[]) as sent (lead_id, content_hash, updated_at)"
            " on conflict (destination, lead_id) do update set content_hash = excluded.content_hash,"
            " updated_at = excluded.updated_at, direction = excluded.direction, run_id = excluded.run_id,"
            " exchanged_at = now(), doubted = false, fields = null where not %s",
            (
                self.destination,
                run_id,
                postgres.array(newest),
                postgres.array(lead.content_hash for lead in newest.values()),
                postgres.array(lead.updated_at for lead in newest.values()),
                only_unknown,
            ),
        )

    def record_seen(self, leads: Collection[Lead], columns: Collection[str], *, run_id: str) -> None:
        """Record that `columns` of these are there as we left them, so a later push rests on a recent reading."""
        if not leads:
            return
        self.connection.execute(
            "update ops.lead_exchanges as known set exchanged_at = now(), run_id = %s, doubted = doubted and exists ("
            # Of a column that was not read the doubt stays.
            " select from ops.lead_field_lists as list, unnest(list.fields) as label,"
            " split_part(label, ':', 1) as name where list.id = known.field_list and known.fields is not null"
            " and name <> all(%s::text[]) and known.doubted_columns && array['*', name])"
            " from unnest(%s::bigint[], %s::uuid[]) as seen (lead_id, content_hash)"
            " where known.destination = %s and known.lead_id = seen.lead_id"
            # Another process may have synced another content meanwhile: that was not read.
            " and known.content_hash = seen.content_hash",
            (
                run_id,
                list(columns),
                postgres.array(lead.id for lead in leads),
                postgres.array(lead.content_hash for lead in leads),
                self.destination,
            ),
        )

    def doubt_all(self, columns: Collection[str], *, written: Collection[str] = ()) -> int:
        """Doubt every lead of this destination until it is read again; returns how many leads that changed.

        `columns` are those that may be empty because they were made again. Of a lead whose fields are known they say
        something only if one of them is among those; of another one if a push writes one of them (`written`).
        """
        with self.connection.transaction():
            # A doubt that a crash undoes would be believed again.
            self.connection.execute("set local synchronous_commit = on")
            return self.connection.execute(
                "update ops.lead_exchanges set doubted = true,"
                " doubted_columns = case when doubted then doubted_columns end || %(columns)s::text[]"
                " where destination = %(destination)s"
                " and not (doubted and doubted_columns @> %(columns)s)"
                " and (%(columns)s && %(every)s or fields is null and %(columns)s && %(written)s or field_list in ("
                " select list.id from ops.lead_field_lists as list, unnest(list.fields) as label"
                " where split_part(label, ':', 1) = any(%(columns)s)))",
                {
                    "destination": self.destination,
                    "columns": list(columns),
                    "written": list(written),
                    "every": [EVERY],
                },
            ).rowcount

    def doubt_what_was_away(self, problem: Problem) -> None:
        """Doubt every lead: a column or the table was not found. It names one, and others may have been away too."""
        named = problem.missing_column
        self.doubt_all([EVERY, named] if named else [EVERY])

    def waiting(self, ids: Collection[int]) -> frozenset[int]:
        """Those with a change at the destination that waits for the reverse sync."""
        if not ids:
            return frozenset()
        keys = Inbox(self.connection, TOPIC).waiting_keys(ids)
        return frozenset(map(int, keys))

    def forget(self, ids: Collection[int]) -> None:
        """Delete the state of these, so that they are sent again: the destination does not hold what it accepted."""
        if not ids:
            return
        with self.connection.transaction():
            # Rows that a crash brings back would be believed.
            self.connection.execute("set local synchronous_commit = on")
            self.connection.execute(
                "delete from ops.lead_exchanges where destination = %s and lead_id = any(%s)",
                (self.destination, list(ids)),
            )
