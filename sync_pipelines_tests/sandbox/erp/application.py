"""A plain reader of documents that fills the application's tables, so that the truth has something to be held against.

It reads the XML and never the notes that it was made of: what both agree on is what the document says.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import psycopg
from lxml import etree
from psycopg.types.json import Jsonb

from sync_pipelines.sandbox.erp.notes import SandboxNote
from sync_pipelines.sandbox.erp.products import SandboxProduct
from sync_pipelines.sandbox.erp.truth import STATES, Account

_SPACE = "{http://www.portalfiscal.inf.br/nfe}"
_CENT = Decimal("0.01")
_GROUPS = {"icms": "ICMS", "pis": "PIS", "cofins": "COFINS"}


def _find(element: etree._Element | None, path: str) -> etree._Element | None:
    return None if element is None else element.find("/".join(f"{_SPACE}{one}" for one in path.split("/")))


def _text(element: etree._Element | None, path: str) -> str:
    found = _find(element, path)
    return "" if found is None else found.text or ""


def _number(element: etree._Element | None, path: str) -> float:
    return float(_text(element, path) or 0)


def fill(connection: psycopg.Connection[Any], account: Account) -> None:
    """Load every invoice that an account must have, its products and its company."""
    for note in account.stored:
        import_id = _add_import(connection, account, note)
        _add_analysis(connection, account.user_id, import_id, xml=note.xml())
    for product in account.company.products:
        _add_product(connection, account, product)
    profile = account.company.profile
    columns = {
        "id": account.company_id or uuid4(),
        "user_id": account.user_id,
        "cnpj_principal": profile.cnpj,
        "razao_social": profile.legal_name,
        "nome_fantasia": profile.trade_name,
        "cnae_principal": profile.cnae,
        "uf_sede": profile.state,
        "municipio_sede": profile.city,
        "regime_tributario": "simples" if profile.is_simples else None,
    }
    _insert(connection, "company_profile", columns)


def _insert(connection: psycopg.Connection[Any], table: str, columns: dict[str, Any]) -> None:
    values = ", ".join(f"%({name})s" for name in columns)
    connection.execute(f"insert into {table} ({', '.join(columns)}) values ({values})".encode(), columns)


def _add_product(connection: psycopg.Connection[Any], account: Account, product: SandboxProduct) -> None:
    names = ("code", "name", "ncm", "ean", "price", "is_active", "is_service")
    columns = {name: getattr(product, name) for name in names}
    columns |= {"connection_id": account.connection_id, "vendor_id": str(product.vendor_id)}
    row_id = uuid4()
    _insert(connection, "sync_private.products", {**columns, "ncm_row_id": row_id})
    digits = product.ncm.replace(".", "")
    code = digits if digits.strip("0") else "00000000"
    is_whole = len(digits) == 8 and code != "00000000"
    if product.is_active and not product.is_service:
        analysis = {
            "id": row_id,
            "user_id": account.user_id,
            "company_id": account.company_id,
            "product_name": product.name,
        }
        analysis |= {"ncm_code": code, "status": "pendente" if is_whole else "incompleto"}
        _insert(connection, "company_ncm_analysis", analysis)


def _add_import(connection: psycopg.Connection[Any], account: Account, note: SandboxNote) -> UUID:
    xml, import_id = note.xml(), uuid4()
    columns = {
        "id": import_id,
        "user_id": account.user_id,
        "file_name": f"{note.key}.xml",
        "file_size": len(xml),
        "file_path": f"{account.user_id}/{note.key}.xml",
        "status": "COMPLETED",
        "processed_at": note.issued_at,
        "nfe_key": note.key,
        "connection_id": account.connection_id,
        "nfe_status": STATES[note.state],
        "issue_date": note.issued_at.date(),
        "content_sha256": sha256(xml).hexdigest(),
    }
    _insert(connection, "xml_imports", columns)
    return import_id


def _add_analysis(connection: psycopg.Connection[Any], user_id: UUID, import_id: UUID, *, xml: bytes) -> None:
    root = _find(etree.fromstring(xml), "NFe/infNFe")
    ide, total = _find(root, "ide"), _find(root, "total/ICMSTot")
    now = {name: _number(total, f"v{name.upper()}") for name in ("icms", "pis", "cofins", "ipi")}
    paid = sum((Decimal(str(one)) for one in now.values()), Decimal(0))
    reform, is_estimate = _reform(root)
    due = sum((Decimal(str(one)) for one in reform.values()), Decimal(0))
    percent = (due - paid) / paid * 100 if paid else Decimal(0)
    columns = {
        "user_id": user_id,
        "import_id": import_id,
        "xml_type": "NFe",
        "document_number": _text(ide, "nNF"),
        "document_series": _text(ide, "serie"),
        "issue_date": _text(ide, "dhEmi"),
        "issuer_cnpj": _text(root, "emit/CNPJ"),
        "issuer_name": _text(root, "emit/xNome"),
        "recipient_cnpj": _text(root, "dest/CNPJ") or _text(root, "dest/CPF"),
        "recipient_name": _text(root, "dest/xNome"),
        "items_count": 0 if root is None else len(root.findall(f"{_SPACE}det")),
        "document_total": _text(total, "vNF"),
        "current_tax_total": paid,
        "reform_tax_total": due,
        "difference_value": due - paid,
        "difference_percent": percent if abs(percent) < Decimal("999.995") else None,
        "raw_data": Jsonb(_raw_data(root)),
        "analysis_data": Jsonb({"simulated": is_estimate}),
        "current_taxes": Jsonb(
            {**now, "icms_st": _number(total, "vST"), "frete": _number(total, "vFrete"), "total": float(paid)}
        ),
        "reform_taxes": Jsonb({**reform, "total": float(due)}),
    }
    _insert(connection, "xml_analysis", columns)


def _reform(root: etree._Element | None) -> tuple[dict[str, float], bool]:
    own = _find(root, "total/IBSCBSTot")
    if own is not None:
        return {
            "cbs": _number(own, "gCBS/vCBS"),
            "ibsUf": _number(own, "gIBS/gIBSUF/vIBSUF"),
            "ibsMun": _number(own, "gIBS/gIBSMun/vIBSMun"),
            "is": _number(root, "total/ISTot/vIS"),
        }, False
    products = Decimal(_text(root, "total/ICMSTot/vProd"))
    rates = {"cbs": "0.088", "ibsUf": "0.0965", "ibsMun": "0.0535", "is": "0"}
    return {
        name: float((products * Decimal(rate)).quantize(_CENT, ROUND_HALF_UP)) for name, rate in rates.items()
    }, True


def _raw_data(root: etree._Element | None) -> dict[str, Any]:
    ide, total = _find(root, "ide"), _find(root, "total/ICMSTot")
    names = {
        "Produtos": "vProd",
        "Icms": "vICMS",
        "Pis": "vPIS",
        "Cofins": "vCOFINS",
        "Ipi": "vIPI",
        "IcmsSt": "vST",
    }
    names |= {"Frete": "vFrete", "Nota": "vNF"}
    return {
        "tipo": "NFe",
        "numero": _text(ide, "nNF"),
        "serie": _text(ide, "serie"),
        "chaveNfe": "" if root is None else str(root.get("Id"))[3:],
        "dataEmissao": _text(ide, "dhEmi"),
        "naturezaOperacao": _text(ide, "natOp"),
        "tipoOperacao": _text(ide, "tpNF"),
        "finalidadeNfe": _text(ide, "finNFe"),
        "emitenteNome": _text(root, "emit/xNome"),
        "emitenteCnpj": _text(root, "emit/CNPJ"),
        "emitenteUf": _text(root, "emit/enderEmit/UF"),
        "emitenteMunicipio": _text(root, "emit/enderEmit/xMun"),
        "destinatarioNome": _text(root, "dest/xNome"),
        "destinatarioCnpj": _text(root, "dest/CNPJ") or _text(root, "dest/CPF"),
        "destinatarioUf": _text(root, "dest/enderDest/UF"),
        **{f"total{name}": _number(total, tag) for name, tag in names.items()},
        "produtos": [] if root is None else [_line(line) for line in root.findall(f"{_SPACE}det")],
    }


def _line(line: etree._Element) -> dict[str, Any]:
    found: dict[str, Any] = {
        "numero": int(str(line.get("nItem"))),
        "ncm": _text(line, "prod/NCM"),
        "cfop": _text(line, "prod/CFOP"),
        "descricao": _text(line, "prod/xProd"),
        "quantidade": _number(line, "prod/qCom"),
        "unidade": _text(line, "prod/uCom"),
        "valorUnitario": _number(line, "prod/vUnCom"),
        "valorTotal": _number(line, "prod/vProd"),
        "ipi": _number(line, "imposto/IPI/IPITrib/vIPI"),
    }
    for name, tag in _GROUPS.items():
        outer = _find(line, f"imposto/{tag}")
        group = None if outer is None else outer[0]
        found[name] = _number(group, f"v{tag}")
        found[f"cst_{name}"] = _text(group, "CST") or _text(group, "CSOSN")
        found[f"credito_{name}"] = 0
        if name == "icms":
            found["icms_st"] = _number(group, "vICMSST")
    return found
