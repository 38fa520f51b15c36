"""The one table of what PostgREST 12.0.2 does otherwise than a server of today: each line is (12.0.2, today)."""

from __future__ import annotations

from typing import Any, Final

DIFFERENCES: Final[dict[str, tuple[Any, Any]]] = {
    # Unknown things: asked of the database once, of the cache today.
    "unknown table, read": ((404, "42P01"), (404, "PGRST205")),
    "unknown table, written": ((404, None), (404, "PGRST205")),
    "unknown column": (
        "Column 'abelha' of relation 'things' does not exist",
        "Could not find the 'abelha' column of 'things' in the schema cache",
    ),
    # A condition on the rows of a function could only be on a column that is selected.
    "condition on what is not selected": (400, 200),
    "path of three parts": ((404, None), (404, "PGRST125")),
    # Tokens.
    "expired token": ((401, "PGRST301"), (401, "PGRST303")),
    "unknown role": ((400, "22023"), (401, "22023")),
    # Words that came later.
    "is.not_null": (400, 200),
    "too many affected": ((400, "PGRST122"), (400, "PGRST124")),
    # Statuses that changed.
    "same key twice": ((400, "21000"), (500, "21000")),
    "media type": ((415, "PGRST107"), (406, "PGRST107")),
    "53400": (503, 500),
    "54000": (413, 500),
    "21000": (400, 500),
    # Names of whole numbers in the document.
    "smallint": ("smallint", "int32"),
    "integer": ("integer", "int32"),
    "bigint": ("bigint", "int64"),
}
#: The library below 12.0.2 repeats such a transaction for ever while the client waits; today it is a 500.
NEVER_ANSWERED_BY_12 = ("40001", "40P01")
