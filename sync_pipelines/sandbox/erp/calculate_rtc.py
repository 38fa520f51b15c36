"""The Edge Function `calculate-rtc`: the taxes of the reform for a list of goods (contract of the ERPs, section 3).

The rates are those of the test year 2026, and not those of the estimate that stands in for this function.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb

from sync_pipelines.sandbox.erp.function_request import FunctionError, FunctionRequest

#: In percent of the base.
RATES: Final[Mapping[str, Decimal]] = {
    "cbs": Decimal("0.9"),
    "ibsUf": Decimal("0.1"),
    "ibsMun": Decimal(0),
    "is": Decimal(0),
}
_NEEDED: Final = ("numero", "ncm", "quantidade", "unidade", "valorUnitario", "cst", "cClassTrib")


def calculate_rtc(database: psycopg.Connection[Any], request: FunctionRequest) -> dict[str, Any]:
    """Work the taxes out, and keep the calculation. A user's token is wanted: the service's key is refused."""
    caller = request.caller
    if caller is None or caller.user_id is None:
        raise FunctionError(401, "Unauthorized", success=False)
    fields = request.fields()
    items = fields.get("itens")
    if not fields.get("municipio") or not fields.get("uf") or not isinstance(items, list) or not items:
        raise FunctionError(400, "municipio, uf e itens são obrigatórios", success=False)
    lines = [_line(item) for item in items]
    totals = {name: sum((line[name] for line in lines), Decimal(0)) for name in RATES}
    figures = {name: float(total) for name, total in totals.items()}
    answer = {
        "success": True,
        "data": {"itens": [{name: str(value) for name, value in line.items()} for line in lines]},
        "totals": {**figures, "total": float(sum(totals.values(), Decimal(0)))},
        "warning": None,
        "timestamp": request.now.isoformat(),
    }
    if request.writes:
        database.execute(
            "insert into public.tax_calculations (user_id, input_data, result_data) values (%s, %s, %s)",
            [caller.user_id, Jsonb(dict(fields)), Jsonb(answer)],
        )
    return answer


def _line(item: Any) -> dict[str, Decimal]:
    if not isinstance(item, dict) or any(item.get(name) in (None, "") for name in _NEEDED):
        raise FunctionError(400, f"Cada item precisa de {', '.join(_NEEDED)}", success=False)
    if len(str(item["ncm"])) != 8:
        raise FunctionError(400, "NCM deve ter 8 dígitos", success=False)
    base = Decimal(str(item["quantidade"])) * Decimal(str(item["valorUnitario"]))
    return {
        name: (base * rate / 100).quantize(Decimal("0.01"), ROUND_HALF_UP) for name, rate in RATES.items()
    }
