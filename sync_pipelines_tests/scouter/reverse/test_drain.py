"""What the drain makes of changes in Gestão Scouter (contract of the lead push, section 7 and traps 12 and 13)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines_tests.scouter.pair import LEAD, NOWHERE, Pair

ECHO = ("ignored", "echo of the last exchange")
APPLIED = ("applied", None)
OLDER = ("ignored", "older version")
STAMPED = ("updated_at", "last_sync_at", "sync_source", "sync_status")


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def test_an_edit_there_becomes_true_here(pair: Pair) -> None:
    pair.push(LEAD)
    before = pair.here()
    pair.receive(
        pair.edit_there(nome="Ana Nova", foto="https://fotos.example/1.jpg", age=33, valor_ficha=12.5)
    )
    drained = pair.drain()
    assert (drained.read, drained.updated, drained.created, drained.conflicts) == (1, 1, 0, 0)
    after = pair.here()
    assert without(after, *STAMPED) == without(before, *STAMPED) | {
        "name": "Ana Nova",
        "photo_url": "https://fotos.example/1.jpg",
        "age": 33,
        "valor_ficha": 12.5,
    }
    assert (after["sync_source"], after["sync_status"]) == ("gestao_scouter", "synced")
    assert after["updated_at"] == after["last_sync_at"] > before["updated_at"]
    assert pair.decided == [APPLIED]
    assert pair.events == [("update", "gestao_scouter_to_supabase", LEAD, "success", None, 4)]


def test_what_was_taken_is_not_pushed_straight_back(pair: Pair) -> None:
    assert pair.push(LEAD) == [LEAD]
    pair.receive(pair.edit_there(nome="Ana Nova"))
    pair.drain()
    assert pair.push(LEAD) == []
    pair.edit(name="Ana Outra")
    assert pair.push(LEAD) == [LEAD]
    assert pair.there()["nome"] == "Ana Outra"


@pytest.mark.parametrize("mark", ["tabuladormax", "TabuladorMax", "gestao_scouter", None])
def test_an_echo_is_known_by_its_content_whatever_its_mark_says(pair: Pair, mark: str | None) -> None:
    pair.push(LEAD)
    before = pair.here()
    pair.receive(pair.announced(sync_source=mark))
    pair.drain()
    assert pair.decided == [ECHO]
    assert pair.here() == before
    assert pair.events == []


def test_all_leads_that_were_pushed_echo(pair: Pair) -> None:
    ids = [row[0] for row in pair.leads.execute("select id from public.leads").fetchall()]
    pair.push(*ids)
    pair.receive(*(pair.there(number) for number in ids))
    drained = pair.drain()
    assert drained.ignored == {ECHO[1]: len(ids)}
    assert len(ids) == 60


@pytest.mark.parametrize("mark", ["tabuladormax", "gestao_scouter", None])
def test_an_edit_is_taken_whatever_mark_is_on_the_row(pair: Pair, mark: str | None) -> None:
    pair.push(LEAD)
    pair.receive(pair.edit_there(nome="Ana Nova", sync_source=mark))
    pair.drain()
    assert pair.decided == [APPLIED]
    assert pair.here()["name"] == "Ana Nova"


def test_without_a_base_a_filled_value_wins_and_two_filled_ones_are_a_conflict(pair: Pair) -> None:
    pair.edit(etapa=None)
    pair.push(LEAD)
    name = pair.here()["name"]
    pair.ops.execute("delete from ops.lead_exchanges")
    pair.receive(pair.edit_there(nome="Ana Nova", etapa="Ligou", fonte=None))
    drained = pair.drain()
    assert drained.conflicts == 1
    (conflict,) = pair.conflicts
    assert conflict == (LEAD, "nome", f'"{name}"', '"Ana Nova"', "there", "the later updated_at")
    assert (pair.here()["name"], pair.here()["etapa"]) == ("Ana Nova", "Ligou")
    assert pair.here()["fonte"] is not None
    assert pair.push(LEAD) == [LEAD]
    assert pair.there()["fonte"] == pair.here()["fonte"]


def test_an_older_version_that_the_row_does_not_show_is_ignored_and_listed_in_the_events(pair: Pair) -> None:
    pair.push(LEAD)
    pair.edit(address="Rua Nova")
    pair.receive(pair.announced(nome="Ana Velha", updated_at="2025-01-01T00:00:00Z"))
    pair.drain()
    assert pair.decided == [OLDER]
    assert pair.events == [("update", "gestao_scouter_to_supabase", LEAD, "success", "older version", 0)]


def test_an_edit_that_does_not_raise_its_date_is_taken_and_again_changes_nothing(pair: Pair) -> None:
    pair.push(LEAD)
    edit = pair.edit_there(nome="Ana Nova", updated_at=pair.there()["updated_at"])
    pair.receive(edit)
    pair.drain()
    after = pair.here()
    assert after["name"] == "Ana Nova"
    pair.receive(edit, edit)
    pair.drain()
    assert pair.here() == after
    assert len(pair.events) == 1
    assert pair.decided == [APPLIED, ECHO, ECHO]


@pytest.mark.parametrize(("seconds", "decision"), [(-1, OLDER), (1, APPLIED)])
def test_a_time_without_zone_is_utc(pair: Pair, seconds: int, decision: tuple[str, str | None]) -> None:
    """A change that the row there does not show counts only if it is later."""
    pair.push(LEAD)
    moment = datetime.fromisoformat(pair.there()["updated_at"]).astimezone(UTC) + timedelta(seconds=seconds)
    pair.receive(pair.announced(nome="Ana Nova", updated_at=moment.replace(tzinfo=None).isoformat()))
    pair.drain()
    assert pair.decided == [decision]


def test_an_edit_that_is_dated_before_the_last_one_was_taken_is_taken(pair: Pair) -> None:
    """The lead's updated_at is then the time of the drain, which is later than the second edit."""
    pair.push(LEAD)
    stored = datetime.fromisoformat(pair.here()["updated_at"])
    for seconds, name in enumerate(("Ana Um", "Ana Dois"), 1):
        pair.receive(pair.edit_there(nome=name, updated_at=stored + timedelta(seconds=seconds)))
        pair.drain()
        assert pair.here()["name"] == name
    assert pair.conflicts == []
    pair.edit(name="Ana Daqui")
    pair.receive(pair.edit_there(nome="Ana Três", updated_at=stored + timedelta(seconds=3)))
    pair.drain()
    assert pair.here()["name"] == "Ana Daqui"
    assert [conflict[1:5] for conflict in pair.conflicts] == [
        ("nome", '"Ana Daqui"', '"Ana Três"', "here"),
    ]
    assert pair.push(LEAD) == [LEAD]
    assert pair.there()["nome"] == "Ana Daqui"


