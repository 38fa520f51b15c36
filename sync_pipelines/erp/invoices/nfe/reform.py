"""The taxes of the reform that a note itself states (contract of the ERPs, section 9.3)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from sync_pipelines.erp.invoices.nfe.note import ReformTaxes
from sync_pipelines.erp.invoices.nfe.values import ZERO, number

if TYPE_CHECKING:
    from lxml.etree import _Element


class _Paths(NamedTuple):
    """Where each tax stands: what is in several places is summed up.

    IBS of goods that are taxed at one stage only (mono) is not divided between state and municipality. It is counted as
    the state's, whose rate is the only one above 0 in 2026. What an earlier stage retained (`…Ret`) is not due by this
    note; credits that are transferred or reversed are no tax of it either.
    """

    cbs: Sequence[str]
    ibs_uf: Sequence[str]
    ibs_mun: Sequence[str]
    selective: Sequence[str]


_IN_TOTALS = _Paths(
    cbs=("IBSCBSTot/gCBS/vCBS", "IBSCBSTot/gMono/vCBSMono", "IBSCBSTot/gMono/vCBSMonoReten"),
    ibs_uf=("IBSCBSTot/gIBS/gIBSUF/vIBSUF", "IBSCBSTot/gMono/vIBSMono", "IBSCBSTot/gMono/vIBSMonoReten"),
    ibs_mun=("IBSCBSTot/gIBS/gIBSMun/vIBSMun",),
    selective=("ISTot/vIS",),
)
_IN_ITEM = _Paths(
    cbs=("imposto/IBSCBS/gIBSCBS/gCBS/vCBS", "imposto/IBSCBS/gIBSCBSMono/vTotCBSMonoItem"),
    ibs_uf=("imposto/IBSCBS/gIBSCBS/gIBSUF/vIBSUF", "imposto/IBSCBS/gIBSCBSMono/vTotIBSMonoItem"),
    ibs_mun=("imposto/IBSCBS/gIBSCBS/gIBSMun/vIBSMun",),
    selective=("imposto/IS/vIS",),
)


def own_reform(total: _Element, details: Sequence[_Element]) -> ReformTaxes | None:
    """What the totals state of CBS, IBS and IS, else the sums of the items; None where neither states any of them."""
    if total.find("IBSCBSTot") is not None or total.find("ISTot") is not None:
        return _sums([total], _IN_TOTALS)
    return _sums(details, _IN_ITEM) if details else None


def _sums(groups: Sequence[_Element], paths: _Paths) -> ReformTaxes:
    return ReformTaxes(
        cbs=_sum(groups, paths.cbs),
        ibs_uf=_sum(groups, paths.ibs_uf),
        ibs_mun=_sum(groups, paths.ibs_mun),
        selective=_sum(groups, paths.selective),
    )


def _sum(groups: Sequence[_Element], paths: Sequence[str]) -> Decimal:
    texts = ((group.findtext(path), path) for group in groups for path in paths)
    return sum((number(text, path) for text, path in texts if text is not None), ZERO)
