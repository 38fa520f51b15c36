"""Which backups stay: the newest proved one of each of the last days, weeks and months, and never too few.

It decides and removes nothing. Days, ISO weeks and months are those of a time zone. Only proved backups of the daily
job fill a slot of the policy: an unproved one never pushes out a proved one, and neither does a safety copy, which
holds the very state that a person wanted to undo. The catalog says which backups were proved; `plan_verified`
verifies those that stay before any goes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

#: How long an unproved backup stays for a person to look at.
UNPROVED_AGE = timedelta(days=1)
#: How long the state before a restore stays.
SAFETY_AGE = timedelta(days=7)
DAILY = "daily"
_TIERS: dict[str, Callable[[datetime], str]] = {
    "daily": lambda moment: f"{moment:%Y-%m-%d}",
    "weekly": lambda moment: f"{moment:%G-W%V}",
    "monthly": lambda moment: f"{moment:%Y-%m}",
}
_POLICY_PART = re.compile(r"(\d+) (daily|weekly|monthly)|at least (\d+)")


class Candidate(NamedTuple):
    """A backup, when it was made (aware), and whether it was proved.

    Only the `purpose` DAILY fills slots. A `pinned` backup stays because a person wants it. `altered` says how a
    proved backup differs from what was proved: it fills no slot, and stays.
    """

    name: str
    made_at: datetime
    proved: bool
    purpose: str = DAILY
    pinned: bool = False
    altered: str | None = None

    def fills_a_slot(self, now: datetime) -> bool:
        """Whether the backup counts for the policy; one from a clock that ran ahead does not."""
        return self.proved and self.altered is None and self.purpose == DAILY and self.made_at <= now


@dataclass(frozen=True)
class Policy:
    """How many days, weeks and months keep a backup, and how many proved backups stay in any case."""

    daily: int
    weekly: int
    monthly: int
    minimum: int

    @classmethod
    def parse(cls, text: str) -> Policy:
        """Read `7 daily, 4 weekly, 12 monthly, at least 3`; a ValueError says what is wrong with the text."""
        counts: dict[str, int] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            found = _POLICY_PART.fullmatch(part)
            if found is None or (found[2] or "minimum") in counts:
                raise ValueError(
                    f"does not say what {part!r} keeps; write it like `7 daily, 4 weekly, 12 monthly, at least 3`"
                )
            counts[found[2] or "minimum"] = int(found[1] or found[3])
        if counts.get("minimum", 0) < 1:
            raise ValueError("must end with `at least 1` or more, so that a copy always stays")
        return cls(
            daily=counts.get("daily", 0),
            weekly=counts.get("weekly", 0),
            monthly=counts.get("monthly", 0),
            minimum=counts["minimum"],
        )


@dataclass(frozen=True)
class Plan:
    """The backups that stay, each with its reasons, and those that go, the oldest first."""

    keep: dict[str, tuple[str, ...]]
    drop: tuple[str, ...]
    #: How proved backups differ from what was proved, by name.
    altered: dict[str, str] = field(default_factory=dict)

    def sentences(self) -> list[str]:
        """The plan for a person to read before anything is dropped."""
        return [
            *(f"keep {name}: {', '.join(reasons)}" for name, reasons in self.keep.items()),
            *(f"drop {name}" for name in self.drop),
        ]


def plan(candidates: Iterable[Candidate], policy: Policy, *, zone: tzinfo, now: datetime) -> Plan:
    """Decide of each backup whether it stays; `now` is aware, names are distinct."""
    backups = sorted(candidates, key=lambda backup: (backup.made_at, backup.name), reverse=True)
    reasons: dict[str, list[str]] = {backup.name: [] for backup in backups}
    counting = [backup for backup in backups if backup.fills_a_slot(now)]
    for tier, period_of in _TIERS.items():
        filled: set[str] = set()
        for backup in counting:
            period = period_of(backup.made_at.astimezone(zone))
            if period not in filled and len(filled) < getattr(policy, tier):
                filled.add(period)
                reasons[backup.name].append(f"{tier} {period}")
    for backup in counting[: policy.minimum]:
        reasons[backup.name].append(f"among the newest {policy.minimum}")
    newest = counting[0].made_at if counting else None
    for backup in backups:
        if other := _other_reason(backup, newest, now):
            reasons[backup.name].append(other)
    return Plan(
        {name: tuple(why) for name, why in reasons.items() if why},
        tuple(backup.name for backup in reversed(backups) if not reasons[backup.name]),
        {backup.name: backup.altered for backup in backups if backup.altered is not None},
    )


def _other_reason(backup: Candidate, newest: datetime | None, now: datetime) -> str | None:
    """Why a backup stays without filling a slot; `newest` is when the newest that fills one was made."""
    if backup.altered is not None:
        return f"no longer as it was proved ({backup.altered}), for a person to look at"
    if backup.pinned:
        return "pinned by a person"
    if backup.made_at > now:
        return "dated in the future"
    if not backup.proved and (newest is None or backup.made_at > min(newest, now - UNPROVED_AGE)):
        return "not proved, for a person to look at"
    if (
        backup.proved
        and backup.purpose != DAILY
        and (newest is None or backup.made_at > min(newest, now - SAFETY_AGE))
    ):
        return f"{backup.purpose}, for {SAFETY_AGE.days} days"
    return None


def plan_verified(
    candidates: Iterable[Candidate],
    policy: Policy,
    *,
    zone: tzinfo,
    now: datetime,
    verify: Callable[[str], Sequence[str]],
    always: bool = False,
) -> Plan:
    """As `plan`, but no backup goes before those that stay in its place were verified.

    `verify` names the differences of a backup from what was proved, none if it is intact. It is called once for each
    proved backup that stays, and only when another would go; with `always` for every backup that stays.
    """
    backups = {backup.name: backup for backup in candidates}
    verified = {name for name, backup in backups.items() if backup.altered is not None}
    while True:
        decided = plan(backups.values(), policy, zone=zone, now=now)
        due = [name for name in decided.keep if (always or backups[name].proved) and name not in verified]
        if not due or not (decided.drop or always):
            return decided
        for name in due:
            verified.add(name)
            if wrong := verify(name):
                backups[name] = backups[name]._replace(altered="; ".join(wrong[:3]))
