"""The NCM code of a product as the application knows it (contract of the ERPs, section 10).

ERPs write it with dots, cut, or as zeros that stand for "none".
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: The column of the application is never NULL; its own parser writes this where an item has no code.
MISSING = "00000000"
_COMPLETE = re.compile(r"[0-9]{8}")
_NONE = re.compile(r"0*")
#: Values of `company_ncm_analysis.status`.
PENDING, INCOMPLETE = "pendente", "incompleto"


class Ncm(NamedTuple):
    """A code, the status of its row, and in Portuguese why it is incomplete."""

    code: str
    status: str
    reason: str | None = None


def ncm_of(text: str | None) -> Ncm:
    """The code without punctuation, leading zeros kept. Anything but eight digits is incomplete."""
    code = re.sub(r"[^0-9A-Za-z]", "", text or "").upper()
    if _NONE.fullmatch(code):
        return Ncm(MISSING, INCOMPLETE, "NCM não informado no ERP")
    if _COMPLETE.fullmatch(code):
        return Ncm(code, PENDING)
    return Ncm(code, INCOMPLETE, "NCM do ERP não tem 8 dígitos")
