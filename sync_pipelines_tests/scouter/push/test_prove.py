"""What was accepted is not believed: it is read back, and a day that is not as it was sent fails."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import md5
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from sync_pipelines.sandbox.postgrest.fake import PostgrestFake
from sync_pipelines.scouter.lead import Lead
from sync_pipelines.scouter.push.job_end import PausedError
from sync_pipelines.scouter.push.prove import Comparison, ReadBack
from sync_pipelines_tests.scouter.installation import FIRST, Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
SPOILT = FIRST + 7
PROJECT = UUID(md5(b"projeto-1", usedforsecurity=False).hexdigest())
#: What a destination may do to a lead behind our back.
BEHIND_OUR_BACK = {
    "spoils": "new.nome := 'Outro nome'; return new;",
    "loses": "return null;",
}


#: Columns of other types than their sources: the type, and the source of the mapping.
TYPES: dict[str, tuple[str, object]] = {
    "valor_como_texto": ("text", "valor_ficha"),
    "idade_como_texto": ("text", "age"),
    "confirmada": ("text", "ficha_confirmada"),
    "raw_como_texto": ("text", "raw"),
    "idade_larga": ("numeric", "age"),
    "dia": ("date", "criado"),
    "sem_zona": ("timestamp", "criado"),
    "meia_noite": ("timestamptz", "data_agendamento"),
    "projeto_id": ("varchar(40)", "commercial_project_id"),
    "sim": ("boolean", {"from": "etapa", "transform": "boolean"}),
    "numero": ("numeric(12,3)", {"from": "fonte", "transform": "number"}),
    "inteiro": ("bigint", {"from": "op_telemarketing", "transform": "integer"}),
    "momento": ("timestamptz", {"from": "horario_agendamento", "transform": "timestamp"}),
    "palavra": ("text", {"from": "presenca_confirmada", "transform": "sim_nao"}),
}


def betray(installation: Installation, how: str) -> None:
    installation.gestao.execute(
        f"create function betray() returns trigger language plpgsql as $$ begin {BEHIND_OUR_BACK[how]} end $$".encode()
    )
    installation.gestao.execute(
        f"create trigger betray before insert or update on public.leads for each row when (new.id = {SPOILT})"
        " execute function betray()".encode()
    )


def known(installation: Installation) -> set[int]:
    return {lead for (lead,) in installation.ops.execute("select lead_id from ops.lead_exchanges").fetchall()}


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("spoils", f"1 differ in nome (such as lead {SPOILT})"),
        ("loses", f"1 are missing (such as {SPOILT})"),
    ],
)
def test_a_day_that_is_not_held_as_it_was_sent_fails_and_is_sent_again(
    installation: Installation, how: str, told: str
) -> None:
    betray(installation, how)
    installation.leads(range(20), NOON)
    installation.leads(range(20, 30), NOON - timedelta(days=1))
    job = installation.export(DAY, DAY - timedelta(days=1))
    assert installation.failures == {DAY: f"Of 20 leads that were sent {told}."}
    assert job.status == "failed"
    assert job.pause_reason is not None
    assert "21/10/2025" in job.pause_reason
    assert "20/10/2025" not in job.pause_reason
    assert "Pessoa" not in job.pause_reason
    assert known(installation) == {FIRST + n for n in range(30)} - {SPOILT}
    installation.gestao.execute("drop trigger betray on public.leads")
    installation.postgrest.clear()
    assert installation.export(DAY, DAY).status == "completed"
    assert installation.posts() == [1]
    assert installation.there("nome")[SPOILT] == "Pessoa 7 ção 🙂"


def test_a_day_that_failed_is_not_forgotten_over_a_pause(installation: Installation) -> None:
    betray(installation, "spoils")
    installation.leads(range(20), NOON)
    installation.leads(range(20, 30), NOON - timedelta(days=1))
    job_id = installation.create(DAY, DAY - timedelta(days=1))
    with installation.push.open("first", job_id=job_id) as run:
        installation.run_day(run, DAY)
        run.engine.probe = lambda _moment: installation.actions().pause(job_id) and None
        with pytest.raises(PausedError):
            installation.run_day(run, DAY - timedelta(days=1))
            run.close()
    installation.resume(job_id)
    job = installation.job(job_id)
    assert installation.counters(job_id) == ("failed", 30, 30, 0)
    assert DAY not in installation.failures  # what failed is not pushed again, and not forgotten
    assert "21/10/2025" in str(job.pause_reason)
    assert installation.actions().reset(job_id).unproved == []


def test_a_lead_that_is_spoilt_and_then_changed_back_here_is_sent_all_the_same(
    installation: Installation,
) -> None:
    installation.leads(range(10), NOON)
    installation.export(DAY, DAY)
    betray(installation, "spoils")
    installation.lead(7, NOON, name="Nome novo")
    assert installation.export(DAY, DAY).status == "failed"
    assert SPOILT not in known(installation)
    installation.gestao.execute("drop trigger betray on public.leads")
    installation.lead(7, NOON)
    assert installation.export(DAY, DAY).status == "completed"
    assert installation.there("nome")[SPOILT] == "Pessoa 7 ção 🙂"


def test_what_fails_in_the_last_round_fails_the_job(installation: Installation) -> None:
    betray(installation, "spoils")
    installation.leads(range(5), NOON)
    installation.lead(7, None)
    job = installation.export(DAY, None)
    assert job.status == "failed"
    assert "últimas alterações" in str(job.pause_reason)


@pytest.mark.parametrize("most", [1, 7, 1000])
def test_a_server_that_caps_its_answers_is_asked_until_all_is_there(
    installation: Installation, most: int
) -> None:
    installation.leads(range(40), NOON)
    with PostgrestFake(installation.gestao_url, max_rows=most) as postgrest:
        installation.use(
            gestao_scouter_url=postgrest.url, gestao_scouter_service_key=SecretStr(postgrest.service_key)
        )
        job = installation.export(DAY, DAY)
    assert job.status == "completed"
    assert installation.outcomes[DAY].proof.equal == 40


def test_a_day_holds_whatever_types_take_its_values(installation: Installation) -> None:
    """Each value is sent into a column of another type, and is known again in that type's words."""
    for name, (kind, _) in TYPES.items():
        installation.gestao.execute(f"alter table public.leads add column {name} {kind}".encode())
    installation.gestao.execute("notify pgrst")
    mapping = {"id": "id", "nome": "name", "updated_at": "updated_at"} | {
        name: source for name, (_, source) in TYPES.items()
    }
    installation.tab.execute(
        "insert into public.gestao_scouter_field_mappings (name, mappings, is_default) values ('tipos', %s, true)",
        [Jsonb(mapping)],
    )
    common: dict[str, object] = {
        "valor_ficha": Decimal("1.50"),
        "age": 0,
        "criado": NOON,
        "data_agendamento": DAY,
    }
    common |= {"ficha_confirmada": False, "presenca_confirmada": True}
    common |= {"raw": Jsonb({"á": [1.5, None], "n": 10**20}), "commercial_project_id": PROJECT}
    words = ["yes", " 1 ", "T", "off", "tr"]
    moments = [
        "2025-10-21 13:43:00 -03",
        "2025-10-21",
        "2025-10-21T13:43z",
        "2025-10-21 13:43:00.25+0330",
        "",
    ]
    numbers = ["1e3", "+.5", "007", "-0", "12.500"]
    for number, (word, moment, digits) in enumerate(zip(words, moments, numbers, strict=True)):
        whole = digits if digits.lstrip("-").isdigit() else None
        more = {"etapa": word, "horario_agendamento": moment, "fonte": digits, "op_telemarketing": whole}
        installation.lead(number, NOON, **common, **more)
    installation.lead(9, NOON)
    job = installation.export(DAY, DAY)
    assert installation.failures == {}
    assert installation.counters(job.id) == ("completed", 6, 6, 0)
    assert installation.there("meia_noite", "sim", "numero")[FIRST + 1][1:] == (True, Decimal("0.500"))


