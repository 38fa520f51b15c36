"""The JSON body of a request, read strictly: where a lenient reader would guess, this one refuses.

Refused are a key that stands twice, NaN, a number beyond a double, and text that Postgres does not store.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

DEEPEST = 32  # objects and arrays in each other


class BadRequestError(ValueError):
    """The body cannot be used. The message says what it should be, and quotes nothing of it."""


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
    for value, depth in _values(document):
        if depth > DEEPEST:
            raise BadRequestError(f"The body is nested deeper than {DEEPEST} levels.")
        if isinstance(value, str) and not _is_storable(value):
            raise BadRequestError("The body holds a NUL character or half of a surrogate pair.")
    return document


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


def _values(document: Any) -> Iterator[tuple[Any, int]]:
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
