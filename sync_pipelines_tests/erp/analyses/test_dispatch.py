"""The analyses of a user together: what is called, in which order, and what a failure of one leaves of the others."""

from __future__ import annotations

from functools import partial
from typing import Any

import psycopg
import pytest

from sync_pipelines.erp.analyses import process_dre
from sync_pipelines.erp.outcome import Analysis
from sync_pipelines.erp.products import ncm_rows
from sync_pipelines.lib import postgres
from sync_pipelines.sandbox.erp.function_request import Function, FunctionRequest
from sync_pipelines_tests.erp.analyses.project import USER
from sync_pipelines_tests.erp.analyses.taxpayer import NAMES, Taxpayer


def test_each_is_made_once_until_something_changes(taxpayer: Taxpayer) -> None:
    """Trap 65: the history of the score grows with each call."""
    taxpayer.invoice("19022000", "08119000")
    taxpayer.month(2026, 10)
    first = taxpayer.made()
    assert [call.function for call in taxpayer.fake.calls] == list(NAMES.values())
    assert {call.caller and call.caller.kind for call in taxpayer.fake.calls} == {"user"}
    assert [one.calls for one in first.values()] == [1, 1, 1, 1]
    again = taxpayer.made()
    assert [one.calls for one in again.values()] == [0, 0, 0, 0]
    assert len(taxpayer.fake.calls) == 4
    assert {one.figures == first[analysis].figures for analysis, one in again.items()} >= {True}
    assert taxpayer.value("select count(*) from public.tax_score_history") == 1
    for name in Analysis:
        proof = taxpayer.syncs.records.proofs.newest(f"erp/{name.value}")
        assert all(one.holds for one in proof.values()) and proof


def test_without_functions_or_secret_a_person_is_told_which_setting(taxpayer: Taxpayer) -> None:
    for settings, named in (
        ({"erp_functions_url": None}, "ERP_FUNCTIONS_URL"),
        ({"erp_functions_jwt_secret": None}, "ERP_FUNCTIONS_JWT_SECRET"),
    ):
        made = taxpayer.dispatch(**settings)
        assert {one.status for one in made.values()} == {"skipped"}
        assert all(named in one.message for one in made.values())
    assert taxpayer.fake.calls == []


def test_a_refused_token_is_refused_once(taxpayer: Taxpayer) -> None:
    """Trap 62."""
    taxpayer.invoice("19022000")
    taxpayer.month(2026, 10)
    made = taxpayer.dispatch(erp_functions_jwt_secret="the secret of another project, long enough")
    assert {one.status for one in made.values()} == {"error"}
    assert all("ERP_FUNCTIONS_JWT_SECRET" in one.message for one in made.values())
    assert len(taxpayer.fake.calls) == 1


@pytest.mark.parametrize("fault", ["server_error", "cut", "not_successful"])
def test_a_failure_is_recorded_fails_no_other_and_is_made_good(taxpayer: Taxpayer, fault: str) -> None:
    """Trap 66."""
    taxpayer.invoice("19022000")
    taxpayer.month(2026, 10)
    for name in NAMES.values():
        taxpayer.fake.fail(f"{name}_{fault}")
    made = taxpayer.dispatch()
    assert [(one.status, one.calls) for one in made.values()] == [("error", 1)] * 4
    assert all("Os dados gravados não são afetados." in one.message for one in made.values())
    assert taxpayer.value("select bool_and(error is not null and inputs is null) from sync_private.analyses")
    for analysis in Analysis:
        assert not any(
            one.holds for one in taxpayer.syncs.records.proofs.newest(f"erp/{analysis.value}").values()
        )
    taxpayer.fake.clear()
    taxpayer.made()
    assert taxpayer.value("select bool_and(error is null) from sync_private.analyses")
    assert taxpayer.value("select count(*) from public.tax_score_history") == 1


def test_no_other_sync_writes_what_a_function_overwrites(taxpayer: Taxpayer, erp_url: str) -> None:
    taxpayer.invoice("19022000")
    taxpayer.month(2026, 10)
    was_free = dict[str, bool]()

    def look(name: str, lock: int) -> None:
        with postgres.connect(erp_url, what="the erp database") as other:
            was_free[name] = postgres.try_lock(other, lock)

    locks = {Analysis.NCM: ncm_rows.lock_of(USER), Analysis.DRE: process_dre.lock_of(USER)}
    for analysis, lock in locks.items():
        taxpayer.fake.before(NAMES[analysis], 1, partial(look, NAMES[analysis], lock))
    taxpayer.made()
    assert was_free == {NAMES[Analysis.NCM]: False, NAMES[Analysis.DRE]: False}
    for analysis, lock in locks.items():
        look(analysis.value, lock)
    assert was_free[Analysis.NCM.value] and was_free[Analysis.DRE.value]


def test_an_answer_without_figures_is_no_success(taxpayer: Taxpayer) -> None:
    taxpayer.invoice("19022000")
    for name, handler in list(taxpayer.handlers.items()):
        taxpayer.handlers[name] = partial(_without_figures, handler)
    made = taxpayer.dispatch()
    for analysis in (Analysis.NCM, Analysis.OPPORTUNITIES, Analysis.SCORE):
        assert made[analysis].status == "error" and " did not say " in made[analysis].message


def _without_figures(
    handler: Function, database: psycopg.Connection[Any], asked: FunctionRequest
) -> dict[str, Any]:
    handler(database, asked)
    return {"success": True}


def test_a_missing_table_is_said_and_stops_no_other(taxpayer: Taxpayer) -> None:
    taxpayer.erp.execute("drop table public.tax_score_history")
    made = taxpayer.dispatch()
    assert "public.tax_score_history" in made[Analysis.SCORE].message
    assert made[Analysis.OPPORTUNITIES].status == "success"
