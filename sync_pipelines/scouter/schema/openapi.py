"""The columns of the destination, read from the OpenAPI document of PostgREST.

The document shows neither precision nor unique keys but the primary one, and it is as stale as the schema cache that
writes use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.scouter.mapping.column_types import base_type
from sync_pipelines.scouter.schema.columns import DESTINATION, KEY_SETTING, TABLE, DestinationColumn

#: The Postgres type of an OpenAPI type, for a property without a format.
_TYPES = {"string": "text", "integer": "integer", "number": "numeric", "boolean": "boolean"}
_HIDDEN = (401, 403, 404, 406)


@dataclass(frozen=True)
class Described:
    """The columns that the document shows; None, with a note, if the server does not show a document."""

    columns: Mapping[str, DestinationColumn] | None
    note: str = ""


def describe(client: PostgrestClient) -> Described:
    """Read the OpenAPI document. Raises SyncError if the server does not answer, or answers something else."""
    answer = client.request("GET", "/", headers={"Accept": "application/openapi+json"})
    problem = client.problem(answer)
    if problem is None:
        columns = parse_openapi(answer.json(), TABLE)
        return Described({} if columns is None else columns)
    if problem.status in _HIDDEN and problem.kind != "transient":
        return Described(
            None,
            f"The OpenAPI document of {DESTINATION} is not available ({problem}): only the names of the columns could"
            " be looked at, by a probe, and not their types.",
        )
    raise problem.error(DESTINATION, setting=KEY_SETTING)


def parse_openapi(document: object, table: str = "leads") -> dict[str, DestinationColumn] | None:
    """The columns of a table in an OpenAPI document; None if the document does not have the table.

    Raises PermanentError if it is no OpenAPI document: that is never an empty schema.
    """
    definitions = document.get("definitions") if isinstance(document, dict) else None
    if not isinstance(definitions, dict):
        raise PermanentError(f"{DESTINATION}: what its root answers is no OpenAPI document.")
    described = definitions.get(table)
    if not isinstance(described, dict):
        return None
    required = set(described.get("required") or ())
    properties = described.get("properties") or {}
    return {name: _column(name, found, name in required) for name, found in properties.items()}


def _column(name: str, found: Mapping[str, Any], required: bool) -> DestinationColumn:
    # Newer servers write int32 for smallint too, so a smallint looks like an integer.
    kind = base_type(str(found.get("format") or _TYPES.get(str(found.get("type")), "")))
    length = found.get("maxLength")
    return DestinationColumn(
        name=name,
        type=kind,
        required=required,
        max_length=int(length) if isinstance(length, int | str) and str(length).isdigit() else None,
        enum=tuple(map(str, found.get("enum") or ())),
        has_default="default" in found,
        is_key="<pk/>" in str(found.get("description") or ""),
    )
