"""The budget half of the export: every amount positive, no account text, no IdHoms, no employee number."""

from random import Random
from typing import Final

from sync_pipelines.sandbox.hitss.amounts import Purse, further
from sync_pipelines.sandbox.hitss.company import Company
from sync_pipelines.sandbox.hitss.layout import (
    CLT,
    CUSTO,
    DESONERACAO,
    ORCADO,
    OUTROS,
    RECEITA,
    RECEITA_DEVENGADA,
    SUBCONTRATADOS,
    Row,
    month_number,
    period,
)
from sync_pipelines.sandbox.hitss.lifecycle import Month

# Account -> share of the rows, and mean and deviation of the amount's logarithm, as measured.
SHARES: Final = {
    SUBCONTRATADOS: (30.6, 9.72, 0.80),
    CLT: (26.0, 9.61, 1.09),
    RECEITA_DEVENGADA: (19.3, 10.83, 1.08),
    DESONERACAO: (15.9, 7.84, 1.00),
    OUTROS: (8.1, 6.54, 1.19),
}
WEIGHTS: Final = [share for share, _, _ in SHARES.values()]
OUTLIER_MONTH: Final = month_number("2023-03")
OUTLIER: Final = 38_456_112.47


class Budget:
    """Writes the Orçado rows month by month."""

    def __init__(self, seed: int, company: Company) -> None:
        """Nothing is drawn here: each month has its own random source."""
        self.seed = seed
        self.company = company
        self.purse = Purse(Random())

    def rows(self, month: Month) -> list[Row]:
        """All Orçado rows of one month; none is repeated."""
        rng = self.purse.rng = Random(f"{self.seed}/orcado/{month.plan.month}")
        when = period(month.plan.month)
        living = [project for project in month.projects if project.orcado] or list(month.projects[:1])
        count = month.plan.orcado
        projects = rng.choices(living, [project.weight for project in living], k=count)
        accounts = rng.choices(list(SHARES), WEIGHTS, k=count)
        rows: dict[Row, None] = {}
        for project, account in zip(projects, accounts, strict=True):
            _, mu, sigma = SHARES[account]
            name = (
                rng.choice(self.company.roles)
                if account in (CLT, SUBCONTRATADOS) and rng.random() < 0.9
                else ""
            )
            nature = RECEITA if account == RECEITA_DEVENGADA else CUSTO
            amount = self.purse.budgeted(mu, sigma)
            head = project.heads[ORCADO]
            # Only the ledger repeats rows: an equal budget row is moved by whole units until it differs.
            while (row := (*head, account, "", None, name, amount, when, nature)) in rows:
                amount = further(amount)
            rows[row] = None
        result = list(rows)
        if month.plan.month == OUTLIER_MONTH:
            result[0] = (*result[0][:16], OUTLIER, *result[0][17:])
        return result
