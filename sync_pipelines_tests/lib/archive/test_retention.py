"""Which backups stay: rules by example, and promises by property, held against a plain oracle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_pipelines.lib.archive.retention import Candidate, Plan, Policy, plan, plan_verified

BRAZIL = ZoneInfo("America/Sao_Paulo")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def backups(*days_ago: float, proved: bool = True) -> list[Candidate]:
    return [Candidate(f"c{days:g}", NOW - timedelta(days=days), proved) for days in days_ago]


def decide(candidates: list[Candidate], policy: str, now: datetime = NOW) -> Plan:
    return plan(candidates, Policy.parse(policy), zone=BRAZIL, now=now)


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("7 daily, 4 weekly, 12 monthly, at least 3", Policy(daily=7, weekly=4, monthly=12, minimum=3)),
        ("at least 1", Policy(daily=0, weekly=0, monthly=0, minimum=1)),
        ("30 daily,at least 2", Policy(daily=30, weekly=0, monthly=0, minimum=2)),
    ],
)
def test_a_policy_is_read_from_words(text: str, policy: Policy) -> None:
    assert Policy.parse(text) == policy


@pytest.mark.parametrize(
    "text", ["", "7 daily", "7 days, at least 1", "at least 0", "7 daily, 8 daily, at least 1", "-1 daily"]
)
def test_a_policy_that_could_drop_everything_or_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"at least 1|does not say"):
        Policy.parse(text)


def test_each_tier_keeps_the_newest_of_its_periods() -> None:
    # Tuesday the 24th; the week began on Monday the 23rd.
    found = decide(backups(0, 0.5, 1, 2, 3, 8, 9, 30, 40, 60), "2 daily, 2 weekly, 3 monthly, at least 1")
    assert found.keep["c0"] == (
        "daily 2026-11-24",
        "weekly 2026-W48",
        "monthly 2026-11",
        "among the newest 1",
    )
    assert found.keep["c0.5"] == ("daily 2026-11-23",)  # midnight in London, still the 23rd in Brazil
    assert found.keep["c2"] == ("weekly 2026-W47",)
    assert found.keep["c30"] == ("monthly 2026-10",)
    assert found.keep["c60"] == ("monthly 2026-09",)
    assert found.drop == ("c40", "c9", "c8", "c3", "c1")


def test_days_are_those_of_the_place() -> None:
    """01:30 UTC is still the day before in Brazil."""
    late = Candidate("late", datetime(2026, 11, 24, 1, 30, tzinfo=UTC), True)
    early = Candidate("early", datetime(2026, 11, 23, 12, tzinfo=UTC), True)
    assert decide([late, early], "5 daily, at least 1").drop == ("early",)


def test_the_last_week_of_a_year_is_one_week() -> None:
    moments = (datetime(2026, 12, 31, 12, tzinfo=UTC), datetime(2027, 1, 2, 12, tzinfo=UTC))
    candidates = [Candidate(f"{moment:%Y}", moment, True) for moment in moments]
    assert decide(candidates, "5 weekly, at least 1", datetime(2027, 1, 3, 12, tzinfo=UTC)).drop == ("2026",)


def test_an_unproved_backup_fills_no_slot() -> None:
    good, bad = backups(3), backups(0, proved=False)
    found = decide(good + bad, "1 daily, at least 1")
    assert found.drop == ()
    assert found.keep["c0"] == ("not proved, for a person to look at",)


def test_an_old_unproved_backup_goes_once_a_newer_one_is_proved() -> None:
    assert decide(backups(0) + backups(3, proved=False), "1 daily, at least 1").drop == ("c3",)
    assert decide(backups(3, 9, proved=False), "1 daily, at least 1").drop == ()


def test_a_backup_from_the_future_neither_goes_nor_counts() -> None:
    found = decide(backups(-400, 1, 2), "1 daily, at least 1")
    assert found.keep["c-400"] == ("dated in the future",)
    assert found.drop == ("c2",)


def test_sentences_name_every_backup() -> None:
    found = decide(backups(0, 9), "1 daily, at least 1")
    assert found.sentences() == ["keep c0: daily 2026-11-24, among the newest 1", "drop c9"]


candidates = st.lists(
    st.tuples(st.integers(-60 * 24, 800 * 24), st.booleans()), max_size=40, unique_by=lambda pair: pair[0]
).map(lambda found: [Candidate(f"c{hours}", NOW - timedelta(hours=hours), proved) for hours, proved in found])
policies = st.builds(
    Policy,
    daily=st.integers(0, 9),
    weekly=st.integers(0, 6),
    monthly=st.integers(0, 14),
    minimum=st.integers(1, 5),
)


def kept_by_an_oracle(found: list[Candidate], policy: Policy) -> set[str]:
    """The same rule said plainly: for every period of a tier, newest first, its newest proved copy."""
    proved = sorted((c for c in found if c.proved and c.made_at <= NOW), key=lambda c: c.made_at)
    keep = {c.name for c in proved[-policy.minimum :]}
    tiers = ((policy.daily, "%Y-%m-%d"), (policy.weekly, "%G-%V"), (policy.monthly, "%Y-%m"))
    for count, pattern in tiers:
        newest = {c.made_at.astimezone(BRAZIL).strftime(pattern): c.name for c in proved}
        keep |= {newest[period] for period in sorted(newest)[len(newest) - min(count, len(newest)) :]}
    return keep


@settings(max_examples=300, deadline=None)
@given(candidates, policies)
def test_promises_hold_for_any_backups_and_any_policy(found: list[Candidate], policy: Policy) -> None:
    decided = plan(found, policy, zone=BRAZIL, now=NOW)
    proved = [c for c in found if c.proved and c.made_at <= NOW]

    assert {*decided.keep, *decided.drop} == {c.name for c in found}
    assert set(decided.keep).isdisjoint(decided.drop)
    assert kept_by_an_oracle(found, policy) <= set(decided.keep)
    assert {c.name for c in proved} & set(decided.keep) == kept_by_an_oracle(found, policy)
    assert len({c.name for c in proved} & set(decided.keep)) >= min(policy.minimum, len(proved))
    if proved:
        assert max(proved, key=lambda c: c.made_at).name in decided.keep
    left = [c for c in found if c.name in decided.keep]
    assert plan(left, policy, zone=BRAZIL, now=NOW).drop == ()
    assert plan(list(reversed(found)), policy, zone=BRAZIL, now=NOW) == decided


def recorder(altered: dict[str, list[str]], verified: list[str]) -> Callable[[str], list[str]]:
    """A `verify` that finds what `altered` says, and writes down the names that it is given."""

    def verify(name: str) -> list[str]:
        verified.append(name)
        return altered.get(name, [])

    return verify


def test_nothing_is_verified_while_nothing_goes() -> None:
    verified: list[str] = []
    found = plan_verified(
        backups(0, 1),
        Policy.parse("5 daily, at least 1"),
        zone=BRAZIL,
        now=NOW,
        verify=recorder({}, verified),
    )
    assert (found.drop, verified) == ((), [])


def test_always_verifies_every_backup_that_stays_the_unproved_one_too() -> None:
    verified: list[str] = []
    found = plan_verified(
        [*backups(1, 2), *backups(0, proved=False)],
        Policy.parse("5 daily, at least 1"),
        zone=BRAZIL,
        now=NOW,
        verify=recorder({"c0": ["a file is missing"]}, verified),
        always=True,
    )
    assert (found.drop, sorted(verified)) == ((), ["c0", "c1", "c2"])
    assert found.altered == {"c0": "a file is missing"}


def test_a_backup_that_is_known_to_be_altered_is_not_verified_again() -> None:
    verified: list[str] = []
    known = [Candidate("known", NOW, True, altered="the manifest is missing"), *backups(1, 2, 3)]
    found = plan_verified(
        known, Policy.parse("2 daily, at least 1"), zone=BRAZIL, now=NOW, verify=recorder({}, verified)
    )
    assert (found.drop, sorted(verified)) == (("c3",), ["c1", "c2"])


def test_a_backup_that_is_no_longer_what_was_proved_fills_no_slot_and_stays() -> None:
    verified: list[str] = []
    altered = {"c0": ["3 rows instead of 300"], "c1": ["the table is gone"]}
    found = plan_verified(
        backups(0, 1, 2, 3, 4),
        Policy.parse("2 daily, at least 1"),
        zone=BRAZIL,
        now=NOW,
        verify=recorder(altered, verified),
    )
    assert found.drop == ("c4",)
    assert found.keep["c2"] == ("daily 2026-11-22", "among the newest 1")
    assert found.keep["c0"] == (
        "no longer as it was proved (3 rows instead of 300), for a person to look at",
    )
    assert found.altered == {"c0": "3 rows instead of 300", "c1": "the table is gone"}
    assert sorted(verified) == ["c0", "c1", "c2", "c3"]


def test_when_no_backup_is_what_was_proved_none_goes() -> None:
    everything = {f"c{days}": ["altered"] for days in range(5)}
    found = plan_verified(
        backups(0, 1, 2, 3, 4),
        Policy.parse("1 daily, at least 1"),
        zone=BRAZIL,
        now=NOW,
        verify=recorder(everything, []),
    )
    assert found.drop == ()


def test_a_safety_copy_fills_no_slot_and_stays_a_week() -> None:
    def safety(days: float) -> Candidate:
        return Candidate(f"s{days:g}", NOW - timedelta(days=days), True, purpose="before the restore of c1")

    found = decide([*backups(1, 2), safety(0), safety(3), safety(8)], "2 daily, at least 1")
    assert found.keep["c1"] == ("daily 2026-11-23", "among the newest 1")
    assert found.keep["s0"] == found.keep["s3"] == ("before the restore of c1, for 7 days",)
    assert found.drop == ("s8",)
    assert decide([*backups(9), safety(8)], "1 daily, at least 1").drop == ()


def test_a_pinned_backup_stays_whatever_it_is() -> None:
    pinned = [
        Candidate("old", NOW - timedelta(days=400), True, pinned=True),
        Candidate("unproved", NOW - timedelta(days=400), False, pinned=True),
        Candidate("safety", NOW - timedelta(days=400), True, purpose="before a restore", pinned=True),
    ]
    assert decide([*backups(0), *pinned], "1 daily, at least 1").drop == ()


@settings(max_examples=200, deadline=None)
@given(
    candidates,
    policies,
    st.sets(st.integers(0, 39)),
    st.sets(st.integers(0, 39)),
    st.sets(st.integers(0, 39)),
)
def test_promises_hold_whatever_is_altered_pinned_or_made_for_safety(
    found: list[Candidate], policy: Policy, altered: set[int], pinned: set[int], safety: set[int]
) -> None:
    given_backups = [
        one._replace(pinned=number in pinned, purpose="before a restore" if number in safety else "daily")
        for number, one in enumerate(found)
    ]
    wrong = {one.name: ["altered"] for number, one in enumerate(found) if number in altered}
    decided = plan_verified(given_backups, policy, zone=BRAZIL, now=NOW, verify=recorder(wrong, []))

    assert {*decided.keep, *decided.drop} == {one.name for one in found}
    assert {one.name for one in given_backups if one.pinned} <= set(decided.keep)
    if decided.drop:
        intact = [one for one in given_backups if one.name not in wrong and one.purpose == "daily"]
        assert kept_by_an_oracle(intact, policy) <= set(decided.keep)
