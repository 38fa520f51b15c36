"""The columns of both tables of leads, as the two projects describe them."""

from __future__ import annotations

from dataclasses import dataclass

SOURCE, DESTINATION = "TabuladorMax", "Gestão Scouter"
#: The destination's table, as PostgREST names it.
TABLE = "leads"
KEY_SETTING = "GESTAO_SCOUTER_URL and GESTAO_SCOUTER_SERVICE_KEY"
STAMP_TYPES = {"sync_source": "text", "sync_status": "text", "last_sync_at": "timestamp with time zone"}


@dataclass(frozen=True)
class SourceColumn:
    """A column of TabuladorMax. `type` has its precision; `enum` has the labels if it is one."""

    name: str
    type: str
    nullable: bool = True
    has_default: bool = False
    enum: tuple[str, ...] = ()


@dataclass(frozen=True)
class DestinationColumn:
    """A column of Gestão Scouter. `type` has no precision, and is empty if it is unknown."""

    name: str
    type: str
    required: bool = False
    max_length: int | None = None
    enum: tuple[str, ...] = ()
    has_default: bool = False
    is_key: bool = False
