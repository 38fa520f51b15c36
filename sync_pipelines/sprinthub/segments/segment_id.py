"""A segment's number: what the control table's column holds, and a partition key as text."""

from __future__ import annotations

import re

from sync_pipelines.lib.failures import PermanentError

#: The column is an `integer`.
LARGEST = 2**31 - 1
_NUMBER = re.compile(r"[0-9]{1,10}")


def is_segment_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST


def segment_id(value: int | str) -> int:
    """The number that a person or a partition key gives. Raises PermanentError for what cannot be one."""
    number = int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
    if isinstance(number, str) or not is_segment_id(number):
        raise PermanentError(
            f"Segment {str(value)[:40]!r}: the number of a segment is a whole number from 1 to {LARGEST}."
        )
    return number
