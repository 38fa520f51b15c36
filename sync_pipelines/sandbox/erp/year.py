"""A year of notes of a synthetic company: every kind that the contract of the ERPs names, the same for the same seed.

A month's notes depend on the seed and the month alone, and its numbers follow on the month before. So a company that is
made again tomorrow has the notes of today and those of one more day.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Final

from sync_pipelines.sandbox.erp.company import BRASILIA, ErpCompany, SandboxProfile
from sync_pipelines.sandbox.erp.goods import Goods
from sync_pipelines.sandbox.erp.identifiers import access_key, made_up_cnpj, made_up_cpf
from sync_pipelines.sandbox.erp.notes import Party, SandboxNote
from sync_pipelines.sandbox.erp.products import made_up_catalogue

_FIRST_MONTH: Final = 2024 * 12
#: The series of the company's own documents: notes, NFC-e, drafts, and those of the test environment.
SALES, CONSUMER, DRAFTS, TESTS = 1, 2, 3, 9


@dataclass
class _Month:
    """The notes of one month in the making. `own` notes of the series 1 are numbered by the order of their issue."""

    seed: int
    index: int
    profile: SandboxProfile
    goods: Goods
    partners: Sequence[Party]
    suppliers: Sequence[Party]
    random: Random
    notes: list[SandboxNote] = field(default_factory=list)

    @property
    def first(self) -> date:
        return date(self.index // 12, self.index % 12 + 1, 1)

    def moments(self, count: int) -> list[datetime]:
        """Times of issue in order; the last is at 23:30 of the last day, which is the next month in UTC."""
        days = monthrange(self.first.year, self.first.month)[1]
        start = datetime(self.first.year, self.first.month, 1, tzinfo=BRASILIA)
        minutes = sorted(self.random.sample(range(days * 24 * 60 - 60), count - 1))
        return [
            *(start + timedelta(minutes=one) for one in minutes),
            start + timedelta(days=days, minutes=-30),
        ]

    def add(
        self, issued_at: datetime, issuer: Party, recipient: Party | None, *, given: Mapping[str, object]
    ) -> SandboxNote:
        """Add a note with fields, a number of its own, and its key unless it has none."""
        fields = {"series": SALES, "lines": self.random.choice((1, 1, 2, 2, 3, 4, 6)), **given}
        series, number, lines = (int(str(fields.pop(name))) for name in ("series", "number", "lines"))
        note = SandboxNote(
            vendor_id=self.seed * 100_000_000 + self.index * 1_000 + len(self.notes) + 1,
            key=None,
            series=series,
            number=number,
            issued_at=issued_at,
            issuer=issuer,
            recipient=recipient,
        )
        for name, value in fields.items():
            setattr(note, name, value)
        if note.state != "voided":
            note.items = self.goods.lines(note, lines)
        if note.state not in ("voided", "unissued"):
            note.key = access_key(
                state=issuer.state,
                issued_at=issued_at,
                issuer=str(issuer.document),
                model=note.model,
                series=series,
                number=number,
                code=self.random.randrange(10**8),
            )
        note.altered_at = issued_at
        self.notes.append(note)
        return note


def made_up_company(
    seed: int,
    *,
    crt: str = "3",
    alphanumeric: bool = False,
    until: date = date(2026, 11, 22),
    months: int = 12,
    a_month: int = 24,
    products: int = 40,
    lines: int | None = None,
) -> ErpCompany:
    """A company with the notes of so many months up to a day, about `a_month` a month, each of `lines` lines if given.

    `crt` is its regime: 1 Simples, 3 normal, 4 MEI.
    """
    random = Random(f"company {seed}")
    profile = SandboxProfile(
        cnpj=made_up_cnpj(random, alphanumeric=alphanumeric),
        legal_name=f"Comercial Aurora {seed} Ltda",
        trade_name=f"Aurora {seed}",
        crt=crt,
    )
    catalogue = made_up_catalogue(seed, products)
    partners, suppliers = _customers(random), _suppliers(random)
    company = ErpCompany(
        profile, products=catalogue, now=datetime(until.year, until.month, until.day, 12, tzinfo=BRASILIA)
    )
    last = until.year * 12 + until.month - 1
    for index in range(last - months + 1, last + 1):
        of_month = Random(f"{seed} {index}")
        month = _Month(
            seed=seed,
            index=index,
            profile=profile,
            goods=Goods(catalogue, of_month),
            partners=partners,
            suppliers=suppliers,
            random=of_month,
        )
        _fill(month, a_month, lines)
        company.notes += [note for note in month.notes if note.issued_at.date() <= until]
    company.notes.sort(key=lambda note: (note.issued_at, note.vendor_id))
    return company


def further_note(company: ErpCompany, issued_at: datetime, **fields: object) -> SandboxNote:
    """Issue one more note like the newest sale, with the next number of its series, and add it to the company."""
    sales = company.select(
        lambda note: note.series == SALES and note.issuer.cnpj == company.profile.cnpj and note.model == "55"
    )
    like = next(note for note in reversed(sales) if note.state == "authorised" and note.direction == 1)
    number = max(note.number for note in sales) + 1
    note = replace(
        like,
        vendor_id=max(one.vendor_id for one in company.notes) + 1,
        number=number,
        issued_at=issued_at,
        items=list(like.items),
        corrected=False,
        dirt=frozenset(),
        key=access_key(
            state=like.issuer.state,
            issued_at=issued_at,
            issuer=str(like.issuer.document),
            model=like.model,
            series=like.series,
            number=number,
            code=number * 7,
        ),
    )
    for name, value in fields.items():
        setattr(note, name, value)
    return company.add_note(note)


def _fill(month: _Month, count: int, lines: int | None) -> None:
    """A quarter are purchases and four stand apart; the rest are the company's own, in the series 1."""
    fixed: dict[str, object] = {} if lines is None else {"lines": lines}
    purchases = max(count // 4, 1)
    own = max(count - purchases - 4, 6)
    me = month.profile.party
    for place, issued_at in enumerate(month.moments(own)):
        # Months have the same size, so that the numbers of a series have no gap.
        number = (month.index - _FIRST_MONTH) * own + place + 1
        recipient = month.partners[(month.index + place) % len(month.partners)]
        month.add(issued_at, me, recipient, given={"number": number, **fixed, **_own_kind(place, month)})
    for place, issued_at in enumerate(month.moments(purchases)):
        supplier = month.suppliers[place % len(month.suppliers)]
        bought = {"number": month.index * 10 + place, "direction": 0, "nature": "Venda a revendedor"}
        month.add(issued_at, supplier, me, given={**bought, **fixed})
    _apart(month, me, fixed)


def _own_kind(place: int, month: _Month) -> dict[str, object]:
    """What is special about the n-th own note of a month."""
    if place == 1:
        return {"state": "cancelled"}
    if place == 2:
        return {"corrected": True}
    if place == 3:
        sale = month.notes[0]
        return {
            "purpose": "4",
            "operation": 0,
            "direction": 0,
            "recipient": sale.recipient,
            "refers_to": sale.key,
            "nature": "Devolucao de venda",
        }
    if place == 4:
        return {"state": "voided"}
    if place == 5 and month.index % 3 == 0:
        return {"state": "denied", "has_xml": month.index % 2 == 0}
    if place == 6 and month.index % 4 == 0:
        return {"recipient": None}
    return {}


def _apart(month: _Month, me: Party, fixed: dict[str, object]) -> None:
    """NFC-e, a note of the test environment, a draft, each with a series of its own."""
    first, second, third, fourth = month.moments(4)
    number = month.index - _FIRST_MONTH + 1
    consumer = {"model": "65", "series": CONSUMER, "nature": "Venda ao consumidor", **fixed}
    month.add(first, me, None, given={"number": 2 * number - 1, **consumer})
    month.add(fourth, me, None, given={"number": 2 * number, **consumer})
    test = {"number": number, "series": TESTS, "environment": "2", **fixed}
    month.add(second, me, month.partners[0], given=test)
    draft = {"number": number, "series": DRAFTS, "state": "unissued", "has_xml": False, **fixed}
    month.add(third, me, month.partners[1], given=draft)


def _customers(random: Random) -> list[Party]:
    """Companies of this and other states, a person with a CPF, a foreigner with and without a document, nobody."""
    companies: Iterator[Party] = (
        Party(f"Cliente {name} Ltda", cnpj=made_up_cnpj(random, alphanumeric=name == "Bravo"), state=state)
        for name, state in (
            ("Alfa", "SP"),
            ("Bravo", "SP"),
            ("Charlie & Filhos", "RJ"),
            ("Delta", "MG"),
            ("Eco", "SP"),
        )
    )
    person = Party("Pessoa Sintética", cpf=made_up_cpf(random), state_registration=None)
    abroad = Party(
        "Foreign Buyer Inc", foreign_id="X1234567", state="EX", city="EXTERIOR", city_code="9999999"
    )
    return [*companies, person, abroad, replace(abroad, foreign_id="")]


def _suppliers(random: Random) -> list[Party]:
    return [
        Party("Fornecedor Um SA", cnpj=made_up_cnpj(random)),
        Party("Fornecedor Dois Ltda", cnpj=made_up_cnpj(random, alphanumeric=True), state="PR"),
        Party("Fornecedor Três ME", cnpj=made_up_cnpj(random), crt="1"),
    ]
