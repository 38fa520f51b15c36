"""The items of a note in the application's shape (contract of the ERPs, section 2.5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sync_pipelines.erp.invoices.nfe.note import ItemSums
from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError
from sync_pipelines.erp.invoices.nfe.values import ZERO, amount

if TYPE_CHECKING:
    from lxml.etree import _Element

Item = dict[str, Any]
Texts = dict[str, str | None]
#: Names and texts of an element's children are read by C alone: half the time of a loop.
_NAME_AND_TEXT = attrgetter("tag", "text")
_NONE: Texts = {}
#: The taxes of the reform in an item.
REFORM_GROUPS = frozenset({"IBSCBS", "IS"})
_NO_NCM = "00000000"
_NO_UNIT = "UN"


def texts(element: _Element) -> Texts:
    """The texts of an element's children by name."""
    return dict(map(_NAME_AND_TEXT, element))


def read_items(elements: Iterable[_Element]) -> tuple[list[Item], ItemSums, bool]:
    """The items in order, counted from 1, the sums of those that count, and whether one states taxes of the reform."""
    items, goods, services, states_reform = list[Item](), ZERO, ZERO, False
    for number, element in enumerate(elements, 1):
        try:
            item, counts, taxes = _read_item(element, number)
        except InvoiceRejectedError as problem:
            raise InvoiceRejectedError(problem.rule, f"item {number}, {problem.where}") from None
        items.append(item)
        states_reform = states_reform or not REFORM_GROUPS.isdisjoint(taxes)
        if not counts:
            continue
        if "ISSQN" in taxes:
            services += item["valorTotal"]
        else:
            goods += item["valorTotal"]
    return items, ItemSums(goods, services), states_reform


def _read_item(det: _Element, number: int) -> tuple[Item, bool, Mapping[str, _Element]]:
    """The item, whether it counts in the total, and its groups of taxes."""
    parts = {part.tag: part for part in det}
    product = texts(parts["prod"]) if "prod" in parts else _NONE
    taxes = {tax.tag: tax for tax in parts["imposto"]} if "imposto" in parts else {}
    icms, pis, cofins = _variant(taxes.get("ICMS")), _variant(taxes.get("PIS")), _variant(taxes.get("COFINS"))
    ipi = _ipi(taxes.get("IPI"))
    item = {
        "numero": number,
        "ncm": product.get("NCM") or _NO_NCM,
        "cfop": product.get("CFOP") or "",
        "cst_icms": icms.get("CST") or icms.get("CSOSN") or "",
        "cst_pis": pis.get("CST") or "",
        "cst_cofins": cofins.get("CST") or "",
        "descricao": product.get("xProd") or "",
        "quantidade": amount(product, "qCom"),
        "unidade": product.get("uCom") or _NO_UNIT,
        "valorUnitario": amount(product, "vUnCom"),
        "valorTotal": amount(product, "vProd"),
        "icms": amount(icms, "vICMS"),
        "pis": amount(pis, "vPIS"),
        "cofins": amount(cofins, "vCOFINS"),
        "ipi": amount(ipi, "vIPI"),
        "icms_st": amount(icms, "vICMSST"),
        "credito_icms": 0,
        "credito_pis": 0,
        "credito_cofins": 0,
    }
    return item, product.get("indTot") != "0", taxes


def _variant(tax: _Element | None) -> Texts:
    """The texts of the one group in a tax, whichever of its groups it is (ICMS00 … ICMSSN900, PISAliq …)."""
    return _NONE if tax is None or not len(tax) else texts(tax[0])


def _ipi(tax: _Element | None) -> Texts:
    """The group with the value of IPI, which stands behind the codes of its frame."""
    group = None if tax is None else tax.find("IPITrib")
    return _NONE if group is None else texts(group)
