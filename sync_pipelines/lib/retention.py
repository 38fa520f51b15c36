"""Which copies stay: the newest proved one of each of the last days, weeks and months, and never too few.

Pure: it plans and drops nothing. Days, ISO weeks and months are those of a time zone. Only proved copies fill a
place in a tier, so a copy that proves nothing never pushes out one that does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

#: How long a copy that was not proved stays for a person to look at.
UNPROVED_AGE = timedelta(days=1)
_TIERS: dict[str, Callable[[datetime], str]] = {
    "daily": lambda moment: f"{moment:%Y-%m-%d}",
    "weekly": lambda moment: f"{moment:%G-W%V}",
    "monthly": lambda moment: f"{moment:%Y-%m}",
}
_WRITTEN = re.compile(r"(\d+) (daily|weekly|monthly)|at least (\d+)")


class Candidate(NamedTuple):
    """A copy, when it was made (aware), and whether it was proved."""

    name: str
    made_at: datetime
    proved: bool


@dataclass(frozen=True)
class Policy:
    """How many days, weeks and months keep a copy, and how many proved copies stay in any case."""

    daily: int
    weekly: int
    monthly: int
    minimum: int

    @classmethod
    def parse(cls, text: str) -> Policy:
        """Read `7 daily, 4 weekly, 12 monthly, at least 3`; a ValueError says what is wrong with the text."""
        counts: dict[str, int] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            found = _WRITTEN.fullmatch(part)
            if found is None or (found[2] or "minimum") in counts:
                raise ValueError(
                    f"does not say what {part!r} keeps; write it like `7 daily, 4 weekly, 12 monthly, at least 3`"
                )
            counts[found[2] or "minimum"] = int(found[1] or found[3])
        if counts.get("minimum", 0) < 1:
            raise ValueError("must end with `at least 1` or more, so that a copy always stays")
        return cls(*(counts.get(name, 0) for name in ("daily", "weekly", "monthly", "minimum")))


@dataclass(frozen=True)
class Plan:
    """What stays, each with its reasons, and what goes, the oldest first."""

    keep: dict[str, tuple[str, ...]]
    drop: tuple[str, ...]

    def sentences(self) -> list[str]:
        """The plan for a person to read before anything is dropped."""
        return [
            *(f"keep {name}: {', '.join(reasons)}" for name, reasons in self.keep.items()),
            *(f"drop {name}" for name in self.drop),
        ]


def plan(candidates: Iterable[Candidate], policy: Policy, *, zone: tzinfo, now: datetime) -> Plan:
    """Decide of each copy whether it stays; `now` is aware, names are distinct."""
    copies = sorted(candidates, key=lambda copy: (copy.made_at, copy.name), reverse=True)
    reasons: dict[str, list[str]] = {copy.name: [] for copy in copies}
    # A clock that ran ahead must not fill the places of honest days.
    proved = [copy for copy in copies if copy.proved and copy.made_at <= now]
    for tier, period_of in _TIERS.items():
        filled: set[str] = set()
        for copy in proved:
            period = period_of(copy.made_at.astimezone(zone))
            if period not in filled and len(filled) < getattr(policy, tier):
                filled.add(period)
                reasons[copy.name].append(f"{tier} {period}")
    for copy in proved[: policy.minimum]:
        reasons[copy.name].append(f"among the newest {policy.minimum}")
    for copy in copies:
        if copy.made_at > now:
            reasons[copy.name].append("dated in the future")
        elif not copy.proved and (not proved or copy.made_at > min(proved[0].made_at, now - UNPROVED_AGE)):
            reasons[copy.name].append("not proved, for a person to look at")
    return Plan(
        {name: tuple(why) for name, why in reasons.items() if why},
        tuple(copy.name for copy in reversed(copies) if not reasons[copy.name]),
    )
