"""What the drain makes of changes from Gestão Scouter (contract of the lead push, section 7 and traps 12 and 13)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.records.inbox import Arrival, Inbox
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.reverse.inbox import TOPIC
from sync_pipelines.scouter.reverse.load import LOCK
from sync_pipelines_tests.scouter.reverse.conftest import LEAD, NOWHERE, Box

ECHO = ("ignored", "echo of the last exchange")
APPLIED = ("applied", None)
OLDER = ("ignored", "older version")
SAME = ("applied", "nothing differs")
SUPERSEDED = ("ignored", "superseded by a newer change")


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


STAMPED = ("updated_at", "last_sync_at", "sync_source", "sync_status")


def test_an_edit_there_becomes_true_here(box: Box) -> None:
    box.push(LEAD)
    before = box.here()
    box.receive(box.edited(nome="Ana Nova", foto="https://fotos.example/1.jpg", age=33, valor_ficha=12.5))
    drained = box.drain()
    assert (drained.read, drained.updated, drained.created) == (1, 1, 0)
    after = box.here()
    assert without(after, *STAMPED) == without(before, *STAMPED) | {
        "name": "Ana Nova",
        "photo_url": "https://fotos.example/1.jpg",
        "age": 33,
        "valor_ficha": 12.5,
    }
    assert (after["sync_source"], after["sync_status"]) == ("gestao_scouter", "synced")
    assert after["updated_at"] == after["last_sync_at"] > before["updated_at"]
    assert box.decided == [APPLIED]
    assert box.events == [("update", "gestao_scouter_to_supabase", LEAD, "success", None, 4)]


def test_what_was_taken_back_is_not_pushed_straight_back(box: Box) -> None:
    box.push(LEAD)
    box.receive(box.edited(nome="Ana Nova"))
    box.drain()
    assert box.would_push(LEAD) == []
    box.leads.execute("update public.leads set name = 'Ana Outra' where id = %s", [LEAD])
    assert box.would_push(LEAD) == [LEAD]


@pytest.mark.parametrize("mark", ["tabuladormax", "TabuladorMax", "gestao_scouter", None])
def test_an_echo_is_known_by_its_content_whatever_its_mark_says(box: Box, mark: str | None) -> None:
    box.push(LEAD)
    before = box.here()
    box.receive(box.edited(sync_source=mark))
    box.drain()
    assert box.decided == [ECHO]
    assert box.here() == before
    assert box.events == []


def test_all_leads_that_were_pushed_echo(box: Box) -> None:
    ids = [row[0] for row in box.leads.execute("select id from public.leads").fetchall()]
    box.push(*ids)
    box.receive(*(box.there(number) for number in ids))
    drained = box.drain()
    assert drained.ignored == {ECHO[1]: len(ids)}
    assert len(ids) == 60


def test_an_edit_is_taken_though_our_mark_stayed_on_the_row(box: Box) -> None:
    box.push(LEAD)
    box.receive(box.edited(nome="Ana Nova", sync_source="tabuladormax"))
    box.drain()
    assert box.decided == [APPLIED]
    assert box.here()["name"] == "Ana Nova"


@pytest.mark.parametrize("mark", ["tabuladormax", "Tabulador-Max", "SUPABASE", "tabulador max"])
def test_our_mark_on_a_lead_of_which_no_exchange_is_known_is_ignored(box: Box, mark: str) -> None:
    box.push(LEAD)
    box.ops.execute("delete from ops.lead_exchanges")
    box.receive(box.edited(nome="Ana Nova", sync_source=mark))
    box.drain()
    assert box.decided == [("ignored", "marked as ours, and no exchange is known")]


def test_our_source_is_ignored(box: Box) -> None:
    box.push(LEAD)
    box.receive(box.edited(nome="Ana Nova"), source="tabuladormax")
    box.drain()
    assert box.decided == [("ignored", "its source is TabuladorMax")]


def test_an_older_version_is_ignored_and_told_in_the_events(box: Box) -> None:
    box.push(LEAD)
    box.leads.execute("update public.leads set address = 'Rua Nova' where id = %s", [LEAD])
    box.receive(box.edited(nome="Ana Velha", updated_at="2025-01-01T00:00:00Z"))
    box.drain()
    assert box.decided == [OLDER]
    assert box.events == [("update", "gestao_scouter_to_supabase", LEAD, "success", "older version", 1)]


def test_an_equal_version_is_applied_and_again_changes_nothing(box: Box) -> None:
    box.push(LEAD)
    version = box.here()["updated_at"]
    edit = box.edited(nome="Ana Nova", updated_at=version)
    box.receive(edit)
    box.drain()
    after = box.here()
    assert after["name"] == "Ana Nova"
    box.receive(edit, edit)
    box.drain()
    assert box.here() == after
    assert len(box.events) == 1
    assert box.decided[0] == APPLIED
    assert box.decided[1:] in ([SUPERSEDED, ECHO], [SUPERSEDED, SAME])


@pytest.mark.parametrize(("seconds", "decision"), [(-1, OLDER), (1, APPLIED)])
def test_a_time_without_zone_is_utc(box: Box, seconds: int, decision: tuple[str, str | None]) -> None:
    box.push(LEAD)
    moment = datetime.fromisoformat(box.here()["updated_at"]).astimezone(UTC) + timedelta(seconds=seconds)
    box.receive(box.edited(nome="Ana Nova", updated_at=moment.replace(tzinfo=None).isoformat()))
    box.drain()
    assert box.decided == [decision]


def test_an_edit_that_was_made_before_the_last_one_was_taken_is_not_older(box: Box) -> None:
    """The lead's updated_at is then the time of the drain, which is later than the second edit."""
    box.push(LEAD)
    stored = datetime.fromisoformat(box.here()["updated_at"])
    first, second = (str(stored + timedelta(seconds=seconds)) for seconds in (1, 2))
    box.receive(box.edited(nome="Ana Um", updated_at=first))
    box.drain()
    assert box.here()["updated_at"] > second
    box.receive(box.edited(nome="Ana Dois", updated_at=second))
    box.drain()
    assert box.decided == [APPLIED, APPLIED]
    assert box.here()["name"] == "Ana Dois"
    box.leads.execute("update public.leads set name = 'Ana Daqui' where id = %s", [LEAD])
    box.receive(box.edited(nome="Ana Três", updated_at=second))
    box.drain()
    assert box.decided[2] == OLDER
    assert box.here()["name"] == "Ana Daqui"


