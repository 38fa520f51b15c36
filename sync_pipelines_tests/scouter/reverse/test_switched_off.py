"""The reverse sync switched off and on again, with changes that wait in the inbox across both."""

from __future__ import annotations

import pytest

from sync_pipelines_tests.scouter.two_way import LEAD, TwoWay


def off(two_way: TwoWay) -> None:
    two_way.installation.use(scouter_way_back=False)


def on(two_way: TwoWay) -> None:
    two_way.installation.use(scouter_way_back=True)


@pytest.mark.parametrize(("is_changed_here", "at_last"), [(True, "Nova"), (False, "Ligou")])
def test_off_a_waiting_change_holds_no_lead_back(
    two_way: TwoWay, is_changed_here: bool, at_last: str
) -> None:
    """Switched on again, the change counts where its date is later than that of the lead."""
    two_way.edit_there(etapa="Ligou")
    off(two_way)
    if is_changed_here:
        two_way.edit(name="Ana Daqui")
    two_way.push()
    two_way.are(etapa="Nova")
    two_way.push()
    assert two_way.installation.total().accepted == 0
    on(two_way)
    two_way.is_quiet()
    two_way.are(etapa=at_last)
    assert two_way.conflicts == []


@pytest.mark.parametrize("pushes", [1, 2])
@pytest.mark.parametrize("first", ["drain", "push"])
def test_what_was_overwritten_while_it_was_off_does_not_come_back(
    two_way: TwoWay, pushes: int, first: str
) -> None:
    two_way.edit_there(etapa="Ligou")
    off(two_way)
    for number in range(pushes):
        two_way.edit(name=f"Ana {number}")
        two_way.push()
    on(two_way)
    getattr(two_way, first)()
    two_way.is_quiet()
    two_way.are(etapa="Nova", name=f"Ana {pushes - 1}")
    assert two_way.conflicts == []


def test_an_edit_here_of_the_field_that_waits_while_it_was_off(two_way: TwoWay) -> None:
    two_way.edit_there(etapa="Ligou")
    off(two_way)
    two_way.edit(etapa="Daqui")
    two_way.push()
    on(two_way)
    two_way.is_quiet()
    two_way.are(etapa="Daqui")
    assert two_way.conflicts == []


def test_edits_there_after_the_last_push_of_a_time_without_reverse_sync(two_way: TwoWay) -> None:
    two_way.edit_there(etapa="Ligou")
    off(two_way)
    two_way.edit(name="Ana Daqui")
    two_way.push()
    two_way.edit_there(etapa="Agendada")
    two_way.edit_there(LEAD + 1, fonte="Feira", announce=False)
    on(two_way)
    two_way.is_quiet()
    two_way.are(etapa="Agendada", name="Ana Daqui")
    two_way.are(LEAD + 1, fonte="Feira")
    assert two_way.conflicts == []
