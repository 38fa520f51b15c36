"""The e-mail for a failed connection: once a day and cause, with all that a person needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import UUID, uuid4

import pytest

from sync_pipelines.erp.connections.credentials import CredentialsError, read_credentials
from sync_pipelines.erp.connections.mark import waits_for_person
from sync_pipelines.erp.connections.steward import ConnectionBusyError
from sync_pipelines.erp.outcome import Counts, Module, ModuleOutcome
from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
)
from sync_pipelines.sandbox.erp.database import add_company
from sync_pipelines_tests.erp.connections.conftest import MIDNIGHT, Project


def put(project: Project, **company: object) -> UUID:
    user = uuid4()
    number = add_company(project.connection, user, "11222333000181", **company)
    return project.put(user_id=user, company_id=number, next_sync_at=MIDNIGHT)


def test_a_failed_module_is_mailed_with_all_that_a_person_needs(project: Project) -> None:
    one = put(project, nome_fantasia="Doces da Serra", razao_social="Doces da Serra Ltda")
    with project.runs.execution(one, run_id="run", only_if_due=True) as work:
        work.outcome.modules[Module.COMPANY] = ModuleOutcome()
        work.outcome.modules[Module.PRODUCTS] = ModuleOutcome(counts=Counts(inserted=41))
        work.outcome.modules[Module.INVOICES] = ModuleOutcome(
            "error", "a página 3 não veio.", error=TransientError("Omie answered 502.")
        )
        work.outcome.months[Module.INVOICES] = {
            date(2026, 10, 1): ModuleOutcome(),
            date(2026, 11, 1): work.outcome.modules[Module.INVOICES],
        }
    (alert,) = project.sent
    assert alert.mail_subject == "🚨 [erp] Omie de Doces da Serra: a sincronização falhou"
    assert alert.text.split("\n\n") == [
        f"A sincronização da conexão {project.row(one).key} (Omie) da empresa Doces da Serra falhou.",
        "Não foi sincronizado NF-e: a página 3 não veio.",
        "Foi sincronizado e permanece: empresa (0 registros), produtos (41 registros), NF-e de 1 de 2 meses.",
        "Próxima tentativa: 23/11/2026 21:00 (America/Sao_Paulo).",
        "O que fazer: Nenhuma ação por enquanto: a sincronização se repete na próxima hora marcada.",
    ]


def test_refused_credentials_say_what_to_renew(project: Project) -> None:
    one = put(project, razao_social="MARIA DE TESTE 12345678909")
    project.fail(one, RefusedError("Omie does not accept the key.", 401), only_if_due=True)
    (alert,) = project.sent
    assert alert.title == "Omie de MARIA DE TESTE: a sincronização falhou"
    assert "O Omie recusou as credenciais: Omie does not accept the key." in alert.text
    assert "a conexão espera por uma pessoa" in alert.text
    assert "informe de novo o App Key e o App Secret do Omie" in alert.text
    assert f"sync-pipelines erp reviewed {project.row(one).key}" in alert.text
    assert "12345678909" not in alert.text + alert.title


def test_credentials_that_cannot_be_opened_are_told_from_those_that_the_erp_refuses(project: Project) -> None:
    """Trap 60: a message of its own, and no secret in it."""
    one = put(project)
    project.set(one, credentials='"bm90IHNlYWxlZCBhdCBhbGwsIGp1c3QgdGV4dA=="')
    try:
        read_credentials(project.row(one), "k" * 32)
    except CredentialsError as error:
        project.fail(one, error)
    (alert,), row = project.sent, project.row(one)
    assert "As credenciais guardadas não podem ser usadas: The credentials of the connection" in alert.text
    assert row.status_message == (
        "As credenciais guardadas não podem ser usadas: informe de novo o App Key e o App Secret do Omie."
        " Até lá não há sincronização automática."
    )
    assert waits_for_person(row) is not None
    assert "bm90IH" not in alert.text + str(project.logged("error_message, details"))


def test_a_cause_of_a_connection_is_mailed_once_a_day(project: Project) -> None:
    one, other = put(project, nome_fantasia="Um"), put(project, nome_fantasia="Dois")
    for error in (TransientError("502"), TransientError("503"), ThrottledError("429"), TransientError("502")):
        project.fail(one, error)
    assert len(project.sent) == 2
    project.fail(other, TransientError("502"))
    assert project.sent[2].title == "Omie de Dois: a sincronização falhou"
    project.clock.advance(days=1)
    project.fail(one, TransientError("502"))
    assert len(project.sent) == 4


@pytest.mark.parametrize(
    ("error", "opening", "action"),
    [
        (ThrottledError("Omie answered 425."), "O Omie pede menos chamadas:", "quem mais usa a mesma chave"),
        (TransientError("Omie answered 502."), "Falha temporária:", "se repete na próxima hora marcada"),
        (PermanentError("No such call."), "Falha que uma repetição sozinha não resolve:", "mensagem acima"),
        (KeyError("x"), "Erro imprevisto: KeyError.", "Avise quem mantém a sincronização"),
    ],
)
def test_the_reason_and_what_to_do_by_kind(
    project: Project, error: Exception, opening: str, action: str
) -> None:
    one = put(project)
    project.fail(one, error)
    (alert,) = project.sent
    assert opening in alert.text
    assert action in alert.text
    assert alert.title == "Omie de Omie de teste: a sincronização falhou"


@pytest.mark.parametrize(
    ("status", "works", "waits"), [(403, True, False), (403, False, True), (401, True, True)]
)
def test_a_missing_scope_of_one_module_does_not_stop_the_others(
    project: Project, status: int, works: bool, waits: bool
) -> None:
    one = project.put("bling", next_sync_at=MIDNIGHT)
    with project.runs.execution(one, run_id="run") as work:
        if works:
            work.outcome.modules[Module.COMPANY] = ModuleOutcome()
        error = RefusedError("Bling does not allow that.", status)
        work.outcome.modules[Module.PRODUCTS] = ModuleOutcome("error", str(error), error=error)
    row = project.row(one)
    assert (row.metadata["sync_pipelines"]["waits_for"] == "person") is waits
    assert ("espera por uma pessoa" in project.sent[0].text) is waits
    assert "autorize o Bling de novo" in (row.status_message or "")
    assert "autorize o Bling de novo" in project.sent[0].text


def test_success_busy_and_interruption_are_no_news(project: Project) -> None:
    one = put(project)
    runs = project.runs
    with (
        runs.execution(one, run_id="run"),
        pytest.raises(ConnectionBusyError),
        runs.execution(one, run_id="other"),
    ):
        pytest.fail("it must not begin")
    project.fail(one, KeyboardInterrupt())
    assert project.sent == []


def test_a_database_that_does_not_answer_is_mailed_once_for_all_connections(project: Project) -> None:
    runs = replace(project.runs, url="postgresql://someone:uma-senha-longa@127.0.0.1:1/nothing")
    for _ in range(2):
        with pytest.raises(SyncError, match="the erp database"), runs.execution(uuid4(), run_id="run"):
            pytest.fail("it must not begin")
    (alert,) = project.sent
    assert alert.title == "o banco de dados não respondeu"
    assert "ERP_DATABASE_URL" in alert.text
    assert "uma-senha-longa" not in alert.text


def test_a_company_that_cannot_be_read_costs_no_mail(project: Project) -> None:
    one = put(project, nome_fantasia="Um")
    project.connection.execute("alter table company_profile rename column nome_fantasia to apelido")
    project.fail(one, TransientError("502"))
    assert project.sent[0].title == "Omie de Omie de teste: a sincronização falhou"