@pytest.mark.parametrize("date", ["2099-01-01T00:00:00Z", "infinity", "-infinity", None])
def test_no_date_blocks_later_edits(pair: Pair, date: str | None) -> None:
    pair.push(LEAD)
    pair.receive(pair.edit_there(nome="Ana Um", updated_at=date))
    pair.drain()
    assert pair.here()["name"] == "Ana Um"
    pair.receive(pair.edit_there(nome="Ana Dois"))
    pair.drain()
    assert (pair.here()["name"], pair.conflicts) == ("Ana Dois", [])


def test_what_a_person_clears_is_cleared_here(pair: Pair) -> None:
    pair.push(LEAD)
    cleared = {name: None for name in pair.mapping.destinations if name not in ("id", "updated_at")}
    pair.receive(pair.edit_there(**cleared))
    pair.drain()
    assert pair.decided == [APPLIED]
    sources = [field.sources[0] for field in pair.mapping.fields if field.destination in cleared]
    row = pair.here()
    assert {row[name] for name in sources} == {None}
    assert pair.push(LEAD) == []
    assert pair.conflicts == []


def test_a_cleared_field_that_was_changed_here_meanwhile_is_a_conflict(pair: Pair) -> None:
    pair.push(LEAD)
    pair.edit(name="Ana Daqui")
    pair.receive(pair.edit_there(nome=None, etapa=None))
    pair.drain()
    assert [conflict[1:5] for conflict in pair.conflicts] == [("nome", '"Ana Daqui"', "null", "there")]
    assert (pair.here()["name"], pair.here()["etapa"]) == (None, None)


def test_false_zero_and_the_empty_text_travel(pair: Pair) -> None:
    pair.edit(age=5, ficha_confirmada=True, etapa="x", compareceu=True)
    pair.push(LEAD)
    pair.receive(pair.edit_there(age=0, ficha_confirmada="false", etapa="", compareceu=False))
    pair.drain()
    row = pair.here()
    assert (row["age"], row["ficha_confirmada"], row["etapa"], row["compareceu"]) == (0, False, "", False)


