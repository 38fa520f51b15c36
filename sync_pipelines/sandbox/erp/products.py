"""The catalogue of a sandbox company: products as its ERP holds them, dirt included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Final


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


#: NCM codes of the official list, as a catalogue may have them: dotted, bare, missing in several ways, too short.
_CODES: Final = (
    "0811.90.00",
    "19022000",
    "2106.90.10",
    "22021000",
    "3304.99.10",
    "0901.21.00",
    "8471.30.12",
    "61091000",
)
_BAD_CODES: Final = ("", "00", "00000000", "0000.00.00", "1902.20", "85.17")
_THINGS: Final = (
    "Polpa de fruta",
    "Massa alimentícia",
    "Suplemento",
    "Refrigerante",
    "Creme facial",
    "Café torrado",
    "Notebook",
    "Camiseta",
)
_UNITS: Final = ("UN", "CX", "KG", "PC")


def made_up_catalogue(seed: int, count: int = 40) -> list[SandboxProduct]:
    """A catalogue: one in eight has no usable NCM, one in ten is inactive, one in twelve a service."""
    random = Random(f"catalogue {seed}")
    return [_product(seed, number, random) for number in range(1, count + 1)]


def _product(seed: int, number: int, random: Random) -> SandboxProduct:
    kind = number % len(_THINGS)
    is_service = number % 12 == 0
    ncm = _BAD_CODES[(number // 8) % len(_BAD_CODES)] if number % 8 == 3 else _CODES[kind]
    name = f"{_THINGS[kind]} {chr(65 + number % 26)}{number:03d}"
    return SandboxProduct(
        vendor_id=seed * 1_000_000 + 1_000 + number,
        code=f"P{number:04d}",
        name=f"Serviço de entrega {number}" if is_service else name,
        ncm="" if is_service else ncm,
        price=Decimal(random.randrange(250, 40_000)) / 100,
        unit="SV" if is_service else _UNITS[number % len(_UNITS)],
        ean=_ean(seed, number) if number % 3 else None,
        is_active=number % 10 != 7,
        is_service=is_service,
        is_pdv=number % 5 == 0,
    )


def _ean(seed: int, number: int) -> str:
    """A GTIN-13 with its check digit."""
    digits = f"789{seed % 10_000:04d}{number:05d}"
    total = sum(int(each) * (3 if place % 2 else 1) for place, each in enumerate(digits))
    return f"{digits}{-total % 10}"
