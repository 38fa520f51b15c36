"""Texts of the XML as values: strict, because what is guessed here is a wrong tax there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError, Rule

ZERO = Decimal(0)
#: The widest number of the layout has 13 digits before its point, and 10 after it.
_is_number = re.compile(r"[0-9]{1,13}(?:\.[0-9]{1,10})?").fullmatch
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


def amount(texts: Mapping[str, str | None], name: str) -> Decimal:
    """The number of a field among the texts of its group; 0 where the group has no such field."""
    if name not in texts:
        return ZERO
    text = texts[name]
    # Most texts are numbers as they stand: `number` tries again without spaces, and complains.
    return Decimal(text) if text and _is_number(text) else number(text, name)


def number(text: str | None, field: str) -> Decimal:
    """A number of the layout, exactly as it stands.

    InvoiceRejectedError (`number`) for a comma, a sign, an exponent, an empty text: the field's name, not its text.
    """
    plain = (text or "").strip()
    if _is_number(plain):
        return Decimal(plain)
    raise InvoiceRejectedError(Rule.NUMBER, field)


def moment(text: str | None, rule: Rule = Rule.ISSUE_TIME) -> datetime:
    """A time with its offset."""
    plain = (text or "").strip()
    if not _TIME.fullmatch(plain):
        raise InvoiceRejectedError(rule)
    try:
        return datetime.fromisoformat(plain)
    except ValueError:  # the 30th of February, an offset of a day
        raise InvoiceRejectedError(rule) from None


def code(text: str | None, *, among: str, field: str) -> int:
    """A code of one digit; InvoiceRejectedError (`code`) for another one."""
    plain = (text or "").strip()
    if len(plain) != 1 or plain not in among:
        raise InvoiceRejectedError(Rule.CODE, field)
    return int(plain)
