"""The group `imposto` of an item: every ICMS group of the layout 4.00, PIS, COFINS, IPI, the reform's IS and IBSCBS.

Texts are put together here and not by an XML library, so that no reader's own code is on both sides of a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sync_pipelines.sandbox.erp.notes import NoteItem, Reform, Taxes


def money(value: Decimal) -> str:
    return f"{value:.2f}"


def rate(value: Decimal) -> str:
    return f"{value:.4f}"


def _own(tax: Taxes, reduction: str = "") -> str:
    """ModBC to vICMS of the company's own ICMS; `reduction` stands before or after vBC as the group wants it."""
    return (
        f"<modBC>3</modBC>{reduction}<vBC>{money(tax.icms_base)}</vBC>"
        f"<pICMS>{rate(tax.icms_rate)}</pICMS><vICMS>{money(tax.icms)}</vICMS>"
    )


def _substitution(tax: Taxes) -> str:
    return (
        f"<modBCST>4</modBCST><pMVAST>40.0000</pMVAST><vBCST>{money(tax.st_base)}</vBCST>"
        f"<pICMSST>{rate(tax.st_rate)}</pICMSST><vICMSST>{money(tax.st)}</vICMSST>"
    )


def _simples_credit(tax: Taxes) -> str:
    return f"<pCredSN>1.2500</pCredSN><vCredICMSSN>{money(tax.simples_credit)}</vCredICMSSN>"


_REDUCED: Final = "<pRedBC>33.3300</pRedBC>"
_RETAINED: Final = (
    "<vBCSTRet>100.00</vBCSTRet><pST>18.0000</pST><vICMSSubstituto>7.00</vICMSSubstituto>"
    "<vICMSSTRet>11.00</vICMSSTRet>"
)
_MONO: Final = "<qBCMono>10.0000</qBCMono><adRemICMS>1.1200</adRemICMS>"
#: What stands after orig and CST or CSOSN, by group.
ICMS_GROUPS: Final[Mapping[str, Callable[[Taxes], str]]] = {
    "ICMS00": _own,
    "ICMS02": lambda _: f"{_MONO}<vICMSMono>11.20</vICMSMono>",
    "ICMS10": lambda tax: _own(tax) + _substitution(tax),
    "ICMS15": lambda _: (
        f"{_MONO}<vICMSMono>11.20</vICMSMono><qBCMonoReten>10.0000</qBCMonoReten>"
        "<adRemICMSReten>0.5000</adRemICMSReten><vICMSMonoReten>5.00</vICMSMonoReten>"
    ),
    "ICMS20": lambda tax: _own(tax, _REDUCED),
    "ICMS30": _substitution,
    "ICMS40": lambda _: "",
    "ICMS51": lambda tax: (
        f"<modBC>3</modBC><vBC>{money(tax.icms_base)}</vBC><pICMS>{rate(tax.icms_rate)}</pICMS>"
        f"<vICMSOp>{money(tax.icms * 2)}</vICMSOp><pDif>50.0000</pDif><vICMSDif>{money(tax.icms)}</vICMSDif>"
        f"<vICMS>{money(tax.icms)}</vICMS>"
    ),
    "ICMS53": lambda _: f"{_MONO}<vICMSMonoOp>11.20</vICMSMonoOp>",
    "ICMS60": lambda _: _RETAINED,
    "ICMS61": lambda _: (
        "<qBCMonoRet>10.0000</qBCMonoRet><adRemICMSRet>1.1200</adRemICMSRet>"
        "<vICMSMonoRet>11.20</vICMSMonoRet>"
    ),
    "ICMS70": lambda tax: _own(tax, _REDUCED) + _substitution(tax),
    "ICMS90": lambda tax: _own(tax) + _substitution(tax),
    "ICMSPart": lambda tax: f"{_own(tax)}{_substitution(tax)}<pBCOp>50.0000</pBCOp><UFST>RJ</UFST>",
    "ICMSST": lambda _: f"{_RETAINED}<vBCSTDest>100.00</vBCSTDest><vICMSSTDest>3.00</vICMSSTDest>",
    "ICMSSN101": _simples_credit,
    "ICMSSN102": lambda _: "",
    "ICMSSN201": lambda tax: _substitution(tax) + _simples_credit(tax),
    "ICMSSN202": _substitution,
    "ICMSSN500": lambda _: _RETAINED,
    "ICMSSN900": lambda tax: _own(tax) + _substitution(tax) + _simples_credit(tax),
}
#: A CST or CSOSN that the group allows.
CODES: Final[Mapping[str, str]] = {
    **{
        f"ICMS{code}": code
        for code in ("00", "02", "10", "15", "20", "30", "40", "51", "53", "60", "61", "70", "90")
    },
    "ICMSPart": "10",
    "ICMSST": "60",
    **{f"ICMSSN{code}": code for code in ("101", "102", "201", "202", "500", "900")},
}
#: The groups with a vICMS, and those with a vICMSST: in others the item has none.
WITH_ICMS: Final = frozenset(
    {"ICMS00", "ICMS10", "ICMS20", "ICMS51", "ICMS70", "ICMS90", "ICMSPart", "ICMSSN900"}
)
WITH_ST: Final = frozenset(
    {"ICMS10", "ICMS30", "ICMS70", "ICMS90", "ICMSPart", "ICMSSN201", "ICMSSN202", "ICMSSN900"}
)


