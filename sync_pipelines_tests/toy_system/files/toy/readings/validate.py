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
    for id, celsius in rows:
        if celsius is not None and _NUMBER.fullmatch(celsius):
            good.append((int(id), Decimal(celsius)))
        else:
            rejects.append(
                RejectedRow(
                    partition_key=partition_key,
                    locator={"id": int(id)},
                    value=celsius,
                    rule="celsius_is_a_number",
                    reason=f"reading {id}: celsius is not a number such as 21.5",
                    raw={"id": id, "celsius": celsius},
                )
            )
    return good, rejects
