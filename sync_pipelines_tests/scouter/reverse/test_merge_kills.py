"""A process that dies in the middle of a drain, or of a push that merges: nothing is lost, nor taken for theirs.

Drain: `decided` and `applied` are before the commit in TabuladorMax, at `committed` the ops database does not know of
it, `recorded` is after both. Push: leads were `looked` at and are written down, `sent`, `proved`.
"""

from __future__ import annotations

from typing import Any

import pytest

from sync_pipelines_tests.scouter.pair import LEAD, NOWHERE, Pair

DRAIN = ["decided", "applied", "committed", "recorded"]
COMMITTED = DRAIN[2:]
PUSH = ["looked", "sent", "proved"]


class Killed(BaseException):
    """The test's own end of a process."""


class KillAt:
    """A probe that ends the process at its moment."""

    def __init__(self, moment: str) -> None:
        self.moment = moment

    def __call__(self, reached: str) -> None:
        if reached == self.moment:
            raise Killed


def killed_drain(pair: Pair, moment: str) -> None:
    with pytest.raises(Killed):
        pair.drain(probe=KillAt(moment))


def killed_push(pair: Pair, moment: str, *ids: int) -> None:
    with pytest.raises(Killed):
        pair.push(*(ids or (LEAD,)), probe=KillAt(moment))


def assert_quiet(pair: Pair, *ids: int) -> None:
    """After a drain and a push nothing is left to do, and both sides are equal."""
    for _ in range(2):
        pair.drain()
        pair.push(*(ids or (LEAD,)))
    pair.drain()
    for lead in ids or (LEAD,):
        assert pair.apart(lead) == []
    assert pair.push(*(ids or (LEAD,))) == []
    counts = pair.ops.execute(
        "select (select count(*) from ops.page_writes), (select count(*) from ops.inbox where status = 'waiting')"
    ).fetchone()
    assert counts == (0, 0)
    assert pair.leads.execute("select from sync_private.leads_merged").fetchall() == []
    before = [pair.here(lead) for lead in ids or (LEAD,)]
    pair.receive(*(pair.there(lead) for lead in ids or (LEAD,)))
    pair.drain()
    assert [pair.here(lead) for lead in ids or (LEAD,)] == before
    assert pair.decided[-1] == ("ignored", "echo of the last exchange")


def values(pair: Pair, here: str, there: str) -> tuple[Any, Any]:
    return pair.here()[here], pair.there()[there]


def both(pair: Pair, value: Any) -> bool:
    """Whether the lead has this name on both sides."""
    return values(pair, "name", "nome") == (value, value)


@pytest.mark.parametrize("moment", DRAIN)
def test_a_drain_that_dies_is_done_again_once(pair: Pair, moment: str) -> None:
    pair.push(LEAD, LEAD + 1)
    pair.edit(LEAD + 1, name="Bia Daqui")
    pair.receive(
        pair.edit_there(nome="Ana Nova"),
        pair.edit_there(LEAD + 1, nome="Bia de Lá", etapa="Ligou", ficha_confirmada="Talvez"),
        {"id": NOWHERE, "nome": "Ana Local", "age": 1},
    )
    killed_drain(pair, moment)
    assert [status for status, _ in pair.decided].count("waiting") == (0 if moment == "recorded" else 3)
    pair.drain()
    assert pair.here(NOWHERE)["name"] == "Ana Local"
    assert [status for status, _ in pair.decided][1] == "rejected"
    assert [event[:4] for event in pair.events if event[3] == "success" and event[4] is None] == [
        ("update", "gestao_scouter_to_supabase", LEAD, "success"),
        ("update", "gestao_scouter_to_supabase", LEAD + 1, "success"),
        ("create", "gestao_scouter_to_supabase", NOWHERE, "success"),
    ]
    assert_quiet(pair, LEAD, LEAD + 1, NOWHERE)
    assert both(pair, "Ana Nova")
    assert (pair.here(LEAD + 1)["name"], pair.here(LEAD + 1)["etapa"]) == ("Bia de Lá", "Ligou")
    assert [conflict[:5] for conflict in pair.conflicts] == [
        (LEAD + 1, "nome", '"Bia Daqui"', '"Bia de Lá"', "there")
    ]


