"""The Edge Function `analyze-ncm-from-xmls`: the user's catalogue, made of the invoices (contract, section 3).

It reads what one call of the REST API gives, 1,000 rows, and replaces **all** rows of the user in
`company_ncm_analysis` by one an NCM, without a company (trap 63). Without an invoice it deletes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from sync_pipelines.sandbox.erp.function_request import FunctionError, FunctionRequest
from sync_pipelines.sandbox.erp.function_rows import column_value, insert_rows

#: Rows that one call of the REST API gives at most.
MOST_ROWS: Final = 1_000
_CRITICAL: Final = ("revisar_ncm", "incompleto")


@dataclass
class _Code:
    """The goods of an NCM."""

    name: str
    amount: float = 0.0


def analyze_ncm(database: psycopg.Connection[Any], request: FunctionRequest) -> dict[str, Any]:
    """Replace the user's rows by what the goods of the invoices say."""
    user_id = request.user_id()
    read = database.execute(
        "select raw_data from public.xml_analysis where user_id = %s limit %s", [user_id, MOST_ROWS]
    ).fetchall()
    if not read:
        return {"success": True, "message": "Nenhum XML encontrado para análise", "stats": _stats([], 0, 0.0)}
    codes = _by_code(goods for (raw,) in read for goods in ((raw or {}).get("produtos") or []))
    total = 0.0
    for code in codes.values():
        total += code.amount
    rows = [{"user_id": user_id, **_row(ncm, code, total)} for ncm, code in codes.items()]
    if request.writes:
        database.execute("delete from public.company_ncm_analysis where user_id = %s", [user_id])
        if request.ends_early():
            raise FunctionError(500, "Erro interno")
        insert_rows(database, "company_ncm_analysis", rows)
    return {
        "success": True,
        "message": f"{len(rows)} NCMs analisados",
        "stats": _stats(rows, len(read), total),
    }


def _by_code(goods: Iterable[Mapping[str, Any]]) -> dict[str, _Code]:
    codes: dict[str, _Code] = {}
    for line in goods:
        ncm = re.sub(r"\D", "", str(line.get("ncm") or ""), flags=re.ASCII)[:8]
        code = codes.setdefault(ncm, _Code(str(line.get("descricao") or "Produto")))
        code.amount += float(line.get("valorTotal") or 0)
    return codes


def _row(ncm: str, code: _Code, total: float) -> dict[str, Any]:
    status, reason, action = "ok", "NCM com 8 dígitos", None
    if not ncm:
        status, reason, action = "incompleto", "Produto sem NCM", "Informe o NCM do produto"
    elif len(ncm) != 8 or not ncm.strip("0"):
        status, reason, action = "revisar_ncm", "NCM inválido", "Confira o NCM do produto"
    share = code.amount / total * 100 if total > 0 else 0.0
    return {
        "ncm_code": ncm,
        "product_name": code.name,
        "status": status,
        "reason": reason,
        "suggested_action": action,
        "revenue_percentage": column_value(share),
    }


def _stats(rows: Sequence[Mapping[str, Any]], read: int, total: float) -> dict[str, Any]:
    critical = [row for row in rows if row["status"] in _CRITICAL]
    return {
        "xmls_processed": read,
        "ncms_found": len(rows),
        "ncms_created": len(rows),
        "ncms_ok": len(rows) - len(critical),
        "ncms_critical": len(critical),
        "total_faturamento": total,
        "critical_revenue_percentage": float(sum(row["revenue_percentage"] for row in critical)),
    }
