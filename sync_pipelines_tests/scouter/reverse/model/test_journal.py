"""What the model expects of edits, without any database: a model that expects nothing finds nothing."""

from __future__ import annotations

import pytest

from sync_pipelines_tests.scouter.reverse.model.fields import Side, Value
from sync_pipelines_tests.scouter.reverse.model.journal import Edit, Journal, Listed

NAME, TELEPHONE = (1, "name"), (1, "telefone")
NONE = Listed()
Done = tuple[Side, Value, Value]
CONCURRENT: list[Done] = [("here", "A", "B"), ("there", "A", "C")]
SEEN: list[Done] = [("here", "A", "B"), ("there", "B", "C")]
BACK: list[Done] = [("here", "A", "B"), ("here", "B", "A"), ("there", "A", "C")]


@pytest.mark.parametrize(
    ("edits", "held", "is_listed", "is_right"),
    [
        ([], "A", False, True),
        ([], "B", False, False),
        ([("here", "A", "B")], "B", False, True),
        ([("here", "A", "B")], "A", False, False),
        ([("here", "A", "B")], "B", True, False),
        ([("there", "A", None)], None, False, True),
        ([("there", "A", None)], "A", False, False),
        (CONCURRENT, "B", True, True),
        (CONCURRENT, "C", True, True),
        (CONCURRENT, "C", False, False),
        (CONCURRENT, "A", True, False),
        (SEEN, "C", False, True),
        (SEEN, "B", True, False),
        (BACK, "C", False, True),
        (BACK, "B", True, False),
    ],
)
def test_what_may_stand(edits: list[Done], held: Value, is_listed: bool, is_right: bool) -> None:
    journal = Journal({NAME: "A"}, [Edit(side, NAME, before, value=value) for side, before, value in edits])
    assert (journal.wrong({NAME: held}, Listed({NAME}, {NAME}) if is_listed else NONE) == []) is is_right


def test_an_invalid_value_never_stands_and_what_was_there_does() -> None:
    journal = Journal({NAME: "A"}, [Edit("there", NAME, "A", value="?", is_valid=False)])
    assert journal.wrong({NAME: "A"}, NONE) == []
    assert journal.wrong({NAME: "?"}, NONE)


def test_an_edit_of_a_field_that_cannot_travel_back_is_listed() -> None:
    journal = Journal({TELEPHONE: "1"}, [Edit("there", TELEPHONE, "1", value="2")])
    assert journal.wrong({TELEPHONE: "1"}, NONE)
    assert journal.wrong({TELEPHONE: "1"}, Listed({TELEPHONE}, {TELEPHONE})) == []


def test_a_lead_that_only_one_side_has_is_missing() -> None:
    journal = Journal({NAME: "A"})
    assert journal.wrong({}, NONE)
    journal.begin({})
    assert journal.wrong({}, NONE) == []


def test_who_changes_the_number_here_of_a_lead_that_was_sent_in_part_lists_nothing() -> None:
    journal = Journal({TELEPHONE: "1"}, sent_in_part={TELEPHONE[0]})
    assert journal.wrong({TELEPHONE: "2"}, NONE) == []
