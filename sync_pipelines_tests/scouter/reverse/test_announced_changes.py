"""What an announced change says beside the row there: what our write went over, and what that row does not show yet."""

from __future__ import annotations

import math

import pytest

from sync_pipelines.scouter.reverse.base import Base, Before, Reading
from sync_pipelines.scouter.reverse.three_way import CONFIRMED, LATER, refused_mark
from sync_pipelines_tests.scouter.reverse.readings import (
    CHANGE,
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


class TestOverwritten:
    """The change was made on the row as our write before the last one had left it, and our last write went over it."""

    ON_FIRST = seen(previous={"nome": A, "etapa": A}, nome=A, etapa=A)

    def test_it_is_taken(self) -> None:
        lost = change(stamp=FIRST, nome=C, etapa=A)
        found = merged({"nome": A, "etapa": A}, row(nome=A, etapa=A), lost, base=self.ON_FIRST)
        assert said(found) == ({"nome": CHANGE}, [], {})

    def test_what_our_write_changed_itself_is_a_conflict(self) -> None:
        base = seen(previous={"nome": A}, nome=B)
        found = merged({"nome": B}, row(nome=B), change(stamp=FIRST, nome=C), base=base)
        assert said(found) == ({"nome": CHANGE}, [("nome", "there", LATER)], {})

    def test_what_it_did_not_touch_stays_as_we_wrote_it(self) -> None:
        base = seen(previous={"nome": A}, nome=B)
        assert said(merged({"nome": B}, row(nome=B), change(stamp=FIRST, nome=A), base=base)) == ({}, [], {})

    @pytest.mark.parametrize("stamp", [SECOND, 15.0, None, math.nan])
    def test_a_change_on_another_write_was_seen_already(self, stamp: float | None) -> None:
        late = change(version=FIRST, stamp=stamp, nome=C)
        assert said(merged({"nome": A}, row(nome=A), late, base=self.ON_FIRST)) == ({}, [], {})

    def test_a_later_change_that_only_shows_our_write_does_not_stand_for_it(self) -> None:
        """A person edited `nome`, our write went over it, a person edited `etapa`, our next write went over that."""
        base = Base(
            {"nome": A, "etapa": A},
            stamp=15.0,
            history=[Before(SECOND, {}), Before(FIRST, {"nome": A, "etapa": A})],
        )
        lost = change(stamp=FIRST, nome=C, etapa=A)
        later = change(CHANGE + 1, version=THERE + 1, stamp=SECOND, nome=A, etapa=B)
        found = merged({"nome": A, "etapa": A}, row(stamp=15.0, nome=A, etapa=A), lost, later, base=base)
        assert said(found) == ({"nome": CHANGE, "etapa": CHANGE + 1}, [], {})
        back = change(CHANGE + 1, version=THERE + 1, stamp=FIRST, nome=A, etapa=A)
        taken_back = merged({"nome": A}, row(stamp=15.0, nome=A), lost, back, base=base)
        assert said(taken_back) == ({}, [], {})

    def test_a_value_that_was_taken_from_there_and_not_sent_yet_is_no_change_of_ours(self) -> None:
        """C had been overwritten and was taken; a person edits the row that shows A, while this side has C."""
        base = self.ON_FIRST.with_taken(FIRST, {"nome": C}, THERE)
        mine = {"nome": C, "etapa": A}
        assert said(merged(mine, row(nome=A, etapa=A), base=base)) == ({}, [], {})
        edited = row(nome=B, etapa=A)
        assert said(merged(mine, edited, base=base, version=THERE + 1)) == ({"nome": ROW}, [], {})
        # The same when C was sent meanwhile, over the edit.
        sent = base.changed({"nome": C, "etapa": A}, 15.0)
        lost = change(version=THERE + 1, nome=B, etapa=A)
        found = merged(mine, row(stamp=15.0, nome=C, etapa=A), lost, base=sent, version=THERE + 2)
        assert said(found) == ({"nome": CHANGE}, [], {})
        # A value that a person writes here afterwards is one.
        both = merged({"nome": A, "etapa": B}, row(nome=A, etapa=C), base=base)
        assert [one.field for one in both.conflicts] == ["etapa"]

    def test_somebody_elses_row_was_not_overwritten_by_us(self) -> None:
        lost = change(version=FIRST, stamp=FIRST, nome=C)
        found = merged({"nome": A}, row(stamp=15.0, nome=A), lost, base=self.ON_FIRST)
        assert said(found) == ({}, [], {})

    def test_what_a_person_wrote_there_since_is_newer(self) -> None:
        lost = change(version=FIRST, stamp=FIRST, nome=C)
        found = merged({"nome": A}, row(nome=B), lost, base=self.ON_FIRST)
        assert said(found) == ({"nome": ROW}, [], {})

    def test_delivered_again_it_says_nothing(self) -> None:
        lost = change(stamp=FIRST, version=FIRST, nome=C).again()
        assert said(merged({"nome": A}, row(nome=A), lost, base=self.ON_FIRST)) == ({}, [], {})


class TestDoubted:
    """The row stood otherwise after our own write, nobody had announced that, and it was not taken."""

    BASE = seen(nome=A, etapa=A).changed({"nome": B, "etapa": A}, SECOND, doubted={"nome": B})
    AGAIN = BASE.changed({"nome": A, "etapa": A}, 30.0)

    def test_without_an_announcement_it_stays(self) -> None:
        assert said(merged({"nome": A, "etapa": A}, row(nome=B, etapa=A), base=self.BASE)) == ({}, [], {})

    @pytest.mark.parametrize("stamp", [FIRST, SECOND])
    @pytest.mark.parametrize(
        ("base", "there"), [(BASE, row(nome=B, etapa=A)), (AGAIN, row(stamp=30.0, nome=A, etapa=A))]
    )
    def test_it_is_taken_when_it_is_announced(self, base: Base, there: Reading, stamp: float) -> None:
        """Also if it was edited before our write, which was of other fields, or if our next write went over it."""
        late = change(stamp=stamp, nome=B, etapa=A)
        found = merged({"nome": A, "etapa": A}, there, late, base=base)
        assert said(found) == ({"nome": CHANGE}, [("nome", "there", CONFIRMED)], {})
        known = merged({"nome": A, "etapa": A}, there, late.again(), base=base)
        assert said(known) == ({}, [], {})

    def test_an_announcement_of_another_value_says_nothing_of_it(self) -> None:
        late = change(nome=C, etapa=A)
        assert said(merged({"nome": A}, row(nome=B), late, base=self.BASE)) == ({}, [], {})

    def test_it_is_in_doubt_no_more_when_it_was_edited_or_taken_since(self) -> None:
        settled = self.BASE.without_doubts({"nome"})
        late = change(nome=B, etapa=A)
        assert said(merged({"nome": A, "etapa": A}, row(nome=B, etapa=A), late, base=settled)) == ({}, [], {})
        both = merged({"nome": A, "etapa": A}, row(nome=C, etapa=A), base=settled)
        assert [(one.field, one.kept) for one in both.conflicts] == [("nome", "there")]

    def test_what_a_person_wrote_since_is_newer(self) -> None:
        found = merged({"nome": A}, row(nome=C), change(nome=B), base=self.BASE)
        assert said(found) == ({"nome": ROW}, [], {})


class TestLaterThanTheRow:
    """A change that the row there does not show yet: it was read before, or the change came without one."""

    BASE = seen(nome=A, etapa=A)

    def test_it_is_taken(self) -> None:
        found = merged({"nome": A}, row(HERE, nome=A), change(nome=C), base=self.BASE)
        assert said(found) == ({"nome": CHANGE}, [], {})

    def test_of_a_lead_that_was_never_seen_there_it_speaks(self) -> None:
        found = merged({"nome": A}, None, change(nome=C), base=Base())
        assert [name for name, _, _ in said(found)[1]] == ["nome"]

    def test_where_the_row_was_deleted_it_is_what_stood_there_last(self) -> None:
        found = merged({"nome": A}, None, change(nome=C), base=self.BASE)
        assert said(found) == ({"nome": CHANGE}, [], {})

    @pytest.mark.parametrize("stamp", [FIRST, None, math.nan])
    def test_where_the_row_was_deleted_one_of_an_earlier_write_says_nothing(
        self, stamp: float | None
    ) -> None:
        found = merged({"nome": A}, None, change(stamp=stamp, nome=C), base=self.BASE)
        assert said(found) == ({}, [], {})

    @pytest.mark.parametrize("version", [HERE, HERE - 1, None, math.inf, -math.inf, NOW + 1])
    def test_one_that_is_not_later_says_nothing(self, version: float | None) -> None:
        found = merged({"nome": A}, row(HERE, nome=A), change(version=version, nome=C), base=self.BASE)
        assert said(found) == ({}, [], {})

    @pytest.mark.parametrize("version", [None, math.inf, NOW + 1])
    def test_a_row_without_a_usable_time_is_the_truth(self, version: float | None) -> None:
        found = merged({"nome": A}, row(version, nome=A), change(nome=C), base=self.BASE)
        assert said(found) == ({}, [], {})

    def test_a_row_that_changed_is_the_truth(self) -> None:
        found = merged({"nome": A, "etapa": A}, row(HERE, nome=A, etapa=B), change(nome=C), base=self.BASE)
        assert said(found) == ({"etapa": ROW}, [], {})

    def test_one_before_what_was_seen_says_nothing(self) -> None:
        base = Base({"nome": A}, stamp=SECOND, seen_version=THERE)
        assert said(merged({"nome": A}, row(HERE, nome=A), change(nome=C), base=base)) == ({}, [], {})

    def test_of_two_the_later_counts_field_by_field(self) -> None:
        older, newer = change(8, version=41.0, nome=B, etapa=B), change(9, version=42.0, nome=C)
        for both in ((older, newer), (newer, older)):
            found = merged({"nome": A, "etapa": A}, row(HERE, nome=A, etapa=A), *both, base=self.BASE)
            assert said(found) == ({"nome": 9, "etapa": 8}, [], {})

    def test_a_valid_older_one_is_not_lost_for_an_invalid_newer_one(self) -> None:
        older, newer = change(8, version=41.0, nome=B), change(9, version=42.0, etapa=ODD)
        found = merged({"nome": A, "etapa": A}, row(HERE, nome=A, etapa=A), older, newer, base=self.BASE)
        assert said(found) == ({"nome": 8}, [], {9: ["etapa"]})


class TestReplayed:
    """A field that was refused before, of a change that a person lets wait again."""

    def test_it_is_taken_if_nobody_changed_the_field_here(self) -> None:
        again = change(version=FIRST, replayed=frozenset({"nome"}), nome=C, etapa=C)
        for base in (
            seen(nome=refused_mark(A), etapa=A),
            seen(previous={"nome": refused_mark(A)}, nome=A, etapa=A),
        ):
            found = merged({"nome": A, "etapa": A}, row(nome=A, etapa=A), again.again(), base=base)
            assert said(found) == ({"nome": CHANGE}, [], {})

    def test_otherwise_the_later_side_is_kept(self) -> None:
        again = change(version=FIRST, replayed=frozenset({"nome"}), nome=C)
        found = merged({"nome": B}, row(nome=B), again.again(), base=seen(nome=refused_mark(A)))
        assert said(found) == ({}, [("nome", "here", LATER)], {})

    @pytest.mark.parametrize("version", [FIRST, None])
    def test_it_does_not_undo_what_was_seen_after_it(self, version: float | None) -> None:
        again = change(version=version, replayed=frozenset({"nome"}), nome=C)
        base = Base({"nome": B}, stamp=SECOND, seen_version=HERE)
        found = merged({"nome": B}, row(HERE, nome=B), again.again(), base=base)
        assert [(one.kept, one.field) for one in found.conflicts] == [("here", "nome")]
        assert found.takes == []

    def test_it_is_taken_if_nothing_was_seen_after_it(self) -> None:
        """It was refused though the row there did not show it, so that the base has no mark."""
        again = change(version=THERE, replayed=frozenset({"nome"}), nome=C)
        base = Base({"nome": B}, stamp=SECOND, seen_version=THERE)
        found = merged({"nome": B}, row(HERE, nome=B), again.again(), base=base)
        assert said(found) == ({"nome": CHANGE}, [], {})

    def test_it_is_refused_again_if_nothing_was_mended(self) -> None:
        again = change(version=FIRST, replayed=frozenset({"nome"}), nome=ODD)
        found = merged({"nome": A}, row(nome=A), again.again(), base=seen(nome=refused_mark(A)))
        assert said(found) == ({}, [], {CHANGE: ["nome"]})
