"""What a person accepts when starting a run: words for what a run otherwise stops at or leaves alone."""

from __future__ import annotations

from collections.abc import Collection

from sync_pipelines.lib.failures import PermanentError


def known_words(accept: Collection[str], known: Collection[str]) -> frozenset[str]:
    """The accepted words. Raises PermanentError if one of them is not known."""
    if unknown := sorted(set(accept) - set(known)):
        raise PermanentError(f"accept names {', '.join(unknown)}; what can be decided is {', '.join(known)}.")
    return frozenset(accept)
