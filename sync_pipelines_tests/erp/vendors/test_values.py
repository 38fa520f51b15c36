"""Values as vendors write them: text or number, missing or blank."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from sync_pipelines.erp.vendors.values import amount_of, day_of, group, number_of, plain, quotable, text_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (" a ", "a"),
        ("", None),
        (" ", None),
        (None, None),
        (7, "7"),
        (0, "0"),
        (True, None),
        ([], None),
    ],
)
def test_a_text(value: Any, text: str | None) -> None:
    assert text_of({"x": value}, "x") == text
    assert text_of({}, "x") is None


@pytest.mark.parametrize(
    ("value", "number"), [("000001042", "1042"), (1042, "1042"), ("000", "0"), ("", None)]
)
def test_a_number(value: Any, number: str | None) -> None:
    assert number_of({"x": value}, "x") == number


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (Decimal("14.88"), Decimal("14.88")),
        ("14.88", Decimal("14.88")),
        (0, Decimal(0)),
        ("14,88", None),
        ("NaN", None),
        ("Infinity", None),
        (None, None),
        # What Python takes for a number, and no vendor writes: it is not guessed.
        ("1_000", None),
        ("\uff11\uff12", None),
        ("1e2", Decimal(100)),
        ("-0.50", Decimal("-0.50")),
    ],
)
def test_an_amount(value: Any, amount: Decimal | None) -> None:
    assert amount_of({"x": value}, "x") == amount


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("03/11/2026", date(2026, 11, 3)),
        ("2026-11-03", None),
        ("31/02/2026", None),
        ("00/00/0000", None),
        (None, None),
    ],
)
def test_a_day(value: Any, day: date | None) -> None:
    assert day_of({"x": value}, "x") == day


def test_a_group() -> None:
    row = {"total": {"ICMSTot": {"vNF": 1}}, "list": []}
    assert group(row, "total", "ICMSTot") == {"vNF": 1}
    assert group(row, "total", "other") == group(row, "list", "x") == {}


def test_words_are_looked_for_without_accents() -> None:
    assert plain("ERROR: Não existem registros") == "error: nao existem registros"


def test_a_code_is_quoted_only_if_it_is_one() -> None:
    assert quotable("SOAP-ENV:Client-71") == "SOAP-ENV:Client-71"
    assert quotable("Cliente 12345 Ltda") == quotable("") == quotable("x" * 41) == "without a code"
