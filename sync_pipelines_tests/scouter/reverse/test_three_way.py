"""The merge of one lead: the table of its module, and what always holds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.scouter.mapping.field_hashes import NULL, REFUSED
from sync_pipelines.scouter.reverse.base import LONGEST_HISTORY, Base, Before, Reading
from sync_pipelines.scouter.reverse.claims import in_order, may_speak
from sync_pipelines.scouter.reverse.three_way import (
    ALTERED,
    EQUAL,
    LATER,
    ONE_WAY,
    UNUSABLE,
    first_values,
    later_side,
    merge,
    refused_mark,
)
from sync_pipelines_tests.scouter.reverse.readings import (
    FIRST,
    HERE,
    NOW,
    ODD,
    ROW,
    SECOND,
    THERE,
    A,
    B,
    C,
    change,
    merged,
    row,
    said,
    seen,
)


@pytest.mark.parametrize(
    ("here", "there", "base", "outcome"),
    [
        (A, A, A, "nothing"),
        (A, B, A, "take"),
        (A, NULL, A, "take"),
        (NULL, B, NULL, "take"),
        (B, A, A, "nothing"),
        (NULL, A, A, "nothing"),
        (B, B, A, "nothing"),
        (NULL, NULL, A, "nothing"),
        (B, C, A, "conflict"),
        (B, NULL, A, "conflict"),
        (NULL, B, A, "conflict"),
        (A, ODD, A, "refuse"),
        (B, ODD, A, "refuse"),
        # What was refused before: the base says what stood here then.
        (A, ODD, ODD, "nothing"),
        (A, B, refused_mark(A), "take"),
        (C, B, refused_mark(A), "conflict"),
        (A, ODD, refused_mark(A), "refuse"),
        # Never exchanged.
        (A, A, None, "nothing"),
        (A, NULL, None, "nothing"),
        (NULL, B, None, "take"),
        (A, B, None, "conflict"),
        (A, ODD, None, "refuse"),
    ],
)
def test_the_table(here: str, there: str, base: str | None, outcome: str) -> None:
    found = merged({"nome": here}, row(nome=there), base=seen(**({"nome": base} if base else {})))
    assert (
        said(found)
        == {
            "nothing": ({}, [], {}),
            "take": ({"nome": ROW}, [], {}),
            "conflict": ({"nome": ROW}, [("nome", "there", LATER)], {}),
            "refuse": ({}, [], {ROW: ["nome"]}),
        }[outcome]
    )


@pytest.mark.parametrize("base", [seen(telefone=A), seen()])
@pytest.mark.parametrize("here", [A, NULL])
def test_a_field_that_cannot_be_taken_back_is_a_conflict(base: Base, here: str) -> None:
    """Also if it was never exchanged: the push writes over a value that only Gestão Scouter had."""
    found = merged({"telefone": here}, row(telefone=B), base=base)
    assert said(found) == ({}, [("telefone", "here", ONE_WAY)], {})


def test_one_that_was_never_exchanged_and_is_empty_there_is_none() -> None:
    assert said(merged({"telefone": A}, row(telefone=NULL), base=seen())) == ({}, [], {})


def test_fields_are_merged_on_their_own() -> None:
    found = merged({"nome": B, "etapa": A}, row(nome=A, etapa=C), base=seen(nome=A, etapa=A))
    assert said(found) == ({"etapa": ROW}, [], {})


def test_a_lead_that_is_not_there_changes_nothing() -> None:
    assert said(merged({"nome": A}, None, base=seen(nome=B))) == ({}, [], {})


@pytest.mark.parametrize(
    ("here", "there", "side", "reason"),
    [
        (30.0, 40.0, "there", LATER),
        (40.0, 30.0, "here", LATER),
        (40.0, 40.0, "here", EQUAL),
        (None, 40.0, "here", UNUSABLE),
        (40.0, None, "here", UNUSABLE),
        (None, None, "here", UNUSABLE),
        (40.0, math.inf, "here", UNUSABLE),
        (40.0, -math.inf, "here", UNUSABLE),
        (-math.inf, 40.0, "here", UNUSABLE),
        (NOW + 1, 40.0, "here", UNUSABLE),
        (40.0, NOW + 1, "here", UNUSABLE),
        (40.0, NOW, "there", LATER),
    ],
)
def test_the_later_side(here: float | None, there: float | None, side: str, reason: str) -> None:
    assert later_side(here, there, NOW) == (side, reason)


@pytest.mark.parametrize("version", [NOW + 1000, math.inf])
@pytest.mark.parametrize(("arrived", "kept"), [(HERE + 1, "there"), (HERE - 1, "here")])
def test_a_future_time_counts_as_the_time_of_its_arrival(version: float, arrived: float, kept: str) -> None:
    announced = change(version=version, arrived=arrived, nome=C)
    found = merged({"nome": B}, row(version, nome=C), announced, base=seen(nome=A))
    assert [(one.kept, one.reason) for one in found.conflicts] == [(kept, LATER)]
    assert bool(found.takes) == (kept == "there")


def test_a_new_lead_takes_the_row_there_or_what_was_announced() -> None:
    """What it cannot take is refused, or listed."""
    older, newer = change(8, nome=A, etapa=A), change(9, nome=B, telefone=A, idade=ODD)
    assert said(
        first_values(row(nome=C, etapa=NULL, telefone=NULL), (older,), {"nome", "etapa"}, now=NOW)
    ) == (
        {"nome": ROW, "etapa": ROW},
        [],
        {},
    )
    assert said(first_values(None, (older, newer), {"nome", "etapa"}, now=NOW)) == (
        {"nome": 9, "etapa": 8},
        [("telefone", "here", ONE_WAY)],
        {9: ["idade"]},
    )


def test_a_doubted_field_of_the_row_is_listed_and_not_taken() -> None:
    """It differs from what we wrote just before, and nobody seems to have changed it."""
    found = merge(
        {"nome": A, "etapa": A},
        HERE,
        row(nome=B, etapa=B),
        changes=(),
        base=seen(nome=A, etapa=A),
        reversible={"nome", "etapa"},
        doubted={"nome"},
        now=NOW,
    )
    assert said(found) == ({"etapa": ROW}, [("nome", "here", ALTERED)], {})


@pytest.mark.parametrize(
    ("stamp", "states"),
    [
        (30.0, [{"nome": C}, {"nome": B}]),
        (20.0, [{"nome": A}]),
        (10.0, [{"nome": A, "etapa": None}]),
        (15.0, []),
        (None, []),
    ],
)
def test_how_the_fields_were_seen_while_a_write_of_ours_stood_there(
    stamp: float | None, states: list[dict[str, str | None]]
) -> None:
    base = Base({"nome": A}, stamp=10.0).changed({"nome": A, "etapa": B}, 20.0)
    base = base.changed({"nome": B, "etapa": B}, 30.0).changed({"nome": C, "etapa": B}, 30.0)
    assert base.changed(base.fields, 30.0) is base
    found = base.states(stamp)
    assert [
        {name: state.get(name) for name in wanted} for state, wanted in zip(found, states, strict=True)
    ] == states
    longest = base
    for number in range(40):
        longest = longest.changed({"nome": C, "etapa": str(number)}, 30.0 + number)
    assert len(longest.history) == LONGEST_HISTORY


def test_the_order_of_changes() -> None:
    """By their time; one whose time cannot be used by its arrival, and equal ones as they came."""
    given = [
        change(1, version=41.0, arrived=43.0),
        change(2, version=None, arrived=42.0),
        change(3, version=math.inf, arrived=40.0),
        change(4, version=39.0, arrived=44.0),
        change(5, version=41.0, arrived=41.5),
    ]
    assert [one.id for one in in_order(given)] == [4, 3, 1, 5, 2]


@pytest.mark.parametrize("ahead", [0.0, 5.0, 30.0, 3600.0])
def test_the_order_of_changes_of_which_one_has_no_usable_date(ahead: float) -> None:
    """Whose clock is ahead says nothing of the others: both are told by their arrival."""
    for version in (None, math.inf, 99 * 86400.0):
        dated = change(1, version=30.0 + ahead, arrived=30.1)
        assert [one.id for one in in_order([dated, change(2, version=version, arrived=30.2)])] == [1, 2]
        assert [one.id for one in in_order([dated, change(2, version=version, arrived=29.9)])] == [2, 1]


def test_the_order_of_changes_that_a_clock_dates_which_is_ahead() -> None:
    """Webhooks overtake each other by seconds; of two clocks, and of one that was set back, the arrival tells."""
    hour, day = 3600.0, 86400.0
    given = [
        change(1, version=day + hour + 2.0, arrived=day + 3.0),
        change(2, version=day + hour + 1.0, arrived=day + 4.0),
        change(3, version=99 * day, arrived=day + 1.0),
        change(4, version=day + 2.0, arrived=day + 2.0),
        change(5, version=day + hour / 2, arrived=day + 5.0),
    ]
    assert [one.id for one in in_order(given)] == [3, 4, 2, 1, 5]
    assert [one.id for one in in_order(given[::-1])] == [3, 4, 2, 1, 5]


FIELDS = ("nome", "etapa", "telefone")
hashes = st.sampled_from([A, B, C, NULL, ODD])
valid = st.sampled_from([A, B, C, NULL])
versions = st.sampled_from([None, FIRST, SECOND, HERE, THERE, NOW, NOW + 9, math.inf, -math.inf])
stamps = st.sampled_from([None, FIRST, SECOND, math.nan])
rows = st.builds(
    Reading,
    st.just(ROW),
    st.fixed_dictionaries(dict.fromkeys(FIELDS, hashes)),
    version=versions,
    stamp=stamps,
    arrived=st.just(NOW),
)
listed = st.lists(
    st.builds(
        Reading,
        st.integers(1, 99),
        st.dictionaries(st.sampled_from(FIELDS), hashes),
        version=versions,
        stamp=stamps,
        arrived=st.sampled_from([FIRST, THERE, NOW]),
        replayed=st.frozensets(st.sampled_from(FIELDS), max_size=1),
        is_repeated=st.booleans(),
    ),
    max_size=3,
    unique_by=lambda one: one.id,
)
marks = st.sampled_from([A, B, NULL, refused_mark(A), refused_mark(B)])
bases = st.builds(
    Base,
    st.dictionaries(st.sampled_from(FIELDS), marks),
    stamp=stamps,
    seen_version=st.sampled_from([None, HERE, THERE]),
    history=st.lists(
        st.builds(Before, stamps, st.dictionaries(st.sampled_from(FIELDS), st.none() | marks)), max_size=3
    ),
)
here = st.fixed_dictionaries(dict.fromkeys(FIELDS, valid))


@given(here, versions, rows, listed, bases)
def test_what_always_holds(
    mine: dict[str, str], version: float | None, there: Reading, changes: list[Reading], base: Base
) -> None:
    found = merged(mine, there, *changes, base=base, version=version)
    readings = {one.id: one for one in (there, *changes)}
    takes = {one.field: readings[one.reading].hashes[one.field] for one in found.takes}
    assert len(takes) == len(found.takes)
    assert takes.keys() <= {"nome", "etapa"}
    assert not any(value.startswith(REFUSED) or value == mine[name] for name, value in takes.items())
    conflicts = {one.field: one for one in found.conflicts}
    assert len(conflicts) == len(found.conflicts)
    for name, one in conflicts.items():
        assert (one.kept == "there") == (name in takes)
        assert readings[one.reading].hashes[name] != mine[name]
    refused = {name for names in found.refused.values() for name in names}
    assert not refused & (takes.keys() | conflicts.keys())
    if not any(may_speak(one, there, base, now=NOW) or one.replayed for one in changes):
        assert found == merged(mine, there, base=base, version=version) or conflicts, (
            "the row there is the truth"
        )


@given(here, versions, rows, listed, bases)
def test_each_field_is_merged_as_if_it_were_alone(
    mine: dict[str, str], version: float | None, there: Reading, changes: list[Reading], base: Base
) -> None:
    """Which announced change may speak depends on the whole row, so only the fields of this side are parted."""
    whole = said(merged(mine, there, *changes, base=base, version=version))
    takes, conflicts = dict[str, int](), list[tuple[str, str, str]]()
    for name in FIELDS:
        other = {key: value if key == name else NULL for key, value in mine.items()}
        found = said(merged(other, there, *changes, base=base, version=version))
        takes |= {key: reading for key, reading in found[0].items() if key == name}
        conflicts += [one for one in found[1] if one[0] == name]
    assert (takes, sorted(conflicts)) == (whole[0], sorted(whole[1]))


@given(here, versions, rows, bases)
def test_after_a_merge_nothing_is_left_to_merge(
    mine: dict[str, str], version: float | None, there: Reading, base: Base
) -> None:
    """What was seen there is the base now; a refused field has the mark of what stands here."""
    found = merged(mine, there, base=base, version=version)
    after = mine | {one.field: there.hashes[one.field] for one in found.takes}
    refused = {name for names in found.refused.values() for name in names}
    fields = {**there.hashes, **{name: refused_mark(after[name]) for name in refused}}
    again = merged(after, there, base=Base(fields, stamp=there.stamp), version=version)
    assert (again.takes, again.conflicts) == ([], [])
    assert {name for names in again.refused.values() for name in names} == refused
    # Our value goes there, and both sides are equal.
    assert said(merged(after, row(**after), base=Base(fields, stamp=there.stamp))) == ({}, [], {})
