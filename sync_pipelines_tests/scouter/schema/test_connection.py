"""The test of the connection: every check valid and not, answered as the application's screen reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from sync_pipelines.sandbox.postgrest.fake import PostgrestFake
from sync_pipelines.sandbox.scouter.database import drop_column
from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines.scouter.export_jobs.configuration import Configuration
from sync_pipelines.scouter.schema.connection import ConnectionTest
from sync_pipelines.scouter.schema.connection_report import ConnectionReport
from sync_pipelines_tests.scouter.installation import Installation
from sync_pipelines_tests.scouter.schemas import token

NOW = datetime(2025, 10, 21, 12, tzinfo=UTC)
ALL = (
    "credentials",
    "configuration",
    "role",
    "expiry",
    "https",
    "connection",
    "tableAccess",
    "tableStructure",
)


def checked(installation: Installation, **given: Any) -> ConnectionReport:
    """A test with the installation's address and key, a configuration that says the same, and what is given instead."""
    settings = installation.settings
    test = ConnectionTest(
        url=settings.gestao_scouter_url,
        key=installation.postgrest.service_key,
        client_factory=installation.push.destination.client,
        columns=("id", "nome", "updated_at", "sync_source"),
        configuration=Configuration(True, True, settings.gestao_scouter_url),
        clock=lambda: NOW,
    )
    test = replace(test, **given)
    if test.url and test.key:
        installation.use(gestao_scouter_url=test.url, gestao_scouter_service_key=SecretStr(test.key))
    # The client too goes to what is given.
    report = replace(test, client_factory=installation.push.destination.client).run()
    told = json.dumps(report.document(), ensure_ascii=False)
    assert not test.key or test.key not in told
    assert not test.url or test.url.removeprefix("http://").removeprefix("https://") not in told
    return report


def invalid(report: ConnectionReport) -> dict[str, str]:
    return {name: one.message for name, one in report.checks.items() if not one.valid}


def test_everything_is_well(fitting: Installation) -> None:
    fitting.gestao.execute("insert into public.leads (id, nome) values (1, 'Ana') on conflict do nothing")
    report = checked(fitting)
    assert list(report.checks) == [*ALL, "onConflict", "write"]
    assert (report.status, invalid(report), report.errors, report.warnings) == (200, {}, [], [])
    document = report.document()
    assert set(document) == {"valid", "checks", "errors", "warnings"}
    assert document["valid"] is True
    assert document["checks"]["tableAccess"] == {"valid": True, "message": "A tabela leads pode ser lida."}
    fitting.gestao.execute("truncate public.leads")
    report = checked(fitting)
    assert (report.status, report.document()["warnings"]) == (
        200,
        ["A tabela leads do Gestão Scouter está vazia."],
    )
    assert fitting.gestao.execute("select count(*) from public.leads").fetchone() == (0,)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"key": None}, "Falta configurar GESTAO_SCOUTER_SERVICE_KEY."),
        ({"url": None}, "Falta configurar GESTAO_SCOUTER_URL."),
        ({"url": "", "key": ""}, "Falta configurar GESTAO_SCOUTER_URL e GESTAO_SCOUTER_SERVICE_KEY."),
        ({"url": "gestao.example"}, "GESTAO_SCOUTER_URL deve começar com https://."),
        ({"key": "a chave que copiei"}, "A chave não parece ser uma service role key"),
        ({"key": "a.b.c"}, "A chave não parece ser uma service role key"),
        ({"key": "sb_publishable_abc"}, "A chave não parece ser uma service role key"),
    ],
)
def test_credentials_that_are_none_are_not_asked_with(
    fitting: Installation, given: dict[str, Any], told: str
) -> None:
    report = checked(fitting, **given)
    assert invalid(report)["credentials"].startswith(told)
    assert (report.status, set(report.checks)) == (400, {"credentials", "configuration"})
    assert len(fitting.postgrest.requests) == 0


def test_where_nothing_is_configured_there_is_nothing_to_test(fitting: Installation) -> None:
    report = checked(
        fitting,
        url=None,
        key=None,
        configuration=Configuration(active=False, sync_enabled=False, project_url=None, exists=False),
    )
    assert (report.status, report.valid) == (404, False)
    assert report.document()["errors"] == ["Nenhuma configuração do Gestão Scouter foi encontrada."]


@pytest.mark.parametrize(
    ("payload", "name", "told"),
    [
        ({"role": "anon"}, "role", "O papel da chave é anon; precisa ser service_role."),
        ({}, "role", "O papel da chave é nenhum; precisa ser service_role."),
        (
            {"role": "service_role", "exp": NOW.timestamp()},
            "expiry",
            "A chave expirou em 21/10/2025 12:00 UTC.",
        ),
    ],
)
def test_a_key_that_is_of_no_use(
    fitting: Installation, payload: dict[str, Any], name: str, told: str
) -> None:
    report = checked(fitting, key=token(**payload))
    assert invalid(report)[name] == told
    assert told in report.errors
    assert report.status == 400


def test_the_anonymous_key_of_the_project_is_told_by_its_role(fitting: Installation) -> None:
    report = checked(fitting, key=fitting.postgrest.anon_key)
    assert "anon" in invalid(report)["role"]
    assert not report.valid


