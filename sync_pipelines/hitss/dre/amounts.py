"""Amounts and percentages as Brazilians write them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal


def reais(amount: Decimal | float | str) -> str:
    """R$ 1.915.390,08."""
    value = Decimal(str(amount)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    text = f"{abs(value):,.2f}".translate(str.maketrans(",.", ".,"))
    return f"-R$ {text}" if value < 0 else f"R$ {text}"


def percent(value: Decimal) -> str:
    """12,34 %."""
    return f"{value:.2f} %".replace(".", ",")
