"""What `company_dre` must hold of companies: sums of their titles (contract of the ERPs, section 10), and nothing else.

A month is that of the competence, else of the issue, else of the due date. Cancelled and renegotiated titles and those
between own accounts are out. A split counts by its own category. Lines that no title feeds are as they were before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import psycopg

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.ledger_categories import CATEGORIES, REST, Chart
from sync_pipelines.sandbox.erp.title_manners import MANNERS
from sync_pipelines.sandbox.erp.titles import SandboxCategory, SandboxTitle, TitleSide
from sync_pipelines.sandbox.erp.truth_analysis import Rows, compared, rows_of
from sync_pipelines.sandbox.erp.truth_titles import titles_of

if TYPE_CHECKING:
    from sync_pipelines.sandbox.erp.truth import Account

#: The inputs of the income statement by their columns (section 2.7), without `input_`.
LINES: Final = (
    "vendas_produtos",
    "vendas_servicos",
    "outras_receitas",
    "devolucoes",
    "descontos_concedidos",
    "custo_mercadorias",
    "custo_materiais",
    "custo_mao_obra_direta",
    "custo_servicos_terceiros",
    "salarios_encargos",
    "prolabore",
    "aluguel",
    "energia_agua_internet",
    "marketing_publicidade",
    "software_assinaturas",
    "contador_juridico",
    "viagens_refeicoes",
    "manutencao_equipamentos",
    "frete_logistica",
    "outras_despesas",
    "juros_pagos",
    "juros_recebidos",
    "tarifas_bancarias",
    "multas_pagas",
    "impostos_sobre_vendas",
)
_BY_NAME: Final = {(one.name, one.side): one.line for one in CATEGORIES}
_BY_CODE: Final[dict[Chart, dict[str, str]]] = {
    "omie": {one.omie[0]: one.by_omie for one in CATEGORIES if one.omie and one.by_omie},
    "contaazul": {
        one.contaazul: one.by_contaazul for one in CATEGORIES if one.contaazul and one.by_contaazul
    },
}
#: Amounts by line, by the first day of their month.
Statements = dict[date, dict[str, Decimal]]


def statements_of(accounts: Sequence[Account]) -> Statements:
    """The lines of each month that the titles of one company's accounts feed."""
    found: dict[date, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for account in accounts:
        for title in titles_of(account):
            if title.counts:
                month = MANNERS[account.erp_type].month_of(title)
                for line, amount in _lines_of(account, title):
                    found[month][line] += amount
    return found


def _lines_of(account: Account, title: SandboxTitle) -> Iterator[tuple[str, Decimal]]:
    manner = MANNERS[account.erp_type]
    splits = manner.splits_of(title)
    if not splits:
        is_sale = manner.says_note_key and title.note_key and title.side == "receivable"
        yield "vendas_produtos" if is_sale else REST[title.side], title.amount
    for number, amount in splits:
        category = account.company.category(number)
        is_marked = manner.marks_transfers and category.is_transfer
        if not is_marked and category.name not in account.transfer_names:
            yield line_of(category, title.side, manner.chart), amount


def line_of(category: SandboxCategory, side: TitleSide, chart: Chart) -> str:
    """The ERP's own line where it tells one, else what the name tells, else the rest of the side."""
    told = _BY_CODE.get(chart, {}).get(category.dre_code or "")
    return told or _BY_NAME.get((category.name, side)) or REST[side]


def dre_differences(connection: psycopg.Connection[Any], accounts: Sequence[Account]) -> Iterator[str]:
    """Month by month, for the companies of one user, each with all its accounts."""
    by_company = accounts_by_company(connection, accounts)
    known = [account for own in by_company.values() for account in own]
    yield from (f"the company of {one.connection_id} has no profile" for one in accounts if one not in known)
    for company_id, own in by_company.items():
        rows = rows_of(
            connection,
            "select * from public.company_dre where user_id = %s and company_id = %s and period_type = 'monthly'",
            own[0].user_id,
            company_id,
        )
        yield from _company_differences(rows, own)


def accounts_by_company(
    connection: psycopg.Connection[Any], accounts: Sequence[Account]
) -> dict[UUID, list[Account]]:
    """The accounts by the profile of their company; without those that have none."""
    found: dict[UUID, list[Account]] = {}
    for account in accounts:
        company_id = account.company_id or company_of(connection, account.user_id, account.company)
        if company_id is not None:
            found.setdefault(company_id, []).append(account)
    return found


def company_of(connection: psycopg.Connection[Any], user_id: UUID, company: ErpCompany) -> UUID | None:
    """The user's profile with the company's CNPJ."""
    [row] = rows_of(
        connection,
        "select (array_agg(id))[1] as id from public.company_profile where user_id = %s"
        " and upper(regexp_replace(cnpj_principal, '[^0-9A-Za-z]', '', 'g')) = %s",
        user_id,
        company.profile.cnpj,
    )
    found: UUID | None = row["id"]
    return found


def _company_differences(rows: Rows, accounts: Sequence[Account]) -> Iterator[str]:
    before = {month: lines for account in accounts for month, lines in account.dre_before.items()}
    wanted = statements_of(accounts)
    held: dict[date, Rows] = defaultdict(list)
    for row in rows:
        held[date(row["period_year"], row["period_month"], 1)].append(row)
    for month in sorted({*wanted, *before, *held}):
        meant = {**dict.fromkeys(LINES, Decimal(0)), **before.get(month, {}), **wanted.get(month, {})}
        name = f"company_dre of {month:%Y-%m} of {accounts[0].company.profile.trade_name}"
        if len(held[month]) > 1 or (not held[month] and (month in wanted or month in before)):
            yield f"{name} has {len(held[month])} rows"
        else:
            yield from _row_differences(name, held[month][0], meant)


def _row_differences(name: str, row: Mapping[str, Any], meant: Mapping[str, Any]) -> Iterator[str]:
    given = {f"input_{line}": row[f"input_{line}"] or Decimal(0) for line in LINES}
    yield from compared(name, given, {f"input_{line}": value for line, value in meant.items()})
