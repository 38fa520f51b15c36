"""Products of a vendor as rows of the catalogue, or as rejects (`sync_private.products`)."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sync_pipelines.erp.products.ncm import ncm_of
from sync_pipelines.erp.vendors.vendor import Product
from sync_pipelines.lib.postgres.digest import Column, canonical, row_hash
from sync_pipelines.lib.records.rejects import RejectedRow

#: What the vendor says, in the order of the digest.
COLUMNS = (
    Column("vendor_id"),
    Column("code"),
    Column("name"),
    Column("ncm"),
    Column("ncm_code"),
    Column("ncm_status"),
    Column("ncm_reason"),
    Column("unit"),
    Column("ean"),
    Column("price", "number"),
    Column("is_active", "other"),
    Column("is_service", "other"),
)


class ProductRow(NamedTuple):
    """A row of the catalogue; the fields are its columns."""

    vendor_id: str
    code: str | None
    name: str
    ncm: str | None
    ncm_code: str
    ncm_status: str
    ncm_reason: str | None
    unit: str | None
    ean: str | None
    price: Decimal | None
    is_active: bool
    is_service: bool

    def content_hash(self) -> UUID:
        """The md5 of the row, as `digest.row_hash_sql` computes it of the stored row."""
        return UUID(bytes=row_hash(map(canonical, self)))


@dataclass
class Catalogue:
    """What a list of products says: one row a product, by the vendor's number."""

    rows: dict[str, ProductRow] = field(default_factory=dict)
    hashes: dict[str, UUID] = field(default_factory=dict)
    rejects: list[RejectedRow] = field(default_factory=list)
    #: Products that the list has more than once, because the catalogue moved between two pages; the last one counts.
    repeated: int = 0
    #: The numbers of rejected products: they are listed, so they have not vanished.
    rejected_ids: set[str] = field(default_factory=set)
    #: What the list said of products whose detail was read now.
    list_digests: dict[str, UUID] = field(default_factory=dict)
    #: The numbers of products whose stored row stands, because their detail was not read again.
    kept: set[str] = field(default_factory=set)
    #: Whether every product came with its detail; otherwise the next pass reads the whole catalogue again.
    is_whole: bool = True

    def add(self, row: ProductRow, list_digest: UUID | None) -> None:
        """Take a product as it was read, with what the list said of it if it has a detail."""
        number = row.vendor_id
        self.repeated += number in self.hashes
        self.kept.discard(number)
        self.list_digests.pop(number, None)
        self.rows[number], self.hashes[number] = row, row.content_hash()
        if list_digest is not None:
            self.list_digests[number] = list_digest

    def keep(self, number: str, content_hash: UUID) -> None:
        """Take a product as it is stored."""
        self.repeated += number in self.hashes
        self.rows.pop(number, None)
        self.list_digests.pop(number, None)
        self.hashes[number] = content_hash
        self.kept.add(number)


def catalogue_of(
    products: Sequence[Product],
    partition_key: str,
    *,
    read_at: datetime,
    stored: Mapping[str, UUID] | None = None,
) -> Catalogue:
    """The products as rows; one that is unchanged is what is `stored`, by its number. A product without a number or a
    name is a reject.
    """
    found = Catalogue()
    for place, product in enumerate(products):
        if product.is_unchanged:
            found.keep(product.vendor_id, (stored or {})[product.vendor_id])
            continue
        if problem := _problem(product):
            found.rejects.append(
                _reject(product, place, problem, partition_key=partition_key, read_at=read_at)
            )
            found.rejected_ids.add(_text(product.vendor_id) or "")
            found.is_whole = found.is_whole and product.has_detail
            continue
        found.add(_row(product), product.list_digest)
    return found


def _problem(product: Product) -> tuple[str, str] | None:
    """The rule that a product breaks, and the sentence."""
    if _text(product.vendor_id) is None:
        return "product_has_a_number", "a product of the catalogue has no number"
    if _text(product.name) is None:
        return "product_has_a_name", "a product of the catalogue has no name"
    if not product.has_detail:
        return "product_has_a_detail", "the ERP lists the product and has no detail of it"
    if product.price is not None and not product.price.is_finite():
        return "price_is_a_number", "the price of a product is no number"
    return None


def _row(product: Product) -> ProductRow:
    ncm = ncm_of(product.ncm)
    return ProductRow(
        vendor_id=_text(product.vendor_id) or "",
        code=_text(product.code),
        name=_text(product.name) or "",
        ncm=_text(product.ncm),
        ncm_code=ncm.code,
        ncm_status=ncm.status,
        ncm_reason=ncm.reason,
        unit=_text(product.unit),
        ean=_text(product.ean),
        price=product.price,
        is_active=product.is_active,
        is_service=product.is_service,
    )


def _text(value: str | None) -> str | None:
    """A text that Postgres holds, in the normal form of the digests, without blanks around it; None if it is empty."""
    text = (value or "").replace("\x00", "").encode("utf-8", "replace").decode()
    return unicodedata.normalize("NFC", text).strip() or None


def _reject(
    product: Product, place: int, problem: tuple[str, str], *, partition_key: str, read_at: datetime
) -> RejectedRow:
    rule, reason = problem
    return RejectedRow(
        partition_key=partition_key,
        locator={"product": product.vendor_id, "item": place},
        value=None,
        rule=rule,
        reason=reason,
        raw={**product._asdict(), "read_at": read_at.isoformat()},
    )
