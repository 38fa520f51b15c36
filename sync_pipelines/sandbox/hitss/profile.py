"""How many rows and projects each month has: the measured yearly figures, spread over months."""

from dataclasses import dataclass
from math import exp
from random import Random
from typing import Final

from sync_pipelines.sandbox.hitss.layout import month_number

REALIZADO_ROWS: Final = {
    2016: 66,
    2017: 1206,
    2018: 1448,
    2019: 2334,
    2020: 1026,
    2021: 1151,
    2022: 1476,
    2023: 1655,
    2024: 2688,
    2025: 1620,
}
ORCADO_ROWS: Final = {
    2016: 16,
    2017: 436,
    2018: 747,
    2019: 839,
    2020: 539,
    2021: 785,
    2022: 813,
    2023: 916,
    2024: 1392,
    2025: 1144,
}
ACTIVE_PROJECTS: Final = {
    2016: 1,
    2017: 6,
    2018: 12,
    2019: 17,
    2020: 10,
    2021: 17,
    2022: 22,
    2023: 20,
    2024: 26,
    2025: 19,
}

MEASURED_FIRST: Final = month_number("2016-09")
MEASURED_LAST: Final = month_number("2025-08")

# The month in which two years of payroll relief were corrected at once.
ADJUSTMENT_MONTH: Final = month_number("2024-08")
ADJUSTMENT_MONTH_ROWS: Final = 508
ADJUSTMENT_MONTH_RELIEF: Final = 359


@dataclass(frozen=True)
class ExportProfile:
    """What to generate: `first` and `last` are inclusive months, `scale` 1.0 is the measured size."""

    seed: int = 7
    scale: float = 1.0
    first: str = "2016-09"
    last: str = "2025-08"

    def __post_init__(self) -> None:
        """Refuse a window that the measured figures do not reach."""
        first, last = month_number(self.first), month_number(self.last)
        if first < MEASURED_FIRST or last < first:
            raise ValueError(
                f"The window {self.first}..{self.last} must start at 2016-09 or later, and not end before."
            )
        if self.scale <= 0:
            raise ValueError(f"scale must be above 0; got {self.scale}.")


@dataclass(frozen=True)
class MonthPlan:
    """One month's size: rows of each report, and how many projects are alive."""

    month: int
    realizado: int
    orcado: int
    active: int


def plan_months(profile: ExportProfile) -> list[MonthPlan]:
    """Plans from 9/2016 to the profile's last month or 8/2025, whichever is later.

    A month's plan does not depend on `last`: moving the end appends months and changes none.
    """
    last = max(month_number(profile.last), MEASURED_LAST)
    realizado = _spread(
        REALIZADO_ROWS, last, Random(f"{profile.seed}/realizado/plan"), sigma=0.15, pinned=True
    )
    orcado = _spread(ORCADO_ROWS, last, Random(f"{profile.seed}/orcado/plan"), sigma=0.05, pinned=False)
    plans = []
    for month in range(MEASURED_FIRST, last + 1):
        active = round(ACTIVE_PROJECTS[min(month // 12, 2025)] * profile.scale)
        plans.append(
            MonthPlan(
                month,
                realizado=max(2, _share(realizado, month, profile.scale)),
                orcado=max(1, _share(orcado, month, profile.scale)),
                active=max(1, active),
            )
        )
    return plans


def _share(sizes: dict[int, float], month: int, scale: float) -> int:
    # Rounding the running total, not each month, keeps the total of the years right at any scale.
    before = sum(size for other, size in sizes.items() if other < month)
    return round((before + sizes[month]) * scale) - round(before * scale)


def _spread(
    yearly: dict[int, int], last: int, rng: Random, sigma: float, *, pinned: bool
) -> dict[int, float]:
    noise = {month: exp(rng.gauss(0, sigma)) for month in range(MEASURED_FIRST, last + 1)}
    if pinned:
        noise[MEASURED_FIRST] *= 0.4  # the ledger's first month was hardly begun
    sizes: dict[int, float] = {}
    for year, total in yearly.items():
        months = [m for m in noise if m // 12 == year and m <= MEASURED_LAST]
        rest = float(total)
        if pinned and ADJUSTMENT_MONTH in months:
            sizes[ADJUSTMENT_MONTH] = ADJUSTMENT_MONTH_ROWS
            rest -= ADJUSTMENT_MONTH_ROWS
            months.remove(ADJUSTMENT_MONTH)
        whole = sum(noise[m] for m in months)
        sizes.update({m: rest * noise[m] / whole for m in months})
    for month in range(MEASURED_LAST + 1, last + 1):
        sizes[month] = yearly[2025] / 8 * noise[month]
    return sizes
