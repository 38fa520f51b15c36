"""What the drain makes of changes from Gestão Scouter (contract of the lead push, section 7 and traps 12 and 13)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.records.inbox import Arrival, Inbox
from sync_pipelines.scouter.lead import TOPIC
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.reverse.drain import LOCK, BatchSize
from sync_pipelines_tests.scouter.pair import LEAD, NOWHERE, Pair

ECHO = ("ignored", "echo of the last exchange")
APPLIED = ("applied", None)
OLDER = ("ignored", "older version")
SAME = ("applied", "nothing differs")
SUPERSEDED = ("ignored", "superseded by a newer change")


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


STAMPED = ("updated_at", "last_sync_at", "sync_source", "sync_status")


def test_an_edit_there_becomes_true_here(pair: Pair) -> None:
    pair.push(LEAD)
    before = pair.here()
    pair.receive(pair.edited(nome="Ana Nova", foto="https://fotos.example/1.jpg", age=33, valor_ficha=12.5))
    drained = pair.drain()
    assert (drained.read, drained.updated, drained.created) == (1, 1, 0)
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


def test_what_was_taken_back_is_not_pushed_straight_back(pair: Pair) -> None:
    pair.push(LEAD)
    pair.receive(pair.edited(nome="Ana Nova"))
    pair.drain()
    assert pair.would_push(LEAD) == []
    pair.leads.execute("update public.leads set name = 'Ana Outra' where id = %s", [LEAD])
    assert pair.would_push(LEAD) == [LEAD]


@pytest.mark.parametrize("mark", ["tabuladormax", "TabuladorMax", "gestao_scouter", None])
def test_an_echo_is_known_by_its_content_whatever_its_mark_says(pair: Pair, mark: str | None) -> None:
    pair.push(LEAD)
    before = pair.here()
    pair.receive(pair.edited(sync_source=mark))
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


def test_an_edit_is_taken_though_our_mark_stayed_on_the_row(pair: Pair) -> None:
    pair.push(LEAD)
    pair.receive(pair.edited(nome="Ana Nova", sync_source="tabuladormax"))
    pair.drain()
    assert pair.decided == [APPLIED]
    assert pair.here()["name"] == "Ana Nova"


@pytest.mark.parametrize("mark", ["tabuladormax", "Tabulador-Max", "SUPABASE", "tabulador max"])
def test_our_mark_on_a_lead_of_which_no_exchange_is_known_is_ignored(pair: Pair, mark: str) -> None:
    pair.push(LEAD)
    pair.ops.execute("delete from ops.lead_exchanges")
    pair.receive(pair.edited(nome="Ana Nova", sync_source=mark))
    pair.drain()
    assert pair.decided == [("ignored", "marked as ours, and no exchange is known")]


def test_our_source_is_ignored(pair: Pair) -> None:
    pair.push(LEAD)
    pair.receive(pair.edited(nome="Ana Nova"), source="tabuladormax")
    pair.drain()
    assert pair.decided == [("ignored", "its source is TabuladorMax")]


def test_an_older_version_is_ignored_and_told_in_the_events(pair: Pair) -> None:
    pair.push(LEAD)
    pair.leads.execute("update public.leads set address = 'Rua Nova' where id = %s", [LEAD])
    pair.receive(pair.edited(nome="Ana Velha", updated_at="2025-01-01T00:00:00Z"))
    pair.drain()
    assert pair.decided == [OLDER]
    assert pair.events == [("update", "gestao_scouter_to_supabase", LEAD, "success", "older version", 1)]


def test_an_equal_version_is_applied_and_again_changes_nothing(pair: Pair) -> None:
    pair.push(LEAD)
    version = pair.here()["updated_at"]
    edit = pair.edited(nome="Ana Nova", updated_at=version)
    pair.receive(edit)
    pair.drain()
    after = pair.here()
    assert after["name"] == "Ana Nova"
    pair.receive(edit, edit)
    pair.drain()
    assert pair.here() == after
    assert len(pair.events) == 1
    assert pair.decided[0] == APPLIED
    assert pair.decided[1:] in ([SUPERSEDED, ECHO], [SUPERSEDED, SAME])


@pytest.mark.parametrize(("seconds", "decision"), [(-1, OLDER), (1, APPLIED)])
def test_a_time_without_zone_is_utc(pair: Pair, seconds: int, decision: tuple[str, str | None]) -> None:
    pair.push(LEAD)
    moment = datetime.fromisoformat(pair.here()["updated_at"]).astimezone(UTC) + timedelta(seconds=seconds)
    pair.receive(pair.edited(nome="Ana Nova", updated_at=moment.replace(tzinfo=None).isoformat()))
    pair.drain()
    assert pair.decided == [decision]


def test_an_edit_that_was_made_before_the_last_one_was_taken_is_not_older(pair: Pair) -> None:
    """The lead's updated_at is then the time of the drain, which is later than the second edit."""
    pair.push(LEAD)
    stored = datetime.fromisoformat(pair.here()["updated_at"])
    first, second = (str(stored + timedelta(seconds=seconds)) for seconds in (1, 2))
    pair.receive(pair.edited(nome="Ana Um", updated_at=first))
    pair.drain()
    assert pair.here()["updated_at"] > second
    pair.receive(pair.edited(nome="Ana Dois", updated_at=second))
    pair.drain()
    assert pair.decided == [APPLIED, APPLIED]
    assert pair.here()["name"] == "Ana Dois"
    pair.leads.execute("update public.leads set name = 'Ana Daqui' where id = %s", [LEAD])
    pair.receive(pair.edited(nome="Ana Três", updated_at=second))
    pair.drain()
    assert pair.decided[2] == OLDER
    assert pair.here()["name"] == "Ana Daqui"


