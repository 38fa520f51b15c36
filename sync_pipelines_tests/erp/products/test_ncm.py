"""NCM codes as ERPs write them (contract of the ERPs, section 10)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.erp.products.ncm import INCOMPLETE, MISSING, PENDING, ncm_of


@pytest.mark.parametrize(
    ("written", "code", "status"),
    [
        ("0811.90.00", "08119000", PENDING),
        ("08119000", "08119000", PENDING),
        (" 0811 90 00 ", "08119000", PENDING),
        ("00", MISSING, INCOMPLETE),
        ("0000.00.00", MISSING, INCOMPLETE),
        ("", MISSING, INCOMPLETE),
        (None, MISSING, INCOMPLETE),
        ("190590", "190590", INCOMPLETE),
        ("190590901", "190590901", INCOMPLETE),
        ("1905909X", "1905909X", INCOMPLETE),
        ("١٩٠٥٩٠٩٠", MISSING, INCOMPLETE),
    ],
)
def test_a_code_is_eight_digits_or_incomplete(written: str | None, code: str, status: str) -> None:
    found = ncm_of(written)
    assert (found.code, found.status) == (code, status)
    assert (found.reason is None) == (status == PENDING)


@given(
    st.integers(min_value=1, max_value=99_999_999),
    st.sampled_from(["{}.{}.{}", "{}{}{}", "{} {} {}", "{}-{}-{}"]),
)
def test_punctuation_and_leading_zeros_do_not_matter(number: int, form: str) -> None:
    digits = f"{number:08d}"
    written = form.format(digits[:4], digits[4:6], digits[6:])
    assert ncm_of(written) == (digits, PENDING, None)


@given(st.text())
def test_whatever_is_written_there_is_a_code_for_the_column(text: str) -> None:
    found = ncm_of(text)
    assert found.code and found.code.isascii()
