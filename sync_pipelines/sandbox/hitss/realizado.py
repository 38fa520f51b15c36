"""The ledger half of the export: signed and repeated postings, reversals, relief that follows revenue."""

from collections import Counter
from math import exp
from random import Random
from typing import Final

from sync_pipelines.sandbox.hitss import texts
from sync_pipelines.sandbox.hitss.amounts import Purse, further, relief
from sync_pipelines.sandbox.hitss.company import Company, Employee, Project
from sync_pipelines.sandbox.hitss.layout import (
    CLT,
    CODIGO_PROJETO,
    CONTA_RESUMO,
    CUSTO,
    DESONERACAO,
    LANCAMENTO,
    OUTROS,
    REALIZADO,
    RECEITA,
    RECEITA_DEVENGADA,
    SUBCONTRATADOS,
    Cell,
    Row,
    period,
)
from sync_pipelines.sandbox.hitss.lifecycle import Month
from sync_pipelines.sandbox.hitss.profile import ADJUSTMENT_MONTH, ADJUSTMENT_MONTH_RELIEF

# Measured rows of what is left after revenue and its relief: payroll, subcontractors, sundries, corrections.
FREE_ACCOUNTS: Final = (CLT, SUBCONTRATADOS, OUTROS, DESONERACAO)
FREE_WEIGHTS: Final = (5357, 4489, 689, 588)
# How often a posting is repeated, and how many times: 520 extra copies in groups of two to six.
REPEATED: Final = {SUBCONTRATADOS: 0.074, OUTROS: 0.21, DESONERACAO: 0.015, CLT: 0.00065}
TIMES: Final = (2, 3, 4, 5, 6)
TIMES_WEIGHTS: Final = (360, 55, 20, 8, 5)

PAYROLL_TEXTS: Final = [text for text, _ in texts.PAYROLL]
PAYROLL_WEIGHTS: Final = [weight for _, weight in texts.PAYROLL]

Posting = tuple[str, float]


