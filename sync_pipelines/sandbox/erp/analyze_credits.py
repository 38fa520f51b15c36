"""The Edge Function `analyze-credits` with its effects on the database (contract of the ERPs, section 3).

What it finds is this double's own: the rules below stand in for those of the application. What it does with that is the
contract's: it replaces an import's credits or adds to them, replaces the user's summary of today by the figures of this
call alone, and leaves a notification where it found any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from sync_pipelines.sandbox.erp.function_request import FunctionError, FunctionRequest
from sync_pipelines.sandbox.erp.function_rows import insert_rows

MOST_DOCUMENTS: Final = 500
_NOTHING: Final = Decimal("0.00")
#: The columns of the summary by the rule's tax; PIS and COFINS share one.
_BY_TAX: Final = {"ICMS-ST": "icms_st_potential", "ICMS": "icms_potential", "IPI": "ipi_potential"}


class Finding(NamedTuple):
    """A credit in a line of a note: what was paid, what of it was used, and how sure the rule is."""

    rule: str
    paid: Decimal
    used: Decimal
    level: str
    score: int


def findings_in(item: Mapping[str, Any]) -> list[Finding]:
    """What this double finds in a line. Raises FunctionError for a value that is no number."""
    contributions = _number(item, "valor_pis") + _number(item, "valor_cofins")
    claimed = _number(item, "credito_pis") + _number(item, "credito_cofins")
    icms, used = _number(item, "valor_icms"), _number(item, "credito_icms")
    st, ipi = _number(item, "valor_icms_st"), _number(item, "valor_ipi")
    found = []
    if str(item.get("cst_pis")) in {"01", "02", "03"} and contributions > claimed:
        found.append(Finding("PIS_COFINS_INSUMOS", contributions, claimed, level="high", score=90))
    if st > 0:
        found.append(Finding("ICMS_ST_RESSARCIMENTO", st, _NOTHING, level="medium", score=70))
    if str(item.get("cst_icms")) in {"00", "20"} and icms > used:
        found.append(Finding("ICMS_CREDITO", icms, used, level="medium", score=65))
    if ipi > 0:
        found.append(Finding("IPI_CREDITO", ipi, _NOTHING, level="low", score=40))
    return found


def analyze_credits(database: psycopg.Connection[Any], request: FunctionRequest) -> dict[str, Any]:
    """Find credits in the documents of the body, and write them down."""
    fields = request.fields()
    user_id = _user(request)
    documents = fields.get("parsed_xmls")
    if not isinstance(documents, list):
        raise FunctionError(400, "parsed_xmls é obrigatório")
    if len(documents) > MOST_DOCUMENTS:
        raise FunctionError(400, f"Máximo de {MOST_DOCUMENTS} XMLs por análise")
    import_id = fields.get("xml_import_id")
    rules = _rules(database)
    credits = [credit for document in documents for credit in _credits(document, rules)]
    if request.writes:
        if import_id:
            database.execute(
                "delete from public.identified_credits where xml_import_id = %s and user_id = %s",
                [import_id, user_id],
            )
        if request.ends_early():
            raise FunctionError(500, "Erro interno")
        insert_rows(
            database,
            "identified_credits",
            [{"user_id": user_id, "xml_import_id": import_id, **one} for one in credits],
        )
        totals = _totals(credits, {str(rule["id"]): rule["tax_type"] for rule in rules.values()})
        _replace_summary(
            database, user_id, {**totals, "total_xmls_analyzed": len(documents)}, today=request.now.date()
        )
        _notify(database, user_id, credits)
    return _answer(_regime(database, user_id), credits, rules)


def _user(request: FunctionRequest) -> UUID:
    """Of the token; the service names one in the body. Raises FunctionError."""
    caller = request.caller
    if caller is not None and caller.user_id is not None:
        return caller.user_id
    try:
        named = UUID(str(request.fields().get("user_id")))
    except ValueError:
        named = None
    if caller is None or named is None:
        raise FunctionError(401, "Unauthorized")
    return named


def _rules(database: psycopg.Connection[Any]) -> dict[str, dict[str, Any]]:
    cursor = database.cursor(row_factory=dict_row)
    cursor.execute("select id, rule_code, tax_type from public.credit_rules where is_active")
    return {rule["rule_code"]: rule for rule in cursor}


def _credits(document: Any, rules: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a document's credits. Raises FunctionError for one without lines, as the application's loop does."""
    items = document.get("itens") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise FunctionError(500, "xml.itens is not iterable")
    return [
        {
            "rule_id": rules[found.rule]["id"],
            "nfe_key": document.get("chave_nfe"),
            "nfe_number": document.get("numero"),
            "nfe_date": document.get("data_emissao"),
            "supplier_cnpj": document.get("cnpj_emitente"),
            "supplier_name": document.get("nome_emitente"),
            "original_tax_value": found.paid,
            "credit_not_used": found.paid - found.used,
            "potential_recovery": found.paid - found.used,
            "ncm_code": item.get("ncm"),
            "product_description": item.get("descricao"),
            "cfop": item.get("cfop"),
            "cst": item.get("cst_pis") if found.rule.startswith("PIS") else item.get("cst_icms"),
            "confidence_score": found.score,
            "confidence_level": found.level,
            "status": "identified",
        }
        for item in items
        for found in findings_in(item)
        if found.rule in rules
    ]


