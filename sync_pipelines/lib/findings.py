"""What an inspection found: right or wrong, and one sentence a person can act on."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One thing that was looked at; a sentence that is not `ok` says what to do."""

    ok: bool
    sentence: str