def test_nulls_never_travel_back(pair: Pair) -> None:
    pair.push(LEAD)
    before = pair.here()
    cleared = {name: None for name in pair.mapping.destinations if name not in ("id", "updated_at")}
    pair.receive(pair.edited(**cleared))
    pair.drain()
    assert pair.decided == [SAME]
    pair.receive(pair.edited(**(cleared | {"nome": "Ana Nova"})))
    pair.drain()
    assert without(pair.here(), *STAMPED) == without(before, *STAMPED) | {"name": "Ana Nova"}


def test_false_zero_and_the_empty_text_do_travel_back(pair: Pair) -> None:
    pair.leads.execute(
        "update public.leads set age = 5, ficha_confirmada = true, etapa = 'x', compareceu = true where id = %s",
        [LEAD],
    )
    pair.push(LEAD)
    pair.receive(pair.edited(age=0, ficha_confirmada="false", etapa="", compareceu=False))
    pair.drain()
    row = pair.here()
    assert (row["age"], row["ficha_confirmada"], row["etapa"], row["compareceu"]) == (0, False, "", False)


def test_what_is_made_of_several_columns_or_belongs_to_them_stays_there(pair: Pair) -> None:
    pair.push(LEAD)
    before = pair.here()
    pair.receive(pair.edited(telefone="+55 11 90000-0000", email="ana@example.com", aprovado=True))
    drained = pair.drain()
    assert pair.here() == before
    assert drained.one_way == ("telefone",)
    assert drained.unknown == {}


def test_unknown_columns_are_reported_and_harm_nothing(pair: Pair) -> None:
    pair.push(LEAD)
    pair.receive(pair.edited(nome="Ana Nova", coluna_nova=1, **{"Robert'); drop table": 1}))
    drained = pair.drain()
    assert pair.decided == [APPLIED]
    assert drained.unknown == {"coluna_nova": 1}


def test_a_lead_that_is_not_here_is_created_with_the_defaults_of_the_table(pair: Pair) -> None:
    pair.receive({"id": NOWHERE, "nome": "Ana Local", "age": 20, "sync_source": None})
    drained = pair.drain()
    assert (drained.created, drained.created_ids) == (1, [NOWHERE])
    row = pair.here(NOWHERE)
    assert (row["name"], row["age"], row["ficha_confirmada"], row["sync_source"]) == (
        *("Ana Local", 20, False),
        "gestao_scouter",
    )
    assert pair.events[0][:4] == ("create", "gestao_scouter_to_supabase", NOWHERE, "success")
    assert pair.would_push(NOWHERE) == []


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
    pair: Pair, field: str, value: Any, told: str
) -> None:
    pair.push(LEAD, LEAD + 1)
    before = pair.here()
    pair.receive(pair.edited(**{field: value}), pair.edited(LEAD + 1, nome="Bia Nova"))
    drained = pair.drain()
    assert pair.decided == [("rejected", told), APPLIED]
    assert drained.rejected == {told: 1}
    assert pair.here() == before
    assert ("update", "gestao_scouter_to_supabase", LEAD, "error", told, None) in pair.events


