"""The Edge Function `calculate-tax-score`: one score a user, of what the application knows (contract, section 3).

The weights are this double's own; what it reads and writes is the application's: the income statement that was
*created* last, whichever month it is of; one row of `tax_score`; a row of `tax_score_history` **each call** (trap 65);
and `score_actions`, deleted and written again.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from sync_pipelines.sandbox.erp.function_request import FunctionError, FunctionRequest
from sync_pipelines.sandbox.erp.function_rows import insert_rows

_NOTHING: Final = Decimal(0)
_DIMENSIONS: Final = ("conformidade", "eficiencia", "risco", "documentacao", "gestao")
_ANSWERS: Final = ("resp_situacao_fiscal", "resp_certidoes", "resp_obrigacoes", "resp_controles")
_PROFILE: Final = ("empresa", "cnae", "regime", "faturamento_mensal")
_CARDS: Final = 8
_GRADES: Final = ((800, "A"), (600, "B"), (400, "C"), (200, "D"), (0, "E"))
_ACTIONS: Final = {
    "conformidade": ("RESPONDER", "Responda o questionário fiscal", "/score-tributario"),
    "documentacao": ("IMPORTAR_XMLS", "Importe as notas fiscais", "/analise-notas-fiscais"),
    "gestao": ("PREENCHER_DRE", "Preencha a DRE", "/dre"),
    "eficiencia": ("COMPARAR_REGIMES", "Compare os regimes", "/calculadora/comparativo-regimes"),
}
_READ: Final = """
    select p.*, score.*, dre.calc_receita_bruta, dre.calc_deducoes_receita, credits.total_potential,
        dre.calc_receita_bruta is not null as has_dre,
        (select count(*) from public.xml_imports where user_id = %(user_id)s) as xmls,
        (select count(*) from public.simulations
            where user_id = %(user_id)s and calculator_slug = 'comparativo-regimes') as comparisons
    from (select 1) as one
    left join (select empresa, cnae, regime, faturamento_mensal from public.profiles
        where user_id = %(user_id)s) as p on true
    left join (select resp_situacao_fiscal, resp_certidoes, resp_obrigacoes, resp_controles from public.tax_score
        where user_id = %(user_id)s) as score on true
    left join (select calc_receita_bruta, calc_deducoes_receita from public.company_dre
        where user_id = %(user_id)s order by created_at desc limit 1) as dre on true
    left join (select total_potential from public.credit_analysis_summary
        where user_id = %(user_id)s order by created_at desc limit 1) as credits on true
"""


def calculate_tax_score(database: psycopg.Connection[Any], request: FunctionRequest) -> dict[str, Any]:
    """Work the score out and store it. Raises FunctionError 500 if Postgres refuses it."""
    user_id = request.user_id()
    try:
        known = database.cursor(row_factory=dict_row).execute(_READ.encode(), {"user_id": user_id}).fetchone()
        assert known is not None
        return _scored(database, request, user_id=user_id, known=known)
    except psycopg.Error as error:
        message = error.diag.message_primary or "Erro interno"
        raise FunctionError(500, "Erro ao calcular score", details=message) from error


def _scored(
    database: psycopg.Connection[Any], request: FunctionRequest, *, user_id: UUID, known: Mapping[str, Any]
) -> dict[str, Any]:
    points = _points(known)
    total = sum(points.values())
    potential = known["total_potential"] or _NOTHING
    score = {
        "user_id": user_id,
        "score_total": total,
        "score_grade": next(grade for least, grade in _GRADES if total >= least),
        "calculated_at": request.now,
        **{f"score_{name}": value for name, value in points.items()},
    }
    actions = _actions(points, user_id=user_id, potential=potential)
    if request.writes:
        row = {**score, **_known_columns(known), "updated_at": request.now}
        insert_rows(database, "tax_score", [row], on_conflict=("user_id",))
        if total > 0:
            insert_rows(database, "tax_score_history", [score])
        database.execute("delete from public.score_actions where user_id = %s", [user_id])
        if request.ends_early():
            raise FunctionError(500, "Erro ao calcular score", details="Erro interno")
        insert_rows(database, "score_actions", actions)
    return {
        "success": True,
        "score": total,
        "grade": score["score_grade"],
        "status": "calculated",
        "dimensions": points,
        "cardsCompletos": _cards(known),
        "cardsTotal": _CARDS,
        "financialImpact": {"economiaPotencial": float(potential)},
        "actions": [
            {"code": action["action_code"], "title": action["action_title"], "points": action["points_gain"]}
            for action in actions
        ],
    }


def _known_columns(known: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of `tax_score` that say what the score was made of."""
    potential = known["total_potential"] or _NOTHING
    return {
        "score_status": "calculated",
        "auto_regime_tributario": known["regime"],
        "auto_xmls_importados": known["xmls"],
        "auto_dre_preenchido": known["has_dre"],
        "auto_creditos_identificados": potential,
        "auto_comparativo_realizado": bool(known["comparisons"]),
        "economia_potencial": potential,
        "creditos_nao_aproveitados": potential,
        "cards_completos": _cards(known),
        "cards_total": _CARDS,
    }


def _cards(known: Mapping[str, Any]) -> int:
    """How many of the application's cards are filled in."""
    answers = sum(known[name] not in (None, "") for name in (*_ANSWERS, "regime"))
    return answers + sum(bool(known[name]) for name in ("xmls", "has_dre", "comparisons"))


def _actions(points: Mapping[str, int], *, user_id: UUID, potential: Decimal) -> list[dict[str, Any]]:
    return [
        {
            "user_id": user_id,
            "action_code": code,
            "action_title": title,
            "points_gain": 200 - points[name],
            "economia_estimada": potential if name == "eficiencia" else _NOTHING,
            "link_to": link,
        }
        for name, (code, title, link) in _ACTIONS.items()
        if points[name] < 100
    ]


def _points(known: Mapping[str, Any]) -> dict[str, int]:
    """Up to 200 points a dimension, 0 in all where nothing is known of the user."""
    answered = sum(known[name] not in (None, "") for name in _ANSWERS)
    filled = sum(known[name] not in (None, "") for name in _PROFILE)
    revenue, deductions = known["calc_receita_bruta"] or _NOTHING, known["calc_deducoes_receita"] or _NOTHING
    share = deductions / revenue if revenue > 0 else None
    points = (
        50 * answered,
        (0 if share is None else max(0, 150 - int(share * 200))) + (50 if known["comparisons"] else 0),
        0 if not answered else 200 if known["resp_situacao_fiscal"] == "regular" else 80,
        min(200, 10 * int(known["xmls"])),
        25 * filled + (100 if known["has_dre"] else 0),
    )
    return dict(zip(_DIMENSIONS, points, strict=True))
