"""What the application's users read of the income statement, in Portuguese, and what a person should know of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from sync_pipelines.erp.analyses.notifications import reais
from sync_pipelines.erp.connections.sentences import detail_of
from sync_pipelines.erp.financials.company import Company
from sync_pipelines.erp.financials.dre_load import Written
from sync_pipelines.erp.financials.dre_month import Refusal
from sync_pipelines.erp.financials.reconcile import Disagreement
from sync_pipelines.erp.financials.statement import MonthStatement
from sync_pipelines.erp.outcome import Counts, ModuleOutcome
from sync_pipelines.erp.vendors.vendor import Side
from sync_pipelines.lib.failures import SyncError, TransientError

#: The checks, as the asset calls them.
COMPANY_KNOWN: Final = "the_connection_has_a_company"
ONE_CONNECTION: Final = "one_connection_feeds_a_month"
NO_EDITS: Final = "nobody_edited_lines_of_the_erp"
TRANSFERS_KNOWN: Final = "transfers_are_recognised"
NFE_AGREES: Final = "sales_agree_with_the_invoices"
#: Months that a sentence names.
_NAMED = 6


def message(
    counts: Counts, statements: Iterable[MonthStatement], in_part: Mapping[date, date] | None = None
) -> str:
    """The statement in a sentence, with what is no part of it; `in_part` are months before the first list."""
    every = list(statements)
    parts = [
        (counts.inserted, "novo", "novos"),
        (counts.changed, "alterado", "alterados"),
        (counts.unchanged, "sem mudança", "sem mudança"),
        (counts.rejected, "não gravado", "não gravados"),
    ]
    said = ", ".join(f"{number} {one if number == 1 else many}" for number, one, many in parts if number)
    months = "mês" if counts.read == 1 else "meses"
    sentence = f"DRE: {counts.read} {months}: {said}." if counts.read else "DRE: nenhum título a somar."
    out = [
        (
            sum(one.transfers for one in every),
            "título entre contas próprias",
            "títulos entre contas próprias",
        ),
        (
            sum(one.cancelled for one in every),
            "título cancelado ou renegociado",
            "títulos cancelados ou renegociados",
        ),
    ]
    left = "; ".join(f"{number} {one if number == 1 else many}" for number, one, many in out if number)
    sentences = [sentence, f"Fora da DRE: {left}." if left else ""]
    if in_part:
        first = min(in_part.values())
        sentences.append(
            f"{_months(list(in_part))}: só entram títulos que o ERP lista a partir de {first:%m/%Y}; sincronize também"
            " os meses anteriores para que estejam completos."
        )
    return " ".join(filter(None, sentences))


def unread(months: Mapping[date, ModuleOutcome]) -> str:
    """What of the titles the statement lacks or has as it was, because this sync could not read it."""
    number = sum(one.counts.unread for one in months.values())
    failed = [month for month, one in months.items() if one.status == "error" and not one.counts.read]
    parts = [
        f"{number} título(s) sem resposta do ERP contam como antes, ou ainda não contam." if number else "",
        f"{_months(failed)}: os títulos não foram lidos, e contam como antes." if failed else "",
    ]
    return " ".join(filter(None, parts))


def warnings(
    company: Company,
    statements: Iterable[MonthStatement],
    *,
    written: Mapping[date, Written],
    recognised: Mapping[str, bool],
    disagreements: Sequence[Disagreement],
) -> dict[str, str]:
    """A sentence for each check that found something."""
    every = list(statements)
    found = {
        ONE_CONNECTION: _several(company, every),
        NO_EDITS: _edited(written),
        TRANSFERS_KNOWN: _transfers(recognised) if every else "",
        NFE_AGREES: _invoices(disagreements),
    }
    return {check: sentence for check, sentence in found.items() if sentence}


def refused(months: Mapping[date, Refusal]) -> str:
    """Why months were not written, and what a person does about it."""
    return " ".join(
        f"{_months([month for month, why in months.items() if why is refusal])}: {_REFUSED[refusal]}"
        for refusal in Refusal
        if refusal in months.values()
    )


def failures(failed: Mapping[date, SyncError]) -> list[str]:
    """The months that failed, with the reason of each."""
    reasons: dict[str, list[date]] = {}
    for month, error in failed.items():
        reasons.setdefault(detail_of(error), []).append(month)
    return [f"{_months(months)}: a DRE não foi gravada: {why}" for why, months in reasons.items()]


def failure(error: SyncError) -> str:
    """Why the statement could not be made at all."""
    next_try = (
        "a próxima sincronização tenta de novo" if isinstance(error, TransientError) else "precisa de atenção"
    )
    return f"A DRE não foi concluída, e {next_try}: {detail_of(error)}"


_REFUSED: Final = {
    Refusal.OTHER_COMPANY: "a DRE do mês é de outra empresa deste usuário, e a tabela guarda uma só por mês; os títulos"
    " foram gravados, a DRE não. Para uma DRE por empresa, quem administra a sincronização liga"
    " ERP_DRE_BY_COMPANY=true e executa `sync-pipelines migrate`.",
    Refusal.NO_COMPANY: "a DRE do mês tem valores digitados e não diz de qual empresa é, e o usuário tem várias; os"
    " títulos foram gravados, a DRE não. Indique a empresa dessa DRE (company_id), ou apague-a.",
    Refusal.NOT_MIGRATED: "ERP_DRE_BY_COMPANY está ligado, mas a tabela ainda guarda uma só DRE por usuário e mês; os"
    " títulos foram gravados, a DRE não. Execute `sync-pipelines migrate`.",
}


def _several(company: Company, statements: Sequence[MonthStatement]) -> str:
    """Months that two connections feed, with what each brings: the same titles may be in both ERPs."""
    months = [one for one in statements if len(one.sums) > 1]
    if not months:
        return ""
    named = [
        f"{one.month:%m/%Y}: "
        + " e ".join(
            f"{company.connections[connection]} (receitas {_sum(sums, Side.RECEIVABLE)},"
            f" despesas {_sum(sums, Side.PAYABLE)})"
            for connection, sums in sorted(one.sums.items(), key=lambda each: company.connections[each[0]])
        )
        for one in months[-_NAMED:]
    ]
    return (
        f"Mais de uma conexão alimenta a DRE de {len(months)} mês(es); se os mesmos títulos estão nos dois ERPs, contam"
        f" em dobro. {'; '.join(named)}."
    )


def _sum(sums: Mapping[Side, Decimal], side: Side) -> str:
    return reais(sums.get(side, Decimal()))


def _edited(written: Mapping[date, Written]) -> str:
    again = [f"{month:%m/%Y} ({', '.join(one.edited)})" for month, one in written.items() if one.edited]
    left = [f"{month:%m/%Y} ({', '.join(one.left)})" for month, one in written.items() if one.left]
    orphaned = [f"{month:%m/%Y}" for month, one in written.items() if one.orphaned]
    parts = []
    if again:
        parts.append(
            f"Linhas que vêm do ERP foram editadas à mão e voltaram à soma dos títulos: {_some(again)}."
        )
    if left:
        parts.append(f"Linhas que o ERP não alimenta mais ficaram com o valor editado à mão: {_some(left)}.")
    if orphaned:
        parts.append(
            f"A conexão que alimentava linhas foi removida; elas ficaram como estavam: {_some(orphaned)}."
        )
    return " ".join(parts)


def _transfers(recognised: Mapping[str, bool]) -> str:
    keys = [key for key, is_known in recognised.items() if not is_known]
    if not keys:
        return ""
    return (
        f"Transferências entre contas próprias não foram reconhecidas ({_some(keys)}): o ERP não as marca, e nenhuma"
        " categoria está em ERP_TRANSFER_CATEGORIES; se houver, contam como receita ou despesa."
    )


def _invoices(disagreements: Sequence[Disagreement]) -> str:
    if not disagreements:
        return ""
    named = [
        f"{one.month:%m/%Y} (títulos {reais(one.titles)}, notas {reais(one.invoices)})"
        for one in disagreements[-_NAMED:]
    ]
    return (
        "As vendas de produtos pelos títulos diferem do total das NF-e de venda autorizadas, sem devoluções nem"
        f" operações que não são receita: {'; '.join(named)}."
    )


def _months(months: Sequence[date]) -> str:
    return _some([f"{month:%m/%Y}" for month in sorted(months)])


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" e mais {rest}" if rest > 0 else "")
