"""A user with companies, invoices and months of the income statement, whose analyses are dispatched.

The user has one company in a trade and one connection of it; `company` and `connect` add others. The doubles work out
figures by rules of their own; what they read and write is the application's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from sync_pipelines.erp.analyses.dispatch import dispatch
from sync_pipelines.erp.outcome import Analysis, AnalysisOutcome, SyncOutcome
from sync_pipelines.lib import postgres
from sync_pipelines.lib.interruptions import InterruptedRunError
from sync_pipelines.sandbox.erp.database import add_company, add_connection
from sync_pipelines.sandbox.erp.function_request import Function
from sync_pipelines_tests.erp.account import Syncs
from sync_pipelines_tests.erp.analyses.project import USER, Project

#: The function of each analysis.
NAMES = {
    Analysis.NCM: "analyze-ncm-from-xmls",
    Analysis.DRE: "process-dre",
    Analysis.OPPORTUNITIES: "match-opportunities",
    Analysis.SCORE: "calculate-tax-score",
}


@dataclass
class Taxpayer(Project):
    """A user of the application, as the analyses see them."""

    #: What each function does; a test puts another version in its place.
    handlers: dict[str, Function] = field(default_factory=dict)
    company_id: UUID = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.company_id = self.company(setor="comercio", regime_tributario="simples", uf_sede="SP")
        self.erp.execute("update public.erp_connections set company_id = %s", (self.company_id,))

    def company(self, **columns: object) -> UUID:
        """Another company of the user."""
        return add_company(self.erp, USER, None, **columns)

    def connect(self, erp_type: str, company_id: UUID) -> UUID:
        """A connection of the user beside the first."""
        return add_connection(self.erp, USER, erp_type, credentials={}, company_id=company_id)

    def invoice(self, *codes: str) -> UUID:
        """An invoice with an item of 100.00 of each code; returns its import."""
        products = [{"ncm": code, "descricao": f"Item {code}", "valorTotal": 100.0} for code in codes]
        return self.imported({"produtos": products})

    def imported(self, raw_data: Any) -> UUID:
        one = uuid4()
        self.erp.execute(
            "insert into public.xml_imports (id, user_id, file_name, file_size, file_path)"
            " values (%s, %s, 'x', 1, 'x')",
            (one, USER),
        )
        self.erp.execute(
            "insert into public.xml_analysis (user_id, import_id, xml_type, raw_data) values (%s, %s, 'NFe', %s)",
            (USER, one, Jsonb(raw_data)),
        )
        return one

    def product(self, connection_id: UUID, name: str, code: str, *, status: str = "pendente") -> None:
        """A product of a catalogue, whose row of the analysis is not written yet."""
        self.erp.execute(
            "insert into sync_private.products (connection_id, vendor_id, name, ncm_code, ncm_status, is_active,"
            " is_service, content_hash, read_at) values (%s, %s, %s, %s, %s, true, false, gen_random_uuid(), now())",
            (connection_id, name, name, code, status),
        )

    def month(
        self, year: int, month: int, company_id: UUID | None = None, *, ours: bool = True, **inputs: object
    ) -> UUID:
        """A month of `company_dre`, with a line of ours or as a person typed it."""
        company = company_id or self.company_id
        given = {"vendas_produtos": 10_000, "calcular_impostos_auto": False, **inputs}
        names = ", ".join(f"input_{name}" for name in given)
        places = ", ".join(["%s"] * len(given))
        row = self.erp.execute(
            f"insert into public.company_dre (user_id, company_id, period_year, period_month, {names})"
            f" values (%s, %s, %s, %s, {places}) returning id".encode(),
            (USER, company, year, month, *given.values()),
        ).fetchone()
        assert row is not None
        if ours:
            self.erp.execute(
                "insert into sync_private.dre_lines (dre_id, line, company_id, month, amount, connections, written_at)"
                " values (%s, 'input_vendas_produtos', %s, make_date(%s, %s, 1), 1, '{}', now())",
                (row[0], company, year, month),
            )
        return UUID(str(row[0]))

    def dispatch(
        self,
        connection_id: UUID | None = None,
        *,
        syncs: Syncs | None = None,
        fence: Callable[[postgres.Connection], None] = lambda _: None,
        **settings: object,
    ) -> dict[Analysis, AnalysisOutcome]:
        """The analyses after a sync of a connection, the first by default."""
        session = (syncs or self.syncs).session(connection_id or self.connection_id, fence=fence)
        given = {"erp_functions_jwt_secret": self.fake.jwt_secret, **settings}
        with self.access(**given).open(session.connection) as functions:
            return dispatch(session, functions, SyncOutcome(session.connection.id))

    def made(self, **options: Any) -> dict[Analysis, AnalysisOutcome]:
        """As `dispatch`; each analysis is a success."""
        done = self.dispatch(**options)
        assert {one.message: one.status for one in done.values()} == {
            one.message: "success" for one in done.values()
        }
        return done

    def calls(self, analysis: Analysis) -> int:
        """How often the function of an analysis was called."""
        return len(self.fake.of(NAMES[analysis]))

    def row(self, query: str, *values: object) -> dict[str, Any]:
        """The one row of a query."""
        with self.erp.cursor(row_factory=dict_row) as cursor:
            (found,) = cursor.execute(query.encode(), values).fetchall()
            return found

    def swallow(self, table: str, event: str) -> None:
        """A trigger that swallows what is written to a table."""
        self.erp.execute(
            f"create function swallow() returns trigger language plpgsql as $$ begin return null; end $$;"
            f" create trigger swallow before {event} on {table} for each row execute function swallow()".encode()
        )


def killed_after(taxpayer: Taxpayer, analysis: Analysis) -> Callable[[postgres.Connection], None]:
    """A fence that ends the process once the function of an analysis was called."""
    before = taxpayer.calls(analysis)

    def fence(_: psycopg.Connection[Any]) -> None:
        if taxpayer.calls(analysis) > before:
            raise InterruptedRunError

    return fence