def test_what_is_made_of_several_columns_is_listed_and_pushed_again(pair: Pair) -> None:
    pair.push(LEAD)
    before, telephone = pair.here(), pair.there()["telefone"]
    pair.receive(pair.edit_there(telefone="+55 11 90000-0000", email="ana@example.com", aprovado=True))
    drained = pair.drain()
    assert without(pair.here(), "updated_at") == without(before, "updated_at")
    assert drained.one_way == ("telefone",)
    assert drained.unknown == {}
    assert [conflict[1:] for conflict in pair.conflicts] == [
        ("telefone", f'"{telephone}"', '"+55 11 90000-0000"', "here", "the field cannot be taken back"),
    ]
    assert pair.push(LEAD) == [LEAD]
    row = pair.there()
    assert (row["telefone"], row["email"], row["aprovado"]) == (telephone, "ana@example.com", True)


def test_what_belongs_to_gestao_scouter_alone_changes_nothing_here(pair: Pair) -> None:
    pair.push(LEAD)
    before = pair.here()
    pair.receive(pair.edit_there(email="ana@example.com", aprovado=True))
    pair.drain()
    assert (pair.here(), pair.decided) == (before, [ECHO])
    assert pair.push(LEAD) == []


def test_unknown_columns_are_reported_and_harm_nothing(pair: Pair) -> None:
    pair.push(LEAD)
    pair.receive(pair.edit_there(nome="Ana Nova") | {"coluna_nova": 1, "Robert'); drop table": 1})
    drained = pair.drain()
    assert pair.decided == [APPLIED]
    assert drained.unknown == {"coluna_nova": 1}


@pytest.mark.parametrize("stands", [True, False])
def test_a_lead_that_is_not_here_is_created(pair: Pair, stands: bool) -> None:
    """What the row there says, its nulls too; of a change alone what it names, and the table's defaults."""
    if stands:
        pair.gestao.execute(
            "insert into public.leads (id, nome, age) values (%s, 'Ana Local', 20)", [NOWHERE]
        )
    pair.receive({"id": NOWHERE, "nome": "Ana Local", "age": 20, "sync_source": None})
    drained = pair.drain()
    assert (drained.created, drained.created_ids) == (1, [NOWHERE])
    row = pair.here(NOWHERE)
    assert (row["name"], row["age"], row["ficha_confirmada"], row["sync_source"]) == (
        *("Ana Local", 20, None if stands else False),
        "gestao_scouter",
    )
    assert pair.events[0][:4] == ("create", "gestao_scouter_to_supabase", NOWHERE, "success")
    assert pair.push(NOWHERE) == ([] if stands else [NOWHERE])
    assert (pair.there(NOWHERE)["nome"], pair.there(NOWHERE)["age"]) == ("Ana Local", 20)
    assert pair.push(NOWHERE) == []


def test_deletes_do_not_travel(pair: Pair) -> None:
    pair.push(LEAD, LEAD + 1)
    pair.gestao.execute("delete from public.leads where id = %s", [LEAD])
    edit = pair.edit_there(LEAD + 1, nome="Ana Nova")
    pair.leads.execute("delete from public.leads where id = %s", [LEAD + 1])
    pair.receive({"id": LEAD, "nome": None, "updated_at": None}, edit)
    pair.drain()
    assert pair.here()["name"] is not None
    assert pair.decided[1] == ("ignored", "deleted in TabuladorMax, and deletes do not travel")
    assert pair.leads.execute("select from public.leads where id = %s", [LEAD + 1]).fetchone() is None


def test_a_transform_that_keeps_its_value_is_read_backwards(pair: Pair) -> None:
    others = [
        field for field in pair.mapping.fields if field.destination not in ("ficha_confirmada", "etapa")
    ]
    pair.mapping = FieldMapping(
        (
            *others,
            Field("ficha_confirmada", ("ficha_confirmada",), "sim_nao"),
            Field("etapa", ("etapa",), "lowercase"),
        )
    )
    pair.edit(ficha_confirmada=False)
    pair.push(LEAD)
    before = pair.here()
    pair.receive(pair.edit_there(ficha_confirmada="Sim", etapa="outra"))
    drained = pair.drain()
    assert drained.one_way == ("etapa", "telefone")
    assert (pair.here()["ficha_confirmada"], pair.here()["etapa"]) == (True, before["etapa"])
    pair.receive(pair.edit_there(ficha_confirmada="Talvez"))
    pair.drain()
    assert pair.decided[1] == ("rejected", "ficha_confirmada: the value is no boolean")
    assert pair.push(LEAD) == [LEAD]
    assert (pair.there()["ficha_confirmada"], pair.there()["etapa"]) == ("Sim", before["etapa"].lower())