def test_nulls_never_travel_back(box: Box) -> None:
    box.push(LEAD)
    before = box.here()
    cleared = {name: None for name in box.mapping.destinations if name not in ("id", "updated_at")}
    box.receive(box.edited(**cleared))
    box.drain()
    assert box.decided == [SAME]
    box.receive(box.edited(**(cleared | {"nome": "Ana Nova"})))
    box.drain()
    assert without(box.here(), *STAMPED) == without(before, *STAMPED) | {"name": "Ana Nova"}


def test_false_zero_and_the_empty_text_do_travel_back(box: Box) -> None:
    box.leads.execute(
        "update public.leads set age = 5, ficha_confirmada = true, etapa = 'x', compareceu = true where id = %s",
        [LEAD],
    )
    box.push(LEAD)
    box.receive(box.edited(age=0, ficha_confirmada="false", etapa="", compareceu=False))
    box.drain()
    row = box.here()
    assert (row["age"], row["ficha_confirmada"], row["etapa"], row["compareceu"]) == (0, False, "", False)


def test_what_is_made_of_several_columns_or_belongs_to_them_stays_there(box: Box) -> None:
    box.push(LEAD)
    before = box.here()
    box.receive(box.edited(telefone="+55 11 90000-0000", email="ana@example.com", aprovado=True))
    drained = box.drain()
    assert box.here() == before
    assert drained.one_way == ("telefone",)
    assert drained.unknown == {}


def test_unknown_columns_are_reported_and_harm_nothing(box: Box) -> None:
    box.push(LEAD)
    box.receive(box.edited(nome="Ana Nova", coluna_nova=1, **{"Robert'); drop table": 1}))
    drained = box.drain()
    assert box.decided == [APPLIED]
    assert drained.unknown == {"coluna_nova": 1}


def test_a_lead_that_is_not_here_is_created_with_the_defaults_of_the_table(box: Box) -> None:
    box.receive({"id": NOWHERE, "nome": "Ana Local", "age": 20, "sync_source": None})
    drained = box.drain()
    assert (drained.created, drained.created_ids) == (1, [NOWHERE])
    row = box.here(NOWHERE)
    assert (row["name"], row["age"], row["ficha_confirmada"], row["sync_source"]) == (
        *("Ana Local", 20, False),
        "gestao_scouter",
    )
    assert box.events[0][:4] == ("create", "gestao_scouter_to_supabase", NOWHERE, "success")
    assert box.would_push(NOWHERE) == []


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("age", "trinta", "age: the value is no integer"),
        ("age", 2**31, "age: the value is no integer"),
        ("age", 1.5, "age: the value is no integer"),
        ("ficha_confirmada", "Sim, com certeza", "ficha_confirmada: the value is no boolean"),
        ("valor_ficha", 10**9, "valor_ficha: the value is no numeric(10,2)"),
        ("criado", "31/12/2025", "criado: the value is no timestamp with time zone"),
        ("criado", "2025-02-30T00:00:00Z", "criado: the value is no timestamp with time zone"),
        ("commercial_project_id", "segredo", "commercial_project_id: the value is no uuid"),
        ("updated_at", "ontem", "updated_at: the value is no timestamp with time zone"),
    ],
)
def test_a_value_that_does_not_fit_rejects_its_row_and_no_other(
    box: Box, field: str, value: Any, told: str
) -> None:
    box.push(LEAD, LEAD + 1)
    before = box.here()
    box.receive(box.edited(**{field: value}), box.edited(LEAD + 1, nome="Bia Nova"))
    drained = box.drain()
    assert box.decided == [("rejected", told), APPLIED]
    assert drained.rejected == {told: 1}
    assert box.here() == before
    assert ("update", "gestao_scouter_to_supabase", LEAD, "error", told, None) in box.events


