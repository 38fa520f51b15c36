"""Where a test acts in the middle of a push, or of a drain of the inbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

#: Push, `before_commit`: what the next commit counts is at the destination, and nothing is written about it yet.
#: Drain: `decided` and `applied` are not committed yet; after `committed` the inbox does not know of it; `recorded`.
Moment = Literal["before_commit", "decided", "applied", "committed", "recorded"]
#: Production passes `no_probe`; a test kills, pauses or changes things in its own.
Probe = Callable[[Moment], object]


def no_probe(moment: Moment) -> None:
    """Do nothing."""
