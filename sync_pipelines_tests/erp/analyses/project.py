"""A user with imports that are to be analysed, and the Edge Functions of the project on a socket.

Each amount of an import is the PIS of one item, and one credit of that amount, by the rules of the double.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from sync_pipelines.erp.analyses.credits import analyse_credits
from sync_pipelines.erp.analyses.functions import FunctionsAccess
from sync_pipelines.erp.outcome import CreditsOutcome
from sync_pipelines.lib import postgres
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.sandbox.erp.database import add_connection
from sync_pipelines.sandbox.erp.functions import FunctionsFake
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings
from sync_pipelines_tests.erp.account import Syncs

USER = UUID(int=1)
LINK = "/analise-notas-fiscais"
FUNCTION = "analyze-credits"
DAY = "2026-11-22"


@dataclass
class Project:
    """The database, the functions, and a connection of the user."""

    erp: psycopg.Connection[Any]
    syncs: Syncs
    fake: FunctionsFake
    #: Seconds for an answer; less where one is meant to hang.
    patience: float = 30.0
    connection_id: UUID = field(init=False)

    def __post_init__(self) -> None:
        self.connection_id = add_connection(
            self.erp, USER, "omie", credentials={"app_key": "K", "app_secret": "S"}
        )

    def add(self, *amounts: str, state: str = "autorizada", raw_data: Any = None) -> UUID:
        """An import that is to be analysed."""
        one = uuid4()
        self.erp.execute(
            "insert into public.xml_imports (id, user_id, file_name, file_size, file_path, nfe_key, nfe_status,"
            " issue_date) values (%s, %s, 'x', 1, 'x', %s, %s, '2026-11-03')",
            (one, USER, one.hex, state),
        )
        self.erp.execute(
            "insert into public.xml_analysis (user_id, import_id, xml_type, raw_data) values (%s, %s, 'NFe', %s)",
            (USER, one, Jsonb(raw_data or self.raw_data(*amounts))),
        )
        self.erp.execute(
            "insert into sync_private.credit_analyses (import_id, user_id, connection_id, wanted)"
            " values (%s, %s, %s, gen_random_uuid())",
            (one, USER, self.connection_id),
        )
        return one

    def change(self, one: UUID, *amounts: str, state: str = "autorizada") -> None:
        """What the import says is another thing now."""
        self.erp.execute("update public.xml_imports set nfe_status = %s where id = %s", (state, one))
        self.erp.execute(
            "update public.xml_analysis set raw_data = %s where import_id = %s",
            (Jsonb(self.raw_data(*amounts)), one),
        )
        self.erp.execute(
            "update sync_private.credit_analyses set wanted = gen_random_uuid() where import_id = %s", (one,)
        )

    def raw_data(self, *amounts: str) -> dict[str, Any]:
        texts = dict.fromkeys(("ncm", "cfop", "cst_cofins", "cst_icms", "descricao"), "99")
        numbers = ("cofins", "icms", "ipi", "icms_st", "credito_pis", "credito_cofins", "credito_icms")
        item = {**texts, "cst_pis": "01", **dict.fromkeys(numbers, 0), "valorTotal": 1}
        head = dict.fromkeys(("chaveNfe", "numero", "emitenteCnpj", "emitenteNome"), "1")
        products = [{**item, "pis": float(amount)} for amount in amounts]
        return {**head, "dataEmissao": "2026-11-03T10:00:00-03:00", "produtos": products}

    def access(self, **settings: object) -> FunctionsAccess:
        """The functions as a sync reaches them."""
        values: dict[str, Any] = {
            "erp_functions_url": self.fake.url,
            "erp_functions_key": self.fake.service_key,
            **settings,
        }
        options = {"timeouts": Timeouts(connect=30.0, read=self.patience, total=60.0)}
        return FunctionsAccess(read_as(ErpSettings, None, **values), options, clock=self.syncs.clock)

    def analyse(
        self,
        *,
        syncs: Syncs | None = None,
        fence: Callable[[postgres.Connection], None] = lambda _: None,
        **settings: object,
    ) -> CreditsOutcome:
        session = (syncs or self.syncs).session(self.connection_id, fence=fence)
        with self.access(**settings).open(session.connection) as functions:
            return analyse_credits(session, functions)

    def bodies(self) -> list[Any]:
        """What the function was sent, call by call."""
        return [call.body for call in self.fake.of(FUNCTION)]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.erp.execute(query.encode()).fetchall()

    def value(self, query: str) -> Any:
        return self.rows(query)[0][0]

    def titles(self) -> list[str]:
        return [title for (title,) in self.rows("select title from public.notifications order by title")]
