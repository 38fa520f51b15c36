"""Companies as the battery arranges them: so many plain notes, products, titles, and some with a peculiarity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from sync_pipelines.sandbox.erp.company import BRASILIA, ErpCompany, SandboxProfile
from sync_pipelines.sandbox.erp.identifiers import access_key, made_up_cnpj
from sync_pipelines.sandbox.erp.notes import NoteItem, Party, SandboxNote
from sync_pipelines.sandbox.erp.products import SandboxProduct
from sync_pipelines.sandbox.erp.titles import SandboxCategory, SandboxTitle

#: The days that the battery asks for.
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
_RANDOM = Random("the battery")
#: An alphanumeric CNPJ, as they are issued since July 2026.
PROFILE = SandboxProfile(
    cnpj=made_up_cnpj(_RANDOM, alphanumeric=True),
    legal_name="Comercial Bancada Ltda",
    trade_name="Bancada",
    crt="1",
)
SUPPLIER = Party("Fornecedor Bancada SA", cnpj=made_up_cnpj(_RANDOM))
CUSTOMER = Party("Cliente Bancada ME", cnpj=made_up_cnpj(_RANDOM))
NOON = datetime(2026, 11, 3, 12, tzinfo=BRASILIA)
#: The day of plain notes and titles.
DAY = NOON.date()


def note(number: int, issued_at: datetime = NOON, *, is_purchase: bool = False, **fields: Any) -> SandboxNote:
    """An authorised note of one line over 14.88 reais."""
    issuer, recipient = (SUPPLIER, PROFILE.party) if is_purchase else (PROFILE.party, CUSTOMER)
    price = Decimal("14.88")
    item = NoteItem(
        number=1,
        code="P1",
        description="Polpa de fruta",
        ncm="08119000",
        cfop="5102",
        quantity=Decimal(1),
        unit_price=price,
        total=price,
    )
    made = SandboxNote(
        vendor_id=7000 + number,
        key=None,
        series=1,
        number=number,
        issued_at=issued_at,
        issuer=issuer,
        recipient=recipient,
        items=[item],
        direction=0 if is_purchase else 1,
    )
    for name, value in fields.items():
        setattr(made, name, value)
    if made.state not in ("unissued", "voided"):
        made.key = access_key(
            state="SP",
            issued_at=issued_at,
            issuer=str(issuer.document),
            model=made.model,
            series=1,
            number=number,
            code=number * 7919,
        )
    return made


def notes(count: int) -> list[SandboxNote]:
    """So many sales, one a minute."""
    return [note(number, NOON + timedelta(minutes=number)) for number in range(1, count + 1)]


def products(count: int) -> list[SandboxProduct]:
    """So many plain products; not one is sold at the point of sale."""
    return [
        SandboxProduct(
            5000 + number, f"P{number}", f"Produto {number}", ncm="0811.90.00", price=Decimal("2.48")
        )
        for number in range(1, count + 1)
    ]


def categories() -> list[SandboxCategory]:
    """An income, an expense within another category, and what is neither."""
    return [
        SandboxCategory(
            1, "1.01.01", "Venda de produtos", side="receivable", dre_code="1.1", dre_name="Receitas"
        ),
        SandboxCategory(2, "2.01.01", "Despesas fixas", side="payable"),
        SandboxCategory(3, "2.01.02", "Aluguel", side="payable", parent="Despesas fixas"),
        SandboxCategory(4, "0.01.01", "Transferência entre contas", side="payable", is_transfer=True),
    ]


def title(vendor_id: int, on: date = DAY, /, **fields: Any) -> SandboxTitle:
    """An open receivable over 14.88 reais, issued and due on that day, of that month and of the first category."""
    made = SandboxTitle(
        vendor_id, "receivable", Decimal("14.88"), issued_on=on, due_on=on, competence=on.replace(day=1)
    )
    for name, value in fields.items():
        setattr(made, name, value)
    if "splits" not in fields:
        made.splits = [(1 if made.side == "receivable" else 3, made.amount)]
    return made


def receivables(count: int) -> list[SandboxTitle]:
    """So many plain receivables."""
    return [title(9000 + number) for number in range(1, count + 1)]


def payables(count: int) -> list[SandboxTitle]:
    """So many plain payables."""
    return [title(9500 + number, side="payable") for number in range(1, count + 1)]


def company(
    listed: Sequence[SandboxNote] = (),
    catalogue: Sequence[SandboxProduct] = (),
    *,
    ledger: Sequence[SandboxTitle] = (),
) -> ErpCompany:
    """A company with these notes, products and titles; who has titles has categories."""
    made = ErpCompany(PROFILE, categories=categories() if ledger else [])
    for one in listed:
        made.add_note(one)
    for product in catalogue:
        made.add_product(product)
    for entry in ledger:
        made.add_title(entry)
    return made
