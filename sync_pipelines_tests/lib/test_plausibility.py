"""How many rows may be lost before a person is asked."""

from __future__ import annotations

import pytest

from sync_pipelines.lib.plausibility import is_mass_loss


@pytest.mark.parametrize(
    ("lost", "of", "is_mass"),
    [(0, 0, False), (4, 4, False), (5, 5, True), (10, 11, False), (11, 55, False), (11, 54, True)],
)
def test_many_and_a_large_share_or_all_are_a_question(lost: int, of: int, is_mass: bool) -> None:
    assert is_mass_loss(lost, of) is is_mass


def test_all_of_a_few_are_no_question_where_others_came_in_their_place() -> None:
    assert not is_mass_loss(5, 5, has_others=True)
    assert is_mass_loss(11, 11, has_others=True)
