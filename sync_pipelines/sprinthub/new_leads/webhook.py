"""The webhook for new leads: it stores which lead the CRM speaks of, and answers.

Nothing of the body is used but the lead's number: its shape is the CRM's own (no contract of it is known), and the
drain reads the lead itself. The inbox keeps the text as it came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sync_pipelines.lib.http.endpoints import Answer, Call
from sync_pipelines.lib.http.request_json import BadRequestError
from sync_pipelines.lib.records.inbox import Arrival
from sync_pipelines.lib.records.inbox_pool import UnstorableError
from sync_pipelines.sprinthub.leads.lead_number import as_lead_number
from sync_pipelines.sprinthub.new_leads.inbox import TOPIC

SOURCE = "crm"

#: The steps to a value: names of objects, numbers of list items.
Path = Sequence[str]


@dataclass(frozen=True)
class LeadWebhook:
    """Takes calls whose body has a lead's number under one of `paths`; the first that leads to a value counts."""

    paths: Sequence[Path]

    def receive(self, call: Call) -> Answer:
        """Store the arrival. Raises BadRequestError for what is none, SyncError if it was not stored."""
        lead_id = read_lead_id(call.document, self.paths)
        try:
            call.inbox.add(TOPIC, Arrival(key=str(lead_id), source=SOURCE, payload=call.text))
        except UnstorableError as error:
            raise BadRequestError(str(error)) from None
        return Answer(200, {"success": True, "message": "Stored; it is read soon.", "leadId": lead_id})


def read_lead_id(document: object, paths: Sequence[Path]) -> int:
    """The lead's number in the body of a call; raises BadRequestError, which names paths and no value."""
    for path in paths:
        value = _value(document, path)
        if value is not None:
            return _lead_id(value, path)
    wanted = " or ".join(map(_name, paths))
    raise BadRequestError(f"The body has no lead's number at {wanted} (SPRINTHUB_WEBHOOK_LEAD_ID).")


def _value(document: object, path: Path) -> object:
    """What stands at the path; None if nothing does."""
    for step in path:
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.isdecimal():
            if len(document) > 1:
                # One number is read of each body, so the other leads would be lost without a word.
                raise BadRequestError(f"The body has several items in the list of {_name(path)}; send one.")
            document = document[int(step)] if int(step) < len(document) else None
        else:
            return None
    return document


def _lead_id(value: object, path: Path) -> int:
    # Zeros in front are a matter of writing: what the number means, the CRM says when the lead is read.
    found = as_lead_number(value.lstrip("0") if isinstance(value, str) else value)
    if found is None:
        raise BadRequestError(f"{_name(path)} must be a whole number above zero that fits a bigint.")
    return found


def _name(path: Path) -> str:
    return ".".join(path)
