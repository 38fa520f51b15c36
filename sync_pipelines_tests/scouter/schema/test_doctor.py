"""The doctor between a live source and a live destination: what it finds, what it keeps, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.sandbox.postgrest.fake import PostgrestFake
from sync_pipelines.sandbox.scouter.database import drift, drop_column
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.schema.suggestions import RELOAD
from sync_pipelines_tests.scouter.installation import Installation
from sync_pipelines_tests.scouter.mapping.conftest import WHOLE
from sync_pipelines_tests.scouter.schemas import Clock, found, served_by

FORBIDDEN, DISABLED = "openapi_forbidden", "openapi_disabled"


@pytest.mark.parametrize("version", [12, 16])
@pytest.mark.parametrize("shape", [49, 53, 60])
def test_both_sides_fit_in_every_shape_and_by_every_server(
    alterable: Installation, new_postgrest: Callable[..., PostgrestFake], version: int, shape: int
) -> None:
    drift(alterable.gestao, shape)  # type: ignore[arg-type]
    report = served_by(alterable, new_postgrest(alterable.gestao, version=version)).examine()
    assert (report.fits, report.suggested_sql, report.notes) == (True, (), ())
    assert report.counts()["lossy"] == 0
    assert found(report, "warning") == {"ficha_confirmada": "to_text", "commercial_project_id": "to_text"}
    later = {"data_criacao_agendamento", "data_retorno_ligacao", "funil_fichas", "gerenciamento_funil"}
    assert later & set(report.mapping.destinations) == (later if shape >= 53 else set())
    assert "needs_enrichment" not in report.mapping.destinations
    assert len(report.destination_columns) == shape


@pytest.mark.parametrize("version", [12, 16])
def test_every_missing_column_is_told_at_once_with_its_real_type(
    alterable: Installation, new_postgrest: Callable[..., PostgrestFake], version: int
) -> None:
    for name in ("cadastro_existe_foto", "valor_ficha", "date_modify", "raw", "sync_source"):
        drop_column(alterable.gestao, name)
    report = served_by(alterable, new_postgrest(alterable.gestao, version=version)).examine()
    assert not report.fits
    assert found(report) == dict.fromkeys(
        ("cadastro_existe_foto", "date_modify", "raw", "sync_source", "valor_ficha"), "destination_missing"
    )
    assert set(report.missing_in_gestao_scouter) == set(found(report))
    assert set(report.suggested_sql[:-1]) == {
        'alter table public.leads add column if not exists "cadastro_existe_foto" boolean;',
        'alter table public.leads add column if not exists "date_modify" timestamp with time zone;',
        'alter table public.leads add column if not exists "raw" jsonb;',
        'alter table public.leads add column if not exists "sync_source" text;',
        'alter table public.leads add column if not exists "valor_ficha" numeric(10,2);',
    }
    assert report.suggested_sql[-1] == RELOAD
    assert all(line in report.refusal() for line in report.suggested_sql)


def test_a_column_that_was_lost_behind_the_caches_back_asks_for_a_reload(alterable: Installation) -> None:
    drop_column(alterable.gestao, "fonte")
    report = alterable.push.doctor().examine()
    assert (found(report), report.suggested_sql) == ({"*": "stale_cache"}, (RELOAD,))
    alterable.gestao.execute(RELOAD)
    assert found(alterable.push.doctor().examine(fresh=True)) == {"fonte": "destination_missing"}


@pytest.mark.parametrize("version", [12, 16])
def test_a_missing_table_is_one_sentence_and_no_sql(
    alterable: Installation, new_postgrest: Callable[..., PostgrestFake], version: int
) -> None:
    alterable.gestao.execute("alter table public.leads rename to fichas")
    report = served_by(alterable, new_postgrest(alterable.gestao, version=version)).examine()
    assert [(one.field, one.rule) for one in report.verdicts if one.level == "error"] == [("*", "table")]
    assert report.suggested_sql == ()
    assert "no table leads" in report.refusal()


def test_a_table_that_the_key_may_not_see_is_told_so(
    alterable: Installation, new_postgrest: Callable[..., PostgrestFake]
) -> None:
    alterable.gestao.execute("revoke all on public.leads from service_role")
    report = served_by(alterable, new_postgrest(alterable.gestao)).examine()
    assert {one.rule for one in report.verdicts if one.level == "error"} == {"table", "refused"}
    assert "our key may not write into leads (42501)" in report.refusal()


@pytest.mark.parametrize("fault", [FORBIDDEN, DISABLED])
def test_without_a_document_the_probe_tells_the_names_and_the_report_says_so(
    alterable: Installation, new_postgrest: Callable[..., PostgrestFake], fault: str
) -> None:
    drop_column(alterable.gestao, "fonte")
    drop_column(alterable.gestao, "etapa")
    postgrest = new_postgrest(alterable.gestao)
    postgrest.fail(fault)
    report = served_by(alterable, postgrest).examine()
    assert found(report) == {"fonte": "destination_missing", "etapa": "destination_missing"}
    assert len(report.suggested_sql) == 3
    assert "OpenAPI document of Gestão Scouter is not available" in report.notes[0]
    assert report.notes[0] in report.markdown()
    assert set(found(report, "warning").values()) == {"unknown"}
    alterable.gestao.execute(" ".join(report.suggested_sql).encode())
    assert alterable.push.doctor().examine(fresh=True).fits


def test_a_column_that_must_be_filled_and_is_not_sent(alterable: Installation) -> None:
    alterable.gestao.execute(
        "alter table public.leads add unidade text not null; notify pgrst, 'reload schema'"
    )
    alterable.gestao.execute("alter table public.leads alter unidade drop default")
    report = alterable.push.doctor().examine()
    assert found(report) == {"unidade": "required_unmapped"}
    assert "23502" in report.refusal()
    assert 'alter table public.leads alter column "unidade" drop not null;' in report.suggested_sql
    alterable.gestao.execute("alter table public.leads alter unidade set default 'SP'")
    alterable.gestao.execute("notify pgrst, 'reload schema'")
    assert alterable.push.doctor().examine(fresh=True).fits


@pytest.mark.parametrize("fault", [None, FORBIDDEN])
def test_a_missing_primary_key_is_found_by_the_probe(alterable: Installation, fault: str | None) -> None:
    alterable.gestao.execute("alter table public.leads drop constraint leads_pkey")
    alterable.gestao.execute("notify pgrst, 'reload schema'")
    if fault:
        alterable.postgrest.fail(fault)
    report = alterable.push.doctor().examine()
    assert found(report) == {"*": "key"}
    assert "42P10" in report.refusal()
    assert report.suggested_sql == ('alter table public.leads add primary key ("id");', RELOAD)
    alterable.gestao.execute("alter table public.leads add unique (id)")
    alterable.gestao.execute("notify pgrst, 'reload schema'")
    assert alterable.push.doctor().examine(fresh=True).fits  # not in the document, and as good


def test_stamps_that_the_destination_would_not_take(alterable: Installation) -> None:
    alterable.gestao.execute(
        "alter table public.leads alter sync_source type varchar(5), alter sync_status type boolean using null,"
        " alter last_sync_at type text; notify pgrst, 'reload schema'"
    )
    report = alterable.push.doctor().examine()
    assert found(report) == {"sync_source": "stamp_type", "sync_status": "stamp_type"}


def test_names_that_one_side_does_not_have_are_listed_by_side(fitting: Installation) -> None:
    document = WHOLE | {
        "phone": "celular",
        "responsavel": "responsible",
        "age": "idade",
        "fonte": "tab_etapa",
    }
    report = fitting.push.doctor().examine(FieldMapping.parse(document))
    assert set(report.missing_in_gestao_scouter) == {"phone", "responsavel"}
    assert report.missing_in_tabuladormax == ("idade",)
    assert found(report) == {
        "phone": "destination_missing",
        "responsavel": "destination_missing",
        "age": "source_missing",
    }
    assert report.mapping.document()["fonte"] == "etapa"
    assert "address" in report.only_in_tabuladormax
    assert "email" in report.only_in_gestao_scouter


def test_what_no_mapping_may_do_is_an_error_too(fitting: Installation) -> None:
    report = fitting.push.doctor().examine(FieldMapping.parse({"nome": "name", "email": "celular"}))
    told = report.refusal()
    assert "id, updated_at of TabuladorMax must be mapped" in told
    assert "email of Gestão Scouter belong to its own users" in told


def test_the_mapping_of_a_job_counts_before_the_default_preset_and_that_before_the_contract(
    fitting: Installation,
) -> None:
    with fitting.push.source() as connection:
        assert len(fitting.push.examine(connection).mapping.fields) == 34
        fitting.tab.execute(
            "insert into public.gestao_scouter_field_mappings (name, mappings, is_default) values"
            ' (\'Curto\', \'{"id": "id", "nome": "tab_name", "updated_at": "updated_at", "age": "age"}\', true)'
        )
        assert fitting.push.examine(connection).mapping.destinations == ("age", "id", "nome", "updated_at")
        job = fitting.job(fitting.create(Clock().now.date(), None))
        own = replace(job, field_mappings=WHOLE | {"fonte": "etapa"})
        assert fitting.push.examine(connection, own).mapping.destinations == (
            "fonte",
            "id",
            "nome",
            "updated_at",
        )
        chosen = replace(own, fields_selected=["id", "tab_etapa"])
        assert fitting.push.examine(connection, chosen).mapping.destinations == (
            *("fonte", "id", "nome", "updated_at"),
        )
        with pytest.raises(PermanentError, match="fields_selected names address"):
            fitting.push.examine(connection, replace(own, fields_selected=["address"]))
        with pytest.raises(PermanentError, match="nome has no source"):
            fitting.push.examine(connection, replace(job, field_mappings={"nome": None}))
