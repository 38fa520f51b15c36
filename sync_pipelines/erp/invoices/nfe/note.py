"""What one XML turned out to be: a note, an event of a note, or a document that is not ours to load."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from sync_pipelines.erp.invoices.nfe.access_key import AccessKey
from sync_pipelines.erp.vendors.vendor import InvoiceState

#: The layout of the application's `xml_analysis.raw_data` (contract of the ERPs, section 2.5).
RawData = dict[str, Any]


class Party(NamedTuple):
    """Who issued or received a note.

    `taxpayer` is a CNPJ or a CPF without punctuation, as the note has it where it is neither; None where it has none.
    `foreign_id` is idEstrangeiro, of a recipient abroad.
    """

    taxpayer: str | None
    name: str
    state: str
    city: str
    foreign_id: str | None = None


class Totals(NamedTuple):
    """`ICMSTot`, in reais; `products` is vProd, `note` is vNF, `icms_st` is vST."""

    products: Decimal
    note: Decimal
    icms: Decimal
    pis: Decimal
    cofins: Decimal
    ipi: Decimal
    icms_st: Decimal
    freight: Decimal


class ReformTaxes(NamedTuple):
    """The taxes of the reform, in reais."""

    cbs: Decimal
    ibs_uf: Decimal
    ibs_mun: Decimal
    selective: Decimal

    @property
    def total(self) -> Decimal:
        return self.cbs + self.ibs_uf + self.ibs_mun + self.selective


class ItemSums(NamedTuple):
    """vProd of the items that count in the total (indTot=1), goods and services apart, in reais."""

    goods: Decimal
    services: Decimal

    def tie_to(self, total: Decimal) -> bool:
        """Whether they are the note's vProd; services (ISSQN) stand in it or in a total of their own."""
        return total in (self.goods, self.goods + self.services)


@dataclass(frozen=True, slots=True)
class Note:
    """An NF-e of the production environment with its protocol, checked against its own access key."""

    key: AccessKey
    state: InvoiceState
    #: cStat of the protocol.
    status_code: str
    #: With the offset that the note writes.
    issued_at: datetime
    #: 0 in, 1 out (tpNF).
    direction: int
    #: finNFe: 1 normal, 2 complementary, 3 adjustment, 4 return, 5 credit, 6 debit.
    purpose: int
    series: str
    number: str
    issuer: Party
    #: None where the note names no recipient.
    recipient: Party | None
    totals: Totals
    sums: ItemSums
    #: The taxes of the reform that the note itself states; None where it states none.
    reform: ReformTaxes | None
    #: IBGE code of the municipality where the tax arises (cMunFG).
    municipality: str
    raw_data: RawData

    @property
    def issue_date(self) -> date:
        """The date that the note writes, in the issuer's own time."""
        return self.issued_at.date()

    @property
    def month(self) -> date:
        """The first day of the month of the issue date: the partition."""
        return self.issue_date.replace(day=1)

    @property
    def items_count(self) -> int:
        return len(self.raw_data["produtos"])


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a note, such as its cancellation: no note itself."""

    #: The access key of the note that it is about, None where it names none.
    key: str | None
    #: tpEvento: 110111 is a cancellation, 110110 a correction.
    type: str
    #: Whether the tax office registered it.
    is_registered: bool

    @property
    def cancels(self) -> bool:
        return self.is_registered and self.type in CANCELLATIONS


#: A cancellation, and one by substitution.
CANCELLATIONS = frozenset({"110111", "110112"})


class SkipReason(StrEnum):
    """Documents that an ERP lists among the notes and that are no rows of ours, and no rejects."""

    NFCE = "nfc_e"
    TEST_ENVIRONMENT = "test_environment"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A document that is counted and not loaded."""

    reason: SkipReason
    key: str | None


Document = Note | Event | Skipped
