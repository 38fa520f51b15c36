"""Which months are not as the workbook says: what is proved against what the newest export holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sync_pipelines.hitss.lines import EMPTY_MONTH, MonthContent
from sync_pipelines.hitss.plan import CHAIN, version_of
from sync_pipelines.lib.ledger import Landing, Ledger


@dataclass(frozen=True)
class Pending:
    """Months that are not as the workbook says, sorted: `changed` in money, `refresh` only in people.

    `restated` are those of `changed` whose budget was rewritten after it had been loaded: reported, allowed.
    """

    changed: tuple[str, ...]
    refresh: tuple[str, ...]
    restated: tuple[str, ...]


def contents_of(ledger: Ledger, landing: Landing) -> dict[str, MonthContent]:
    """What a usable workbook holds by month, from the index."""
    return {month: MonthContent.from_json(content) for month, content in ledger.contents(landing.id).items()}


def pending_months(ledger: Ledger, contents: Mapping[str, MonthContent], empresa: str) -> Pending:
    """Compare what the workbook holds with what was last proved, table by table."""
    proofs = {asset: ledger.proofs(f"hitss/{asset}") for asset in CHAIN}
    proved = {
        asset: {month: proof.source_version for month, proof in proofs[asset].items() if proof.holds}
        for asset in CHAIN
    }
    changed, refresh, restated = [], [], []
    for month in sorted(contents.keys() | proofs["dre_lines"].keys()):
        content = contents.get(month, EMPTY_MONTH)
        wanted = {
            asset: version_of(asset, content, empresa)
            for asset in CHAIN
            if content.full.rows or month in proofs[asset]
        }
        if any(wanted[asset] != proved[asset].get(month) for asset in wanted if asset != "dre_lines"):
            changed.append(month)
            before, now = proved["dre_orcado"].get(month), wanted.get("dre_orcado", "")
            # A version is the budget's digest and the company's name.
            if before is not None and before.partition(" ")[0] != now.partition(" ")[0]:
                restated.append(month)
        elif wanted and wanted["dre_lines"] != proved["dre_lines"].get(month):
            refresh.append(month)
    return Pending(tuple(changed), tuple(refresh), tuple(restated))