def test_a_column_that_does_not_come_back_is_a_difference(installation: Installation) -> None:
    installation.gestao.execute("insert into public.leads (id, nome) values (%s, 'x')", [FIRST])
    body = json.dumps({"id": FIRST, "nome": "x", "nunca": 1})
    with installation.push.destination.client() as client:
        found = Comparison(client, ("id", "nome"), {}).read_back(
            [Lead(id=FIRST, updated_at=None, content_hash=UUID(int=1), body=body)]
        )
    assert (found.holds, found.different) == (False, {FIRST: ["nunca"]})


def test_nothing_that_was_sent_holds() -> None:
    assert ReadBack().holds
    assert ReadBack().sentence() == "All 0 leads that were sent are at the destination as they were sent."


@pytest.mark.parametrize(
    "altered",
    [
        '{"a": 1, "v": 1.5, "n": [1, {"z": false}]}',
        '{"a": true, "v": "1.5", "n": [1, {"z": false}]}',
        '{"a": true, "v": 1.5, "n": [true, {"z": false}]}',
        '{"a": true, "v": 1.5, "n": ["1", {"z": false}]}',
        '{"a": true, "v": 1.5, "n": [1, {"z": 0}]}',
    ],
)
def test_a_yes_is_no_number_and_a_number_no_text_inside_json(
    installation: Installation, altered: str
) -> None:
    installation.leads(range(2), NOON, raw=Jsonb({"a": True, "v": 1.5, "n": [1, {"z": False}]}))
    installation.export(DAY, DAY)
    installation.gestao.execute("update public.leads set raw = %s::jsonb where id = %s", [altered, FIRST])
    installation.export(DAY, DAY)
    assert installation.total().unchanged_check.differed == 1
    assert installation.there("raw")[FIRST] == installation.there("raw")[FIRST + 1]
