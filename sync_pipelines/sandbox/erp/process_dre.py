"""The Edge Function `process-dre`: a month's income statement, and what it copies of it (contract, section 3).

It writes the whole month: an input that is not sent becomes 0. A margin that numeric(5,2) cannot hold is a 500, and the
row stays as it was. Afterwards the figures of this month are copied to **every** active company of the user, whichever
month and company it was of. Health, recommendations and the reform's impact are this double's own rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from sync_pipelines.sandbox.erp.dre_figures import AMOUNTS, RENAMED, dre_figures, sales_tax
from sync_pipelines.sandbox.erp.function_request import FunctionError, FunctionRequest
from sync_pipelines.sandbox.erp.function_rows import column_value

_KEY: Final = ("user_id", "period_type", "period_year", "period_month")
_REFORM_RATE: Final = 0.265
_GENERAL_BENCHMARK: Final = {"cnae": None, "margem_bruta": 35, "margem_liquida": 8}


def process_dre(database: psycopg.Connection[Any], request: FunctionRequest) -> dict[str, Any]:
    """Work a month out and store it: in the row of `dre_id`, else in the user's row of that period."""
    user_id, fields = request.user_id(), request.fields()
    inputs, period = _object(fields, "inputs"), _object(fields, "period")
    amounts = {name: _amount(inputs, name) for name in AMOUNTS}
    regime = inputs.get("regime_tributario") or None
    automatic = bool(inputs.get("calcular_auto"))
    figures = dre_figures(amounts, regime, automatic=automatic)
    reform = _reform(figures, sales_tax(amounts, regime, automatic=automatic))
    assessment = _assessment(figures)
    columns = {
        "user_id": user_id,
        "period_type": period.get("type") or "monthly",
        "period_month": period.get("month") or 0,
        "period_year": period.get("year"),
        **{f"input_{RENAMED.get(name, name)}": amount for name, amount in amounts.items()},
        # What JSON leaves out keeps what stands there.
        **({"input_regime_tributario": regime} if regime else {}),
        **{f"calc_{name}": figure for name, figure in figures.items()},
        **{f"reforma_{name}": figure for name, figure in reform.items()},
        **{name: Jsonb(value) if isinstance(value, list) else value for name, value in assessment.items()},
    }
    saved = None
    if request.writes:
        saved = _save(database, columns, dre_id=fields.get("dre_id"))
        if request.ends_early():
            raise FunctionError(500, "Erro interno")
        _copy_to_companies(
            database, user_id, inputs=inputs, amounts=amounts, figures=figures, now=request.now
        )
    return {
        "success": True,
        "dre": figures,
        "diagnostics": assessment["diagnostics"],
        "healthScore": assessment["health_score"],
        "healthStatus": assessment["health_status"],
        "recommendations": assessment["recommendations"],
        "reformaImpact": reform,
        "benchmark": {**_GENERAL_BENCHMARK, "cnae": fields.get("cnae_code")},
        "savedDre": saved,
    }


def _save(database: psycopg.Connection[Any], columns: Mapping[str, Any], *, dre_id: Any) -> dict[str, Any]:
    """Update or upsert; `company_id` is left as it is. Raises psycopg.Error if Postgres refuses a value.

    Where the key of a period has another company in it, as by ERP_DRE_BY_COMPANY, the upsert has no key to conflict on.
    """
    values = {name: column_value(value) for name, value in columns.items()}
    assignments = ", ".join(f"{name} = %({name})s" for name in values)
    names, given = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    if dre_id:
        statement = (
            f"update public.company_dre t set {assignments} where id = %(dre_id)s and user_id = %(user_id)s"
        )
    else:
        statement = (
            f"insert into public.company_dre as t ({names}) values ({given})"
            f" on conflict ({', '.join(_KEY)}) do update set {assignments}"
        )
    cursor = database.execute(f"{statement} returning to_jsonb(t)".encode(), {**values, "dre_id": dre_id})
    row = cursor.fetchone()
    if row is None:
        raise FunctionError(500, "JSON object requested, multiple (or no) rows returned")
    return dict(row[0])


def _copy_to_companies(
    database: psycopg.Connection[Any],
    user_id: UUID,
    *,
    inputs: Mapping[str, Any],
    amounts: Mapping[str, float],
    figures: Mapping[str, float],
    now: Any,
) -> None:
    """Update the active companies of the user; an error here stays unnoticed, as in the application."""
    columns = {
        "faturamento_anual": figures["receita_bruta"] * 12,
        "faturamento_mensal_medio": figures["receita_bruta"],
        "folha_mensal": amounts["salarios_encargos"] + amounts["prolabore"],
        "regime_tributario": inputs.get("regime_tributario") or None,
        "receita_liquida_mensal": figures["receita_liquida"],
        "margem_bruta_percentual": figures["margem_bruta"],
        "compras_insumos_mensal": amounts["custo_mercadorias"] + amounts["custo_materiais"],
        "prolabore_mensal": amounts["prolabore"],
        "dados_financeiros_origem": "dre",
        "dados_financeiros_atualizados_em": now,
    }
    assignments = ", ".join(f"{name} = %({name})s" for name in columns)
    values = {name: column_value(value) for name, value in columns.items()}
    try:
        database.execute(
            f"update public.company_profile set {assignments} where user_id = %(user_id)s and is_active".encode(),
            {**values, "user_id": user_id},
        )
    except psycopg.DataError:
        return


def _assessment(figures: Mapping[str, float]) -> dict[str, Any]:
    margin = figures["margem_liquida"]
    health, status = (80, "saudavel") if margin >= 10 else (50, "atencao") if margin >= 0 else (20, "critico")
    is_loss = figures["lucro_liquido"] < 0
    return {
        "health_score": health,
        "health_status": status,
        "diagnostics": [{"tipo": "prejuizo", "titulo": "Prejuízo no período"}] if is_loss else [],
        "recommendations": [{"titulo": "Reveja despesas e preços"}] if is_loss else [],
    }


def _reform(figures: Mapping[str, float], taxes: float) -> dict[str, float]:
    """A rate on the value added; its percentage stays within its column, unlike the margins."""
    added = max(figures["receita_bruta"] - figures["custo_produtos_vendidos"], 0.0)
    new = added * _REFORM_RATE
    impact = taxes - new
    revenue = figures["receita_bruta"]
    share = impact / revenue * 100 if revenue > 0 else 0.0
    return {
        "impostos_atuais": taxes,
        "impostos_novos": new,
        "impacto_lucro": impact,
        "impacto_percentual": min(max(share, -999.99), 999.99),
    }


def _object(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = fields.get(name)
    if not isinstance(value, dict):
        raise FunctionError(500, f"Cannot read properties of undefined (reading '{name}')")
    return value


def _amount(inputs: Mapping[str, Any], name: str) -> float:
    """As a double; a text is refused here, where the application would join it to the next."""
    value = inputs.get(name) or 0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FunctionError(500, f"{name}: not a number")
    return float(value)
