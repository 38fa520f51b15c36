"""The first run with the reverse sync on: leads that were pushed before it get the base that they lack.

A lead that has not changed here since its last push is at Gestão Scouter as it is here, or somebody changed it there:
in both cases what stands here is the base. Of the others nothing is known but their content as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sync_pipelines.lib import postgres
from sync_pipelines.scouter.field_bases import FieldBases
from sync_pipelines.scouter.lead import NO_CONTENT
from sync_pipelines.scouter.reverse.statements import Statements

PAGE = 1000


def adopt(bases: FieldBases, leads: postgres.Connection, statements: Statements) -> int:
    """Give every lead without a base one, if it is as the last push left it; returns how many.

    A lead is looked at once: what is found, or that nothing was, is kept.
    """
    adopted = 0
    while without := _without_fields(bases):
        found: dict[int, str] = dict(
            leads.execute(
                statements.take_base,
                {"ids": postgres.array(without), "contents": postgres.array(without.values())},
            ).fetchall()
        )
        _keep(bases, {lead_id: found.get(lead_id) for lead_id in without})
        adopted += len(found)
    return adopted


def _without_fields(bases: FieldBases) -> dict[int, UUID]:
    """Leads that were pushed without a record of their fields, each with the hash of its content."""
    rows = bases.connection.execute(
        "select lead_id, content_hash from ops.lead_exchanges"
        " where destination = %s and fields is null and content_hash <> %s limit %s",
        (bases.destination, NO_CONTENT, PAGE),
    ).fetchall()
    return dict(rows)


def _keep(bases: FieldBases, hashes: Mapping[int, str | None]) -> None:
    """Record the fields of such leads; None says that nothing is known of them."""
    with bases.connection.transaction():
        bases.keep_list()
        bases.connection.execute(
            "update ops.lead_exchanges as known set field_list = %s, fields = found.fields,"
            " history = null, stamp = null, seen_digest = null"
            " from unnest(%s::bigint[], %s::text[]) as found (lead_id, fields)"
            " where known.destination = %s and known.lead_id = found.lead_id and known.fields is null",
            (
                bases.fields.id,
                postgres.array(hashes),
                postgres.array(text or bases.fields.write({}) for text in hashes.values()),
                bases.destination,
            ),
        )
        # What was about to be written before was written over by a push that keeps no fields.
        bases.writes.finish(hashes)
