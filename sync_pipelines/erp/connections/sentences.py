"""What a log row, the application's screen and an e-mail say of a sync, in Portuguese: its users read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.credentials import CredentialsError
from sync_pipelines.erp.outcome import Module, ModuleOutcome, SyncOutcome
from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
)
from sync_pipelines.lib.redaction import redact
from sync_pipelines.settings import SettingsError

VENDORS = {
    "omie": "Omie",
    "bling": "Bling",
    "contaazul": "Conta Azul",
    "tiny": "Tiny",
    "sankhya": "Sankhya",
    "totvs": "TOTVS",
}
MODULES = {
    Module.COMPANY: "empresa",
    Module.PRODUCTS: "produtos",
    Module.INVOICES: "NF-e",
    Module.FINANCIALS: "financeiro",
}
UNUSABLE = "As credenciais guardadas não podem ser usadas:"
#: What a person renews after a refusal, in the application's screen of integrations.
_RENEW = {
    "omie": "informe de novo o App Key e o App Secret do Omie",
    "bling": "autorize o Bling de novo",
    "contaazul": "autorize o Conta Azul de novo",
    "tiny": "informe de novo o token do Tiny",
    "sankhya": "informe o Client ID, o Client Secret e o X-Token do Gateway do Sankhya",
}


class Cause(StrEnum):
    """Why a sync failed, the gravest first."""

    CREDENTIALS = "credentials"
    UNEXPECTED = "unexpected"
    PERMANENT = "permanent"
    THROTTLED = "throttled"
    TRANSIENT = "transient"


@dataclass(frozen=True)
class Reason:
    """Why a sync failed, by which modules (none: all of it), and what a person does about it."""

    cause: Cause
    text: str
    action: str = ""
    modules: tuple[Module, ...] = ()
    #: Credentials do not cure themselves; everything else is tried again at the next planned time.
    waits_for_person: bool = False
    #: The stored credentials cannot be used: the ERP was not asked.
    is_unusable: bool = False


def vendor(erp_type: str) -> str:
    return VENDORS.get(erp_type, erp_type)


def cause_of(error: BaseException | None) -> Cause:
    """The kind of an error; one that nobody foresaw, or that left no error, is unexpected."""
    if isinstance(error, RefusedError):
        return Cause.CREDENTIALS
    if isinstance(error, ThrottledError):
        return Cause.THROTTLED
    if isinstance(error, TransientError):
        return Cause.TRANSIENT
    if isinstance(error, PermanentError | SettingsError):
        return Cause.PERMANENT
    return Cause.UNEXPECTED


def reason_of(error: Exception | None, outcome: SyncOutcome, connection: ErpConnection) -> Reason:
    """The reason for a failed sync: its error, or else the modules that failed."""
    name = vendor(connection.erp_type)
    if error is not None:
        cause = cause_of(error)
        unusable = isinstance(error, CredentialsError)
        opening = UNUSABLE if unusable else _opening(cause, name)
        return Reason(
            cause,
            f"{opening} {detail_of(error)}",
            _action(cause, connection),
            waits_for_person=cause is Cause.CREDENTIALS,
            is_unusable=unusable,
        )
    failed = outcome.failed
    causes = [cause_of(one.error) for one in failed.values()]
    cause = min(causes, key=list(Cause).index, default=Cause.UNEXPECTED)
    parts = [f"{MODULES[module]}: {_message(one)}" for module, one in failed.items()]
    opening = "Não foi sincronizado" if len(parts) == 1 else "Não foram sincronizados"
    return Reason(
        cause,
        f"{opening} {' | '.join(parts)}",
        _action(cause, connection),
        modules=tuple(failed),
        waits_for_person=_is_refused(outcome),
    )


def _is_refused(outcome: SyncOutcome) -> bool:
    """Whether the ERP refused the account, and not only what it is allowed (403) for some of the modules."""
    refusals = [one.error for one in outcome.failed.values() if isinstance(one.error, RefusedError)]
    works = any(one.status == "success" for one in outcome.modules.values())
    return any(one.status != 403 for one in refusals) or (bool(refusals) and not works)


def detail_of(error: Exception) -> str:
    """What an error says; of one that nobody foresaw only its kind, because it may quote an invoice."""
    known = isinstance(error, SyncError | SettingsError)
    return redact(str(error)) if known else f"{type(error).__name__}."


def module_failure(error: SyncError, connection: ErpConnection) -> str:
    """What became of a module that an error ended: the kind in Portuguese, then what the error says."""
    return f"{_opening(cause_of(error), vendor(connection.erp_type))} {detail_of(error)}"


def kept(outcome: SyncOutcome) -> str:
    """What of a failed sync is stored all the same."""
    done = [
        f"{MODULES[module]} ({_records(one.counts.synced)})"
        for module, one in outcome.modules.items()
        if one.status == "success"
    ]
    for module, months in outcome.months.items():
        stored = sum(one.status == "success" for one in months.values())
        if stored and module in outcome.failed:
            done.append(f"{MODULES[module]} de {stored} de {len(months)} meses")
    if done:
        return f"Foi sincronizado e permanece: {', '.join(done)}."
    return "O que já estava gravado permanece."


def failure(reason: Reason, outcome: SyncOutcome, *, due: datetime | None, zone: ZoneInfo) -> str:
    """The `error_message` of a log row."""
    return f"{reason.text} {kept(outcome)} {next_try(due, zone, waits_for_person=reason.waits_for_person)}"


def screen(reason: Reason, connection: ErpConnection, *, due: datetime | None, zone: ZoneInfo) -> str:
    """The `status_message` of a connection in `error`: a user without knowledge of our ways reads it."""
    name = vendor(connection.erp_type)
    if reason.waits_for_person:
        opening = UNUSABLE if reason.is_unusable else _opening(Cause.CREDENTIALS, name)
        return f"{opening} {_renew(connection)}. Até lá não há sincronização automática."
    modules = ", ".join(MODULES[module] for module in reason.modules)
    what = (
        f"A última sincronização falhou em parte ({modules})."
        if modules
        else "A última sincronização falhou."
    )
    why = {
        Cause.CREDENTIALS: f"O {name} não permite isso às credenciais: {_renew(connection)}, com acesso a tudo.",
        Cause.THROTTLED: f"O {name} pediu menos chamadas.",
        Cause.TRANSIENT: "Foi uma falha temporária.",
    }.get(reason.cause, "O motivo está no histórico de sincronizações.")
    return f"{what} {why} {next_try(due, zone, waits_for_person=False)}"


def nothing_synced(outcome: SyncOutcome) -> str:
    """Why no module of a sync was done; a reason that several share is said once."""
    reasons: dict[str, list[str]] = {}
    for module, one in outcome.modules.items():
        reasons.setdefault(_message(one), []).append(MODULES[module])
    parts = [f"{', '.join(of)}: {why}" for why, of in reasons.items()]
    return f"Nada foi sincronizado. {' | '.join(parts) if len(parts) > 1 else next(iter(reasons))}"


def interruption(error: BaseException) -> str:
    """For Ctrl-C, a signal, Dagster's own interruption."""
    kind = type(error).__name__
    return (
        f"A sincronização foi interrompida antes do fim ({kind}). O que já estava gravado permanece."
        " A hora marcada da conexão não mudou."
    )


