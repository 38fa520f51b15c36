"""Amounts the way the export has them: payroll, hours times rate, budgets, and the awkward ones."""

from dataclasses import dataclass, field
from math import copysign, exp
from random import Random
from typing import Final

from sync_pipelines.sandbox.hitss.layout import Cell

RELIEF_RATES: Final = {2024: 0.045, 2025: 0.036}  # up to and including 2024; from 2025 on
TAX: Final = 0.0565


def relief(revenue: float, month: int) -> float:
    """The payroll relief row of a project-month, to the cent: -(rate x revenue / (1 - tax))."""
    rate = RELIEF_RATES[2024] if month // 12 <= 2024 else RELIEF_RATES[2025]
    return -round(rate * revenue / (1 - TAX), 2)


def further(amount: Cell) -> float:
    """An amount one unit further from zero, for a row that must not equal another."""
    value = float(amount or 0)
    return value + copysign(1.0, value)


def long_decimals(value: float) -> float:
    """`value` with 15 significant digits, as a spreadsheet keeps the result of a division."""
    return float(f"{value:.15g}")


def tie(value: float) -> float:
    """The nearest amount that ends in exactly half a cent after an even cent.

    Its shortest text is what counts: HALF_UP and HALF_EVEN differ there, though the double lies beside it.
    """
    cents = round(abs(value) * 100) // 2 * 2
    return float(f"{cents // 100}.{cents % 100:02d}5")


@dataclass
class Purse:
    """Draws amounts and, by count, slips in the rare kinds, so that each scale has its share of them."""

    rng: Random
    drawn: int = field(default=0)

    def lognormal(self, mu: float, sigma: float, cap: float) -> float:
        """A positive amount of two decimals, at least one cent."""
        value = exp(self.rng.gauss(mu, sigma))
        return max(0.01, round(value if value < cap else cap * self.rng.uniform(0.5, 1), 2))

    def posted(self, value: float) -> float:
        """A ledger amount: 0.5 % have more than two decimals, a few lie under 1, some are whole."""
        self.drawn += 1
        if self.drawn % 104 == 31:
            return long_decimals(value * (1 + self.rng.random() / 1000))
        if self.drawn % 2400 == 57:
            return tie(value)
        if self.drawn % 340 == 43:
            return 0.01 if self.drawn % 2040 == 43 else round(self.rng.uniform(0.02, 0.99), 2)
        return float(round(value)) if value > 2 and self.rng.random() < 0.2 else value

    def hours(self, rate: int) -> float:
        """A subcontractor's month: hours times an agreed rate, mostly whole."""
        hours = self.rng.choice((168, 168, 168, 160, 176, 152, 120, 84, 40, 21))
        people = self.rng.choice((1, 1, 1, 1, 1, 1, 1, 2))
        if self.rng.random() < 0.35:
            return self.posted(round(hours * rate * people * self.rng.uniform(0.4, 1.6), 2))
        self.drawn += 1
        return float(hours * rate * people)

    def budgeted(self, mu: float, sigma: float) -> float:
        """A budget amount: 68 % come from divisions and have up to 14 decimals."""
        self.drawn += 1
        value = min(4_800_000.0, max(2.0, exp(self.rng.gauss(mu, sigma))))
        if self.drawn % 430 == 13:
            return tie(value)
        draw = self.rng.random()
        if draw < 0.682:
            return long_decimals(value)
        return float(round(value)) if draw < 0.90 else round(value, 2)