class Ledger:
    """Writes the months in order, because a reversal repeats a provision of the month before."""

    def __init__(self, seed: int, scale: float, company: Company, teams: dict[int, list[Employee]]) -> None:
        """Nothing is drawn here: each month has its own random source."""
        self.seed = seed
        self.scale = scale
        self.company = company
        self.teams = teams
        self.rng = Random()
        self.purse = Purse(self.rng)
        self.month = 0
        self.revenues = 0
        self.subcontracts = 0
        self.sundries = 0
        self.before: dict[int, list[Posting]] = {}
        self.provisions: dict[int, list[Posting]] = {}

    def rows(self, month: Month) -> list[Row]:
        """All Realizado rows of one month."""
        self.rng = self.purse.rng = Random(f"{self.seed}/realizado/{month.plan.month}")
        self.month = month.plan.month
        self.before, self.provisions = self.provisions, {}
        living = [project for project in month.projects if project.realizado]
        living = living[: max(1, month.plan.realizado // 3)]
        earning = [project for project in living if len(living) == 1 or self.rng.random() < 0.99]
        relieved = [project for project in earning if self.rng.random() < 0.982]
        free = max(0, month.plan.realizado - len(earning) - len(relieved))
        rows: list[Row] = []
        for account, count in self._accounts(free, len(relieved)).items():
            rows += self._postings(living, account, count)
        return rows + self._revenue(earning, relieved, rows)

    def _accounts(self, free: int, relieved: int) -> Counter[str]:
        if self.month != ADJUSTMENT_MONTH:
            return Counter(self.rng.choices(FREE_ACCOUNTS, FREE_WEIGHTS, k=free))
        corrections = min(free, round(ADJUSTMENT_MONTH_RELIEF * self.scale) - relieved)
        others = Counter(self.rng.choices(FREE_ACCOUNTS[:3], FREE_WEIGHTS[:3], k=free - corrections))
        return others + Counter({DESONERACAO: corrections})

    def _postings(self, living: list[Project], account: str, count: int) -> list[Row]:
        weights = [1.0 if account == DESONERACAO else project.weight for project in living]
        turns: Counter[int] = Counter()
        rows: list[Row] = []
        seen: set[Row] = set()
        for project in self.rng.choices(living, weights, k=count):
            if len(rows) >= count:
                break
            row = self._posting(project, account, turns[project.index])
            turns[project.index] += 1
            if row in seen:
                # Repetition is decided below and nowhere else, so that no group grows past six.
                row = (*row[:LANCAMENTO], further(row[LANCAMENTO]), *row[LANCAMENTO + 1 :])
            seen.add(row)
            times = 1
            if self.rng.random() < REPEATED[account]:
                times = min(count - len(rows), self.rng.choices(TIMES, TIMES_WEIGHTS)[0])
            rows += [row] * times
        return rows

    def _posting(self, project: Project, account: str, turn: int) -> Row:
        if account == CLT:
            return self._payroll(project, turn)
        if account == SUBCONTRATADOS:
            return self._subcontract(project)
        return self._sundry(project) if account == OUTROS else self._adjustment(project)

    def _payroll(self, project: Project, turn: int) -> Row:
        rng, team = self.rng, self.teams[project.index]
        person = team[(self.revenues // 40 + turn) % len(team)]
        if rng.random() < 0.0054:
            person = rng.choice(self.company.legacy)
        text = rng.choices(PAYROLL_TEXTS, PAYROLL_WEIGHTS)[0]
        if text == "CLT":
            amount = round(person.salary * rng.uniform(0.92, 1.08), 2)
        else:
            amount = self.purse.lognormal(6.2, 1.5, 30_000)
        sign = 1 if rng.random() < 0.004 else -1
        return self._row(project, CLT, text, amount=sign * self.purse.posted(amount), person=person)

    def _subcontract(self, project: Project) -> Row:
        rng, vendors = self.rng, self.company.vendors
        vendor = (project.index * 5 + rng.randrange(12)) % len(vendors)
        rate = 60 + vendor * 7 % 80
        text = texts.subcontract_text(rng, vendors[vendor])
        self.subcontracts += 1
        if self.subcontracts % 420 == 7:
            text = texts.LONGEST
        provisions = self.provisions.setdefault(project.index, [])
        if rng.random() < 0.121:
            # Most positive provisions take back one of the month before, or else of this month.
            known = self.before.get(project.index) or provisions
            if known and rng.random() < 0.8:
                return self._row(project, SUBCONTRATADOS, *rng.choice(known))
            return self._row(project, SUBCONTRATADOS, text, amount=self.purse.hours(rate))
        amount = self.purse.hours(rate)
        if text.startswith("Provisão"):
            provisions.append((text, amount))
        return self._row(project, SUBCONTRATADOS, text, amount=-amount)

    def _sundry(self, project: Project) -> Row:
        self.sundries += 1
        text = texts.SUNDRY_NBSP if self.sundries % 57 == 3 else self.rng.choice(texts.SUNDRIES)
        sign = 1 if self.rng.random() < 0.153 else -1
        return self._row(
            project, OUTROS, text, amount=sign * self.purse.posted(self.purse.lognormal(4.09, 1.32, 9_000))
        )

    def _adjustment(self, project: Project) -> Row:
        sign = 1 if self.rng.random() < 0.49 else -1
        text = self.rng.choice(texts.RELIEF_ADJUSTMENTS)
        return self._row(project, DESONERACAO, text, amount=sign * self.purse.lognormal(7.2, 1.5, 60_000))

    def _revenue(self, earning: list[Project], relieved: list[Project], costs: list[Row]) -> list[Row]:
        rng = self.rng
        shares = self._revenue_shares(earning, costs)
        rows = []
        for project in earning:
            self.revenues += 1
            total = amount = max(0.5, round(shares[project.index], 2))
            rows.append(self._row(project, RECEITA_DEVENGADA, rng.choice(texts.REVENUE), amount=amount))
            if self.revenues % 230 == 37:
                # One project-month in 230 has two revenue rows, and two of seven of those take revenue back.
                second = round(amount * (-0.4 if self.revenues % 920 == 37 else 0.15), 2)
                rows.append(self._row(project, RECEITA_DEVENGADA, texts.REVENUE[0], amount=second))
                total = round(amount + second, 2)
            if project in relieved:
                rows.append(
                    self._row(project, DESONERACAO, texts.relief_text(rng), amount=relief(total, self.month))
                )
        return rows

    def _revenue_shares(self, earning: list[Project], costs: list[Row]) -> dict[int, float]:
        # The month's margin comes first (median 11 %, p5 -6 %, p95 35 %); the revenue follows from the costs.
        rng = self.rng
        spent: dict[Cell, float] = {}
        for row in costs:
            if row[CONTA_RESUMO] != DESONERACAO:
                code = row[CODIGO_PROJETO]
                spent[code] = spent.get(code, 0.0) - float(row[LANCAMENTO] or 0)
        margin = min(0.45, max(-0.15, rng.gauss(0.10, 0.115)))
        whole = sum(max(0.0, cost) for cost in spent.values()) / (1 - margin - 0.0477) or 60_000.0 * len(
            earning
        )
        parts = {}
        for project in earning:
            cost = max(0.0, spent.get(project.heads[REALIZADO][CODIGO_PROJETO], 0.0))
            parts[project.index] = (cost + 2500 * project.weight) * exp(rng.gauss(0, 0.5))
            if rng.random() < 0.015:
                parts[project.index] *= 0.001
        total = sum(parts.values())
        return {index: whole * part / total for index, part in parts.items()}

    def _row(
        self, project: Project, account: str, text: str, amount: float, *, person: Employee | None = None
    ) -> Row:
        nature = RECEITA if account == RECEITA_DEVENGADA else CUSTO
        number, name = (person.number, person.name) if person else (None, "")
        return (*project.heads[REALIZADO], account, text, number, name, amount, period(self.month), nature)
