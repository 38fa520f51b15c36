"""The rejects: source rows that could not be used, kept with their raw content.

Grain: one row of `ops.rejects` a broken rule. The locator says where the value stands in its source: row and column
of a sheet, the number of a lead, the key of a document.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from psycopg.types.json import Jsonb

from sync_pipelines.lib.records.connection import OpsDatabase

#: Where a rejected value stands in its source: {"row": 12, "column": "Valor"} of a sheet, {"id": 7} of a record.
Locator = Mapping[str, str | int]
#: Levels of a raw value that are kept; Python's stack bears a few hundred.
_DEEPEST = 100


@dataclass(frozen=True)
class RejectedRow:
    """A source row that could not be used, one entry a broken rule."""

    partition_key: str | None
    locator: Locator
    value: str | None
    rule: str
    reason: str
    raw: Mapping[str, object]


@dataclass(frozen=True)
class Rejects:
    """`ops.rejects`: the rejected rows of all assets."""

    database: OpsDatabase

    def record(
        self, asset: str, rows: Iterable[RejectedRow], *, run_id: str, landed_id: int | None = None
    ) -> None:
        """Keep rejected rows, all of them or none; `landed_id` is the landed file that holds them, if one does."""
        self.database.insert_all(
            "insert into ops.rejects (asset, run_id, landed_id, partition_key, locator, source_row, column_name,"
            " value, rule, reason, raw) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    asset,
                    run_id,
                    landed_id,
                    row.partition_key,
                    _json(row.locator),
                    # Queries from before the locator read these two columns.
                    _row_number(row.locator),
                    storable(row.locator.get("column")),
                    storable(row.value),
                    row.rule,
                    row.reason,
                    _json(row.raw),
                )
                for row in rows
            ],
        )


def _row_number(locator: Locator) -> int | None:
    """The row of a sheet; None where a source counts its rows otherwise, because `source_row` is an integer."""
    number = locator.get("row")
    return number if isinstance(number, int) and abs(number) < 2**31 else None


def storable(value: Any, *, depth: int = 0) -> Any:
    """A value without what Postgres cannot hold, inside of it too: NUL, halves of surrogate pairs, NaN and infinity."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if depth > _DEEPEST:
        return "(nested too deep to be kept)"
    if isinstance(value, Mapping):
        return {storable(name): storable(inside, depth=depth + 1) for name, inside in value.items()}
    if isinstance(value, list | tuple):
        return [storable(inside, depth=depth + 1) for inside in value]
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def _json(content: Mapping[str, object]) -> Jsonb:
    return Jsonb(storable(content), dumps=_dumps)


def _dumps(value: object) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)
