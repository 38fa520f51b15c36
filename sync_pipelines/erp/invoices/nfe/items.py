"""The items of a note in the application's shape (contract of the ERPs, section 2.5)."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, Any

from sync_pipelines.erp.invoices.nfe.note import ItemSums
from sync_pipelines.erp.invoices.nfe.rejection import InvoiceRejectedError
from sync_pipelines.erp.invoices.nfe.values import ZERO, amount

if TYPE_CHECKING:
    from lxml.etree import _Element

Item = dict[str, Any]
Texts = dict[str, str | None]
PlainTexts = dict[str, str]
#: The texts of one item by group: `prod`, `ICMS` …
ItemTexts = dict[str, Texts]
_NONE: Texts = {}
_PRODUCT = frozenset({"NCM", "CFOP", "xProd", "uCom", "qCom", "vUnCom", "vProd", "indTot"})
_TAX = frozenset({"CST", "CSOSN", "vICMS", "vICMSST", "vPIS", "vCOFINS", "vIPI"})
#: The taxes of the reform in an item.
_REFORM = frozenset({"IBSCBS", "IS"})
_WANTED = ("det", "prod", "ICMS", "IPI", "ISSQN", "PIS", "COFINS", *_REFORM, *_PRODUCT, *_TAX)
_NO_NCM = "00000000"
_NO_UNIT = "UN"


def texts(element: _Element, names: Container[str]) -> Texts:
    """The texts of an element's children by name, of those names."""
    return {name: child.text for child in element if (name := child.tag) in names}


def plain_texts(element: _Element, names: Container[str]) -> PlainTexts:
    """As `texts`, without spaces around them."""
    return {name: (child.text or "").strip() for child in element if (name := child.tag) in names}


def read_items(info: _Element) -> tuple[list[Item], ItemSums, bool]:
    """The items of `infNFe`, counted from 1, the sums of those that count, and whether one has taxes of the reform."""
    items, goods, services, states_reform = list[Item](), ZERO, ZERO, False
    for number, groups in enumerate(_texts_by_item(info), 1):
        try:
            item = _item(groups, number)
        except InvoiceRejectedError as problem:
            raise InvoiceRejectedError(problem.rule, f"item {number}, {problem.where}") from None
        items.append(item)
        states_reform = states_reform or not _REFORM.isdisjoint(groups)
        if groups.get("prod", _NONE).get("indTot") == "0":
            continue
        if "ISSQN" in groups:
            services += item["valorTotal"]
        else:
            goods += item["valorTotal"]
    return items, ItemSums(goods, services), states_reform


def _texts_by_item(info: _Element) -> list[ItemTexts]:
    """What each item states, in one pass that stops at wanted elements only: lxml passes over the others by itself.

    An element counts only where it belongs: `det/prod/vProd`, and `det/imposto/ICMS/ICMS00/vICMS` with any of the
    groups of ICMS. Groups that the next layout adds may repeat these names.
    """
    found = list[ItemTexts]()
    item = group = None
    stated: Texts = {}
    for element in info.iter(*_WANTED):
        name, parent = element.tag, element.getparent()
        if name in _PRODUCT:
            if parent is group:
                stated[name] = element.text
        elif name in _TAX:
            if parent is not None and parent.getparent() is group:
                stated[name] = element.text
        elif name == "det":
            if parent is info:
                item = element
                found.append({})
        elif parent is not None and (parent if name == "prod" else parent.getparent()) is item:
            group = element
            stated = found[-1][name] = {}
    return found


def _item(groups: ItemTexts, number: int) -> Item:
    product, icms = groups.get("prod", _NONE), groups.get("ICMS", _NONE)
    pis, cofins = groups.get("PIS", _NONE), groups.get("COFINS", _NONE)
    return {
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
        "ipi": amount(groups.get("IPI", _NONE), "vIPI"),
        "icms_st": amount(icms, "vICMSST"),
        "credito_icms": 0,
        "credito_pis": 0,
        "credito_cofins": 0,
    }
