"""The invoices (NF-e) of a sandbox company as plain objects: what the fakes list, and what their XML is made of.

All of it is synthetic. Money is a Decimal of two places, `issued_at` is in the issuer's own time (-03:00).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from sync_pipelines.sandbox.erp.nfe_xml import document_of

#: What the ERP says of a note; `voided` is a number that was given up, and no note.
NoteState = Literal["authorised", "cancelled", "denied", "unissued", "voided"]
ZERO: Final = Decimal("0.00")


@dataclass(frozen=True)
class Party:
    """An issuer or a recipient. Of `cnpj`, `cpf` and `foreign_id` at most one is set; `crt` is the issuer's regime."""

    name: str
    cnpj: str | None = None
    cpf: str | None = None
    foreign_id: str | None = None
    state: str = "SP"
    city: str = "São Paulo"
    city_code: str = "3550308"
    #: 1 Simples, 2 Simples over the limit, 3 normal, 4 MEI.
    crt: str = "3"
    state_registration: str | None = "110042490114"

    @property
    def document(self) -> str | None:
        """CNPJ or CPF, without punctuation; None of a foreigner."""
        return self.cnpj or self.cpf


@dataclass(frozen=True)
class Reform:
    """The groups IS and IBSCBS of an item (NT 2025.002); rates in percent."""

    base: Decimal
    cst: str = "000"
    classification: str = "000001"
    ibs_state_rate: Decimal = Decimal("0.1000")
    ibs_city_rate: Decimal = Decimal("0.0000")
    cbs_rate: Decimal = Decimal("0.9000")
    ibs_state: Decimal = ZERO
    ibs_city: Decimal = ZERO
    cbs: Decimal = ZERO
    #: The selective tax; None: the item has no group IS.
    selective_rate: Decimal | None = None
    selective: Decimal = ZERO


@dataclass(frozen=True)
class Taxes:
    """The taxes of an item. `icms_group` and the like are the names of the XML's groups; `icms_cst` is CST or CSOSN."""

    icms_group: str = "ICMS00"
    icms_cst: str = "00"
    icms_base: Decimal = ZERO
    icms_rate: Decimal = ZERO
    icms: Decimal = ZERO
    st_base: Decimal = ZERO
    st_rate: Decimal = ZERO
    st: Decimal = ZERO
    pis_group: str = "PISAliq"
    pis_cst: str = "01"
    pis_base: Decimal = ZERO
    pis_rate: Decimal = ZERO
    pis: Decimal = ZERO
    cofins_group: str = "COFINSAliq"
    cofins_cst: str = "01"
    cofins_base: Decimal = ZERO
    cofins_rate: Decimal = ZERO
    cofins: Decimal = ZERO
    #: IPITrib, IPINT; None: the item has no group IPI.
    ipi_group: str | None = None
    ipi_cst: str = "50"
    ipi_base: Decimal = ZERO
    ipi_rate: Decimal = ZERO
    ipi: Decimal = ZERO
    reform: Reform | None = None
    #: vCredICMSSN of the groups ICMSSN101 and 201.
    simples_credit: Decimal = ZERO


@dataclass(frozen=True)
class NoteItem:
    """A line of a note. `ncm` has 8 digits or is `00`; `counted` is indTot: false leaves it out of the total."""

    number: int
    code: str
    description: str
    ncm: str
    cfop: str
    quantity: Decimal
    unit_price: Decimal
    total: Decimal
    unit: str = "UN"
    ean: str | None = None
    freight: Decimal = ZERO
    discount: Decimal = ZERO
    counted: bool = True
    taxes: Taxes = field(default_factory=Taxes)
    #: The product of the company's catalogue, by its vendor_id.
    product_id: int | None = None


@dataclass(frozen=True)
class NoteTotals:
    """The group ICMSTot of a note."""

    products: Decimal
    freight: Decimal
    discount: Decimal
    icms_base: Decimal
    icms: Decimal
    st_base: Decimal
    st: Decimal
    pis: Decimal
    cofins: Decimal
    ipi: Decimal
    total: Decimal


def totals_of(items: Iterable[NoteItem]) -> NoteTotals:
    """Add items up as the layout says: vNF = vProd - vDesc + vST + vFrete + vIPI, without what is not counted."""
    counted = [item for item in items if item.counted]
    products = sum((item.total for item in counted), ZERO)
    freight = sum((item.freight for item in counted), ZERO)
    discount = sum((item.discount for item in counted), ZERO)
    taxes = [item.taxes for item in counted]
    st = sum((tax.st for tax in taxes), ZERO)
    ipi = sum((tax.ipi for tax in taxes), ZERO)
    return NoteTotals(
        products=products,
        freight=freight,
        discount=discount,
        icms_base=sum((tax.icms_base for tax in taxes), ZERO),
        icms=sum((tax.icms for tax in taxes), ZERO),
        st_base=sum((tax.st_base for tax in taxes), ZERO),
        st=st,
        pis=sum((tax.pis for tax in taxes), ZERO),
        cofins=sum((tax.cofins for tax in taxes), ZERO),
        ipi=ipi,
        total=products - discount + st + freight + ipi,
    )


@dataclass
class SandboxNote:
    """A note of a company's ERP. Its state may change while the fakes serve it.

    `direction` is what the ERP lists (0 in, 1 out). `operation` is tpNF of the XML: a supplier's sale is a purchase of
    ours, and its XML says 1. The key is None where there is no document: unissued notes and voided numbers.
    """

    vendor_id: int
    key: str | None
    series: int
    number: int
    issued_at: datetime
    issuer: Party
    recipient: Party | None
    items: list[NoteItem] = field(default_factory=list, repr=False)
    model: str = "55"
    direction: int = 1
    operation: int = 1
    #: finNFe: 1 normal, 2 complementary, 3 adjustment, 4 return.
    purpose: str = "1"
    #: tpAmb: 1 production, 2 test.
    environment: str = "1"
    state: NoteState = "authorised"
    #: Whether the ERP can give the XML.
    has_xml: bool = True
    #: Whether there is a correction letter (event 110110), which cancels nothing.
    corrected: bool = False
    nature: str = "Venda de mercadoria"
    #: The key of the note that a return gives back.
    refers_to: str | None = None
    #: The last change in the ERP.
    altered_at: datetime | None = None
    #: How the XML differs from a good one, by the names of `nfe_xml.DIRT`.
    dirt: frozenset[str] = frozenset()

    @property
    def totals(self) -> NoteTotals:
        return totals_of(self.items)

    @property
    def counterparty(self) -> Party | None:
        """Who is on the other side: the supplier of a purchase, else the customer; None where nobody is named."""
        return self.issuer if self.direction == 0 and self.operation == 1 else self.recipient

    def xml(self) -> bytes:
        """The document, as the ERP would give it. The state is not in it: a cancelled note's XML says authorised."""
        return document_of(self)
