"""The access key of an NF-e, and the numbers of taxpayers (contract of the ERPs, section 9.1).

Letters stand in both since July 2026: neither is a number, and stripping all but digits destroys them.
"""

from __future__ import annotations

import re
from operator import mul
from typing import NamedTuple, Self

from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError, Rule

_KEY = re.compile(r"[0-9]{6}[0-9A-Z]{12}[0-9]{26}")
_CNPJ = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
_CPF = re.compile(r"[0-9]{11}")
_PUNCTUATION = re.compile(r"[\s./\-]+")
#: 2 to 9 from the right, again and again, for the 43 characters before the check digit.
_WEIGHTS = tuple((42 - place) % 8 + 2 for place in range(43))
_OFFSET = 48 * sum(_WEIGHTS)
NFE, NFCE = "55", "65"


class AccessKey(NamedTuple):
    """An access key, 44 characters in upper case, with its parts as they stand in it."""

    text: str
    #: IBGE code of the issuer's state, two digits.
    state: str
    #: Four digits, YYMM, of the issue date.
    year_month: str
    #: CNPJ, or a CPF with three zeros before it.
    issuer: str
    model: str
    #: Three digits.
    series: str
    #: Nine digits.
    number: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key of a text in either case. InvoiceRejectedError (`access_key`, `check_digit`) where it is none."""
        key = text.upper()
        if not _KEY.fullmatch(key):
            raise InvoiceRejectedError(Rule.ACCESS_KEY)
        if check_digit(key[:43]) != key[43]:
            raise InvoiceRejectedError(Rule.CHECK_DIGIT)
        return cls(
            text=key,
            state=key[:2],
            year_month=key[2:6],
            issuer=key[6:20],
            model=key[20:22],
            series=key[22:25],
            number=key[25:34],
        )


def is_access_key(text: str) -> bool:
    """Whether a text is an access key with the right check digit, in upper case."""
    return bool(_KEY.fullmatch(text)) and check_digit(text[:43]) == text[43]


def check_digit(characters: str) -> str:
    """The check digit of the first 43 characters of an access key; a letter counts as its ASCII code less 48."""
    return _digit(sum(map(mul, _WEIGHTS, characters.encode("ascii"))) - _OFFSET)


def _digit(total: int) -> str:
    rest = total % 11
    return "0" if rest < 2 else str(11 - rest)


def normal_taxpayer(text: str | None) -> str | None:
    """A CNPJ (14 characters) or CPF (11 digits) without punctuation, in upper case; None for anything else.

    Check digits are not looked at: see `is_cnpj` and `is_cpf`.
    """
    plain = _PUNCTUATION.sub("", text or "").upper()
    return plain if _CNPJ.fullmatch(plain) or _CPF.fullmatch(plain) else None


def is_cnpj(text: str) -> bool:
    """Whether a normalised text is a CNPJ, numeric or alphanumeric, with the right check digits."""
    if not _CNPJ.fullmatch(text):
        return False
    first = _check(text[:12], highest=9)
    return text[12:] == first + _check(text[:12] + first, highest=9)


def is_cpf(text: str) -> bool:
    """Whether a normalised text is a CPF with the right check digits."""
    if not _CPF.fullmatch(text):
        return False
    first = _check(text[:9], highest=11)
    return text[9:] == first + _check(text[:9] + first, highest=11)


def _check(characters: str, *, highest: int) -> str:
    """Weights from 2 to `highest` from the right."""
    codes = reversed(characters.encode("ascii"))
    return _digit(sum((place % (highest - 1) + 2) * (code - 48) for place, code in enumerate(codes)))
