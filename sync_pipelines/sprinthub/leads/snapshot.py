"""The list of a segment in our tables and in `api.leads`, in one transaction, proved before its COMMIT.

`sync_private.segment_leads` becomes equal to the list; `sync_private.segment_membership` records who entered and who
left. In `api.leads` a lead that is not there yet gets what the list says of it, every lead of the list gets `segmento`,
and nothing else changes: what a list says never overwrites what a detail said, and nobody is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self
from uuid import UUID

import psycopg
from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.plausibility import is_mass_loss
from sync_pipelines.lib.postgres import KeyMerge, SliceMerge
from sync_pipelines.lib.postgres.digest import Column, Digest, Proof, digest_of, digest_query, row_hash
from sync_pipelines.sprinthub.leads.columns import LeadColumns
from sync_pipelines.sprinthub.leads.load import not_proved
from sync_pipelines.sprinthub.leads.row_errors import is_of_a_row
from sync_pipelines.sprinthub.segments.execution import SegmentWork

#: What a person accepts where far more leads than usual left a segment at once.
MASS_LEAVING = "mass_leaving"

_LISTED = SliceMerge(
    source=sql.SQL("(select %(segment)s::integer as segment_id, lead_id, list_hash from pg_temp.listed)"),
    target="sync_private.segment_leads",
    key=["segment_id", "lead_id"],
    columns=["list_hash"],
    stamped=[],
    where=sql.SQL("target.segment_id = %(segment)s"),
)
_LEFT = (
    "update sync_private.segment_membership as m set left_at = %(now)s where segment_id = %(segment)s"
    " and left_at is null and not exists (select from pg_temp.listed as l where l.lead_id = m.lead_id)"
)
_ENTERED = (
    "insert into sync_private.segment_membership (segment_id, lead_id, entered_at)"
    " select %(segment)s, lead_id, %(now)s from pg_temp.listed as l where not exists (select"
    " from sync_private.segment_membership as m"
    " where m.segment_id = %(segment)s and m.lead_id = l.lead_id and m.left_at is null)"
)
#: In the order of the key, as every writer of the table locks it: two segments with the same leads must not deadlock.
_LOCK = (
    "select from api.leads as t join pg_temp.listed as l on l.lead_id = t.id"
    " where t.segmento is distinct from %(segment)s order by t.id for update of t"
)
_MARK = (
    "update api.leads as t set segmento = %(segment)s, synced_at = %(now)s from pg_temp.listed as l"
    " where l.lead_id = t.id and t.segmento is distinct from %(segment)s"
)
_SEGMENT = (
    "insert into sync_private.segments as s (segment_id, listed_at, total, gate)"
    " values (%(segment)s, %(now)s, %(total)s, %(gate)s) on conflict (segment_id) do update"
    " set (listed_at, total, gate) = (excluded.listed_at, excluded.total, excluded.gate)"
)
_KEYS = [Column("lead_id", "integer"), Column("list_hash", "other")]


class Listed(NamedTuple):
    """A segment's list as it is stored: the hash of each lead's item, the CRM's own count, when it was read."""

    segment_id: int
    hashes: Mapping[int, UUID]
    total: int
    read_at: datetime
    gate: str | None = None


class SnapshotChanges(NamedTuple):
    """Leads that entered and left the segment, and the numbers of those that `api.leads` did not have."""

    entered: int
    left: int
    inserted: frozenset[int]
    proof: Proof


