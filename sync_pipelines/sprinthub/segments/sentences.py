"""What a log row and an e-mail say of a run, in Portuguese: the application's users read both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from zoneinfo import ZoneInfo

from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
)
from sync_pipelines.lib.redaction import redacted_exception
from sync_pipelines.settings import SettingsError
from sync_pipelines.sprinthub.outcome import SegmentOutcome

KEPT = "O que já estava gravado permanece; a próxima execução continua de onde esta parou."


@dataclass(frozen=True)
class Reason:
    """Why a run failed, and what a person does about it; nothing while waiting is enough."""

    text: str
    action: str = ""


def reason_of(error: Exception | None, outcome: SegmentOutcome) -> Reason:
    """The reason for a failed run: its error, or leads whose details did not come."""
    if error is None:
        return Reason(
            f"Os detalhes de {_leads(outcome.unread)} não vieram do CRM, apesar de várias tentativas.",
            "Nenhuma ação por enquanto: esses leads são os primeiros da próxima tentativa.",
        )
    detail = str(error) if isinstance(error, SyncError | SettingsError) else redacted_exception(error)
    if isinstance(error, RefusedError):
        return Reason(
            f"O CRM recusou as credenciais: {detail}",
            "Renove SPRINTHUB_API_TOKEN (ou corrija SPRINTHUB_INSTANCE) e depois reative o segmento:"
            f" sync-pipelines sprinthub reactivate {outcome.segment_id}",
        )
    if isinstance(error, ThrottledError):
        return Reason(
            f"O CRM pede menos chamadas: {detail}",
            "Nenhuma ação se acontecer uma vez. Se repetir, veja quem mais usa o token, ou reduza"
            " SPRINTHUB_RATE_PER_MINUTE.",
        )
    if isinstance(error, TransientError):
        return Reason(f"Falha temporária: {detail}", "Nenhuma ação por enquanto: a execução se repete.")
    if isinstance(error, PermanentError | SettingsError):
        return Reason(
            f"Falha que uma repetição sozinha não resolve: {detail}", "Siga o que a mensagem acima indica."
        )
    return Reason(f"Erro imprevisto: {detail}", "Avise quem mantém a sincronização, com esta mensagem.")


def success(outcome: SegmentOutcome) -> str:
    """The figures of a run that went to its end."""
    if outcome.skipped:
        return f"Nada mudou no CRM desde a última lista: {_leads(outcome.leads)} no segmento."
    parts = [
        f"{_leads(outcome.leads)} no segmento: {outcome.inserted} inseridos, {outcome.changed} atualizados,"
        f" {outcome.unchanged} relidos sem mudança, {outcome.up_to_date} em dia,"
        f" {outcome.rejected} rejeitados.",
        f"Entraram {outcome.entered}, saíram {outcome.left}.",
    ]
    if (rate := outcome.success_rate) is not None:
        parts.append(f"Taxa de sucesso: {per_cent(Decimal(str(rate)))}.")
    return " ".join(parts)


def failure(reason: Reason, due: datetime | None, zone: ZoneInfo, *, waits_for_person: bool) -> str:
    return f"{reason.text} {KEPT} {next_try(due, zone, waits_for_person=waits_for_person)}"


def interruption(error: BaseException) -> str:
    """For Ctrl-C, a signal, Dagster's own interruption."""
    kind = type(error).__name__
    return f"A execução foi interrompida antes do fim ({kind}). {KEPT} A hora marcada do segmento não mudou."


def next_try(due: datetime | None, zone: ZoneInfo, *, waits_for_person: bool) -> str:
    if waits_for_person:
        return "Não há nova tentativa automática: o segmento espera por uma pessoa."
    if due is None:
        return "Não há nova tentativa automática: o segmento não tem hora marcada na tabela de controle."
    return f"Próxima tentativa: {moment(due, zone)}."


def moment(value: datetime, zone: ZoneInfo) -> str:
    return f"{value.astimezone(zone):%d/%m/%Y %H:%M} ({zone.key})"


def per_cent(rate: Decimal) -> str:
    """Cut and not rounded: 94,996 % is below a limit of 95 %."""
    return f"{rate.quantize(Decimal('0.01'), ROUND_FLOOR)} %".replace(".", ",")


def _leads(count: int) -> str:
    return "1 lead" if count == 1 else f"{count} leads"
