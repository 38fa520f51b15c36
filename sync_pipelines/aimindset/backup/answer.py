"""The answer of `backup_all_data()`, read strictly (contract, section 3.1).

The function does not raise on ordinary failures: it returns `success=false`. Its messages decide nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sync_pipelines.aimindset.backup.coverage import COVERED
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.redaction import redact


@dataclass(frozen=True)
class Answer:
    """A success: the backup's id, and by the answer's keys how many rows the function counts as copied."""

    backup_id: str
    counts: Mapping[str, int]
    total: int


class FunctionFailedError(PermanentError):
    """The function returned `success=false`: the rows that it wrote about the failure must be kept."""


class AnswerError(PermanentError):
    """The answer has another form: what the function did is unknown."""


def parse(returned: object) -> Answer:
    """Read an answer. Raises FunctionFailedError or AnswerError."""
    answer = _object(returned)
    success = answer.get("success")
    if success is False:
        error = str(answer.get("error") or answer.get("message") or "without saying why")
        raise FunctionFailedError(f"backup_all_data() failed: {_without_values(redact(error))[:500]}.")
    if success is not True:
        said = "nothing" if "success" not in answer else f"{success!r:.40}"
        raise AnswerError(f"backup_all_data() says {said} where success should be true or false.")
    # Earlier versions kept the counts in `details` and had another name for the total.
    nested = answer.get("details")
    values = {**(nested if isinstance(nested, dict) else {}), **answer}
    counts = {table.count_key: _count(values, table.count_key) for table in COVERED}
    total = _count(values, "total_records" if "total_records" in values else "records_affected")
    if total != sum(counts.values()):
        raise AnswerError(
            f"backup_all_data() counts {total} records in all and {sum(counts.values())} one by one."
        )
    return Answer(_backup_id(values.get("backup_id")), counts, total)


def _without_values(error: str) -> str:
    """Cut the values that the database quotes (`invalid input syntax for type uuid: "…"`): the text goes into mails."""
    return re.sub(r"\S+@\S+", "…", re.sub(r'(: |\bvalue |Key )["(\'].*["\')]', r'\1"…"', error))


def _object(returned: object) -> dict[str, object]:
    value = returned
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = returned
    if not isinstance(value, dict):
        raise AnswerError(f"backup_all_data() returned {type(value).__name__} instead of an object.")
    return value


def _count(values: Mapping[str, object], key: str) -> int:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise AnswerError(f"backup_all_data() gives no whole number as {key}.")
    return value


def _backup_id(value: object) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise AnswerError("backup_all_data() gives no uuid as backup_id.") from None
