"""The taxes of the reform that a note itself states (contract of the ERPs, section 9.3)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from sync_pipelines.erp.invoices.nfe.note import ReformTaxes
from sync_pipelines.erp.invoices.nfe.values import ZERO, amount

if TYPE_CHECKING:
    from lxml.etree import _Element

_TOTALS = "IBSCBSTot"
#: Where the figures stand in a total and in an item. Tax that falls due at one stage only (`gMono`) is not divided
#: between state and municipality: while IBS has a rate of the state alone it is counted there. What an earlier stage
#: retained (`…Ret`) is not due by this note.
_CBS = ("gCBS/vCBS", "gMono/vCBSMono", "gMono/vCBSMonoReten")
_IBS_UF = ("gIBS/gIBSUF/vIBSUF", "gMono/vIBSMono", "gMono/vIBSMonoReten")
_IBS_MUN = ("gIBS/gIBSMun/vIBSMun",)


def own_reform(total: _Element, details: Sequence[_Element]) -> ReformTaxes | None:
    """What the totals state of CBS, IBS and IS; None where neither group is there."""
    ibs_cbs, selective = total.find(_TOTALS), total.find("ISTot")
    if ibs_cbs is None and selective is None:
        return None
    return ReformTaxes(
        cbs=_sum(ibs_cbs, _CBS),
        ibs_uf=_sum(ibs_cbs, _IBS_UF),
        ibs_mun=_sum(ibs_cbs, _IBS_MUN),
        selective=_sum(selective, ("vIS",)),
    )


def _sum(group: _Element | None, paths: Sequence[str]) -> Decimal:
    if group is None:
        return ZERO
    return sum((amount(group.findtext(path), path) for path in paths), ZERO)
