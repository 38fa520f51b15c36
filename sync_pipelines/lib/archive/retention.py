"""Which copies stay: the newest proved one of each of the last days, weeks and months, and never too few.

It plans and drops nothing. Days, ISO weeks and months are those of a time zone. Only proved copies of the daily
backup fill a place in a tier: one that proves nothing never pushes out one that does, and neither does a safety
copy, which holds the very state that a person wanted to be rid of. That a copy was proved is what a book says; before
anything goes, `plan_by_looking` looks at what would stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

#: How long a copy that was not proved stays for a person to look at.
UNPROVED_AGE = timedelta(days=1)
#: How long what was there before a restore stays.
SAFETY_AGE = timedelta(days=7)
DAILY = "daily"
_TIERS: dict[str, Callable[[datetime], str]] = {
    "daily": lambda moment: f"{moment:%Y-%m-%d}",
    "weekly": lambda moment: f"{moment:%G-W%V}",
    "monthly": lambda moment: f"{moment:%Y-%m}",
}
_WRITTEN = re.compile(r"(\d+) (daily|weekly|monthly)|at least (\d+)")


class Candidate(NamedTuple):
    """A copy, when it was made (aware), and whether it was proved.

    `purpose` is DAILY for what fills the places of a policy. `pinned`: a person said that it stays. `altered` says
    what is wrong with a copy that was proved and is no longer what it was: it fills no place, and stays.
    """

    name: str
    made_at: datetime
    proved: bool
    purpose: str = DAILY
    pinned: bool = False
    altered: str | None = None


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
    #: What is wrong with copies that are no longer as they were proved, by name.
    altered: dict[str, str] = field(default_factory=dict)

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
    counting = [
        copy
        for copy in copies
        if copy.proved and copy.altered is None and copy.purpose == DAILY and copy.made_at <= now
    ]
    for tier, period_of in _TIERS.items():
        filled: set[str] = set()
        for copy in counting:
            period = period_of(copy.made_at.astimezone(zone))
            if period not in filled and len(filled) < getattr(policy, tier):
                filled.add(period)
                reasons[copy.name].append(f"{tier} {period}")
    for copy in counting[: policy.minimum]:
        reasons[copy.name].append(f"among the newest {policy.minimum}")
    newest = counting[0].made_at if counting else None
    for copy in copies:
        if other := _stays_anyway(copy, newest, now):
            reasons[copy.name].append(other)
    return Plan(
        {name: tuple(why) for name, why in reasons.items() if why},
        tuple(copy.name for copy in reversed(copies) if not reasons[copy.name]),
        {copy.name: copy.altered for copy in copies if copy.altered is not None},
    )


def _stays_anyway(copy: Candidate, newest: datetime | None, now: datetime) -> str | None:
    """Why a copy stays that fills no place; `newest` is when the newest that fills one was made."""
    if copy.altered is not None:
        return f"no longer as it was proved ({copy.altered}), for a person to look at"
    if copy.pinned:
        return "pinned by a person"
    if copy.made_at > now:
        return "dated in the future"
    if not copy.proved and (newest is None or copy.made_at > min(newest, now - UNPROVED_AGE)):
        return "not proved, for a person to look at"
    if (
        copy.proved
        and copy.purpose != DAILY
        and (newest is None or copy.made_at > min(newest, now - SAFETY_AGE))
    ):
        return f"{copy.purpose}, for {SAFETY_AGE.days} days"
    return None


def plan_by_looking(
    candidates: Iterable[Candidate],
    policy: Policy,
    *,
    zone: tzinfo,
    now: datetime,
    look: Callable[[str], Sequence[str]],
) -> Plan:
    """As `plan`, but nothing goes before every copy that fills a place was looked at.

    `look` says what is no longer as it was when a copy of this name was proved, nothing when all is. It is asked
    only when something would go, and once of each.
    """
    copies = {copy.name: copy for copy in candidates}
    looked_at: set[str] = set()
    while True:
        decided = plan(copies.values(), policy, zone=zone, now=now)
        unseen = [name for name in decided.keep if copies[name].proved and name not in looked_at]
        if not decided.drop or not unseen:
            return decided
        for name in unseen:
            looked_at.add(name)
            if wrong := look(name):
                copies[name] = copies[name]._replace(altered="; ".join(wrong[:3]))
