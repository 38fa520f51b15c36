"""What a push of the reverse sync is about to write, in the ops database, page by page.

It is written down before it is sent, and a lead leaves its page when it was read back: what a kill leaves behind is
compared with the row there before anything else happens to the lead. Row by row it would be a twentieth of the push.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sync_pipelines.lib import postgres
from sync_pipelines.scouter.lead import Lead
from sync_pipelines.scouter.mapping.field_hashes import FieldList
from sync_pipelines.scouter.reverse.sql_files import statement


class LeadWrite(NamedTuple):
    """A lead that is about to be written, with the hashes of its fields under their list.

    Times in seconds since 1970; `version` is the `updated_at` that is sent, None where the destination dates its rows.
    """

    lead_id: int
    field_list: UUID
    fields: str
    stamp: float
    version: float | None


@dataclass(frozen=True)
class PageWrites:
    """What is about to be written to one destination under one mapping, over one connection."""

    connection: postgres.Connection
    destination: str
    fields: FieldList

    def begin(self, leads: Iterable[Lead], *, run_id: str) -> None:
        """Write down what is about to be sent of a page, on the disk before this returns.

        All of them have one stamp. What was under way of them before is forgotten: they are written anew.
        """
        listed = list(leads)
        if not listed:
            return
        (stamp,) = {lead.stamp for lead in listed}
        with self.connection.transaction():
            self.connection.execute("set local synchronous_commit = on")
            self.finish([lead.id for lead in listed])
            self.connection.execute(
                statement("begin_writes"),
                {
                    "destination": self.destination,
                    "stamp": stamp,
                    "list": self.fields.id,
                    "labels": list(self.fields.labels.labels),
                    "leads": postgres.array(lead.id for lead in listed),
                    "times": postgres.array(lead.updated_at for lead in listed),
                    # Bytes travel as they are, and a part of them is found without reading what is before it.
                    "fields": self.fields.labels.pack([lead.field_hashes for lead in listed]),
                    "run_id": run_id,
                },
            )

    def under_way(self, ids: Sequence[int]) -> list[int]:
        """Those of these leads that are about to be written."""
        rows = self.connection.execute(
            "select lead_id from ops.page_writes, unnest(leads) as lead_id"
            " where destination = %s and lead_id = any(%s::bigint[])",
            (self.destination, postgres.array(ids)),
        ).fetchall()
        return [lead_id for (lead_id,) in rows]

    def load(self, ids: Sequence[int]) -> list[LeadWrite]:
        """What is about to be written of these leads."""
        rows = self.connection.execute(statement("load_writes"), self._leads(ids)).fetchall()
        return [LeadWrite(*row) for row in rows]

    def unfinished(self) -> list[int]:
        """The leads that a push was about to write, and of which it did not record that it read them back."""
        rows = self.connection.execute(
            "select lead_id from ops.page_writes, unnest(leads) as lead_id"
            " where destination = %s and lead_id is not null order by lead_id",
            (self.destination,),
        ).fetchall()
        return [lead_id for (lead_id,) in rows]

    def note_undated(self, ids: Collection[int]) -> None:
        """Note that the destination dates these rows itself: another date there says nothing of a person."""
        if ids:
            self.connection.execute(statement("note_undated"), self._leads(ids))

    def finish(self, ids: Collection[int], *, stamp: str | None = None) -> None:
        """Forget what was about to be written of these leads, or (`stamp`) one write of them: it was dealt with."""
        if ids:
            self.connection.execute(statement("finish_writes"), {**self._leads(ids), "stamp": stamp})

    def finish_leads(self, leads: Iterable[Lead]) -> None:
        """Forget these writes. A later one of the same lead stays: it may be begun before this one is read back."""
        by_stamp: dict[str, list[int]] = {}
        for lead in leads:
            by_stamp.setdefault(lead.stamp, []).append(lead.id)
        by_stamp.pop("", None)  # of a lead that could not be read nothing was begun
        for stamp, ids in by_stamp.items():
            self.finish(ids, stamp=stamp)

    def _leads(self, ids: Collection[int]) -> dict[str, str]:
        return {"destination": self.destination, "ids": postgres.array(ids)}
