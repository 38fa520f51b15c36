"""What the application's users read of a month of titles, in Portuguese, and what a person should know of it."""

from __future__ import annotations

from typing import Final

from sync_pipelines.erp.connections.sentences import detail_of
from sync_pipelines.erp.outcome import Counts
from sync_pipelines.lib.failures import SyncError, ThrottledError, TransientError

#: The checks, as the asset calls them.
USABLE: Final = "every_title_is_usable"
CONFIRMED: Final = "every_missing_title_was_asked_for"


def message(counts: Counts) -> str:
    """The month in one sentence."""
    if not counts.read and not counts.vanished:
        return "Nenhum título no período."
    parts = [
        (counts.inserted, "novo", "novos"),
        (counts.changed, "alterado", "alterados"),
        (counts.unchanged, "sem mudança", "sem mudança"),
        (counts.skipped, "repetido na lista", "repetidos na lista"),
        (counts.rejected, "rejeitado", "rejeitados"),
        (counts.unread, "sem resposta do ERP", "sem resposta do ERP"),
        (counts.vanished, "fora da lista do ERP", "fora da lista do ERP"),
    ]
    said = ", ".join(f"{number} {one if number == 1 else many}" for number, one, many in parts if number)
    return f"{counts.read} {'título' if counts.read == 1 else 'títulos'}: {said}."


def incomplete(counts: Counts, error: SyncError) -> str:
    """A month that is stored but for details that did not come, and why they did not."""
    missing = "O ERP não entregou todos os detalhes; a próxima sincronização busca os que faltam"
    return f"{message(counts)} {missing}: {detail_of(error)}"


def failure(error: SyncError) -> str:
    """Why a month failed, for the application's users."""
    is_limited = isinstance(error, ThrottledError)
    kind = "O ERP limitou as consultas" if is_limited else "Os títulos não foram concluídos"
    next_try = (
        "a próxima sincronização tenta de novo" if isinstance(error, TransientError) else "precisa de atenção"
    )
    return f"{kind}; nada do mês foi alterado e {next_try}: {detail_of(error)}"


def warnings(counts: Counts, *, unsure: int, unasked: int, outdated: int) -> dict[str, str]:
    """A sentence for each check that found something.

    `unsure` titles are not listed, and the ERP did not say why; `unasked` ones neither, and it has no call that says so
    (they are among those that count no more); `outdated` ones were rejected, and an earlier reading
    of them is stored.
    """
    found: dict[str, str] = {}
    if counts.rejected:
        found[USABLE] = (
            f"{counts.rejected} título(s) sem valor, data ou rateio que se possa usar, em ops.rejects com o campo e a"
            f" regra: {_in_the_statement(counts.rejected, outdated)}."
        )
    sentences = []
    if unsure:
        sentences.append(
            f"{unsure} título(s) não estão mais na lista do ERP, que ainda não disse se existem: contam até que o diga."
        )
    if unasked:
        sentences.append(
            f"{unasked} título(s) não estão mais na lista do ERP, que não responde por um título só: não contam mais na"
            " DRE. Se algum apenas mudou de data para um mês que não foi lido, sincronize esse mês."
        )
    if sentences:
        found[CONFIRMED] = " ".join(sentences)
    return found


def _in_the_statement(rejected: int, outdated: int) -> str:
    """What becomes of rejected titles in the statement."""
    if not outdated:
        return "não entram na DRE"
    rest = f"{outdated} conta(m) na DRE como da última vez em que o ERP os informou bem"
    return f"{rest}, e {rejected - outdated} não entra(m)" if rejected > outdated else rest
