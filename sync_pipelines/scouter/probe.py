"""Where a test acts in the middle of a push."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

#: `before_commit`: what the next commit counts is at the destination, and nothing is written about it yet.
Moment = Literal["before_commit"]
#: Production passes `no_probe`; a test kills, pauses or changes things in its own.
Probe = Callable[[Moment], object]


def no_probe(moment: Moment) -> None:
    """Do nothing."""