@dataclass(frozen=True)
class Snapshot:
    """Stores the list of one segment while `work` has it."""

    connection: postgres.Connection
    merge: KeyMerge
    work: SegmentWork

    @classmethod
    def open(cls, connection: postgres.Connection, columns: LeadColumns, work: SegmentWork) -> Self:
        """With the merge of new leads into the live table."""
        merge = KeyMerge.of_table(
            connection,
            source=sql.SQL(
                "(select id, doc from pg_temp.listed_documents where id between %(first)s and %(last)s)"
            ),
            target="api.leads",
            key=["id"],
            columns=columns.written,
            stamped=["synced_at"],
        )
        return cls(connection, merge, work)

    def absent(self, listed: Listed) -> frozenset[int]:
        """The leads of the list that `api.leads` does not have."""
        rows = self.connection.execute(
            "select l.id from unnest(%s::bigint[]) as l (id)"
            " where not exists (select from api.leads as t where t.id = l.id)",
            (postgres.array(listed.hashes),),
        ).fetchall()
        return frozenset(lead_id for (lead_id,) in rows)

    def replace(
        self,
        listed: Listed,
        documents: Iterable[tuple[int, str]],
        *,
        accept_leaving: bool = False,
    ) -> SnapshotChanges:
        """Store the list; `documents` are columns of the leads that `api.leads` does not have, as JSON.

        Raises PermanentError, with nothing committed, if far too many leads left or the result is not the list.
        """
        given = {
            "segment": listed.segment_id,
            "now": listed.read_at,
            "total": listed.total,
            "gate": listed.gate,
        }
        with self.connection.transaction():
            self.work.fence(self.connection)
            self._stage(listed)
            if not accept_leaving:
                self._guard(listed)
            inserted, refused = self._insert(documents, listed.read_at)
            _LISTED.run(self.connection, given)
            left = self.connection.execute(_LEFT, given).rowcount
            entered = self.connection.execute(_ENTERED, given).rowcount
            self.connection.execute(_LOCK, given)
            self.connection.execute(_MARK, given)
            self.connection.execute(_SEGMENT, given)
            postgres.end_writes(self.connection)
            self._prove_inserted(inserted)
            proof = self._prove(listed, refused=refused)
            if not proof.holds:
                raise PermanentError(
                    f"The list of segment {listed.segment_id} is not proved, nothing was committed:"
                    f" {'; '.join(proof.differences())}."
                )
        return SnapshotChanges(entered, left, inserted, proof=proof)

    def _stage(self, listed: Listed) -> None:
        self.connection.execute(
            "create temporary table listed (lead_id bigint primary key, list_hash uuid not null) on commit drop"
        )
        postgres.copy_rows(
            self.connection, "pg_temp.listed", ["lead_id", "list_hash"], rows=listed.hashes.items()
        )
        self.connection.execute("analyze pg_temp.listed")

    def _guard(self, listed: Listed) -> None:
        """A list that was read in part looks like leads that left: a person says whether they did."""
        row = self.connection.execute(
            "select count(*), count(*) filter (where l.lead_id is null) from sync_private.segment_leads as s"
            " left join pg_temp.listed as l using (lead_id) where s.segment_id = %s",
            (listed.segment_id,),
        ).fetchone()
        before, gone = row or (0, 0)
        if is_mass_loss(gone, before, has_others=bool(listed.hashes)):
            raise PermanentError(
                f"{gone} of {before} leads are not in the list of segment {listed.segment_id} any more. Nothing was"
                f" changed. If they left, accept {MASS_LEAVING}."
            )

    def _insert(self, documents: Iterable[tuple[int, str]], now: datetime) -> tuple[frozenset[int], int]:
        """Insert leads that are absent; one that somebody inserted meanwhile stays as it is.

        Returns the inserted, and how many the table refuses: what their details say may be what it takes.
        """
        self.connection.execute(
            "create temporary table listed_documents (id bigint primary key, doc jsonb not null) on commit drop"
        )
        postgres.copy_rows(self.connection, "pg_temp.listed_documents", ["id", "doc"], rows=documents)
        self.connection.execute(
            "delete from pg_temp.listed_documents as l where exists (select from api.leads as t where t.id = l.id)"
        )
        rows = self.connection.execute("select id from pg_temp.listed_documents order by id").fetchall()
        return self._insert_some([lead_id for (lead_id,) in rows], now)

    def _insert_some(self, ids: Sequence[int], now: datetime) -> tuple[frozenset[int], int]:
        """Insert these, in halves where one of them is refused."""
        if not ids:
            return frozenset(), 0
        try:
            with self.connection.transaction():
                merged = self.merge.run(self.connection, {"synced_at": now, "first": ids[0], "last": ids[-1]})
        except psycopg.Error as error:
            if not is_of_a_row(error):
                raise
            if len(ids) == 1:
                return frozenset(), 1
            middle = len(ids) // 2
            first, refused_first = self._insert_some(ids[:middle], now)
            second, refused_second = self._insert_some(ids[middle:], now)
            return first | second, refused_first + refused_second
        return frozenset(key for (key,) in merged.inserted), 0

    def _prove_inserted(self, inserted: frozenset[int]) -> None:
        """Raises PermanentError for a lead that is not as its list item says: its detail may never come."""
        if not inserted:
            return
        ends = {"first": min(inserted), "last": max(inserted)}
        differences = [one for one in self.merge.differences(self.connection, ends) if one.key[0] in inserted]
        if differences:
            raise PermanentError(not_proved(differences))

    def _prove(self, listed: Listed, *, refused: int) -> Proof:
        """The list beside the two tables, and the leads of the list beside those that `api.leads` has for it."""
        hashes = (row_hash([str(lead_id), str(found)]) for lead_id, found in listed.hashes.items())
        query = digest_query(
            sql.SQL("sync_private.segment_leads"),
            _KEYS,
            where=sql.SQL("segment_id = {}").format(sql.Literal(listed.segment_id)),
        )
        found = self.connection.execute(query).fetchone()
        row = self.connection.execute(
            "select (select count(*) from sync_private.segment_membership as m join pg_temp.listed using (lead_id)"
            "   where m.segment_id = %(segment)s and m.left_at is null),"
            " (select count(*) from sync_private.segment_membership"
            "   where segment_id = %(segment)s and left_at is null),"
            " (select count(*) from api.leads as t join pg_temp.listed as l on l.lead_id = t.id"
            "   where t.segmento = %(segment)s)",
            {"segment": listed.segment_id},
        ).fetchone()
        members, open_rows, leads = row or (0, 0, 0)
        count = str(len(listed.hashes))
        return Proof(
            {
                "digest": str(digest_of(hashes)),
                "members": count,
                "open memberships": count,
                "leads": str(len(listed.hashes) - refused),
            },
            {
                "digest": found[1] if found else str(Digest()),
                "members": str(members),
                "open memberships": str(open_rows),
                "leads": str(leads),
            },
        )