def taxes_xml(item: NoteItem) -> str:
    """The element `imposto`."""
    tax = item.taxes
    pis = _contribution(
        "PIS",
        tax.pis_group,
        cst=tax.pis_cst,
        base=tax.pis_base,
        percent=tax.pis_rate,
        amount=tax.pis,
        item=item,
    )
    cofins = _contribution(
        "COFINS",
        tax.cofins_group,
        cst=tax.cofins_cst,
        base=tax.cofins_base,
        percent=tax.cofins_rate,
        amount=tax.cofins,
        item=item,
    )
    return f"<imposto>{_icms(tax)}{_ipi(tax)}{pis}{cofins}{_reform(tax.reform)}</imposto>"


def _icms(tax: Taxes) -> str:
    group = tax.icms_group
    name = "CSOSN" if group.startswith("ICMSSN") else "CST"
    content = f"<orig>0</orig><{name}>{tax.icms_cst}</{name}>{ICMS_GROUPS[group](tax)}"
    return f"<ICMS><{group}>{content}</{group}></ICMS>"


def _ipi(tax: Taxes) -> str:
    if tax.ipi_group is None:
        return ""
    amounts = (
        f"<vBC>{money(tax.ipi_base)}</vBC><pIPI>{rate(tax.ipi_rate)}</pIPI><vIPI>{money(tax.ipi)}</vIPI>"
        if tax.ipi_group == "IPITrib"
        else ""
    )
    return f"<IPI><cEnq>999</cEnq><{tax.ipi_group}><CST>{tax.ipi_cst}</CST>{amounts}</{tax.ipi_group}></IPI>"


def _contribution(
    name: str, group: str, *, cst: str, base: Decimal, percent: Decimal, amount: Decimal, item: NoteItem
) -> str:
    """PIS or COFINS; the group ...Qtde has a quantity in place of a base, ...NT only the CST."""
    if group.endswith("NT"):
        amounts = ""
    elif group.endswith("Qtde"):
        amounts = (
            f"<qBCProd>{item.quantity:.4f}</qBCProd><vAliqProd>{percent:.4f}</vAliqProd>"
            f"<v{name}>{money(amount)}</v{name}>"
        )
    else:
        amounts = (
            f"<vBC>{money(base)}</vBC><p{name}>{rate(percent)}</p{name}><v{name}>{money(amount)}</v{name}>"
        )
    return f"<{name}><{group}><CST>{cst}</CST>{amounts}</{group}></{name}>"


def _reform(reform: Reform | None) -> str:
    if reform is None:
        return ""
    selective = (
        f"<IS><CSTIS>000</CSTIS><cClassTribIS>000001</cClassTribIS><vBCIS>{money(reform.base)}</vBCIS>"
        f"<pIS>{rate(reform.selective_rate)}</pIS><vIS>{money(reform.selective)}</vIS></IS>"
        if reform.selective_rate is not None
        else ""
    )
    ibs = (
        f"<gIBSUF><pIBSUF>{rate(reform.ibs_state_rate)}</pIBSUF><vIBSUF>{money(reform.ibs_state)}</vIBSUF></gIBSUF>"
        f"<gIBSMun><pIBSMun>{rate(reform.ibs_city_rate)}</pIBSMun><vIBSMun>{money(reform.ibs_city)}</vIBSMun></gIBSMun>"
        f"<vIBS>{money(reform.ibs_state + reform.ibs_city)}</vIBS>"
    )
    cbs = f"<gCBS><pCBS>{rate(reform.cbs_rate)}</pCBS><vCBS>{money(reform.cbs)}</vCBS></gCBS>"
    return (
        f"{selective}<IBSCBS><CST>{reform.cst}</CST><cClassTrib>{reform.classification}</cClassTrib>"
        f"<gIBSCBS><vBC>{money(reform.base)}</vBC>{ibs}{cbs}</gIBSCBS></IBSCBS>"
    )