@pytest.mark.parametrize("moment", DRAIN)
def test_an_edit_here_after_the_kill_stands(pair: Pair, moment: str) -> None:
    pair.push(LEAD)
    pair.receive(pair.edit_there(nome="Ana Nova"))
    killed_drain(pair, moment)
    pair.edit(name="Ana Depois")
    assert_quiet(pair)
    assert both(pair, "Ana Depois")
    # Before the commit it was made on the old name: then both sides had changed it.
    assert [conflict[1:5] for conflict in pair.conflicts] == (
        [] if moment in COMMITTED else [("nome", '"Ana Depois"', '"Ana Nova"', "here")]
    )


@pytest.mark.parametrize("moment", COMMITTED)
def test_an_edit_back_here_after_the_commit_stands(pair: Pair, moment: str) -> None:
    pair.push(LEAD)
    before = pair.here()["name"]
    pair.receive(pair.edit_there(nome="Ana Nova"))
    killed_drain(pair, moment)
    pair.edit(name=before)
    assert_quiet(pair)
    assert both(pair, before)
    assert pair.conflicts == []


@pytest.mark.parametrize("moment", DRAIN)
def test_an_edit_there_after_the_kill_is_taken(pair: Pair, moment: str) -> None:
    pair.push(LEAD)
    before = pair.here()["name"]
    pair.receive(pair.edit_there(nome="Ana Nova", etapa="Ligou"))
    killed_drain(pair, moment)
    pair.receive(pair.edit_there(nome=before))
    assert_quiet(pair)
    assert both(pair, before)
    assert values(pair, "etapa", "etapa") == ("Ligou", "Ligou")
    assert pair.conflicts == []


def overwritten(pair: Pair) -> str:
    """A name that was written there between a push's reading and its writing, and announced; the name before."""
    pair.push(LEAD)
    before: str = pair.here()["name"]
    pair.edit(etapa="Ligou")
    lost: list[dict[str, Any]] = []

    def probe(moment: str) -> None:
        if moment == "looked":
            lost.append(pair.edit_there(nome="Ana de Lá"))

    assert pair.push(LEAD, probe=probe) == [LEAD]
    assert pair.there()["nome"] == before
    pair.receive(*lost)
    return before


@pytest.mark.parametrize("moment", DRAIN)
def test_an_overwritten_edit_is_taken_once(pair: Pair, moment: str) -> None:
    overwritten(pair)
    killed_drain(pair, moment)
    assert_quiet(pair)
    assert both(pair, "Ana de Lá")
    assert pair.conflicts == []


@pytest.mark.parametrize("moment", COMMITTED)
def test_an_edit_back_here_after_an_overwritten_one_was_taken_stands(pair: Pair, moment: str) -> None:
    before = overwritten(pair)
    killed_drain(pair, moment)
    assert pair.here()["name"] == "Ana de Lá"
    pair.edit(name=before)
    assert_quiet(pair)
    assert both(pair, before)
    assert pair.conflicts == []


@pytest.mark.parametrize("moment", PUSH)
def test_a_push_that_dies_has_written_nothing_that_looks_like_theirs(pair: Pair, moment: str) -> None:
    pair.push(LEAD)
    pair.edit(name="Ana Daqui")
    killed_push(pair, moment)
    pair.receive(pair.edit_there(etapa="Ligou"))
    assert_quiet(pair)
    assert both(pair, "Ana Daqui")
    assert values(pair, "etapa", "etapa") == ("Ligou", "Ligou")
    assert pair.conflicts == []


