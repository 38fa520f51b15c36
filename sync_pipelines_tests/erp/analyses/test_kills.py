"""A sync whose process is killed during a call: the function goes on, and the next sync puts back what it overwrote."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import psycopg
import pytest

from sync_pipelines.erp.analyses.dispatch import dispatch
from sync_pipelines.erp.analyses.functions import FunctionsAccess
from sync_pipelines.erp.outcome import Analysis, SyncOutcome
from sync_pipelines.lib import postgres
from sync_pipelines.lib.records import open_records
from sync_pipelines.sandbox.erp.function_request import FunctionRequest
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings
from sync_pipelines_tests.erp.account import Syncs
from sync_pipelines_tests.erp.analyses.taxpayer import NAMES, Taxpayer

pytestmark = pytest.mark.slow
VICTIM = (
    "import json, sys; from sync_pipelines_tests.erp.analyses.test_kills import sync_alone;"
    " sync_alone(**json.loads(sys.stdin.read()))"
)
#: What must be as it was, whichever call is cut off.
STANDS = (
    "select regime_tributario, faturamento_mensal_medio, folha_mensal from public.company_profile"
    " where setor is null",
    "select regime_tributario from public.company_profile where setor is not null",
    "select product_name, ncm_code, reason from public.company_ncm_analysis order by product_name",
    "select opportunity_id, status, notas_usuario from public.company_opportunities order by opportunity_id",
    "select action_code, status from public.score_actions order by action_code",
)


def sync_alone(*, erp_url: str, ops_url: str, folder: str, connection_id: str, url: str, secret: str) -> None:
    """What the process does that is killed."""
    settings = read_as(ErpSettings, None, erp_functions_url=url, erp_functions_jwt_secret=secret)
    with postgres.connect(erp_url, what="the erp database") as erp, open_records(ops_url) as records:
        syncs = Syncs(erp, records, Path(folder))
        session = syncs.session(UUID(connection_id))
        with FunctionsAccess(settings, clock=syncs.clock).open(session.connection) as functions:
            dispatch(session, functions, SyncOutcome(session.connection.id))


@pytest.fixture
def settled(taxpayer: Taxpayer) -> Taxpayer:
    """A user whose analyses are made, and who said something of each; then everything changes."""
    taxpayer.company(regime_tributario="real", faturamento_mensal_medio=1)
    taxpayer.product(taxpayer.connection_id, "Produto A", "22021000")
    taxpayer.invoice("19022000", "08119000")
    taxpayer.month(2026, 9, salarios_encargos=10)
    taxpayer.made()
    taxpayer.erp.execute("update public.company_ncm_analysis set reason = 'minha nota'")
    taxpayer.erp.execute(
        "update public.company_opportunities set status = 'interessado', notas_usuario = 'minha nota'"
    )
    taxpayer.erp.execute("update public.score_actions set status = 'completed'")
    return taxpayer


@pytest.mark.parametrize("analysis", list(Analysis))
def test_what_the_function_does_after_the_kill_is_healed(
    settled: Taxpayer, analysis: Analysis, erp_url: str, ops_url: str, tmp_path: Path
) -> None:
    before = [settled.rows(query) for query in STANDS]
    history = settled.value("select count(*) from public.tax_score_history")
    settled.erp.execute("update public.company_dre set input_salarios_encargos = 20")
    settled.erp.execute("update public.xml_imports set content_sha256 = 'another'")
    settled.erp.execute("update public.tax_score set resp_certidoes = 'em dia'")
    name, done = NAMES[analysis], Event()
    handler = settled.handlers[name]

    def noticed(database: psycopg.Connection[Any], asked: FunctionRequest) -> dict[str, Any]:
        try:
            return handler(database, asked)
        finally:
            done.set()

    settled.handlers[name] = noticed
    given = {
        "erp_url": erp_url,
        "ops_url": ops_url,
        "folder": str(tmp_path),
        "connection_id": str(settled.connection_id),
        "url": settled.fake.url,
        "secret": settled.fake.jwt_secret,
    }
    victim = subprocess.Popen([sys.executable, "-c", VICTIM], stdin=subprocess.PIPE, text=True)
    settled.fake.before(name, 1, lambda: (victim.kill(), victim.wait()))
    victim.communicate(json.dumps(given), timeout=120)
    assert victim.returncode == -signal.SIGKILL
    assert done.wait(60)
    assert (
        settled.value(f"select attempts from sync_private.analyses where analysis = '{analysis.value}'") == 1
    )
    settled.made()
    assert [settled.rows(query) for query in STANDS] == before
    assert settled.value("select count(*) from public.tax_score_history") == history + 1
    assert {one.calls for one in settled.made().values()} == {0}
