"""What the application's users read of a month of invoices, in Portuguese, and what a person should know of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from sync_pipelines.erp.connections.sentences import detail_of
from sync_pipelines.erp.invoices.numbering import Gap
from sync_pipelines.erp.invoices.reading import ITEMS_SUM, OTHER_MONTH
from sync_pipelines.erp.invoices.validate import DUPLICATE, Entry, MonthList
from sync_pipelines.erp.outcome import Counts
from sync_pipelines.lib.failures import SyncError, ThrottledError, TransientError

#: The checks, as the assets call them.
SUMS_TIE, KEYS_UNIQUE, NO_GAPS = "items_tie_to_the_totals", "each_key_is_listed_once", "numbering_has_no_gaps"
#: Ranges of numbers, and invoices by the vendor's number, that a sentence names.
_NAMED = 10


def message(counts: Counts) -> str:
    """The month in one sentence."""
    parts = [
        (counts.inserted, "nova", "novas"),
        (counts.changed, "alterada", "alteradas"),
        (counts.unchanged, "sem mudança", "sem mudança"),
        (counts.skipped, "ignorada", "ignoradas"),
        (counts.rejected, "rejeitada", "rejeitadas"),
        (counts.unread, "sem resposta do ERP", "sem resposta do ERP"),
        (counts.vanished, "fora da lista do ERP", "fora da lista do ERP"),
    ]
    said = ", ".join(f"{number} {one if number == 1 else many}" for number, one, many in parts if number)
    if not counts.read and not counts.vanished:
        return "Nenhuma nota fiscal no período."
    return f"{counts.read} {'nota fiscal' if counts.read == 1 else 'notas fiscais'}: {said}."


def incomplete(counts: Counts, error: SyncError) -> str:
    """A month that is stored but for what did not come, and why it did not."""
    missing = "O ERP não entregou todos os XML; a próxima sincronização busca os que faltam"
    return f"{message(counts)} {missing}: {detail_of(error)}"


def failure(error: SyncError) -> str:
    """Why a month failed, for the application's users."""
    kind = (
        "O ERP limitou as consultas" if isinstance(error, ThrottledError) else "As notas não foram concluídas"
    )
    next_try = (
        "a próxima sincronização tenta de novo" if isinstance(error, TransientError) else "precisa de atenção"
    )
    return f"{kind}; nada do mês foi alterado e {next_try}: {detail_of(error)}"


def warnings(month: MonthList, entries: Sequence[Entry], uploads: int) -> dict[str, str]:
    """A sentence for each check that found something."""
    found: dict[str, str] = {}
    remarks = Counter(remark for entry in entries for remark in entry.remarks if entry.decision == "stored")
    if number := remarks[ITEMS_SUM]:
        found[SUMS_TIE] = f"Em {number} nota(s) a soma dos itens difere do total dos produtos."
    if number := remarks[OTHER_MONTH]:
        found["xml_agrees_on_the_month"] = (
            f"Em {number} nota(s) a data do XML é de outro mês; vale o mês da lista do ERP."
        )
    if uploads:
        found["no_upload_repeats_an_invoice"] = (
            f"{uploads} nota(s) foram também enviadas à mão depois da sincronização, e contam duas vezes nas análises;"
            " apague o envio manual."
        )
    if month.twice:
        found["each_invoice_is_listed_once"] = (
            f"O ERP listou duas vezes, com conteúdo diferente: {_some(month.twice)}."
        )
    duplicates = [one.vendor_id for one in entries if one.reason == DUPLICATE]
    if duplicates:
        found[KEYS_UNIQUE] = (
            f"Outra nota da lista tem a mesma chave de acesso, e conta só uma vez: {_some(duplicates)}."
        )
    return found


def numbering(gaps: Iterable[Gap]) -> str:
    """The missing numbers as a sentence; empty if there are none."""
    every = list(gaps)
    if not every:
        return ""
    ranges = [
        f"modelo {one.model} série {one.series}: "
        f"{one.first if one.first == one.last else f'{one.first} a {one.last}'}"
        for one in every
    ]
    total = sum(one.numbers for one in every)
    return f"Faltam {total} número(s) na sequência das notas emitidas ({_some(ranges, '; ')})."


def _some(names: Sequence[str], between: str = ", ") -> str:
    rest = len(names) - _NAMED
    return between.join(names[:_NAMED]) + (f" e mais {rest}" if rest > 0 else "")
