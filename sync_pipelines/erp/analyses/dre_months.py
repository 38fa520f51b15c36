"""The months of `company_dre` that `process-dre` is called for, as it is given them.

They are the months with lines of ours, and those that had such when they were processed; one that a person fills in is
processed by the person's own screen. What the function gets is the whole row, because it writes every input that it is
not given as 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import md5
from typing import Any, LiteralString
from uuid import UUID

from sync_pipelines.erp.analyses.income_statement import INPUTS, IncomeStatement, income_statement
from sync_pipelines.lib import exact_json, postgres
from sync_pipelines.lib.postgres.digest import canonical

TABLE = "public.company_dre"
#: Columns that the function works out; texts and lists of words change with the application, figures do not.
_FIGURES = ("calc_", "reforma_")
_MONTHS: LiteralString = (
    "select d.id, to_jsonb(d)::text from public.company_dre as d where d.user_id = %(user)s"
    " and d.period_type = 'monthly' and d.period_month between 1 and 12 and (exists ("
    "select from sync_private.dre_lines as l where l.dre_id = d.id and l.company_id = %(company)s) or exists ("
    "select from sync_private.analyses as a where a.user_id = d.user_id and a.analysis = 'process_dre'"
    " and a.subject = d.id::text and a.company_id = %(company)s))"
    " order by d.period_year, d.period_month"
)
_NEWEST: LiteralString = (
    "select d.period_year, d.period_month from public.company_dre as d where d.user_id = %(user)s"
    " and (d.company_id = %(company)s or d.company_id is null) and d.period_type = 'monthly'"
    " and (d.period_year, d.period_month) <= (%(year)s, %(month)s)"
    " order by d.period_year desc, d.period_month desc limit 1"
)
_LEFT: LiteralString = (
    "select distinct a.company_id from sync_private.analyses as a join public.company_profile as p"
    " on p.id = a.company_id and p.user_id = a.user_id where a.user_id = %s and a.analysis = 'process_dre'"
    " and a.company_id <> %s and not exists (select from public.erp_connections as c where c.company_id = p.id)"
    " order by a.company_id"
)
_PROFILE: LiteralString = (
    "select nullif(trim(cnae_principal), ''), nullif(trim(regime_tributario), '') from public.company_profile"
    " where id = %s"
)
#: Each row of the user but one: no call may change another month, and our own syncs wait for the lock.
_OTHERS: LiteralString = (
    "select d.id::text, md5((select string_agg(concat_ws('=', f.key, f.value), ',' order by f.key)"
    " from jsonb_each_text(to_jsonb(d)) as f where f.key <> 'updated_at'))"
    " from public.company_dre as d where d.user_id = %s and d.id <> %s"
)


@dataclass(frozen=True)
class DreMonth:
    """A row of `company_dre`: what the function is given of it, and the figures that it has."""

    id: UUID
    year: int
    month: int
    body: Mapping[str, Any]
    figures: Mapping[str, Any]

    @property
    def label(self) -> str:
        return f"{self.month:02d}/{self.year}"

    @property
    def inputs(self) -> Mapping[str, Any]:
        inputs: Mapping[str, Any] = self.body["inputs"]
        return inputs

    @property
    def unusable(self) -> list[str]:
        """Inputs that are no numbers, which their columns hold all the same."""
        return [name for name in INPUTS if not self.inputs[name].is_finite()]

    @property
    def statement(self) -> IncomeStatement:
        return income_statement(self.inputs)

    @property
    def inputs_digest(self) -> str:
        return _digest(self.body)

    @property
    def figures_digest(self) -> str:
        return _digest(self.figures)


def read_months(connection: postgres.Connection, user_id: UUID, company_id: UUID) -> list[DreMonth]:
    """The months of a company with lines of ours, now or before, the oldest first: the profile ends with the newest."""
    row = connection.execute(_PROFILE, (company_id,)).fetchone()
    cnae, regime = row or (None, None)
    rows = connection.execute(_MONTHS, {"user": user_id, "company": company_id}).fetchall()
    return [_month(one, exact_json.loads(text), cnae, regime=regime) for one, text in rows]


def read_companies_left(connection: postgres.Connection, user_id: UUID, company_id: UUID) -> list[UUID]:
    """Companies of a user, but for one, whose months were processed and which have no connection any more.

    No sync of their own processes a month from which the lines of a connection were taken back.
    """
    return [one for (one,) in connection.execute(_LEFT, (user_id, company_id)).fetchall()]


def read_newest(
    connection: postgres.Connection, user_id: UUID, company_id: UUID, *, today: date
) -> tuple[int, int] | None:
    """Year and month of the company's newest statement, a person's own included; a month to come is none yet."""
    given = {"user": user_id, "company": company_id, "year": today.year, "month": today.month}
    row = connection.execute(_NEWEST, given).fetchone()
    return (row[0], row[1]) if row else None


def read_others(connection: postgres.Connection, user_id: UUID, dre_id: UUID) -> dict[str, str]:
    """A digest of each other row of the user."""
    return dict(connection.execute(_OTHERS, (user_id, dre_id)).fetchall())


def _month(dre_id: UUID, row: Mapping[str, Any], cnae: str | None, regime: str | None) -> DreMonth:
    amounts = {name: Decimal(row.get(column) or 0) for name, column in INPUTS.items()}
    body = {
        "inputs": {
            **amounts,
            "regime_tributario": row.get("input_regime_tributario") or regime,
            "calcular_auto": bool(row.get("input_calcular_impostos_auto")),
        },
        **({"cnae_code": cnae} if cnae else {}),
        "period": {"type": row["period_type"], "month": row["period_month"], "year": row["period_year"]},
        "dre_id": str(dre_id),
    }
    figures = {name: value for name, value in row.items() if name.startswith(_FIGURES)}
    return DreMonth(dre_id, row["period_year"], row["period_month"], body=body, figures=figures)


def _digest(value: Mapping[str, Any]) -> str:
    return md5(exact_json.dumps(_plain(value)).encode(), usedforsecurity=False).hexdigest()


def _plain(value: Any) -> Any:
    """With numbers as texts without trailing zeros: 1 and 1.00 are the same amount."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in sorted(value.items())}
    return canonical(value) if isinstance(value, Decimal | int) else value
