"""A lead of Gestão Scouter whose number TabuladorMax gives to another one, before and after the drain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_pipelines.scouter.push.options import OVERWRITE, PushOptions
from sync_pipelines_tests.scouter.two_way import LEAD, LONG_AGO, TwoWay

OVERWRITES = PushOptions(accepted=frozenset({OVERWRITE}))
THEIRS = LEAD + 50
DAY = timedelta(days=1)


def give_number(two_way: TwoWay, **columns: Any) -> None:
    two_way.installation.lead(
        51, datetime.now(UTC), name="Outra Pessoa", etapa="Nova", age=33, fonte="Site", **columns
    )


def overwrites(two_way: TwoWay) -> None:
    """A person decides that ours replaces theirs."""
    two_way.push(OVERWRITES)
    two_way.are(THEIRS, name="Outra Pessoa", etapa="Nova")


@pytest.mark.parametrize(("criado", "theirs"), [(LONG_AGO, LONG_AGO - DAY), (LONG_AGO, None), (None, None)])
@pytest.mark.parametrize("first", ["drain", "push"])
def test_given_before_the_drain(two_way: TwoWay, first: str, criado: Any, theirs: Any) -> None:
    two_way.make_there(THEIRS, nome="Cadastro local", etapa="Ligou", criado=theirs)
    give_number(two_way, criado=criado)
    getattr(two_way, first)()
    two_way.drain()
    two_way.push()
    two_way.edit_there(THEIRS, etapa="Agendada")
    two_way.edit(THEIRS, age=34)
    two_way.drain()
    two_way.push()
    assert two_way.both("name", THEIRS) == ("Outra Pessoa", "Cadastro local")
    assert two_way.both("etapa", THEIRS) == ("Nova", "Agendada")
    two_way.edit_there(THEIRS, fonte="Feira")
    two_way.push(OVERWRITES)  # the change that waits is left to the drain
    assert two_way.both("etapa", THEIRS) == ("Nova", "Agendada")
    two_way.drain()
    overwrites(two_way)
    two_way.edit_there(THEIRS, etapa="Depois")
    two_way.is_quiet()
    two_way.are(THEIRS, name="Outra Pessoa", age=34, fonte="Site", etapa="Depois")
    assert two_way.conflicts == []


@pytest.mark.parametrize("criado", [LONG_AGO, None])
def test_given_after_the_drain(two_way: TwoWay, criado: Any) -> None:
    """Both sides had it; here it is deleted, and made again as another one: a change of all its fields."""
    two_way.make_there(THEIRS, nome="Cadastro local", etapa="Ligou", criado=LONG_AGO - DAY)
    two_way.is_quiet()
    two_way.delete(THEIRS)
    give_number(two_way, criado=criado)
    two_way.is_quiet()
    two_way.are(THEIRS, name="Outra Pessoa", etapa="Nova", age=33)
    two_way.edit_there(THEIRS, etapa="Depois")
    two_way.is_quiet()
    two_way.are(THEIRS, etapa="Depois")


def test_the_announcement_of_a_lead_that_ours_has_replaced_comes_late(two_way: TwoWay) -> None:
    give_number(two_way, criado=LONG_AGO)
    row = two_way.make_there(
        THEIRS, nome="Cadastro local", etapa="Ligou", criado=LONG_AGO - DAY, announce=False
    )
    overwrites(two_way)
    two_way.announce(row)
    two_way.is_quiet()
    two_way.are(THEIRS, name="Outra Pessoa", etapa="Nova", age=33)


def test_one_that_was_made_where_ours_was_deleted_is_replaced_where_a_person_decided_so(
    two_way: TwoWay,
) -> None:
    give_number(two_way, criado=LONG_AGO)
    two_way.push()
    two_way.delete_there(THEIRS)
    two_way.make_there(THEIRS, nome="Cadastro local", etapa="Ligou", criado=LONG_AGO - DAY, announce=False)
    two_way.push()
    assert two_way.both("name", THEIRS) == ("Outra Pessoa", "Cadastro local")
    overwrites(two_way)
    two_way.is_quiet()
    two_way.edit_there(THEIRS, etapa="Depois")
    two_way.is_quiet()
    two_way.are(THEIRS, name="Outra Pessoa", etapa="Depois")


def test_who_lets_ours_replace_theirs_still_has_edits_of_ours_merged(two_way: TwoWay) -> None:
    """Of these leads the ops database knows nothing, though they are no other ones."""
    two_way.edit_there(etapa="Ligou", announce=False)
    two_way.edit(name="Ana")
    two_way.installation.ops.execute("delete from ops.lead_exchanges where lead_id = %s", [LEAD])
    two_way.push(OVERWRITES)
    two_way.is_quiet()
    assert [one[0] for one in two_way.conflicts] == ["etapa", "nome"]
