"""What the webhook of the way back may be sent: one change of one lead (contract of the lead push, section 7).

Strict where a lenient reading would guess: a key that stands twice, NaN, a number beyond a double, an id that is no
whole number. The inbox keeps the text as it came; nothing here looks into a lead beyond its id.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sync_pipelines.scouter.sync_source import is_ours, normalize

DEEPEST = 32  # objects and arrays in each other
LONGEST_SOURCE = 64
LARGEST_ID = 2**63 - 1
DEFAULT_SOURCE = "gestao_scouter"
_DIGITS = re.compile(r"[0-9]{1,19}")
#: As the trigger of the other side spells them (TG_OP).
_WRITES = {"INSERT", "UPDATE"}


class BadRequestError(ValueError):
    """The body cannot be used; the message says what it should be, and quotes nothing of it."""


class LeadChange(NamedTuple):
    """A change to be kept: `text` is the whole body as it came."""

    source: str
    lead_id: int
    text: str


class Ignored(NamedTuple):
    """A request that is well formed and writes nothing."""

    reason: str


def parse(body: bytes) -> Any:
    """The JSON document of a body; raises BadRequestError."""
    try:
        document = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_float=_number,
        )
    except BadRequestError:
        raise
    except UnicodeDecodeError:
        raise BadRequestError("The body is not UTF-8.") from None
    except RecursionError:
        raise BadRequestError(f"The body is nested deeper than {DEEPEST} levels.") from None
    except ValueError:
        raise BadRequestError("The body is not valid JSON.") from None
    for value, depth in _walk(document):
        if depth > DEEPEST:
            raise BadRequestError(f"The body is nested deeper than {DEEPEST} levels.")
        if isinstance(value, str) and not _is_storable(value):
            raise BadRequestError("The body holds a NUL character or half of a surrogate pair.")
    return document


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


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadRequestError("The body has an object in which a key stands twice.")
    return found


def _refuse_constant(_: str) -> float:
    raise BadRequestError("The body holds NaN or Infinity, which JSON does not know.")


def _number(text: str) -> float:
    # Postgres would take 1e100000 into a jsonb, and write it out with all its zeros.
    number = float(text)
    if math.isinf(number):
        raise BadRequestError("The body holds a number that is too large.")
    return number


def _is_storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _walk(document: Any) -> Iterator[tuple[Any, int]]:
    """Every value and key of a document with the number of containers around it; not recursive."""
    waiting = [(document, 0)]
    while waiting:
        value, depth = waiting.pop()
        yield value, depth
        if isinstance(value, dict):
            waiting.extend((key, depth + 1) for key in value)
            waiting.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            waiting.extend((item, depth + 1) for item in value)