def test_rows_that_the_table_refuses_are_found_in_their_batch(pair: Pair) -> None:
    ids = [row[0] for row in pair.leads.execute("select id from public.leads order by id").fetchall()]
    pair.push(*ids)
    poisoned = {ids[3], ids[30], ids[31]}
    pair.receive(
        *(
            pair.edited(
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
    drained = pair.drain()
    assert (drained.updated, sum(drained.rejected.values())) == (57, 3)
    (reason,) = drained.rejected
    assert "23503" in reason
    assert "dead" not in reason
    wrong = pair.leads.execute(
        "select id from public.leads where name is distinct from 'Nome Novo'"
    ).fetchall()
    assert {row[0] for row in wrong} == poisoned


def test_a_rejected_row_waits_again_when_its_cause_is_mended(pair: Pair) -> None:
    pair.push(LEAD)
    project = "00000000-0000-4000-8000-00000000beef"
    pair.receive(pair.edited(commercial_project_id=project))
    pair.drain()
    assert pair.decided[0][0] == "rejected"
    pair.leads.execute("insert into public.commercial_projects values (%s, 'Seletiva nova')", [project])
    assert (
        Inbox(pair.ops, TOPIC).replay([row[0] for row in pair.ops.execute("select id from ops.inbox")]) == 1
    )
    pair.drain()
    assert pair.decided == [APPLIED]


def test_of_many_changes_of_a_lead_the_newest_counts_and_no_part_is_lost(pair: Pair) -> None:
    pair.push(LEAD)
    newest = pair.edited(nome="Ana Três")
    part = {"id": LEAD, "age": 44, "updated_at": "2025-11-01T00:00:00Z"}
    pair.receive(newest, pair.edited(nome="Ana Um", updated_at="2025-11-01T00:00:00Z"), without(part, "nome"))
    pair.receive({"id": LEAD, "nome": "Ana Antiga", "etapa": "Antiga", "updated_at": "2025-10-30T00:00:00Z"})
    pair.drain()
    assert pair.decided == [APPLIED, SUPERSEDED, SUPERSEDED, SUPERSEDED]
    assert pair.here()["name"] == "Ana Três"
    assert pair.here()["age"] == newest["age"]


def test_two_changes_of_single_fields_are_both_taken(pair: Pair) -> None:
    pair.push(LEAD)
    later = pair.edited()["updated_at"]
    pair.receive(
        {"id": LEAD, "nome": "Ana Nova", "updated_at": later}, {"id": LEAD, "age": 44, "updated_at": later}
    )
    pair.drain()
    row = pair.here()
    assert (row["name"], row["age"]) == ("Ana Nova", 44)


def test_the_older_key_is_understood_and_what_is_no_lead_is_rejected(pair: Pair) -> None:
    pair.push(LEAD)
    pair.receive(pair.edited(nome="Ana Ficha"), key="ficha")
    Inbox(pair.ops, TOPIC).add(Arrival(str(5), "gestaoscouter", '{"lead": [1]}'))
    Inbox(pair.ops, TOPIC).add(Arrival(str(6), "gestaoscouter", "[]"))
    pair.drain()
    assert pair.decided == [APPLIED, ("rejected", "lead: is no object"), ("rejected", "lead: is no object")]


def test_a_transform_that_tells_its_value_is_read_backwards(pair: Pair) -> None:
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
    pair.leads.execute("update public.leads set ficha_confirmada = false where id = %s", [LEAD])
    pair.push(LEAD)
    pair.receive(pair.edited(ficha_confirmada="Sim", etapa="outra"))
    before = pair.here()
    drained = pair.drain()
    assert drained.one_way == ("etapa", "telefone")
    assert (pair.here()["ficha_confirmada"], pair.here()["etapa"]) == (True, before["etapa"])
    pair.receive(pair.edited(ficha_confirmada="Talvez"))
    pair.drain()
    assert pair.decided[1] == ("rejected", "ficha_confirmada: the value is no boolean")


class Crash(Exception):  # noqa: N818
    """The process is gone."""


@pytest.mark.parametrize("name", ["decided", "applied", "committed", "recorded"])
def test_after_a_crash_anywhere_the_next_drain_ends_in_the_same_state(pair: Pair, name: str) -> None:
    pair.push(LEAD, LEAD + 1)
    pair.receive(
        pair.edited(nome="Ana Nova"),
        pair.edited(LEAD + 1, age="x"),
        {"id": NOWHERE, "nome": "Ana Local", "age": 1},
    )

    def probe(reached: str) -> None:
        if reached == name:
            raise Crash

    with pytest.raises(Crash):
        pair.drain(probe=probe)
    waits = Inbox(pair.ops, TOPIC).count_waiting()
    assert waits == (0 if name == "recorded" else 3)
    pair.drain()
    assert Inbox(pair.ops, TOPIC).count_waiting() == 0
    assert (pair.here()["name"], pair.here(NOWHERE)["name"]) == ("Ana Nova", "Ana Local")
    assert pair.would_push(LEAD, NOWHERE) == []
    assert [event[:4] for event in pair.events if event[3] == "success"] == [
        ("update", "gestao_scouter_to_supabase", LEAD, "success"),
        ("create", "gestao_scouter_to_supabase", NOWHERE, "success"),
    ]
    assert [status for status, _ in pair.decided][1] == "rejected"


def test_two_drains_never_overlap(pair: Pair) -> None:
    pair.push(LEAD)
    pair.receive(pair.edited(nome="Ana Nova"))

    def probe(_: str) -> None:
        with pytest.raises(TransientError, match="under way"):
            pair.drain(wait_seconds=0.01)

    assert pair.drain(probe=probe).updated == 1
    with psycopg.connect(pair.ops_url) as other:
        assert postgres.try_lock(other, LOCK), "it is let go of"


@pytest.mark.slow
def test_a_storm_is_worked_through_in_bounded_batches(pair: Pair) -> None:
    ids = [row[0] for row in pair.leads.execute("select id from public.leads order by id").fetchall()]
    pair.push(*ids)
    there = [pair.edited(number, nome="Nome Novo") for number in ids]
    pair.receive(*(there[number % len(there)] for number in range(20_000)))
    drained = pair.drain()
    assert (drained.read, drained.updated, drained.batches) == (20_000, 60, 10)
    assert Inbox(pair.ops, TOPIC).count_waiting() == 0


def test_a_run_may_be_bounded_and_a_batch_by_its_bytes(pair: Pair) -> None:
    pair.push(LEAD)
    edit = pair.edited(nome="Ana Nova", raw={"texto": "x" * 5000})
    pair.receive(*[edit] * 10)
    assert pair.drain(at_most=4).read == 4
    drained = pair.drain(batch=BatchSize(bytes=15_000))
    assert drained.read == 6
    assert drained.batches >= 3
    pair.receive(edit)
    assert pair.drain(batch=BatchSize(bytes=10)).read == 1, "a row that is longer than a batch is taken alone"


def test_nothing_to_do_is_nothing_done(pair: Pair) -> None:
    drained = pair.drain()
    assert (drained.read, drained.batches) == (0, 0)


def test_a_database_without_the_tables_is_told_as_such(pair: Pair) -> None:
    pair.push(LEAD)
    pair.receive(pair.edited(nome="Ana Nova"))
    pair.leads.execute("alter table public.sync_events rename to elsewhere")
    with pytest.raises(PermanentError, match=r"the TabuladorMax database.*sync_events") as caught:
        pair.drain()
    pair.leads.execute("alter table public.elsewhere rename to sync_events")
    assert "Ana" not in str(caught.value)
    assert Inbox(pair.ops, TOPIC).count_waiting() == 1


def test_retention_forgets_what_was_decided_and_never_what_waits(pair: Pair) -> None:
    inbox = Inbox(pair.ops, TOPIC)
    for number in (1, 2, 3):
        inbox.add(Arrival(str(number), "gestaoscouter", "{}"))
    pair.ops.execute("update ops.inbox set received_at = now() - interval '60 days'")
    for number, days in ((1, 31), (2, 29)):
        pair.ops.execute(
            "update ops.inbox set status = 'ignored', decided_at = now() - make_interval(days => %s)"
            " where key = %s",
            [days, str(number)],
        )
    assert inbox.forget(30) == 1
    assert [row[0] for row in pair.ops.execute("select key::bigint from ops.inbox order by id")] == [2, 3]
