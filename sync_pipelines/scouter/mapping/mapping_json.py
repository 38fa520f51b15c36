"""JSON that people write by hand, where one key may occur twice."""

from __future__ import annotations

import json
from typing import Any


def read_json(text: str | bytes) -> tuple[Any, list[str]]:
    """The document, and the keys that occur twice in one of its objects; ValueError if the text is not JSON.

    The standard reader keeps the last of two values, so one of two sources of a column would be lost without a word.
    """
    repeated: list[str] = []

    def read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        repeated.extend(sorted({name for name in names if names.count(name) > 1}))
        return dict(pairs)

    document = json.loads(text, object_pairs_hook=read_object)
    return document, repeated
