"""A vendor over Python data: the titles of one account, what each call answers, and which calls were made."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sync_pipelines.erp.vendors.vendor import (
    Category,
    Company,
    Invoice,
    InvoiceXml,
    KnownDetails,
    ListedBy,
    Page,
    Product,
    Side,
    Split,
    Title,
    TitleState,
)

IN, OUT = Side.RECEIVABLE, Side.PAYABLE
#: What the accounts of these tests have, by the vendor's number.
CATEGORIES = [
    Category("10", "Vendas de Mercadorias", IN),
    Category("11", "Receita de Serviços", IN),
    Category("12", "Eventuais", IN),
    Category("13", "Devoluções de Vendas", IN),
    Category("20", "Aluguel", OUT),
    Category("21", "Folha de Pagamento", OUT),
    Category("22", "Diversos", OUT),
    Category("23", "Compra de Mercadorias", OUT),
    Category("30", "Transferência entre Contas", IN, is_transfer=True),
    Category("31", "Transferência entre Contas", OUT, is_transfer=True),
]


@dataclass
class Ledger:
    """The vendor. `before_page`, `before_title` are called first, and may raise."""

    name: str = "Livro"
    lists_product_changes: bool = False
    calls: int = 0
    waited: float = 0.0
    titles_by: ListedBy = ListedBy.ISSUE
    page_size: int = 100
    kept: dict[tuple[Side, str], Title] = field(default_factory=dict)
    listed_categories: list[Category] = field(default_factory=lambda: list(CATEGORIES))
    #: Titles that the list leaves out although the ERP has them.
    unlisted: set[tuple[Side, str]] = field(default_factory=set)
    #: Whether the list leaves out category and competence, which stand in the detail.
    has_details: bool = False
    #: Whether it can be asked for one title.
    has_title_call: bool = True
    before_page: Callable[[int], None] = lambda _number: None
    before_title: Callable[[str], None] = lambda _number: None
    asked: list[str] = field(default_factory=list)
    lists: list[tuple[date, date]] = field(default_factory=list)

    def add(
        self,
        number: int | str,
        amount: str | None,
        day: date | None,
        *,
        side: Side = IN,
        category: str | None = "10",
        state: TitleState = TitleState.OPEN,
        **about: Any,
    ) -> Title:
        """A title of one category, listed on that day; `about` replaces parts of it. It replaces one of its number."""
        money = Decimal(amount) if amount is not None else None
        splits = (Split(category, money),) if category is not None and money is not None else ()
        given: dict[str, Any] = {"issued_on": day, "splits": splits, **about}
        title = Title(str(number), side, state, listed_on=day, amount=money, **given)
        self.kept[side, str(number)] = title
        return title

    def change(self, number: int | str, side: Side = IN, /, **about: Any) -> None:
        self.kept[side, str(number)] = self.kept[side, str(number)]._replace(**about)

    def remove(self, number: int | str, side: Side = IN) -> Title:
        return self.kept.pop((side, str(number)))

    def company(self) -> Page[Company]:
        self.calls += 1
        return Page(b"{}", [Company()])

    def products(
        self, since: datetime | None = None, known: KnownDetails | None = None
    ) -> Iterator[Page[Product]]:
        yield from ()

    def invoices(self, first: date, last: date) -> Iterator[Page[Invoice]]:
        yield from ()

    def invoice_xml(self, invoice: Invoice) -> InvoiceXml:
        raise NotImplementedError

    def categories(self) -> Iterator[Page[Category]]:
        self.calls += 1
        yield Page(b"{}", self.listed_categories)

    def titles(self, first: date, last: date) -> Iterator[Page[Title]]:
        self.lists.append((first, last))
        every = [
            self._as_listed(one)
            for key, one in self.kept.items()
            if key not in self.unlisted and (one.listed_on is None or first <= one.listed_on <= last)
        ]
        for number in range(max(1, -(-len(every) // self.page_size))):
            self.before_page(number)
            self.calls += 1
            page = every[number * self.page_size : (number + 1) * self.page_size]
            yield Page(json.dumps([one.vendor_id for one in page]).encode(), page)

    def title(self, side: Side, vendor_id: str) -> Title | None:
        if not self.has_title_call:
            return None
        self.before_title(vendor_id)
        self.calls += 1
        self.asked.append(vendor_id)
        return self.kept.get((side, vendor_id))

    def close(self) -> None:
        return

    def _as_listed(self, title: Title) -> Title:
        if not self.has_details:
            return title
        return title._replace(splits=(), competence=None, description=None, has_detail=False)