@pytest.mark.parametrize("end", [NOW.timestamp() + 1, None])
def test_a_key_that_is_still_valid(fitting: Installation, end: float | None) -> None:
    key = token(role="service_role", **({} if end is None else {"exp": end}))
    assert not {"role", "expiry"} & set(invalid(checked(fitting, key=key)))


def test_a_key_of_the_newer_kind_is_a_warning(fitting: Installation) -> None:
    report = checked(fitting, key="sb_secret_0123456789")
    told = invalid(report)["role"]
    assert report.checks["credentials"].valid
    assert told in report.document()["warnings"]
    assert told not in report.errors


def test_plain_http_to_another_machine_is_refused_before_anything_is_sent(fitting: Installation) -> None:
    report = checked(fitting, url="http://gestao.example")
    assert "às claras" in invalid(report)["https"]
    assert (report.status, "connection" in report.checks) == (400, False)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("gateway_401", "recusou a chave (401, sem código)"),
        ("expired_301", "recusou a chave (401 PGRST301)"),
        ("expired_303", "recusou a chave (401 PGRST303)"),
        ("empty_503", "respondeu 503"),
        ("bad_gateway", "respondeu 502"),
        ("throttled", "respondeu 429"),
        ("drop", "Não foi possível falar"),
    ],
)
def test_a_project_that_does_not_answer_us(fitting: Installation, fault: str, told: str) -> None:
    fitting.postgrest.fail(fault)
    report = checked(fitting)
    assert told in invalid(report)["connection"]
    assert (report.status, "tableAccess" in report.checks) == (400, False)


def test_an_address_where_nobody_listens(fitting: Installation) -> None:
    report = checked(fitting, url="http://127.0.0.1:9")
    assert "Não foi possível falar com o Gestão Scouter" in invalid(report)["connection"]


def test_a_page_is_no_project(fitting: Installation) -> None:
    async def page(_request: object) -> HTMLResponse:
        return HTMLResponse("<html>Bem-vindo</html>")

    route = Route("/{path:path}", page, methods=["GET", "POST"])
    with BackgroundServer(Starlette(routes=[route])) as server:
        report = checked(fitting, url=server.url)
    assert "não é a API REST" in invalid(report)["connection"]
    assert (report.status, "tableAccess" in report.checks) == (400, False)


def test_a_server_that_leaves_in_the_middle_is_no_success(fitting: Installation) -> None:
    fitting.postgrest.fail("empty_503", after=1)
    report = checked(fitting)
    assert report.status == 400
    assert "onConflict" not in {name for name, one in report.checks.items() if one.valid}


@pytest.mark.parametrize(
    ("ddl", "name", "told"),
    [
        ("revoke all on public.leads from service_role", "tableAccess", "não tem permissão (42501)"),
        ("alter table public.leads rename to fichas", "tableAccess", "a tabela não existe"),
        ("alter table public.leads rename updated_at to alterado_em", "tableStructure", "id e updated_at"),
        ("alter table public.leads drop constraint leads_pkey", "onConflict", "42P10"),
        ("revoke insert on public.leads from service_role", "write", "não tem permissão (42501)"),
    ],
)
def test_a_table_that_a_push_could_not_use(
    alterable: Installation, new_postgrest: Callable[..., PostgrestFake], ddl: str, name: str, told: str
) -> None:
    alterable.gestao.execute(ddl.encode())
    alterable.postgrest = new_postgrest(alterable.gestao)
    alterable.use(gestao_scouter_url=alterable.postgrest.url)
    report = checked(alterable)
    assert told in invalid(report)[name]
    assert (report.status, report.checks["connection"].valid) == (400, True)


def test_every_column_that_a_write_does_not_find(
    alterable: Installation, new_postgrest: Callable[..., PostgrestFake]
) -> None:
    for name in ("nome", "sync_source"):
        drop_column(alterable.gestao, name)
    alterable.postgrest = new_postgrest(alterable.gestao)
    alterable.use(gestao_scouter_url=alterable.postgrest.url)
    told = invalid(checked(alterable))
    assert list(told) == ["write"]
    assert "nome, sync_source (PGRST204)" in told["write"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (Configuration(False, False, None, exists=False), "Não há linha em gestao_scouter_config"),
        (Configuration(False, True, "https://x"), "A configuração está inativa"),
        (Configuration(True, False, "https://x"), "com a sincronização desligada"),
        (Configuration(True, True, "https://outro.example"), "não é o endereço de GESTAO_SCOUTER_URL"),
        (Configuration(True, True, "https://["), "não é o endereço de GESTAO_SCOUTER_URL"),
        (Configuration(True, True, None), "não é o endereço de GESTAO_SCOUTER_URL"),
    ],
)
def test_what_the_screen_says_is_a_warning(fitting: Installation, row: Configuration, told: str) -> None:
    report = checked(fitting, configuration=row)
    assert told in invalid(report)["configuration"]
    assert (report.status, report.errors) == (200, [])
    assert invalid(report)["configuration"] in report.document()["warnings"]


def test_the_screens_address_may_be_written_with_the_path_of_the_service(fitting: Installation) -> None:
    address = f" {fitting.postgrest.url.upper()}/rest/v1/ "
    assert invalid(checked(fitting, configuration=Configuration(True, True, address))) == {}
