"""Which projects are alive in which month, and who works on them."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Final

from sync_pipelines.sandbox.hitss.company import Company, Employee, Project
from sync_pipelines.sandbox.hitss.profile import MEASURED_LAST, MonthPlan

ANCHOR: Final = 1  # the one project that, once begun, never ends (104 months at the measured size)


@dataclass(frozen=True)
class Month:
    """A planned month with its living projects."""

    plan: MonthPlan
    projects: tuple[Project, ...]


def live_months(seed: int, company: Company, plans: Iterable[MonthPlan]) -> list[Month]:
    """Every project starts once inside the measured window; most live some months, a few live years."""
    plans = list(plans)
    rng = Random(f"{seed}/lifecycle")
    weight = sum(plan.active for plan in plans if plan.month <= MEASURED_LAST)
    reached = 0
    waiting = list(reversed(company.projects))
    alive: list[Project] = []
    retired: list[Project] = []
    months = []
    for plan in plans:
        reached += plan.active
        fresh = []
        while waiting and waiting[-1].index * weight < reached * len(company.projects):
            fresh.append(waiting.pop())
        alive += fresh
        while len(alive) > plan.active:
            leaver = _leaver(rng, alive, fresh)
            if leaver is None:
                break
            alive.remove(leaver)
            retired.append(leaver)
        while len(alive) < plan.active and retired:
            alive.append(retired.pop(rng.randrange(len(retired))))
        months.append(Month(plan, tuple(alive)))
    return months


def _leaver(rng: Random, alive: list[Project], fresh: list[Project]) -> Project | None:
    # Of two drawn at random the younger one ends: many short lives, a few long ones.
    able = [project for project in alive if project.index != ANCHOR and project not in fresh]
    if not able:
        return None
    return max(rng.choice(able), rng.choice(able), key=lambda project: project.index)


def staff(seed: int, company: Company, months: Iterable[Month]) -> dict[int, list[Employee]]:
    """Project index -> its payroll people, in proportion to the work that the project will have."""
    rng = Random(f"{seed}/staff")
    work = dict.fromkeys((project.index for project in company.projects if project.realizado), 0.0)
    for month in months:
        if month.plan.month > MEASURED_LAST:
            break
        living = [project for project in month.projects if project.realizado]
        whole = sum(project.weight for project in living)
        for project in living:
            work[project.index] += month.plan.realizado * project.weight / whole
    homes = rng.choices(list(work), list(work.values()), k=len(company.employees))
    teams: dict[int, list[Employee]] = {index: [] for index in work}
    for home, employee in zip(homes, company.employees, strict=True):
        teams[home].append(employee)
    for team in teams.values():
        while len(team) < 2:
            team.append(rng.choice(company.employees))
    return teams
