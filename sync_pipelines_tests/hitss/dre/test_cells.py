import math
import struct
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.hitss.dre.cells import (
    LONGEST_TEXT,
    BadCellError,
    CellRules,
    amount_text,
    number_text,
    period_month,
    text,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT_AMOUNTS = ["1.234,56", "1,234.56", "-330,67", "R$ 10,00", "10", "1e3", " 5.65", "", "−1", "١٢"]


@given(FINITE)
def test_the_text_of_any_number_is_its_double_again(number: float) -> None:
    found = number_text(number)
    assert float(found) == number
    assert Decimal(found) == Decimal(repr(number))
    assert "e" not in found.lower()


@given(FINITE | st.integers())
def test_a_number_has_one_text_only(number: float) -> None:
    found = number_text(number)
    if "." in found:
        assert not found.endswith(("0", "."))
    assert found != "-0"
    assert not found.startswith(("+", "."))


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_every_bit_pattern_of_a_double_is_a_number_or_refused(bits: int) -> None:
    number: float = struct.unpack(">d", struct.pack(">Q", bits))[0]
    if math.isfinite(number):
        assert float(number_text(number)) == number
    else:
        with pytest.raises(BadCellError, match="not finite"):
            number_text(number)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (10.0, "10"),
        (-330.67, "-330.67"),
        (1508.40201663918, "1508.40201663918"),
        (0.01, "0.01"),
        (1e-7, "0.0000001"),
        (1e22, "10000000000000000000000"),
        (38_456_112.47, "38456112.47"),
        (7, "7"),
    ],
)
def test_a_number_keeps_its_digits(cell: object, expected: str) -> None:
    assert number_text(cell) == expected


@pytest.mark.parametrize(
    "cell", [*TEXT_AMOUNTS, True, False, None, date(2025, 8, 1), datetime(2025, 8, 1), float("nan")]
)
def test_what_is_no_number_is_never_made_one(cell: object) -> None:
    with pytest.raises(BadCellError):
        number_text(cell)


@pytest.mark.parametrize(
    ("cell", "month"),
    [
        ("1/2025", "2025-01-01"),
        ("10/2016", "2016-10-01"),
        ("12/2024", "2024-12-01"),
        ("6/2019", "2019-06-01"),
        ("9/2016", "2016-09-01"),
    ],
)
def test_a_period_is_a_month(cell: str, month: str) -> None:
    assert period_month(cell) == month


@given(st.integers(min_value=1, max_value=12), st.integers(min_value=1000, max_value=9999))
def test_every_month_comes_back(month: int, year: int) -> None:
    assert date.fromisoformat(period_month(f"{month}/{year}")) == date(year, month, 1)


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "13/2024",
            "0/2024",
            "06/2019",
            "6/19",
            "6-2019",
            "2019/6",
            "2019-06",
            "8/2025 ",
            " 8/2025",
            "8 /2025",
        ),
        *("", "08/2025\n", "8/2025\n", "٨/2025", "8/٢٠٢٥", "agosto", "8/2025/1", "1.0/2025"),
    ],
)
def test_a_text_that_is_no_month_is_refused(cell: str) -> None:
    with pytest.raises(BadCellError, match="no month such as 8/2025"):
        period_month(cell)


@pytest.mark.parametrize("cell", [45505.0, 82025, True, None, date(2024, 8, 1), datetime(2024, 8, 1)])
def test_a_period_of_another_type_is_refused(cell: object) -> None:
    with pytest.raises(BadCellError, match="not a text such as 8/2025"):
        period_month(cell)


@pytest.mark.parametrize(
    ("cell", "stored"),
    [
        ("Orc\u0327ado", "Orçado"),
        ("Orçado", "Orçado"),
        ("Telefonia MÃ\u0083Â³vel", "Telefonia MÃ\u0083Â³vel"),
        ("DESONERAÇĂO", "DESONERAÇĂO"),
        ("Reembolso\u00a0Táxi", "Reembolso\u00a0Táxi"),
        ("a\tb", "a\tb"),
        ("Provisão -  Fornecedor ", "Provisão -  Fornecedor "),
        (" ", " "),
        ("a\x00b", "ab"),
        ("a\x1eb\x1fc", "abc"),
        ("\x00", None),
        ("", None),
        (None, None),
    ],
)
def test_a_text_is_stored_as_it_came_but_composed(cell: object, stored: str | None) -> None:
    assert text(cell) == stored


@pytest.mark.parametrize("cell", [1.0, 1, True, date(2024, 8, 1)])
def test_a_text_column_takes_no_other_type(cell: object) -> None:
    with pytest.raises(BadCellError, match="not a text"):
        text(cell)


@pytest.mark.parametrize("cell", [1e-300, -1e-300, 1.2345678901234567e-40, 5e-324, 1e13, -1e300, 1.7e308])
def test_a_number_that_no_table_can_hold_exactly_is_refused(cell: float) -> None:
    with pytest.raises(BadCellError, match=r"the number (has|does not fit)"):
        amount_text(cell)
    with pytest.raises(BadCellError):
        CellRules.optional_number(cell)


@pytest.mark.parametrize("cell", [1e-7, 0.12345678901234567, 9_999_999_999_998.99, -37642.7259656975])
def test_an_amount_of_many_digits_is_an_amount(cell: float) -> None:
    assert float(amount_text(cell)) == cell


@pytest.mark.parametrize("cell", ["a\ud800", "\udfff", "x" * (LONGEST_TEXT + 1)])
def test_a_text_that_no_table_can_hold_is_refused(cell: str) -> None:
    with pytest.raises(BadCellError):
        text(cell)


@pytest.mark.parametrize(("cell", "expected"), [("", None), (None, None), (12345678.0, "12345678"), (7, "7")])
def test_an_id_is_a_whole_number_or_absent(cell: object, expected: str | None) -> None:
    assert CellRules.optional_integer(cell) == expected


@pytest.mark.parametrize("cell", [1.5, -1.0, "123", "x", True])
def test_an_id_that_lost_its_type_is_refused(cell: object) -> None:
    with pytest.raises(BadCellError):
        CellRules.optional_integer(cell)


@pytest.mark.parametrize(
    ("cell", "inside"), [("8/2025", True), ("1/2025", True), ("12/2024", False), ("9/2025", False)]
)
def test_both_ends_of_the_window_are_inside(cell: str, inside: bool) -> None:
    rules = CellRules("2025-01-01", "2025-08-01")
    assert (rules.month_or_none(cell) is not None) is inside
