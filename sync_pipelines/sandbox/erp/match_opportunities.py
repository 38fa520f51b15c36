"""The Edge Function `match-opportunities`: which tax opportunities fit a company (contract of the ERPs, section 3).

It wants exactly one company of the user; none or several are a 400 `complete_profile` (trap 64). A later version takes
`company_id`, and so does this double where it names a company of the user. It deletes the user's rows that are `nova`,
and what matches is `nova` again, whatever a person had made of it. What matches is this double's own rule: every
criterion that the company has a value for is met, and at least one is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from sync_pipelines.sandbox.erp.function_request import FunctionError, FunctionRequest
from sync_pipelines.sandbox.erp.function_rows import insert_rows

_NOTHING: Final = Decimal(0)
_CENT: Final = Decimal("0.01")
#: Reais a year from which an opportunity counts as one of high impact.
_HIGH_IMPACT: Final = Decimal(10_000)
_SAVINGS: Final = ("economia_anual_min", "economia_anual_max")


def match_opportunities(database: psycopg.Connection[Any], request: FunctionRequest) -> dict[str, Any]:
    """Replace what is new among the user's opportunities. The body may be missing."""
    user_id = request.user_id()
    fields = request.body if isinstance(request.body, dict) else {}
    company, is_named = _company(database, user_id, fields.get("company_id"))
    opportunities = _rows(
        database, "select * from public.tax_opportunities where is_active order by code", []
    )
    matched = [
        (opportunity, {"user_id": user_id, **({"company_id": company["id"]} if is_named else {}), **found})
        for opportunity in opportunities
        if (found := _match(opportunity, company)) is not None
    ]
    if request.writes:
        database.execute(
            "delete from public.company_opportunities where user_id = %s and status = 'nova'", [user_id]
        )
        if request.ends_early():
            raise FunctionError(500, "Erro interno")
        rows = [row for _, row in matched]
        insert_rows(database, "company_opportunities", rows, on_conflict=("user_id", "opportunity_id"))
    return _answer(matched)


def _company(
    database: psycopg.Connection[Any], user_id: UUID, company_id: object
) -> tuple[dict[str, Any], bool]:
    """The company, and whether the body named it. Raises FunctionError unless there is exactly one."""
    companies = _rows(database, "select * from public.company_profile where user_id = %s", [user_id])
    named = [company for company in companies if company_id and str(company["id"]) == str(company_id)]
    if named:
        return named[0], True
    if len(companies) != 1:
        raise FunctionError(400, "complete_profile", message="Complete o perfil da empresa primeiro")
    return companies[0], False


def _match(opportunity: Mapping[str, Any], company: Mapping[str, Any]) -> dict[str, Any] | None:
    criteria = opportunity["criterios"]
    missing = [name for name in criteria if company.get(name) in (None, "")]
    met = [name for name in criteria if name not in missing and company[name] == criteria[name]]
    if not met or len(met) + len(missing) < len(criteria):
        return None
    monthly = company["faturamento_mensal_medio"] or _NOTHING
    least, most = (
        (monthly * (opportunity[f"economia_percentual_{bound}"] or _NOTHING) / 100).quantize(_CENT)
        for bound in ("min", "max")
    )
    return {
        "opportunity_id": opportunity["id"],
        "match_score": 100 * len(met) // len(criteria),
        "match_reasons": [f"{name}: {criteria[name]}" for name in met],
        "missing_criteria": missing,
        "economia_mensal_min": least,
        "economia_mensal_max": most,
        "economia_anual_min": least * 12,
        "economia_anual_max": most * 12,
        "quick_win": opportunity["complexidade"] == "baixa",
        "alto_impacto": most * 12 >= _HIGH_IMPACT,
        "status": "nova",
    }


def _answer(matched: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> dict[str, Any]:
    return {
        "success": True,
        "total_opportunities": len(matched),
        "quick_wins": sum(row["quick_win"] for _, row in matched),
        "high_impact": sum(row["alto_impacto"] for _, row in matched),
        **{name: float(sum((row[name] for _, row in matched), _NOTHING)) for name in _SAVINGS},
        "by_category": dict(Counter(opportunity["category"] for opportunity, _ in matched)),
        "opportunities": [
            {
                "code": opportunity["code"],
                "name": opportunity["name_simples"],
                "match_score": row["match_score"],
                **{name: float(row[name]) for name in _SAVINGS},
            }
            for opportunity, row in matched
        ],
    }


def _rows(database: psycopg.Connection[Any], query: str, parameters: list[Any]) -> list[dict[str, Any]]:
    return database.cursor(row_factory=dict_row).execute(query.encode(), parameters).fetchall()
