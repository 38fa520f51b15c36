"""JSON whose numbers stay what they are: a point makes a Decimal, whole numbers have any length."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from math import inf
from typing import Any

from msgspec import Raw
from msgspec.json import Decoder, Encoder

_DECODER = Decoder(float_hook=Decimal)
_ENCODER = Encoder(decimal_format="number")
_LIST = Decoder(list[Raw])
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},"]', re.DOTALL)
#: Python reads whole numbers of at most 4,300 digits.
_LONGEST_WHOLE = 4_000
#: Levels that are read where there are more than Python's stack bears.
_DEEPEST = 300


def loads(text: str | bytes) -> Any:
    """The value of a JSON text; ValueError where it is none. Half the time of the standard library's for a lead."""
    return _DECODER.decode(text)


def loads_odd(text: bytes) -> Any:
    """As `loads`, however odd a value in it is: one of a stranger must not cost all the others.

    Each such value becomes one that no column takes: a byte that is no UTF-8 half of a surrogate pair, NaN and a number
    beyond Decimal a float, what is nested deeper than 300 levels null at that depth.
    """
    try:
        return loads(text)
    except (ValueError, ArithmeticError, RecursionError):
        plain = text.removeprefix(b"\xef\xbb\xbf")
    try:
        return _loads_slowly(plain)
    except RecursionError:
        return _loads_slowly(_shallow(plain))


def dumps(value: Any) -> str:
    """The JSON text of a value; a Decimal is a number. UnicodeEncodeError for half of a surrogate pair."""
    return _ENCODER.encode(value).decode()


def elements(text: bytes) -> list[bytes]:
    """The texts of the elements of a JSON array; ValueError where it is none."""
    try:
        return [bytes(one) for one in _LIST.decode(text)]
    except RecursionError:  # Postgres nests deeper than our reader
        return parts(text)


def parts(text: bytes) -> list[bytes]:
    """The texts of the elements of an array, or of the members of an object, however deep they are nested.

    ValueError where it does not end. Much slower than `elements`, for what nothing else reads.
    """
    found, depth, begin = list[bytes](), 0, 0
    for token in _TOKENS.finditer(text):
        kind = token[0][:1]
        if token[0] == b'"':
            break  # a string without an end
        if kind in b"[{":
            depth += 1
            begin = token.end() if depth == 1 else begin
        elif kind in b"]}":
            depth -= 1
        if (kind == b"," and depth == 1) or (kind in b"]}" and not depth):
            found.append(text[begin : token.start()].strip())
            begin = token.end()
        if kind in b"]}" and not depth:
            return found if found != [b""] else []
    raise ValueError("The text ends within a value.")


def _loads_slowly(text: bytes) -> Any:
    return json.loads(text.decode(errors="surrogateescape"), parse_float=_decimal, parse_int=_whole)


def _decimal(digits: str) -> Decimal | float:
    try:
        return Decimal(digits)
    except ArithmeticError:  # an exponent beyond 10^18
        return -inf if digits.startswith("-") else inf


def _whole(digits: str) -> int | Decimal:
    return int(digits) if len(digits) < _LONGEST_WHOLE else Decimal(digits)


def _shallow(text: bytes) -> bytes:
    """The text with null for each array or object that stands too deep; ValueError where one of them does not end."""
    kept, depth, begin = list[bytes](), 0, 0
    for token in _TOKENS.finditer(text):
        if token[0] in (b"[", b"{"):
            depth += 1
            if depth == _DEEPEST + 1:
                kept += [text[begin : token.start()], b"null"]
        elif token[0] in (b"]", b"}"):
            if depth == _DEEPEST + 1:
                begin = token.end()
            depth -= 1
    if depth:
        raise ValueError("The text ends within a value.")
    return b"".join([*kept, text[begin:]])
