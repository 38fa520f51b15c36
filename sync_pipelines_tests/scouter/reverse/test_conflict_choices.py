"""A person's choice about a conflict, after what happened to the lead since."""

from __future__ import annotations

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines_tests.scouter.reverse.test_changed_columns import use_mapping
from sync_pipelines_tests.scouter.two_way import TwoWay


def a_conflict(two_way: TwoWay, mine: str = "Daqui") -> int:
    """Of `etapa`: "Dela" is kept, `mine` is the other value."""
    two_way.edit(etapa=mine)
    two_way.edit_there(etapa="Dela")
    two_way.drain()
    return newest(two_way)


def newest(two_way: TwoWay) -> int:
    row = two_way.installation.tab.execute("select max(id) from sync_private.lead_conflicts").fetchone()
    assert row is not None
    return int(row[0])


def choose(two_way: TwoWay, number: int) -> int:
    return two_way.installation.reverse_sync().choose([number], "other")


@pytest.mark.parametrize("is_announced", [True, False])
def test_the_field_was_changed_there_since(two_way: TwoWay, is_announced: bool) -> None:
    number = a_conflict(two_way)
    two_way.push()
    two_way.edit_there(announce=is_announced, etapa="Depois")
    choose(two_way, number)
    two_way.is_quiet()
    two_way.are(etapa="Daqui")
    assert two_way.conflicts[1:] == [("etapa", '"Daqui"', '"Depois"', "here")]


def test_another_field_was_changed_on_each_side_since(two_way: TwoWay) -> None:
    number = a_conflict(two_way)
    two_way.edit(name="Ana Daqui")
    two_way.edit_there(fonte="Feira")
    choose(two_way, number)
    two_way.is_quiet()
    two_way.are(etapa="Daqui", name="Ana Daqui", fonte="Feira")


def test_twice(two_way: TwoWay) -> None:
    number = a_conflict(two_way)
    choose(two_way, number)
    with pytest.raises(PermanentError, match="decided about already"):
        choose(two_way, number)
    two_way.is_quiet()
    two_way.are(etapa="Daqui")
    again = a_conflict(two_way, "Daqui 2")
    assert again > number
    choose(two_way, again)
    two_way.is_quiet()
    two_way.are(etapa="Daqui 2")


def test_two_conflicts_of_a_field_at_once(two_way: TwoWay) -> None:
    first = a_conflict(two_way)
    two_way.edit(etapa="Daqui 2")
    two_way.edit_there(etapa="Dela 2")
    two_way.drain()
    second = newest(two_way)
    with pytest.raises(PermanentError, match="was changed since"):
        choose(two_way, first)
    with pytest.raises(PermanentError, match="was changed since"):
        two_way.installation.reverse_sync().choose([first, second], "other")
    choose(two_way, second)
    two_way.is_quiet()
    two_way.are(etapa="Daqui 2")


def test_another_column_here_fills_the_field_now(two_way: TwoWay) -> None:
    """It holds the kept value by chance."""
    two_way.installation.tab.execute("update public.leads set etapa_fluxo = 'Dela'")
    number = a_conflict(two_way)
    use_mapping(two_way, etapa="etapa_fluxo", age="age", fonte="fonte")
    with pytest.raises(PermanentError, match="another column of TabuladorMax"):
        choose(two_way, number)
    assert two_way.installation.reverse_sync().choose([number], "kept") == 0


def test_a_lead_that_is_deleted_here(two_way: TwoWay) -> None:
    number = a_conflict(two_way)
    two_way.push()
    two_way.delete()
    with pytest.raises(PermanentError, match="was changed since"):
        choose(two_way, number)
    assert two_way.installation.reverse_sync().choose([number], "kept") == 0


def test_the_field_is_refused_there_now(two_way: TwoWay) -> None:
    number = a_conflict(two_way)
    two_way.push()
    two_way.edit_there(etapa="Dela", age=-(2**31))
    two_way.drain()
    choose(two_way, number)
    two_way.is_quiet()
    two_way.are(etapa="Daqui")


def test_a_choice_then_the_waiting_change_that_made_the_conflict_again(two_way: TwoWay) -> None:
    """The outbox brings the announcement again."""
    two_way.edit(etapa="Daqui")
    row = two_way.edit_there(etapa="Dela")
    two_way.drain()
    choose(two_way, newest(two_way))
    two_way.announce(row)
    two_way.drain()
    two_way.announce(row)
    two_way.is_quiet()
    two_way.are(etapa="Daqui")


def test_a_choice_before_the_push_and_a_further_edit_there(two_way: TwoWay) -> None:
    number = a_conflict(two_way)
    choose(two_way, number)
    two_way.edit_there(etapa="Dela 3")
    two_way.is_quiet()
    two_way.are(etapa="Dela 3")
    assert two_way.conflicts[1:] == [("etapa", '"Daqui"', '"Dela 3"', "there")]
