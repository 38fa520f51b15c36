"""The catalogue of a sandbox company: products as its ERP holds them, dirt included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass
class SandboxProduct:
    """A product or service. `ncm` is as the ERP writes it: dotted, bare, `00`, `00000000`, short, or empty."""

    vendor_id: int
    code: str
    name: str
    ncm: str
    price: Decimal
    unit: str = "UN"
    ean: str | None = None
    is_active: bool = True
    is_service: bool = False
    #: Omie only: shown also where only the products of the point of sale are asked for.
    is_pdv: bool = False
    altered_at: datetime | None = None
