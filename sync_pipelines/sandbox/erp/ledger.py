"""The titles of a synthetic company, month by month: both sides, every kind that the contract of the ERPs names.

As with the notes of `year`, a month's titles depend on the seed and the month alone, and a company that is made again
tomorrow has those of today and of one more day. What is paid and what is late depends on the day.

| each month has | |
|---|---|
| instalments of sales | with the key of their note, sometimes without a category |
| expenses | of every category in turn, so that a year has all of them many times |
| splits | two or three categories, with odd cents |
| odd ones | cancelled, renegotiated, lost, returned (as far as the ERP has the state), between own accounts |
| dates | competence of the month before or after, or none; due next year |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from random import Random
from typing import Final

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.ledger_categories import CATEGORIES, made_up_categories, number_of
from sync_pipelines.sandbox.erp.notes import SandboxNote
from sync_pipelines.sandbox.erp.title_manners import MANNERS, TitleManner
from sync_pipelines.sandbox.erp.titles import SandboxTitle, TitleSide, TitleState

#: Titles a month, about, beside the instalments of sales.
A_MONTH: Final = 20
_CENT: Final = Decimal("0.01")
_SALES: Final = number_of("Vendas de Mercadorias", "receivable")
_TRANSFERS: Final[dict[TitleSide, int]] = {
    side: number_of("Transferência entre Contas", side) for side in ("receivable", "payable")
}
#: What a title may be of beside sales and transfers, by number.
_OTHERS: Final = [
    (number_of(one.name, one.side), one.side)
    for one in CATEGORIES
    if not one.is_transfer and one.name != "Vendas de Mercadorias"
]
_EXPENSES: Final = [number for number, side in _OTHERS if side == "payable"]
_RARE: Final[tuple[TitleState, ...]] = ("cancelled", "renegotiated", "lost", "returned")
#: Cents of a title. A month at the edge has few of them: a small income beside large expenses has a margin beyond what
#: `company_dre` holds.
_AMOUNTS: Final = {"receivable": (150_000, 900_000), "payable": (1_000, 300_000)}
#: Instalments of sales are numbered from 1 in each month, so that a note of a later day moves no other title's number.
_FIRST_OTHER: Final = 3001
#: Every seventh sale was paid over the counter and has no titles.
_WITHOUT_TITLES: Final = 7


def add_ledger(
    company: ErpCompany,
    seed: int,
    *,
    until: date,
    erp_type: str = "omie",
    months: int = 12,
    a_month: int = A_MONTH,
) -> ErpCompany:
    """Give a company categories, and the titles issued in so many months up to a day, as one vendor can have them.

    Instalments of sales are those of its notes. An ERP without a list of titles gets none.
    """
    manner = MANNERS.get(erp_type)
    if manner is None:
        return company
    company.categories = made_up_categories(manner.chart)
    last = until.year * 12 + until.month - 1
    for index in range(last - months + 1, last + 1):
        first = date(index // 12, index % 12 + 1, 1)
        month = _Month(seed, index, first=first, until=until, manner=manner)
        sales = [note for note in company.notes if _is_sale(note, company, first)]
        month.sell(sales)
        month.fill(a_month)
        company.titles += [title for title in month.titles if title.issued_on <= until]
    return company


def _is_sale(note: SandboxNote, company: ErpCompany, first: date) -> bool:
    return (
        note.issued_at.date().replace(day=1) == first
        and note.issuer.cnpj == company.profile.cnpj
        and (note.state, note.model, note.environment) == ("authorised", "55", "1")
        and (note.direction, note.purpose) == (1, "1")
        and note.number % _WITHOUT_TITLES != 0
    )


@dataclass
class _Month:
    """The titles that are issued in one month, in the making."""

    seed: int
    index: int
    first: date
    until: date
    manner: TitleManner
    titles: list[SandboxTitle] = field(default_factory=list)
    number: int = 0
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(f"{self.seed} ledger {self.index}")

    def sell(self, notes: Sequence[SandboxNote]) -> None:
        """One to three instalments a note, a month apart; every fifth note's have no category."""
        for note in notes:
            # Of the note alone, so that a note more changes no title of the others.
            random = Random(f"{self.seed} sale {note.vendor_id}")
            count = random.choice((1, 1, 2, 3))
            category = None if random.random() < 0.2 else _SALES
            for place, amount in enumerate(parts(note.totals.total, [1] * count), start=1):
                issued_on = note.issued_at.date()
                title = self._add(
                    "receivable", amount, issued_on=issued_on, due_on=issued_on + timedelta(days=30 * place)
                )
                title.splits = [] if category is None else [(category, amount)]
                title.competence, title.note_key = issued_on, note.key
                title.instalment, title.number = f"{place:03d}/{count:03d}", str(note.number)
                title.counterparty = note.recipient.name if note.recipient else title.counterparty
                self._settle(title, random)

    def fill(self, count: int) -> None:
        """Everything else: the n-th title of a month is odd in the n-th way."""
        self.number = _FIRST_OTHER - 1
        for place in range(max(count, 12)):
            number, side = _OTHERS[(self.index * count + place) % len(_OTHERS)]
            title = self._plain(side)
            title.splits = [(number, title.amount)]
            self._settle(title, self.random)
            self._make_odd(title, place)

    def _plain(self, side: TitleSide) -> SandboxTitle:
        random = self.random
        issued_on = self.first + timedelta(days=random.randrange(28))
        title = self._add(
            side,
            Decimal(random.randrange(*_AMOUNTS[side])) / 100,
            issued_on=issued_on,
            due_on=issued_on + timedelta(days=random.choice((0, 5, 10, 15, 28, 30))),
        )
        title.competence = issued_on
        return title

    def _add(self, side: TitleSide, amount: Decimal, *, issued_on: date, due_on: date) -> SandboxTitle:
        self.number += 1
        title = SandboxTitle(
            vendor_id=self.seed * 100_000_000 + self.index * 4_000 + self.number,
            side=side,
            amount=amount,
            issued_on=issued_on,
            due_on=due_on,
            competence=None,
        )
        title.number, title.description = (
            str(title.vendor_id % 1_000_000),
            f"Lançamento {self.number}",
        )
        self.titles.append(title)
        return title

    def _settle(self, title: SandboxTitle, random: Random) -> None:
        """What was due is mostly paid, or in part, or late; of what is due later little is."""
        is_due, chance = title.due_on <= self.until, random.random()
        if chance < (0.7 if is_due else 0.1):
            title.state, title.paid = "settled", title.amount
        elif chance < (0.8 if is_due else 0.15):
            title.state, title.paid = "partial", (title.amount / 3).quantize(_CENT, ROUND_DOWN)
        else:
            title.state = "overdue" if is_due and title.due_on < self.until else "open"

    def _make_odd(self, title: SandboxTitle, place: int) -> None:
        before = self.first - timedelta(days=self.random.randrange(1, 28))
        after = self.first + timedelta(days=self.random.randrange(32, 58))
        match place:
            case 0 | 1:
                self._split(title, 2 + place)
            case 2 | 3 | 4 | 5:
                self._end(title, _RARE[place - 2])
            case 6:
                title.splits = [(_TRANSFERS[title.side], title.amount)]
            case 7:
                title.competence = before
            case 8:
                title.competence = after
            case 9:
                title.competence = None
            case 10:
                title.due_on = date(title.issued_on.year + 1, self.random.randrange(1, 13), 10)
                self._settle(title, self.random)
            case 11:
                title.splits = []
            case _:
                return

    def _split(self, title: SandboxTitle, count: int) -> None:
        """A payable over several categories, with cents that do not divide."""
        title.side, title.amount = "payable", title.amount + Decimal("0.01")
        numbers = self.random.sample(_EXPENSES, count)
        weights = [self.random.randrange(1, 9) for _ in numbers]
        title.splits = list(zip(numbers, parts(title.amount, weights), strict=True))
        self._settle(title, self.random)

    def _end(self, title: SandboxTitle, state: TitleState) -> None:
        if state in self.manner.states:
            title.state, title.paid = state, Decimal("0.00")


def parts(amount: Decimal, weights: Sequence[int]) -> Iterator[Decimal]:
    """An amount in parts by weight, in whole cents; the last takes the rest."""
    left, whole = amount, sum(weights)
    for weight in weights[:-1]:
        part = (amount * weight / whole).quantize(_CENT, ROUND_DOWN)
        left -= part
        yield part
    yield left
