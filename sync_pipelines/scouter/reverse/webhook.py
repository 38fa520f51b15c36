"""The webhook of the reverse sync: one change of one lead (contract of the lead push, section 7).

It stores and answers, and decides nothing: only the drain, which sees many changes under one lock, can tell an echo or
an old version. So no answer says `skipped`; ops.inbox says what became of a change. The inbox keeps the text as it
came, and nothing here looks into a lead beyond its id.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from sync_pipelines.lib.http.endpoints import Answer, Call
from sync_pipelines.lib.http.request_json import BadRequestError
from sync_pipelines.lib.records.inbox import Arrival
from sync_pipelines.lib.records.inbox_pool import UnstorableError
from sync_pipelines.scouter.lead import TOPIC
from sync_pipelines.scouter.sync_source import is_ours, normalize

LONGEST_SOURCE = 64
LARGEST_ID = 2**63 - 1
DEFAULT_SOURCE = "gestao_scouter"
_DIGITS = re.compile(r"[0-9]{1,19}")
#: As the trigger of the other side spells them (TG_OP).
_WRITES = {"INSERT", "UPDATE"}


class LeadChange(NamedTuple):
    """A change to store: `text` is the whole body as it came."""

    source: str
    lead_id: int
    text: str


class Ignored(NamedTuple):
    """A request that is well formed and writes nothing."""

    reason: str


def receive_change(call: Call) -> Answer:
    """Store a change. Raises BadRequestError for what is none, SyncError if it was not stored: never a 200 then."""
    change = read_change(call.document, call.text)
    if isinstance(change, Ignored):
        return Answer(200, {"success": True, "message": f"Ignored: {change.reason}."})
    try:
        call.inbox.add(TOPIC, Arrival(key=str(change.lead_id), source=change.source, payload=change.text))
    except UnstorableError as error:
        raise BadRequestError(str(error)) from None
    return Answer(200, {"success": True, "message": "Stored; it is applied soon.", "leadId": change.lead_id})


def read_change(document: Any, text: str) -> LeadChange | Ignored:
    """What a document of the webhook asks for; raises BadRequestError."""
    if not isinstance(document, dict):
        raise BadRequestError('The body must be an object such as {"lead": {…}, "source": "gestao_scouter"}.')
    leads = [document[name] for name in ("lead", "ficha") if document.get(name) is not None]
    if len(leads) > 1:
        raise BadRequestError('The body has both "lead" and "ficha"; send one of them.')
    lead = leads[0] if leads else None
    if not isinstance(lead, dict):
        raise BadRequestError('"lead" is missing or is not an object.')
    source = document.get("source")
    source = DEFAULT_SOURCE if source is None else source
    if not isinstance(source, str) or not 0 < len(source) <= LONGEST_SOURCE:
        raise BadRequestError(f'"source" must be a text of at most {LONGEST_SOURCE} characters.')
    if is_ours(source):
        return Ignored("the change came from TabuladorMax itself")
    operation = document.get("operation")
    operation = "UPDATE" if operation is None else operation
    if not isinstance(operation, str) or operation.upper() not in {*_WRITES, "DELETE"}:
        raise BadRequestError('"operation" must be INSERT, UPDATE or DELETE.')
    lead_id = _lead_id(lead.get("id"))
    if operation.upper() == "DELETE":
        return Ignored("deletes do not travel back to TabuladorMax")
    return LeadChange(normalize(source) or DEFAULT_SOURCE, lead_id, text)


def _lead_id(value: object) -> int:
    if value is None:
        raise BadRequestError('"lead.id" is missing.')
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LARGEST_ID:
        raise BadRequestError('"lead.id" must be a whole number above zero that fits a bigint.')
    return value
