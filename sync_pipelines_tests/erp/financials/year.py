"""A year of titles that changes at random, and the lines of its months as a plain sum over the ledger has them."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from sync_pipelines.erp.vendors.vendor import Side, Split, Title, TitleState
from sync_pipelines_tests.erp.financials.ledger import IN, OUT, Ledger

#: The line of each category of `ledger.CATEGORIES`, written down and not asked for; None: a transfer.
LINE_OF = {
    "10": "vendas_produtos",
    "11": "vendas_servicos",
    "12": "outras_receitas",
    "13": "devolucoes",
    "20": "aluguel",
    "21": "salarios_encargos",
    "22": "outras_despesas",
    "23": "custo_mercadorias",
    "30": None,
    "31": None,
}
NAMES = {IN: ["10", "11", "12", "13", "30"], OUT: ["20", "21", "22", "23", "31"]}
FIRST, DAYS = date(2025, 12, 1), 355


def expected(ledger: Ledger) -> dict[date, dict[str, Decimal]]:
    """The lines of every month that are not zero."""
    sums: defaultdict[date, defaultdict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for title in ledger.kept.values():
        if title.state in (TitleState.CANCELLED, TitleState.RENEGOTIATED):
            continue
        day = title.competence or title.issued_on or title.due_on
        assert day is not None and title.amount is not None
        rest = "outras_receitas" if title.side is IN else "outras_despesas"
        parts = [(LINE_OF[one.category], one.amount) for one in title.splits] or [(rest, title.amount)]
        for line, amount in parts:
            if line is not None and amount:
                sums[day.replace(day=1)][line] += amount
    return {month: dict(lines) for month, lines in sums.items()}


def change(ledger: Ledger, random: Random, times: int) -> None:
    """Add, change, cancel, restore and remove titles."""
    for _ in range(times):
        deed = random.choice(["add", "add", "amount", "competence", "state", "move", "remove"])
        if deed == "add" or not ledger.kept:
            _add(ledger, random)
            continue
        key = random.choice(list(ledger.kept))
        title = ledger.kept[key]
        day = _day(random)
        match deed:
            case "amount":
                ledger.kept[key] = _with_amount(title, random)
            case "competence":
                ledger.kept[key] = title._replace(competence=random.choice([None, day]))
            case "state":
                ledger.kept[key] = title._replace(state=random.choice(list(TitleState)))
            case "move":
                ledger.kept[key] = title._replace(listed_on=day, issued_on=day)
            case _:
                del ledger.kept[key]


def _add(ledger: Ledger, random: Random) -> None:
    side, day = random.choice(list(Side)), _day(random)
    number = max((int(number) for _, number in ledger.kept), default=0) + 1
    title = Title(
        str(number), side, TitleState.OPEN, listed_on=day, issued_on=random.choice([day, None]), due_on=day
    )
    ledger.kept[side, str(number)] = _with_amount(title, random)


def _with_amount(title: Title, random: Random) -> Title:
    parts = [Decimal(random.randrange(1, 500_000)) / 100 for _ in range(random.randrange(4))]
    splits = tuple(Split(random.choice(NAMES[title.side]), one) for one in parts)
    amount = sum(parts, Decimal()) if parts else Decimal(random.randrange(1, 500_000)) / 100
    return title._replace(amount=amount, splits=splits)


def _day(random: Random) -> date:
    return FIRST + timedelta(days=random.randrange(DAYS))
