"""Which copies stay: rules by example, and promises by property, held against a plain oracle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_pipelines.lib.retention import Candidate, Plan, Policy, plan

BRAZIL = ZoneInfo("America/Sao_Paulo")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def copies(*days_ago: float, proved: bool = True) -> list[Candidate]:
    return [Candidate(f"c{days:g}", NOW - timedelta(days=days), proved) for days in days_ago]


def decide(candidates: list[Candidate], policy: str, now: datetime = NOW) -> Plan:
    return plan(candidates, Policy.parse(policy), zone=BRAZIL, now=now)


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("7 daily, 4 weekly, 12 monthly, at least 3", Policy(7, 4, 12, 3)),
        ("at least 1", Policy(0, 0, 0, 1)),
        ("30 daily,at least 2", Policy(30, 0, 0, 2)),
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
    found = decide(copies(0, 0.5, 1, 2, 3, 8, 9, 30, 40, 60), "2 daily, 2 weekly, 3 monthly, at least 1")
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


def test_a_copy_that_proves_nothing_takes_no_place() -> None:
    good, bad = copies(3), copies(0, proved=False)
    found = decide(good + bad, "1 daily, at least 1")
    assert found.drop == ()
    assert found.keep["c0"] == ("not proved, for a person to look at",)


def test_an_old_unproved_copy_goes_once_a_newer_one_is_proved() -> None:
    assert decide(copies(0) + copies(3, proved=False), "1 daily, at least 1").drop == ("c3",)
    assert decide(copies(3, 9, proved=False), "1 daily, at least 1").drop == ()


def test_a_copy_from_the_future_neither_goes_nor_counts() -> None:
    found = decide(copies(-400, 1, 2), "1 daily, at least 1")
    assert found.keep["c-400"] == ("dated in the future",)
    assert found.drop == ("c2",)


def test_sentences_tell_every_copy() -> None:
    found = decide(copies(0, 9), "1 daily, at least 1")
    assert found.sentences() == ["keep c0: daily 2026-11-24, among the newest 1", "drop c9"]


candidates = st.lists(
    st.tuples(st.integers(-60 * 24, 800 * 24), st.booleans()), max_size=40, unique_by=lambda pair: pair[0]
).map(lambda found: [Candidate(f"c{hours}", NOW - timedelta(hours=hours), proved) for hours, proved in found])
policies = st.builds(Policy, st.integers(0, 9), st.integers(0, 6), st.integers(0, 14), st.integers(1, 5))


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
def test_promises_hold_for_any_copies_and_any_policy(found: list[Candidate], policy: Policy) -> None:
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
