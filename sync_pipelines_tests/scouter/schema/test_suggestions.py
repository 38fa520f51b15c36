"""The SQL that is shown: right types, quoted names, nothing invented; and once it was run, both sides fit."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.schema.columns import SourceColumn
from sync_pipelines.scouter.schema.suggestions import RELOAD, RELOAD_FUNCTION, markdown, suggested_sql
from sync_pipelines.scouter.schema.verdicts import Verdict
from sync_pipelines_tests.scouter.installation import Installation

WHOLE = {"id": "id", "nome": "name", "updated_at": "updated_at"}
NEEDED = {name: SourceColumn(name, "text") for name in WHOLE.values()}
BUILT_IN = (
    *("text", "integer", "smallint", "bigint", "numeric", "numeric(10,2)", "numeric(5,0)", "real", "boolean"),
    *(
        "double precision",
        "date",
        "timestamp with time zone",
        "timestamp(3) without time zone",
        "uuid",
        "jsonb",
    ),
    *("json", "character varying", "character varying(20)", "character(3)", "bytea", "interval", "inet"),
    *("time without time zone", "text[]", "integer[]", "numeric(7,3)[]", "uuid[]", "character varying(4)[]"),
)
OTHERS = ("public.estado", "public.preco", "point", "tsvector", "cidr", "money", "xml", "bit(3)", "int4range")


@pytest.mark.parametrize(
    ("kind", "labels", "written"),
    [
        *((kind, (), kind) for kind in BUILT_IN),
        ("citext", (), "text"),
        ("extensions.citext", (), "text"),
        ("public.estado", ("novo",), "text"),
        ("point", (), "text"),
        ('public."Tipo Estranho"', (), "text"),
    ],
)
def test_a_missing_column_gets_the_type_of_the_source(
    kind: str, labels: tuple[str, ...], written: str
) -> None:
    source = NEEDED | {
        "origem": SourceColumn(name="origem", type=kind, nullable=False, has_default=True, enum=labels)
    }
    found = suggested_sql(
        FieldMapping.parse(WHOLE | {"campo": "origem"}),
        source,
        [Verdict(field="campo", level="error", rule="destination_missing", sentence="")],
    )
    assert found == (f'alter table public.leads add column if not exists "campo" {written};', RELOAD)


@pytest.mark.parametrize(
    ("rule", "source_type", "transform", "statement"),
    [
        ("destination_missing", "text", "integer", 'add column if not exists "campo" text'),
        ("destination_missing", "boolean", "sim_nao", 'add column if not exists "campo" text'),
        ("destination_missing", "timestamp with time zone", "date", 'add column if not exists "campo" date'),
        ("narrowing", "bigint", None, 'alter column "campo" type bigint'),
        ("length", "character varying(20)", None, 'alter column "campo" type character varying(20)'),
        ("fraction", "numeric(10,2)", None, 'alter column "campo" type numeric(10,2)'),
        ("required_unmapped", "text", None, 'alter column "campo" drop not null'),
        ("key", "text", None, 'add primary key ("id")'),
    ],
)
def test_what_each_finding_asks_for(
    rule: str, source_type: str, transform: str | None, statement: str
) -> None:
    source = NEEDED | {"origem": SourceColumn("origem", source_type)}
    made = {"from": "origem", "transform": transform} if transform else "origem"
    found = suggested_sql(
        FieldMapping.parse(WHOLE | {"campo": made}),
        source,
        [Verdict(field="campo", level="error", rule=rule, sentence="")],
    )
    assert found == (f"alter table public.leads {statement};", RELOAD)


@pytest.mark.parametrize(
    "rule", ["incompatible", "to_text", "same_type", "source_missing", "refused", "mapping"]
)
def test_what_no_sql_can_mend_gets_none(rule: str) -> None:
    assert (
        suggested_sql(
            FieldMapping.parse(WHOLE), NEEDED, [Verdict(field="nome", level="error", rule=rule, sentence="")]
        )
        == ()
    )


@pytest.mark.parametrize("rule", ["not_in_cache", "stale_cache"])
def test_where_only_the_cache_is_behind_only_the_reload_is_shown(rule: str) -> None:
    assert suggested_sql(
        FieldMapping.parse(WHOLE), NEEDED, [Verdict(field="*", level="error", rule=rule, sentence="")]
    ) == (RELOAD,)


def test_every_statement_stands_once_with_one_reload_at_the_end() -> None:
    verdicts = [
        Verdict(field=name, level="error", rule="destination_missing", sentence="")
        for name in ("nome", "sync_source", "nome")
    ]
    verdicts.append(Verdict(field="last_sync_at", level="error", rule="destination_missing", sentence=""))
    found = suggested_sql(FieldMapping.parse(WHOLE), NEEDED, verdicts)
    assert found == (
        'alter table public.leads add column if not exists "nome" text;',
        'alter table public.leads add column if not exists "sync_source" text;',
        'alter table public.leads add column if not exists "last_sync_at" timestamp with time zone;',
        RELOAD,
    )
    assert markdown(found) == "\n".join(["```sql", *found, "```"])
    assert markdown(()) == "Nothing to do."


def run(installation: Installation, statements: tuple[str, ...]) -> None:
    with installation.gestao.transaction():
        for statement in statements:
            installation.gestao.execute(statement.encode())


names = st.text(
    # A mapping refuses a name with %.
    st.characters(exclude_characters="\0%", exclude_categories=["Cs"]),
    min_size=1,
    max_size=12,
).filter(lambda name: len(name.encode()) < 60 and name not in {*WHOLE, *WHOLE.values(), "age", "raw", "foto"})
odd_names = names | st.sampled_from(
    ['a"b', "a;b", "Dois Nomes", "select", "ação", "a,b", "a'b", "100 por cento", "a\\b"]
)


@given(columns=st.dictionaries(odd_names, st.sampled_from((*BUILT_IN, *OTHERS)), min_size=1, max_size=6))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_once_the_sql_was_run_both_sides_fit(fitting: Installation, columns: dict[str, str]) -> None:
    prepare(fitting, columns)
    try:
        made = FieldMapping.parse(WHOLE | {name: name for name in columns})
        report = fitting.push.doctor().examine(made, fresh=True)
        assert {one.field for one in report.verdicts if one.level == "error"} == set(columns)
        assert "not null" not in " ".join(report.suggested_sql).replace('"', "")
        run(fitting, report.suggested_sql)
        again = fitting.push.doctor().examine(made, fresh=True)
        assert [one.sentence for one in again.verdicts if one.level in ("error", "lossy")] == []
        assert (again.fits, again.suggested_sql) == (True, ())
    finally:
        restore(fitting, columns)


def prepare(installation: Installation, columns: dict[str, str]) -> None:
    """Give the source these columns, required and with types of its own."""
    installation.tab.execute(
        "create type public.estado as enum ('novo', 'velho'); create domain public.preco as numeric(7, 3)"
    )
    for name, kind in columns.items():
        statement = sql.SQL("alter table public.leads add column {} {} not null")
        installation.tab.execute(statement.format(sql.Identifier(name), sql.SQL(kind)))


def restore(installation: Installation, columns: dict[str, str]) -> None:
    for connection in (installation.tab, installation.gestao):
        for name in columns:
            statement = sql.SQL("alter table public.leads drop column if exists {}")
            connection.execute(statement.format(sql.Identifier(name)))
    installation.tab.execute("drop type if exists public.estado; drop domain if exists public.preco")
    installation.gestao.execute(RELOAD)


@pytest.mark.parametrize(
    ("narrow", "document"),
    [
        ("alter column nome type varchar(3)", WHOLE),
        ("alter column age type int", WHOLE | {"age": "id"}),
        ("alter column valor_ficha type integer using null", WHOLE | {"valor_ficha": "valor_ficha"}),
        ("add column unidade text not null", WHOLE),
        ("drop constraint leads_pkey", WHOLE),
    ],
)
def test_a_column_that_is_too_narrow_or_too_strict_is_mended_by_what_is_shown(
    alterable: Installation, narrow: str, document: dict[str, str]
) -> None:
    alterable.gestao.execute(f"alter table public.leads {narrow}; {RELOAD}".encode())
    made = FieldMapping.parse(document)
    report = alterable.push.doctor().examine(made)
    assert report.suggested_sql[-1] == RELOAD
    run(alterable, report.suggested_sql)
    again = alterable.push.doctor().examine(made, fresh=True)
    assert (again.fits, again.counts()["lossy"], again.suggested_sql) == (True, 0, ())


def test_the_function_that_is_shown_reloads_and_is_nobody_elses(alterable: Installation) -> None:
    alterable.gestao.execute("drop function public.notify_pgrst_reload()")
    alterable.gestao.execute(RELOAD_FUNCTION.encode())
    granted = alterable.gestao.execute(
        "select role, has_function_privilege(role, 'public.notify_pgrst_reload()', 'execute')"
        " from unnest(array['anon', 'authenticated', 'service_role']) as role"
    ).fetchall()
    assert granted == [("anon", False), ("authenticated", False), ("service_role", True)]
    with alterable.push.destination.client() as client:
        assert alterable.push.reload(client, ["id"])
    assert re.search(r"search_path = ''", RELOAD_FUNCTION)
