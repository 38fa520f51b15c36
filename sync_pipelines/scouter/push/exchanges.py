"""The last accepted exchange of each lead, in our own database: what need not be sent, and what an echo looks like.

Written when a lead was read back equal, and without waiting for the disk: what a crash takes from here is sent once
more, which is harmless; nothing is ever believed to be there that is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sync_pipelines.lib import postgres
from sync_pipelines.scouter.push.leads import Lead

Direction = Literal["pushed", "taken_back"]


class Known(NamedTuple):
    """What was last exchanged of some leads, as the texts of three arrays: they go from one database to the other."""

    ids: str = "{}"
    hashes: str = "{}"
    times: str = "{}"


#: For the connection: see above, and times as every database reads them.
SESSION = {"synchronous_commit": "off", "DateStyle": "ISO"}


@dataclass(frozen=True)
class Exchanges:
    """The exchanges with one destination, known by its address."""

    connection: postgres.Connection
    destination: str

    def known(self, ids: Sequence[int]) -> Known:
        row = self.connection.execute(
            "select array_agg(lead_id)::text, array_agg(content_hash)::text, array_agg(updated_at)::text"
            " from ops.lead_exchanges where destination = %s and lead_id = any(%s::bigint[])",
            (self.destination, postgres.array(ids)),
        ).fetchone()
        return Known(*row) if row and row[0] else Known()

    def record(self, leads: Iterable[Lead], *, run_id: str, direction: Direction = "pushed") -> None:
        """Remember what was accepted and proved."""
        newest = {lead.id: lead for lead in leads}
        if not newest:
            return
        self.connection.execute(
            "insert into ops.lead_exchanges"
            " (destination, lead_id, content_hash, updated_at, direction, run_id)"
            " select %s, lead_id, content_hash, updated_at, %s, %s"
            " from unnest(%s::bigint[], %s::uuid[], %s::timestamptz[]) as sent (lead_id, content_hash, updated_at)"
            " on conflict (destination, lead_id) do update set content_hash = excluded.content_hash,"
            " updated_at = excluded.updated_at, direction = excluded.direction, run_id = excluded.run_id,"
            " exchanged_at = now()",
            (
                self.destination,
                direction,
                run_id,
                postgres.array(newest),
                postgres.array(lead.content_hash for lead in newest.values()),
                postgres.array(lead.updated_at for lead in newest.values()),
            ),
        )

    def forget(self, ids: Collection[int]) -> None:
        """Send these again next time: the destination does not hold what it accepted."""
        if not ids:
            return
        with self.connection.transaction():
            # This one must outlive a crash.
            self.connection.execute("set local synchronous_commit = on")
            self.connection.execute(
                "delete from ops.lead_exchanges where destination = %s and lead_id = any(%s)",
                (self.destination, list(ids)),
            )
