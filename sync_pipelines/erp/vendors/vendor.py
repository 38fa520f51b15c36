"""What an ERP must be able to say, whichever vendor made it: the one interface behind which its ways end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Generic, NamedTuple, Protocol, TypeVar
from uuid import UUID

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One answer of a list: its bytes as they came, and what it says."""

    raw: bytes
    items: Sequence[Item]


class Company(NamedTuple):
    """The company of an account; None where the vendor does not say. `regime` is the application's word or None."""

    cnpj: str | None = None
    legal_name: str | None = None
    trade_name: str | None = None
    cnae: str | None = None
    state: str | None = None
    city: str | None = None
    regime: str | None = None


class Product(NamedTuple):
    """A product of the catalogue. `ncm` is as the vendor writes it, dots and all."""

    vendor_id: str
    name: str
    code: str | None = None
    ncm: str | None = None
    unit: str | None = None
    ean: str | None = None
    price: Decimal | None = None
    is_active: bool = True
    is_service: bool = False
    #: False where the vendor lists it and did not say the rest, which stands in a detail of its own.
    has_detail: bool = True
    #: Of what the list says of it, where it has a detail besides.
    list_digest: UUID | None = None
    #: Whether its detail was in hand (`KnownDetails`) and not read: what is stored of it stands.
    is_unchanged: bool = False


class KnownDetails(Protocol):
    """Details of products that were read before."""

    def has(self, vendor_id: str, list_digest: UUID) -> bool:
        """Whether the detail is in hand, was read not long ago, and when the list said the same of the product."""


class InvoiceState(StrEnum):
    """What an ERP says of an invoice, by the application's words."""

    AUTHORISED = "autorizada"
    CANCELLED = "cancelada"
    DENIED = "denegada"
    #: Typed in, waiting or refused: no invoice yet.
    UNISSUED = "nao_emitida"


class Invoice(NamedTuple):
    """An invoice as a list has it. `vendor_id` is the vendor's own number for it, by which its XML is asked for.

    `key` is None where only the detail says it. `issued_on` is the date in the issuer's own time. `model` is 55 (NF-e)
    or 65 (NFC-e), `environment` 1 (production) or 2 (test), `direction` 0 (in) or 1 (out); None where the list does
    not say.
    """

    vendor_id: str
    state: InvoiceState
    issued_on: date
    key: str | None = None
    model: str | None = None
    environment: str | None = None
    direction: int | None = None
    series: str | None = None
    number: str | None = None
    total: Decimal | None = None
    #: Numbers that were voided: no invoice, and no gap in the numbering.
    is_voided: bool = False


class InvoiceXml(NamedTuple):
    """What the vendor gives for one invoice: its access key, and the document, None where there is none to be had."""

    key: str | None
    xml: bytes | None
    state: InvoiceState | None = None


class Side(StrEnum):
    """Which account a title is of: money that comes in, or goes out."""

    RECEIVABLE = "receber"
    PAYABLE = "pagar"


class TitleState(StrEnum):
    """What an ERP says of a title. Cancelled and renegotiated ones are no income or expense; every other one is."""

    OPEN = "aberto"
    PARTIAL = "parcial"
    SETTLED = "liquidado"
    RETURNED = "devolvido"
    LOST = "perdido"
    CANCELLED = "cancelado"
    RENEGOTIATED = "renegociado"


class ListedBy(StrEnum):
    """The date of a title by which a vendor's list is asked for."""

    DUE = "due"
    ISSUE = "issue"


class Split(NamedTuple):
    """The part of a title that is of one category: the vendor's id of it, or its name where there is no id."""

    category: str
    amount: Decimal


class Title(NamedTuple):
    """A receivable or a payable: one instalment. Amounts are positive, in the currency of the account.

    `listed_on` is the date by which the list is asked for (`Vendor.titles_by`). A value is None where the vendor does
    not say it, or in a form that is none. `splits` add up to the amount; empty: the vendor names no category.
    """

    vendor_id: str
    side: Side
    state: TitleState
    listed_on: date | None
    amount: Decimal | None = None
    issued_on: date | None = None
    due_on: date | None = None
    #: A day of the month that the title is of.
    competence: date | None = None
    splits: tuple[Split, ...] = ()
    #: Free text of the company's; it may name people.
    description: str | None = None
    number: str | None = None
    nfe_key: str | None = None
    #: False where the list leaves out what stands in a detail of its own, such as category and competence.
    has_detail: bool = True
    #: Fields that the vendor fills with what is no date: nothing else must be taken for them.
    unread: tuple[str, ...] = ()


class Category(NamedTuple):
    """A category of titles, as the company keeps them. `side` is None where the vendor does not say."""

    vendor_id: str
    name: str
    side: Side | None = None
    parent: str | None = None
    #: The vendor's own line of its income statement: code and name.
    dre_code: str | None = None
    dre_name: str | None = None
    #: Between accounts of the company: neither income nor expense.
    is_transfer: bool = False


class Vendor(Protocol):
    """One account of an ERP. Every call is retried and waits for the vendor's budget.

    Each raises SyncError: RefusedError if a person has to renew the credentials, TransientError if a later sync may
    succeed. An error is never an empty list, and a list ends only where the vendor says that it ends.
    """

    @property
    def name(self) -> str:
        """The vendor's name as a person writes it, such as `Omie`."""

    @property
    def lists_product_changes(self) -> bool:
        """Whether `products(since)` yields only what changed since."""

    @property
    def calls(self) -> int:
        """Calls that were made."""

    @property
    def waited(self) -> float:
        """Seconds that were waited for the vendor's limits."""

    def company(self) -> Page[Company]:
        """The company of the account: one item, or several of an installation that is that of several."""

    def products(
        self, since: datetime | None = None, known: KnownDetails | None = None
    ) -> Iterator[Page[Product]]:
        """The whole catalogue, also what is inactive; with `since` what changed, where the vendor can say so.

        A detail that is `known` need not be read again: then its product is marked as unchanged.
        """

    def invoices(self, first: date, last: date) -> Iterator[Page[Invoice]]:
        """Every invoice issued from `first` to `last`, both included, in whatever state; none of another day."""

    def invoice_xml(self, invoice: Invoice) -> InvoiceXml:
        """The document of an invoice. Threads may call it at once."""

    @property
    def titles_by(self) -> ListedBy:
        """The date by which `titles` is asked for."""

    def categories(self) -> Iterator[Page[Category]]:
        """Every category of titles; no page where the vendor has no such list."""

    def titles(self, first: date, last: date) -> Iterator[Page[Title]]:
        """Every receivable and payable listed from `first` to `last`, both included, in whatever state; of another
        day only those without a readable `listed_on`. `last` may be years ahead.
        """

    def title(self, side: Side, vendor_id: str) -> Title | None:
        """One title with its detail; None where the vendor does not have it (any more), or cannot be asked."""

    def close(self) -> None:
        """End what is open."""