def unwritten(detail: str) -> str:
    """For a sync whose end the database did not take."""
    return f"O resultado da sincronização não pôde ser gravado na conexão: {detail}"


def next_try(due: datetime | None, zone: ZoneInfo, *, waits_for_person: bool) -> str:
    if waits_for_person:
        return "Não há nova tentativa automática: a conexão espera por uma pessoa."
    if due is None:
        return "Não há nova tentativa automática: a sincronização automática está desligada."
    return f"Próxima tentativa: {moment(due, zone)}."


def moment(value: datetime, zone: ZoneInfo) -> str:
    return f"{value.astimezone(zone):%d/%m/%Y %H:%M} ({zone.key})"


def _opening(cause: Cause, name: str) -> str:
    return {
        Cause.CREDENTIALS: f"O {name} recusou as credenciais:",
        Cause.THROTTLED: f"O {name} pede menos chamadas:",
        Cause.TRANSIENT: "Falha temporária:",
        Cause.PERMANENT: "Falha que uma repetição sozinha não resolve:",
        Cause.UNEXPECTED: "Erro imprevisto:",
    }[cause]


def _action(cause: Cause, connection: ErpConnection) -> str:
    if cause is Cause.CREDENTIALS:
        return (
            f"No aplicativo, em Integrações, {_renew(connection)}. Credenciais novas são reconhecidas; se a causa"
            f" era outra, libere a conexão: sync-pipelines erp reviewed {connection.key}"
        )
    return {
        Cause.THROTTLED: "Nenhuma ação se acontecer uma vez. Se repetir, veja quem mais usa a mesma chave do ERP.",
        Cause.TRANSIENT: "Nenhuma ação por enquanto: a sincronização se repete na próxima hora marcada.",
        Cause.PERMANENT: "Siga o que a mensagem acima indica.",
    }.get(cause, "Avise quem mantém a sincronização, com esta mensagem.")


def _renew(connection: ErpConnection) -> str:
    return _RENEW.get(connection.erp_type, f"informe de novo as credenciais do {vendor(connection.erp_type)}")


def _message(one: ModuleOutcome) -> str:
    return redact(one.message or str(one.error or "sem mensagem"))


def _records(count: int) -> str:
    return "1 registro" if count == 1 else f"{count} registros"