def test_rows_that_the_table_refuses_are_found_in_their_batch(box: Box) -> None:
    ids = [row[0] for row in box.leads.execute("select id from public.leads order by id").fetchall()]
    box.push(*ids)
    poisoned = {ids[3], ids[30], ids[31]}
    box.receive(
        *(
            box.edited(
                number,
                nome="Nome Novo",
                **(
                    {"commercial_project_id": "00000000-0000-4000-8000-00000000dead"}
                    if number in poisoned
                    else {}
                ),
            )
            for number in ids
        )
    )
    drained = box.drain()
    assert (drained.updated, sum(drained.rejected.values())) == (57, 3)
    (reason,) = drained.rejected
    assert "23503" in reason
    assert "dead" not in reason
    wrong = box.leads.execute(
        "select id from public.leads where name is distinct from 'Nome Novo'"
    ).fetchall()
    assert {row[0] for row in wrong} == poisoned


def test_a_rejected_row_waits_again_when_its_cause_is_mended(box: Box) -> None:
    box.push(LEAD)
    project = "00000000-0000-4000-8000-00000000beef"
    box.receive(box.edited(commercial_project_id=project))
    box.drain()
    assert box.decided[0][0] == "rejected"
    box.leads.execute("insert into public.commercial_projects values (%s, 'Seletiva nova')", [project])
    assert Inbox(box.ops, TOPIC).replay([row[0] for row in box.ops.execute("select id from ops.inbox")]) == 1
    box.drain()
    assert box.decided == [APPLIED]


def test_of_many_changes_of_a_lead_the_newest_counts_and_no_part_is_lost(box: Box) -> None:
    box.push(LEAD)
    newest = box.edited(nome="Ana Três")
    part = {"id": LEAD, "age": 44, "updated_at": "2025-11-01T00:00:00Z"}
    box.receive(newest, box.edited(nome="Ana Um", updated_at="2025-11-01T00:00:00Z"), without(part, "nome"))
    box.receive({"id": LEAD, "nome": "Ana Antiga", "etapa": "Antiga", "updated_at": "2025-10-30T00:00:00Z"})
    box.drain()
    assert box.decided == [APPLIED, SUPERSEDED, SUPERSEDED, SUPERSEDED]
    assert box.here()["name"] == "Ana Três"
    assert box.here()["age"] == newest["age"]


def test_two_changes_of_single_fields_are_both_taken(box: Box) -> None:
    box.push(LEAD)
    later = box.edited()["updated_at"]
    box.receive(
        {"id": LEAD, "nome": "Ana Nova", "updated_at": later}, {"id": LEAD, "age": 44, "updated_at": later}
    )
    box.drain()
    row = box.here()
    assert (row["name"], row["age"]) == ("Ana Nova", 44)


def test_the_older_key_is_understood_and_what_is_no_lead_is_rejected(box: Box) -> None:
    box.push(LEAD)
    box.receive(box.edited(nome="Ana Ficha"), key="ficha")
    Inbox(box.ops, TOPIC).add(Arrival(str(5), "gestaoscouter", '{"lead": [1]}'))
    Inbox(box.ops, TOPIC).add(Arrival(str(6), "gestaoscouter", "[]"))
    box.drain()
    assert box.decided == [APPLIED, ("rejected", "lead: is no object"), ("rejected", "lead: is no object")]


def test_a_transform_that_tells_its_value_is_read_backwards(box: Box) -> None:
    others = [field for field in box.mapping.fields if field.destination not in ("ficha_confirmada", "etapa")]
    box.mapping = FieldMapping(
        (
            *others,
            Field("ficha_confirmada", ("ficha_confirmada",), "sim_nao"),
            Field("etapa", ("etapa",), "lowercase"),
        )
    )
    box.leads.execute("update public.leads set ficha_confirmada = false where id = %s", [LEAD])
    box.push(LEAD)
    box.receive(box.edited(ficha_confirmada="Sim", etapa="outra"))
    before = box.here()
    drained = box.drain()
    assert drained.one_way == ("etapa", "telefone")
    assert (box.here()["ficha_confirmada"], box.here()["etapa"]) == (True, before["etapa"])
    box.receive(box.edited(ficha_confirmada="Talvez"))
    box.drain()
    assert box.decided[1] == ("rejected", "ficha_confirmada: the value is no boolean")


