"""What a person reads about failed checks: a run of checks succeeds whatever they find, so it is no failed run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sync_pipelines.lib.alerts import Alert

#: How many checks a title names, how many a text, and how much of the sentence of each.
NAMED, LISTED, LENGTH = 3, 20, 500


class FailedCheck(NamedTuple):
    """A check that failed with the severity of an error; `asset` is a key such as `hitss/dre_orcado`."""

    asset: str
    name: str
    sentence: str | None


def alert_of(failed: Sequence[FailedCheck], *, moment: str, link: str) -> Alert:
    """One message for all failed checks of a run."""
    names = ", ".join(one.name for one in failed[:NAMED])
    more = f" e mais {len(failed) - NAMED}" if len(failed) > NAMED else ""
    lines = [
        f"Quando: {moment}",
        *(f"{one.asset}, {one.name}: {(one.sentence or 'sem mensagem')[:LENGTH]}" for one in failed[:LISTED]),
        "O que fazer: procure o nome da verificação no runbook (docs/runbook.md). A mesma verificação é avisada uma vez"
        " por dia enquanto estiver vermelha.",
        f"Execução: {link}",
    ]
    return Alert(failed[0].asset.split("/")[0], f"verificação falhou: {names}{more}", "\n".join(lines))
