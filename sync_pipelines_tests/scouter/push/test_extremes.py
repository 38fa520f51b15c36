"""Values that Postgres holds and Python does not: each is pushed as it is, or rejected by its lead's name."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines.scouter.push.prove import Comparison
from sync_pipelines_tests.scouter.installation import FIRST, Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
MOMENTS = (
    *("infinity", "-infinity", "20225-01-01", "294276-12-31 23:59:59.999999+00", "0044-03-15 12:00:00+00 BC"),
    *(
        "4713-01-01 00:00:00+00 BC",
        "0001-01-01",
        "9999-12-31 23:59:59.999999+00",
        "1899-12-30 23:53:32-03:06:28",
    ),
)
NUMBERS = ("NaN", "Infinity", "-Infinity", "1e400", "-1e-400", "0." + "1" * 300)
DOUBLES = ("NaN", "Infinity", "-Infinity", "5e-324", "1.7976931348623157e308", "-0")
#: Of the type json, which keeps its text: jsonb takes none of them.
JSONS = ('{"a": "\\u0000"}', '{"a": 1e400000}', '"\\u0000"', '{"a": "\\ud800"}')
JSONBS = ('{"a": 1e400}', '{"a": -0}', '{"": null}', '{"a": 123456789012345678901234567890.5}', '"\\u2028"')
TEXTS = (
    "".join(chr(one) for one in range(1, 32)),
    "\x1e",
    "\x1f",
    "\x7f\x85\u2028\ufeff\uffff",
    "\U0010ffff",
    "'\"\\,{}",
)
#: What the CRM has of its own beside the contract's columns, on both sides alike: a column and its values.
COLUMNS: dict[str, tuple[str, tuple[str, ...]]] = {
    "criado": ("timestamptz", MOMENTS),
    "sem_zona": ("timestamp", tuple(one.removesuffix("-03:06:28") for one in MOMENTS)),
    "dia": (
        "date",
        ("infinity", "-infinity", "20225-01-01", "5874897-12-31", "0044-03-15 BC", "4713-01-01 BC"),
    ),
    "numero": ("numeric", NUMBERS),
    "valor_ficha": ("numeric(10,2)", ("NaN", "99999999.99", "-0.004")),
    "duplo": ("double precision", DOUBLES),
    "simples": ("real", ("NaN", "Infinity", "1e-45", "3.4028235e38")),
    "solto": ("json", JSONS[1:2]),
    "raw": ("jsonb", JSONBS),
    "etapa": ("text", TEXTS),
    "intervalo": ("interval", ("-178000000 years", "1 day -00:00:01")),
    "octetos": ("bytea", ("\\x00ff1f1e", "\\x")),
    "lista": ("text[]", ('{NULL,"NULL","","a,b","\\\\"}', "{}")),
}


@pytest.fixture
def wide(installation: Installation) -> Installation:
    """Both sides with all of `COLUMNS`, and triggers off, so that times are what they were given."""
    for column, (kind, _) in COLUMNS.items():
        for side in (installation.tab, installation.gestao):
            side.execute(f"alter table public.leads add column if not exists {column} {kind}".encode())
    installation.gestao.execute("alter table public.leads add column visto date")
    installation.gestao.execute("notify pgrst, 'reload schema'")
    installation.tab.execute("alter table public.leads disable trigger user")
    return installation


def put(installation: Installation, number: int, column: str, value: str) -> None:
    """A lead with one value, written by Postgres from its text."""
    installation.lead(number, NOON)
    statement = sql.SQL("update public.leads set {} = {} where id = {}").format(
        sql.Identifier(column), sql.Literal(value), sql.Literal(FIRST + number)
    )
    installation.tab.execute(statement)


def held(connection: psycopg.Connection[Any], column: str) -> dict[int, str]:
    query = sql.SQL("select id, {}::text from public.leads where id >= {}")
    connection.execute("set timezone = 'UTC'")
    return dict(connection.execute(query.format(sql.Identifier(column), sql.Literal(FIRST))).fetchall())


def test_every_extreme_value_arrives_as_it_is_and_is_seen_there_again(wide: Installation) -> None:
    number = 0
    for column, (_, values) in COLUMNS.items():
        for value in values:
            put(wide, number, column, value=value)
            number += 1
    job = wide.export(DAY, DAY)
    assert (wide.failures, wide.errors()) == ({}, [])
    assert wide.counters(job.id) == ("completed", number, number, 0)
    for column in COLUMNS:
        assert held(wide.gestao, column) == held(wide.tab, column), column
    wide.postgrest.clear()
    wide.export(DAY, DAY)
    assert wide.posts() == []
    assert wide.total().unchanged_check.seen == number


def test_what_jsonb_does_not_take_is_rejected_by_name_with_a_row_that_keeps_it(wide: Installation) -> None:
    wide.gestao.execute(
        "alter table public.leads alter solto type jsonb using null; notify pgrst, 'reload schema'"
    )
    for number, value in enumerate(JSONS):
        put(wide, number, "solto", value=value)
    wide.leads(range(10, 30), NOON)
    job = wide.export(DAY, DAY)
    assert wide.counters(job.id) == ("completed", 24, 20, 4)
    rows = wide.errors()
    assert [row["lead_id"] for row in rows] == [FIRST + n for n in range(4)]
    assert all(row["error_message"].startswith(f"Lead {row['lead_id']}: ") for row in rows)
    assert [JSONS[n] in rows[n]["fields_sent"]["text"] for n in range(4)] == [True] * 4
    assert [JSONS[n] in rows[n]["lead_snapshot"]["text"] for n in range(4)] == [True] * 4


@pytest.mark.parametrize("at", MOMENTS)
def test_a_lead_whose_time_no_day_has_is_exported_by_a_job_to_the_beginning(
    wide: Installation, at: str
) -> None:
    wide.leads(range(3), NOON)
    put(wide, 7, "updated_at", value=at)
    job = wide.export(DAY, None)
    assert (wide.failures, wide.errors()) == ({}, [])
    assert wide.counters(job.id) == ("completed", 4, 4, 0)
    assert held(wide.gestao, "updated_at") == held(wide.tab, "updated_at")
    assert len(wide.outcomes) < 1000 or at.startswith("1899")
    wide.postgrest.clear()
    wide.export(DAY, None, PushOptions(compare=False))
    assert (wide.posts(), wide.total().unchanged_check.believed) == ([], 4)


def test_days_of_a_range_go_by_without_those_that_are_in_none(wide: Installation) -> None:
    wide.leads(range(3), NOON)
    for number, at in enumerate(MOMENTS, 10):
        put(wide, number, "updated_at", value=at)
    job = wide.export(DAY, DAY)
    assert wide.counters(job.id) == ("completed", 3, 3, 0)


def test_many_that_are_in_no_day_go_by_pages_and_over_a_pause(wide: Installation) -> None:
    wide.use(scouter_batch_size=10, scouter_in_flight=1)
    wide.leads(range(30), None)
    wide.leads(range(30, 60), NOON)
    wide.tab.execute("update public.leads set updated_at = 'infinity' where id % 3 = 0")
    wide.tab.execute("update public.leads set updated_at = '-infinity' where id % 3 = 1")
    job_id = wide.create(DAY, None)

    def pause() -> None:
        if wide.job(job_id).phase == "undated":
            wide.actions().pause(job_id)

    wide.hook(pause)
    wide.paused(job_id)
    wide.hook(lambda: None)
    wide.resume(job_id)
    assert wide.counters(job_id) == ("completed", 60, 60, 0)
    assert len(wide.there()) == 60


def test_a_value_that_no_statement_can_render_is_its_own_leads_error(wide: Installation) -> None:
    """A transform asks for the day in Brazil of the first moment that there is, before which there is none."""
    mapping = {"id": "id", "nome": "name", "updated_at": "updated_at"}
    mapping_with = {**mapping, "visto": {"from": "criado", "transform": "date"}}
    wide.tab.execute(
        "insert into public.gestao_scouter_field_mappings (name, mappings, is_default) values ('x', %s, true)",
        [Jsonb(mapping_with)],
    )
    wide.leads(range(60), NOON, criado=NOON)
    put(wide, 17, "criado", value="4714-11-24 00:00:00+00 BC")
    job = wide.export(DAY, DAY)
    assert wide.counters(job.id) == ("completed", 60, 59, 1)
    (row,) = wide.errors()
    assert row["lead_id"] == FIRST + 17
    assert "um valor não pôde ser lido" in row["error_message"]
    assert "22008" in row["error_message"]
    assert "4714" not in row["error_message"]
    assert row["lead_snapshot"]["criado"] == "4714-11-24T00:00:00+00:00 BC"


@pytest.mark.parametrize(
    ("sent", "back", "kind", "same"),
    [
        ("infinity", "infinity", "timestamp with time zone", True),
        ("infinity", "-infinity", "timestamp with time zone", False),
        ("20225-01-01T00:00:00+00:00", "20224-12-31T21:00:00-03:00", "timestamp with time zone", True),
        ("20225-01-01T00:00:00+00:00", "20225-01-01T00:00:00-03:00", "timestamp with time zone", False),
        ("0044-03-15T12:00:00+00:00 BC", "0044-03-15T08:53:32-03:06:28 BC", "timestamp with time zone", True),
        ("0044-03-15T12:00:00+00:00 BC", "0044-03-15T12:00:00+00:00", "timestamp with time zone", False),
        ("2000-01-01T00:00:00+00:00", "1999-12-31T21:00:00-03:00", "timestamp with time zone", True),
        ("20225-01-01", "20225-01-01", "date", True),
        ("0044-03-15 BC", "0044-03-15", "date", False),
        ("infinity", "20225-01-01", "date", False),
        (Decimal("1e400"), Decimal("1e400") + 0, "numeric", True),
        ("NaN", "Infinity", "double precision", False),
    ],
)
def test_a_far_moment_is_the_same_in_another_zone(sent: Any, back: Any, kind: str, *, same: bool) -> None:
    comparison = Comparison(None, ("id", "c"), {"c": kind})  # type: ignore[arg-type]
    assert comparison.differences({"c": sent}, {"c": back}) == ([] if same else ["c"])


def test_a_lead_that_is_nested_deeper_than_python_reads_goes_like_any_other(
    installation: Installation,
) -> None:
    installation.leads(range(3), NOON)
    deep = f'{{"a": "]\\"[", "b": {"[" * 3000}{"]" * 3000}}}'
    installation.tab.execute("alter table public.leads disable trigger user")
    installation.tab.execute("update public.leads set raw = %s::jsonb where id = %s", [deep, FIRST + 1])
    installation.export(DAY, DAY)
    assert (installation.total().proof.equal, installation.errors()) == (3, [])
    installation.export(DAY, DAY)
    assert installation.total().unchanged_check.seen == 3
    installation.gestao.execute(
        "update public.leads set raw = jsonb_set(raw, '{a}', '1') where id = %s", [FIRST + 1]
    )
    installation.export(DAY, DAY)
    assert installation.total().unchanged_check.differed == 1