def _totals(credits: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> dict[str, Any]:
    """The columns of the summary that add up `potential_recovery`."""
    sums = dict.fromkeys(
        ("pis_cofins_potential", "icms_st_potential", "icms_potential", "ipi_potential"), _NOTHING
    ) | dict.fromkeys((f"{level}_confidence_total" for level in ("high", "medium", "low")), _NOTHING)
    for credit in credits:
        tax, amount = types[str(credit["rule_id"])], credit["potential_recovery"]
        is_contribution = "PIS" in tax or "COFINS" in tax
        column = "pis_cofins_potential" if is_contribution else _BY_TAX.get(tax)
        if column:
            sums[column] += amount
        sums[f"{credit['confidence_level']}_confidence_total"] += amount
    total = sum((credit["potential_recovery"] for credit in credits), _NOTHING)
    return {**sums, "total_potential": total, "credits_found_count": len(credits)}


def _replace_summary(
    database: psycopg.Connection[Any], user_id: UUID, totals: Mapping[str, Any], *, today: date
) -> None:
    """In two statements, as the application does: who reads in between finds none."""
    database.execute(
        "delete from public.credit_analysis_summary where user_id = %s and analysis_date = %s",
        [user_id, today],
    )
    period = {"analysis_date": today, "period_start": today - timedelta(days=365), "period_end": today}
    insert_rows(database, "credit_analysis_summary", [{"user_id": user_id, **period, **totals}])


def _notify(database: psycopg.Connection[Any], user_id: UUID, credits: Sequence[Mapping[str, Any]]) -> None:
    if not credits:
        return
    total = sum((credit["potential_recovery"] for credit in credits), _NOTHING)
    amount = f"{total:,.2f}".translate(str.maketrans(",.", ".,"))
    row = {
        "user_id": user_id,
        "title": f"💰 {len(credits)} créditos tributários identificados!",
        "message": f"Potencial de recuperação de R$ {amount}.",
        "type": "success",
        "category": "sistema",
        "action_url": "/analise-notas-fiscais",
    }
    insert_rows(database, "notifications", [row])


def _regime(database: psycopg.Connection[Any], user_id: UUID) -> str | None:
    """Of the user's first company."""
    row = database.execute(
        "select regime_tributario from public.company_profile where user_id = %s order by created_at limit 1",
        [user_id],
    ).fetchone()
    return row[0] if row else None


def _answer(
    regime: str | None,
    credits: Sequence[Mapping[str, Any]],
    rules: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    totals = _totals(credits, {str(rule["id"]): rule["tax_type"] for rule in rules.values()})
    by_tax = {name: float(totals[f"{name}_potential"]) for name in ("pis_cofins", "icms", "icms_st", "ipi")}
    summary = {
        "total_potential": float(totals["total_potential"]),
        **{
            f"{level}_confidence": float(totals[f"{level}_confidence_total"])
            for level in ("high", "medium", "low")
        },
        "credits_count": len(credits),
        "by_tax_type": {**by_tax, "iss": 0},
        "regime": regime,
    }
    details = [
        {name: str(credit[name]) for name in ("nfe_key", "ncm_code", "potential_recovery")}
        for credit in credits[:50]
    ]
    return {"success": True, "summary": summary, "details": details, "credits_count": len(credits)}


def _number(item: Mapping[str, Any], name: str) -> Decimal:
    """A value in cents; 0 where there is none."""
    value = item.get(name) or 0
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise FunctionError(500, f"{name}: not a number")
    try:
        return Decimal(str(value)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    except InvalidOperation:
        raise FunctionError(500, f"{name}: not a number") from None
