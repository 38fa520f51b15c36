"""The access key and the numbers of taxpayers: digits and letters, in any case (traps 41 and 42)."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.erp.invoices.nfe.access_key import (
    AccessKey,
    check_digit,
    is_access_key,
    is_cnpj,
    is_cpf,
    normal_taxpayer,
)
from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError

NUMERIC = "41170706117473000150550010000463202612756525"
ALPHANUMERIC = "35260712ABC34501DE35550010000000011123456784"
_ISSUERS = st.text(string.digits + string.ascii_uppercase, min_size=12, max_size=12)


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text(string.digits, min_size=count, max_size=count)


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """The 43 characters before a check digit."""
    return draw(digits(6)) + draw(_ISSUERS) + draw(digits(25))


@pytest.mark.parametrize(
    "key",
    [
        NUMERIC,
        ALPHANUMERIC,
        "35261111222333000181550010000010421408172536",
        "35261112ABC34501DE35550010000000771192837464",
        "35261111222333000181650020000000091555012347",
    ],
)
def test_keys_of_the_contract(key: str) -> None:
    assert AccessKey.parse(key).text == key


def test_the_parts_of_a_key() -> None:
    assert AccessKey.parse(ALPHANUMERIC.lower()) == AccessKey(
        text=ALPHANUMERIC,
        state="35",
        year_month="2607",
        issuer="12ABC34501DE35",
        model="55",
        series="001",
        number="000000001",
    )


@given(bodies())
def test_the_check_digit_follows_the_rule(body: str) -> None:
    weighted = sum((2 + place % 8) * (ord(character) - 48) for place, character in enumerate(reversed(body)))
    expected = "0" if weighted % 11 in (0, 1) else str(11 - weighted % 11)
    assert check_digit(body) == expected
    assert is_access_key(body + expected)
    assert AccessKey.parse(body + expected).text == body + expected


@given(bodies(), st.integers(1, 9))
def test_another_check_digit_is_a_reject(body: str, more: int) -> None:
    key = body + str((int(check_digit(body)) + more) % 10)
    assert not is_access_key(key)
    with pytest.raises(InvoiceRejectedError) as error:
        AccessKey.parse(key)
    assert error.value.rule == "check_digit"


@given(bodies(), st.integers(0, 42), st.sampled_from(string.digits))
def test_a_digit_that_was_mistyped_is_noticed(body: str, place: int, digit: str) -> None:
    """Between digits: a letter and a digit may weigh the same (A is 17, 6 is 6)."""
    if body[place] in string.digits and body[place] != digit:
        other = body[:place] + digit + body[place + 1 :]
        # A rest of 0 and one of 1 have the same check digit.
        assert not is_access_key(other + check_digit(body)) or check_digit(body) == "0"


@given(st.text(max_size=50))
def test_any_other_text_is_no_key(text: str) -> None:
    if not is_access_key(text.upper()):
        with pytest.raises(InvoiceRejectedError):
            AccessKey.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        NUMERIC[:-1],
        f"{NUMERIC}0",
        f" {NUMERIC}",
        f"{NUMERIC}\n",
        "A" + NUMERIC[1:],
        NUMERIC[:-1] + "A",
        NUMERIC.replace("4", "\N{ARABIC-INDIC DIGIT FOUR}", 1),
        "",
    ],
)
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(InvoiceRejectedError) as error:
        AccessKey.parse(text)
    assert error.value.rule == "access_key"


@pytest.mark.parametrize(
    ("text", "taxpayer"),
    [
        ("12.ABC.345/01DE-35", "12ABC34501DE35"),
        ("12.abc.345/01de-35", "12ABC34501DE35"),
        ("11.222.333/0001-81", "11222333000181"),
        (" 529.982.247-25 ", "52998224725"),
        ("00000000000191", "00000000000191"),
        ("1122233300018", None),
        ("12ABC34501DEAA", None),
        ("ISENTO", None),
        ("", None),
        (None, None),
    ],
)
def test_a_taxpayer_keeps_its_letters(text: str | None, taxpayer: str | None) -> None:
    assert normal_taxpayer(text) == taxpayer


@given(st.text(max_size=20))
def test_a_normal_taxpayer_is_normal(text: str) -> None:
    once = normal_taxpayer(text)
    assert once is None or normal_taxpayer(once) == once


@pytest.mark.parametrize("cnpj", ["12ABC34501DE35", "11222333000181", "00000000000191"])
def test_cnpjs(cnpj: str) -> None:
    assert is_cnpj(cnpj)
    assert not is_cnpj(cnpj[:-1] + str((int(cnpj[-1]) + 1) % 10))
    assert not is_cnpj(cnpj[:-2] + str((int(cnpj[-2]) + 1) % 10) + cnpj[-1])


def test_cpfs() -> None:
    assert is_cpf("52998224725")
    assert not is_cpf("52998224724")
    assert not is_cpf("11222333000181")
