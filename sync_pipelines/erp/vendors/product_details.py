"""Details of products that a list leaves out, read where they are not in hand: the list row tells whether they are.

At 30 calls a minute, as a plan of Tiny allows, the details of 3,000 products take 100 minutes a night.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sync_pipelines.erp.vendors.vendor import KnownDetails, Page, Product
from sync_pipelines.lib.postgres.digest import row_hash

Row = Mapping[str, Any]


@dataclass
class ProductDetails:
    """The details of one pass over a catalogue. A list that is read again, because it moved, costs none of them twice.

    `read` gives the detail of a number, None where the vendor has none, and the answer. `product` makes the product of
    a row with its detail: {} where none is to be read.
    """

    read: Callable[[str], tuple[Row | None, bytes]]
    product: Callable[[Row, Row | None], Product]
    needs_detail: Callable[[Row], bool]
    known: KnownDetails | None = None
    details: dict[str, Row | None] = field(default_factory=dict)

    def pages(self, listed: Iterable[Page[Row]]) -> Iterator[Page[Product]]:
        """The products of a list's pages. `raw` has an answer a line: the page, then the details that were read."""
        for page in listed:
            raw = [page.raw]
            products = [self._product(row, raw) for row in page.items]
            yield Page(b"\n".join(raw), products)

    def _product(self, row: Row, raw: list[bytes]) -> Product:
        listed = self.product(row, {})
        if not self.needs_detail(row):
            return listed
        number, digest = listed.vendor_id, list_digest(listed)
        if number not in self.details:
            if self.known is not None and self.known.has(number, digest):
                return listed._replace(list_digest=digest, is_unchanged=True)
            self.details[number], answer = self.read(number)
            raw.append(answer)
        return self.product(row, self.details[number])._replace(list_digest=digest)


def list_digest(listed: Product) -> UUID:
    """The md5 of what the list says of a product."""
    values = (listed.vendor_id, listed.name, listed.code, listed.ncm, listed.unit, listed.ean, listed.price)
    flags = (listed.is_active, listed.is_service)
    texts = (None if value is None else str(value) for value in (*values, *flags))
    return UUID(
        bytes=row_hash(None if text is None else text.encode("utf-8", "replace").decode() for text in texts)
    )