@pytest.mark.parametrize("is_drained", [True, False])
@pytest.mark.parametrize("moment", PUSH)
def test_an_edit_back_here_after_a_killed_push_stands(pair: Pair, moment: str, is_drained: bool) -> None:
    pair.push(LEAD)
    before = pair.here()["name"]
    pair.edit(name="Ana Daqui")
    killed_push(pair, moment)
    pair.edit(name=before)
    if is_drained:
        pair.receive(pair.edit_there(etapa="Ligou"))
        pair.drain()
    pair.push(LEAD)
    assert both(pair, before)
    assert_quiet(pair)
    assert both(pair, before)
    assert pair.conflicts == []


@pytest.mark.parametrize("is_announced", [True, False])
@pytest.mark.parametrize("moment", ["sent", "proved"])
def test_an_edit_there_over_what_a_killed_push_wrote_is_taken(
    pair: Pair, moment: str, is_announced: bool
) -> None:
    pair.push(LEAD)
    pair.edit(name="Ana Daqui")
    killed_push(pair, moment)
    edit = pair.edit_there(nome="Ana de Lá")
    if is_announced:
        pair.receive(edit)
    else:
        pair.edit(address="Rua Nova")  # so that the push looks at the lead
    assert_quiet(pair)
    assert both(pair, "Ana de Lá")
    assert pair.conflicts == []


def test_an_edit_there_to_the_old_value_over_what_a_killed_push_wrote_is_taken(pair: Pair) -> None:
    """The row is as the base says, and our write is known only from what was written down before it."""
    pair.push(LEAD)
    before = pair.here()["name"]
    pair.edit(name="Ana Daqui")
    killed_push(pair, "sent")
    pair.receive(pair.edit_there(nome=before))
    assert_quiet(pair)
    assert both(pair, before)
    assert pair.conflicts == []


@pytest.mark.parametrize("moment", [*DRAIN, *PUSH])
def test_a_push_that_dies_while_it_merges_is_done_again(pair: Pair, moment: str) -> None:
    """An edit that nobody announced, beside one of ours; the write is under a condition."""
    pair.push(LEAD)
    pair.edit(name="Ana Daqui")
    pair.edit_there(etapa="Ligou", age=44)
    killed_push(pair, moment)
    assert_quiet(pair)
    assert both(pair, "Ana Daqui")
    assert (values(pair, "etapa", "etapa"), values(pair, "age", "age")) == (("Ligou", "Ligou"), (44, 44))
    assert pair.conflicts == []


@pytest.mark.parametrize("moment", [*DRAIN, *PUSH])
def test_a_conflict_of_a_push_that_dies_is_listed_once(pair: Pair, moment: str) -> None:
    pair.push(LEAD)
    pair.edit(name="Ana Daqui")
    pair.edit_there(nome="Ana de Lá")
    pair.edit(etapa="Ligou")  # later, so that ours is kept
    killed_push(pair, moment)
    assert_quiet(pair)
    assert both(pair, "Ana Daqui")
    assert [conflict[1:5] for conflict in pair.conflicts] == [("nome", '"Ana Daqui"', '"Ana de Lá"', "here")]


@pytest.mark.parametrize("moment", PUSH)
def test_a_first_push_that_dies_is_done_again(pair: Pair, moment: str) -> None:
    killed_push(pair, moment)
    pair.edit(name="Ana Daqui")
    assert_quiet(pair)
    assert both(pair, "Ana Daqui")
    assert pair.conflicts == []


@pytest.mark.parametrize("moment", DRAIN)
def test_a_new_lead_of_theirs_that_is_edited_here_after_the_kill(pair: Pair, moment: str) -> None:
    pair.gestao.execute("insert into public.leads (id, nome, age) values (%s, 'Ana Local', 20)", [NOWHERE])
    pair.receive(pair.there(NOWHERE))
    killed_drain(pair, moment)
    if moment in COMMITTED:
        pair.edit(NOWHERE, name="Ana Daqui")
    assert_quiet(pair, NOWHERE)
    assert pair.here(NOWHERE)["name"] == ("Ana Daqui" if moment in COMMITTED else "Ana Local")
    assert pair.conflicts == []
