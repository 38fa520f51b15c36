"""CNPJ, CPF and access keys with right check digits (contract of the ERPs, section 9.1), made up from a number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Final

_LETTERS_AND_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: IBGE codes of the states that the sandbox's companies are in.
STATE_CODES: Final = {"SP": "35", "RJ": "33", "MG": "31", "PR": "41", "RS": "43", "BA": "29"}


def made_up_cnpj(random: Random, *, alphanumeric: bool = False) -> str:
    """14 characters; with `alphanumeric` the first twelve have letters, as those issued since July 2026 may."""
    if alphanumeric:
        root = "".join(random.choice(_LETTERS_AND_DIGITS) for _ in range(8))
        # A letter at least, or it would be one of the old kind.
        first = f"{root[:4]}{random.choice('ABCDEFGH')}{root[5:]}00{random.choice('ABC')}1"
    else:
        first = f"{random.randrange(10_000_000, 99_999_999)}0001"
    one = _check_digit(first)
    return f"{first}{one}{_check_digit(first + one)}"


def made_up_cpf(random: Random) -> str:
    """11 digits."""
    first = f"{random.randrange(100_000_000, 999_999_999)}"
    one = _check_digit(first, most=12)
    return f"{first}{one}{_check_digit(first + one, most=12)}"


def access_key(
    *, state: str, issued_at: datetime, issuer: str, model: str, series: int, number: int, code: int
) -> str:
    """The 44 characters of the key of a note that was issued the normal way; `code` is cNF."""
    first = (
        f"{STATE_CODES[state]}{issued_at:%y%m}{issuer:0>14}{model}{series:03d}{number:09d}1{code % 10**8:08d}"
    )
    return first + _check_digit(first)


def _check_digit(text: Sequence[str], most: int = 9) -> str:
    """Modulo 11 with weights from 2 to `most`, from the right; a letter counts as its ASCII code minus 48."""
    total = sum((ord(each) - 48) * (2 + n % (most - 1)) for n, each in enumerate(reversed(text)))
    rest = total % 11
    return "0" if rest < 2 else str(11 - rest)
