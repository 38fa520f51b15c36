"""Who wrote a lead last, as `sync_source` says it in a dozen spellings (contract of the lead push, section 7)."""

from __future__ import annotations

import re
import unicodedata

_BETWEEN = re.compile(r"[\s_\-‐-―−.]+")
#: Marks of TabuladorMax itself: the push stamps the first, its application writes the second.
OURS = ("tabuladormax", "supabase")


def normalised(mark: str) -> str:
    """A mark without case, accents, dashes, underscores and spaces: `Gestão-Scouter` is `gestaoscouter`."""
    plain = unicodedata.normalize("NFKD", mark).casefold()
    return _BETWEEN.sub("", "".join(char for char in plain if not unicodedata.combining(char)))


def is_of_ours(mark: str | None) -> bool:
    """Whether a mark says that the row was written by TabuladorMax."""
    return mark is not None and normalised(mark) in OURS
