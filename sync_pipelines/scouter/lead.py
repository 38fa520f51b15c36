"""A lead of TabuladorMax: its position in the export, what is sent of it, and why it was rejected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sync_pipelines.lib import exact_json
from sync_pipelines.lib.http.postgrest import Problem

#: The topic of the inbox under which changes of leads wait.
TOPIC = "scouter/leads"


class Position(NamedTuple):
    """A lead's place in the order of an export: newest first, by id among equal times."""

    updated_at: datetime | None
    id: int


@dataclass(frozen=True)
class Lead:
    """A lead as it is sent: `body` is the JSON text of its mapped fields and stamps.

    Its times are texts as the database writes them, because some are outside Python's range (infinity, the year 20225).
    `field_hashes` is only filled where the reverse sync is on (`mapping.field_hashes`), and of what is sent.
    `is_suspect`: by the destination's types the row will be rejected. `is_new`: the last-synced state does not know it.
    """

    id: int
    updated_at: str | None
    content_hash: UUID
    body: str
    created_at: str | None = None
    is_suspect: bool = False
    is_new: bool = False
    field_hashes: str = ""
    #: The `last_sync_at` in its body.
    stamp: str = ""


#: The hash of a lead that could not even be read.
NO_CONTENT = UUID(int=0)


def unreadable(lead_id: int) -> Lead:
    """A lead of which only the number is known."""
    return Lead(id=lead_id, updated_at=None, content_hash=NO_CONTENT, body="{}")


class Rejected(NamedTuple):
    """A lead that is not at the destination: the server rejected it with `problem`, or (None) we held it."""

    lead: Lead
    problem: Problem | None
    reason: str


class Conditional(NamedTuple):
    """A lead that is written only if the row there is still of this version; `columns` are those that differ."""

    lead: Lead
    version: str | None
    columns: tuple[str, ...]

    @property
    def body(self) -> str:
        """The part of the lead that is written, with the stamps."""
        whole = exact_json.loads(self.lead.body)
        return exact_json.dumps({name: whole[name] for name in self.columns})