class Crash(Exception):  # noqa: N818
    """The process is gone."""


@pytest.mark.parametrize("name", ["staged", "applied", "committed", "recorded"])
def test_after_a_crash_anywhere_the_next_drain_ends_in_the_same_state(box: Box, name: str) -> None:
    box.push(LEAD, LEAD + 1)
    box.receive(
        box.edited(nome="Ana Nova"),
        box.edited(LEAD + 1, age="x"),
        {"id": NOWHERE, "nome": "Ana Local", "age": 1},
    )

    def step(reached: str) -> None:
        if reached == name:
            raise Crash

    with pytest.raises(Crash):
        box.drain(step=step)
    waits = Inbox(box.ops, TOPIC).count_waiting()
    assert waits == (0 if name == "recorded" else 3)
    box.drain()
    assert Inbox(box.ops, TOPIC).count_waiting() == 0
    assert (box.here()["name"], box.here(NOWHERE)["name"]) == ("Ana Nova", "Ana Local")
    assert box.would_push(LEAD, NOWHERE) == []
    assert [event[:4] for event in box.events if event[3] == "success"] == [
        ("update", "gestao_scouter_to_supabase", LEAD, "success"),
        ("create", "gestao_scouter_to_supabase", NOWHERE, "success"),
    ]
    assert [status for status, _ in box.decided][1] == "rejected"


def test_two_drains_never_overlap(box: Box) -> None:
    box.push(LEAD)
    box.receive(box.edited(nome="Ana Nova"))

    def step(_: str) -> None:
        with pytest.raises(TransientError, match="under way"):
            box.drain(wait_seconds=0.01)

    assert box.drain(step=step).updated == 1
    with psycopg.connect(box.ops_url) as other:
        assert postgres.try_lock(other, LOCK), "it is let go of"


def test_a_storm_is_worked_through_in_bounded_batches(box: Box) -> None:
    ids = [row[0] for row in box.leads.execute("select id from public.leads order by id").fetchall()]
    box.push(*ids)
    there = [box.edited(number, nome="Nome Novo") for number in ids]
    box.receive(*(there[number % len(there)] for number in range(20_000)))
    drained = box.drain()
    assert (drained.read, drained.updated, drained.batches) == (20_000, 60, 10)
    assert Inbox(box.ops, TOPIC).count_waiting() == 0


def test_a_run_may_be_bounded_and_a_batch_by_its_bytes(box: Box) -> None:
    box.push(LEAD)
    edit = box.edited(nome="Ana Nova", raw={"texto": "x" * 5000})
    box.receive(*[edit] * 10)
    assert box.drain(at_most=4).read == 4
    drained = box.drain(batch_bytes=15_000)
    assert drained.read == 6
    assert drained.batches >= 3
    box.receive(edit)
    assert box.drain(batch_bytes=10).read == 1, "a row that is longer than a batch is taken alone"


def test_nothing_to_do_is_nothing_done(box: Box) -> None:
    drained = box.drain()
    assert (drained.read, drained.batches) == (0, 0)


def test_a_database_without_the_tables_is_told_as_such(box: Box) -> None:
    box.push(LEAD)
    box.receive(box.edited(nome="Ana Nova"))
    box.leads.execute("alter table public.sync_events rename to elsewhere")
    with pytest.raises(PermanentError, match=r"the TabuladorMax database.*sync_events") as caught:
        box.drain()
    box.leads.execute("alter table public.elsewhere rename to sync_events")
    assert "Ana" not in str(caught.value)
    assert Inbox(box.ops, TOPIC).count_waiting() == 1


def test_retention_forgets_what_was_decided_and_never_what_waits(box: Box) -> None:
    inbox = Inbox(box.ops, TOPIC)
    for number in (1, 2, 3):
        inbox.add(Arrival(str(number), "gestaoscouter", "{}"))
    box.ops.execute("update ops.inbox set received_at = now() - interval '60 days'")
    for number, days in ((1, 31), (2, 29)):
        box.ops.execute(
            "update ops.inbox set status = 'ignored', decided_at = now() - make_interval(days => %s)"
            " where key = %s",
            [days, str(number)],
        )
    assert inbox.forget(30) == 1
    assert [row[0] for row in box.ops.execute("select key::bigint from ops.inbox order by id")] == [2, 3]
