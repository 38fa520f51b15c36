"""Texts of the XML as values: strict, because what is guessed here is a wrong tax there."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError, Rule

ZERO = Decimal(0)
#: The widest number of the layout has 13 digits before its point, and 10 after it.
_NUMBER = re.compile(r"[0-9]{1,13}(?:\.[0-9]{1,10})?")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


def amount(text: str | None, field: str) -> Decimal:
    """The number of a field, exactly as it stands; 0 where the note has no such field.

    InvoiceRejectedError (`number`) for a comma, a sign, an exponent, an empty text: the field's name, not its text.
    """
    if text is None:
        return ZERO
    if _NUMBER.fullmatch(text) or _NUMBER.fullmatch(text := text.strip()):
        return Decimal(text)
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
