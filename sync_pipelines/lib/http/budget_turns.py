"""The rules of a budget: whether a call may be made now, and when otherwise. Nothing here reads a clock or a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

#: What of a window is kept free: a call reaches the server later than it was granted, and not always equally late. So
#: two calls that were granted 60 s apart may arrive 59 s apart.
MARGIN = 0.025
LEAST_MARGIN = 0.1  # seconds: how late a call is does not depend on the window
#: A party that waits and does not ask when it may call is passed over after so long: its process is dead, or stopped.
GRACE = timedelta(seconds=0.5)
#: How soon a party asks again after it let another one go first.
YIELD = timedelta(seconds=0.05)
#: Parties that were told the same moment ask within so long of each other.
TOGETHER = timedelta(seconds=0.01)
#: In company calls come at least this share of the even distance apart. Otherwise a party with ten threads would take
#: all calls that a burst of a minute ago frees, while a party with one thread waits for its answer.
PACE = 0.9
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Window:
    """At most `calls` within any `seconds` of what the API counts by, the `scope`: an address, a key, a method.

    A scope is stored: give the digest of a key. `margin` is in seconds, by default 2.5 % of the window.
    """

    scope: str
    calls: int
    seconds: float
    margin: float | None = None

    def __post_init__(self) -> None:
        if self.calls < 1 or self.seconds <= 0:
            raise ValueError("A window needs at least one call, and more than no seconds.")

    @property
    def span(self) -> timedelta:
        """How long a granted call counts."""
        margin = max(self.seconds * MARGIN, LEAST_MARGIN) if self.margin is None else self.margin
        return timedelta(seconds=self.seconds + margin)

    @property
    def pace(self) -> timedelta:
        """The distance of calls in company."""
        return timedelta(seconds=PACE * self.seconds / self.calls)


class WindowState(NamedTuple):
    """A window, and when its scope was called."""

    window: Window
    #: The call that has to leave the window before the next one: None while there is room.
    nth_newest: datetime | None
    newest: datetime | None
    blocked_until: datetime | None


class Party(NamedTuple):
    """Who calls: `ready_at` is when it may, if it waits; `served_at` when it last did."""

    name: str
    scopes: Sequence[str]
    seen_at: datetime
    ready_at: datetime | None
    served_at: datetime | None

    @property
    def turn(self) -> tuple[datetime, str]:
        """The smallest goes first: one order for all scopes, or two parties might let each other go first for ever."""
        return self.served_at or _NEVER, self.name

    def is_due(self, now: datetime) -> bool:
        """Whether it waits, may call, and asks for it, as the living do."""
        return self.ready_at is not None and self.ready_at - TOGETHER <= now <= self.ready_at + GRACE


class Situation(NamedTuple):
    """What a party finds when it asks. `others` share a scope with it."""

    now: datetime
    windows: Sequence[WindowState]
    me: Party
    others: Sequence[Party]


class Answer(NamedTuple):
    """When to ask again; None for a call that is granted."""

    ready_at: datetime | None
    is_blocked: bool = False


def decide(situation: Situation) -> Answer:
    """Whether a call is granted: no block, room in every window, and nobody waits whose turn is longer ago."""
    now, windows = situation.now, situation.windows
    blocked = max((state.blocked_until for state in windows if state.blocked_until), default=now)
    if blocked > now:
        return Answer(blocked, is_blocked=True)
    free = max((state.nth_newest + state.window.span for state in windows if state.nth_newest), default=now)
    next_at = max(free, _paced(situation))
    if next_at > now:
        return Answer(next_at)
    if any(other.is_due(now) and other.turn < situation.me.turn for other in situation.others):
        return Answer(now + YIELD)
    return Answer(None)


def _paced(situation: Situation) -> datetime:
    """When the next call in company may be made; by the fastest window, because a quota of a day is no pace."""
    now = situation.now
    in_company = [
        state
        for state in situation.windows
        if state.newest is not None
        and any(
            state.window.scope in other.scopes and other.seen_at > now - state.window.span
            for other in situation.others
        )
    ]
    if not in_company:
        return now
    fastest = min(in_company, key=lambda state: state.window.pace)
    return (fastest.newest or now) + fastest.window.pace


def granted_at(window: Window, calls: Sequence[datetime], start: datetime, number: int) -> datetime:
    """When the `number`-th call from `start` on is granted, after these `calls`, if only the window delays it."""
    frees = sorted(max(called_at + window.span, start) for called_at in sorted(calls)[-window.calls :])
    slots = [start] * (window.calls - len(frees)) + frees
    rounds, slot = divmod(number - 1, window.calls)
    return slots[slot] + rounds * window.span
