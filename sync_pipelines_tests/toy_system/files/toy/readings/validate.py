"""A reading is a number with a point, such as `21.5`; anything else is a reject, never a guess."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from sync_pipelines.lib.records.rejects import RejectedRow
from sync_pipelines.toy.readings.extract import Row

_NUMBER = re.compile(r"-?\d{1,4}(\.\d{1,4})?")


def split(rows: Iterable[Row], partition_key: str) -> tuple[list[tuple[int, Decimal]], list[RejectedRow]]:
    """The readings that can be loaded, and the rejects."""
    good: list[tuple[int, Decimal]] = []
    rejects: list[RejectedRow] = []
    for row in rows:
        celsius = row.get("celsius")
        if isinstance(celsius, str) and _NUMBER.fullmatch(celsius):
            good.append((int(row["id"]), Decimal(celsius)))
        else:
            rejects.append(
                RejectedRow(
                    partition_key=partition_key,
                    locator={"id": row["id"]},
                    value=None if celsius is None else str(celsius),
                    rule="celsius_is_a_number",
                    reason=f"reading {row['id']}: celsius is not a number such as 21.5",
                    raw=row,
                )
            )
    return good, rejects
