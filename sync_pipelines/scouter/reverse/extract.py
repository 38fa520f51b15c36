"""Collects the changes that Gestão Scouter keeps in its outbox (`sql/outbox.sql`) into our inbox.

At least once: a change is deleted there only after it was stored here. After a crash between the two it comes again,
and the drain finds that nothing differs. No cursor is kept, because what is still there was not stored.
"""

from __future__ import annotations

from typing import NamedTuple

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.http.postgrest import Answer, PostgrestClient
from sync_pipelines.lib.records.inbox import Inbox

READ, FORGET = "sync_read_lead_changes", "sync_forget_lead_changes"
PAGE = 500
_WHAT = "Gestão Scouter's outbox"
#: The text goes to jsonb without passing through Python, which would turn exact numbers into floats.
_STORE = """
with arrived as (
    select change_id, operation, changed_at, lead
    from jsonb_to_recordset(%(changes)s::jsonb)
        as one (change_id bigint, operation text, changed_at timestamptz, lead jsonb)
), stored as (
    insert into ops.inbox (topic, key, source, payload, received_at)
    select
        %(topic)s,
        (lead ->> 'id')::bigint::text,
        'gestaoscouter',
        jsonb_build_object('lead', lead, 'source', 'gestao_scouter', 'operation', operation),
        changed_at
    from arrived order by change_id
)
select count(*), max(change_id) from arrived
"""


class Collected(NamedTuple):
    """How many changes were stored, and whether the outbox is empty now."""

    changes: int
    is_all: bool


def collect(client: PostgrestClient, inbox: Inbox, *, page: int = PAGE, pages: int = 20) -> Collected:
    """Store the changes of the outbox, at most so many pages, in the order of their numbers.

    Raises SyncError; what was read until then is stored.
    """
    stored = 0
    for _ in range(pages):
        answer = _call(client, READ, {"after": 0, "at_most": page})
        if not isinstance(answer.json(), list):
            raise PermanentError(f"{_WHAT} answered {READ} with something else than a list of changes.")
        row = inbox.connection.execute(
            _STORE, {"changes": answer.body.decode(), "topic": inbox.topic}
        ).fetchone()
        count, last = row or (0, None)
        if not count:
            return Collected(stored, True)
        stored += count
        _call(client, FORGET, {"up_to": last})
    return Collected(stored, False)


def _call(client: PostgrestClient, function: str, arguments: dict[str, object]) -> Answer:
    answer = client.rpc(function, arguments)
    problem = client.problem(answer)
    if problem is None:
        return answer
    if problem.code == "PGRST202":
        raise PermanentError(
            f"{_WHAT}: the function {function} is not there, or its schema cache does not know it."
            " Run outbox.sql in that project."
        )
    raise problem.error(f"{_WHAT} ({function})", setting="GESTAO_SCOUTER_SERVICE_KEY")
