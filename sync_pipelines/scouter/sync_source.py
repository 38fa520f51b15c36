"""The values of `sync_source`: who wrote a lead last, in a dozen spellings (contract of the lead push, section 7)."""

from __future__ import annotations

import re
import unicodedata

_SEPARATORS = re.compile(r"[\s_\-‐-―−.]+")
#: What the push writes.
PUSHED = "tabuladormax"
#: The values of TabuladorMax: the push's, and that of its application.
OURS = (PUSHED, "supabase")


def normalize(value: str) -> str:
    """The value without case, accents, dashes, underscores and spaces: `Gestão-Scouter` becomes `gestaoscouter`."""
    plain = unicodedata.normalize("NFKD", value).casefold()
    return _SEPARATORS.sub("", "".join(char for char in plain if not unicodedata.combining(char)))


def is_ours(value: str | None) -> bool:
    """Whether the value says that TabuladorMax wrote the row."""
    return value is not None and normalize(value) in OURS
