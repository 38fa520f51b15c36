"""The first run with the reverse sync on: leads that were pushed before it get the base that they lack.

A lead that has not changed here since its last push is at Gestão Scouter as it is here, or somebody changed it there:
in both cases what stands here is the base. Of the others nothing is known but their content as a whole.
"""

from __future__ import annotations

from sync_pipelines.lib import postgres
from sync_pipelines.scouter.field_bases import FieldBases
from sync_pipelines.scouter.reverse.statements import Statements

PAGE = 1000


def adopt(bases: FieldBases, leads: postgres.Connection, statements: Statements) -> int:
    """Give every lead without a base one, if it is as the last push left it; returns how many.

    A lead is looked at once: what is found, or that nothing was, is kept.
    """
    adopted = 0
    while without := bases.without_fields(PAGE):
        found: dict[int, str] = dict(
            leads.execute(
                statements.take_base,
                {"ids": postgres.array(without), "contents": postgres.array(without.values())},
            ).fetchall()
        )
        bases.adopt({lead_id: found.get(lead_id) for lead_id in without})
        adopted += len(found)
    return adopted
