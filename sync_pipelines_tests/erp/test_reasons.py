"""What a person reads of a sync that failed: why, what to accept, what to do first."""

from __future__ import annotations

import pytest

from sync_pipelines.erp.outcome import Module
from sync_pipelines.erp.session import MASS_VANISHING
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines_tests.erp.installation import Installed, sync_of


def test_the_log_says_once_why_the_list_of_invoices_failed(installed: Installed) -> None:
    one = installed.connect("omie", a_month=1)
    installed.omie.fail("ListarNF_fault", account=one.name)
    outcome = installed.sync(one)
    error, said = outcome.modules[Module.INVOICES].error, installed.log(one)["error_message"]
    assert str(error)
    assert said.count(str(error)) == 1
    assert "08/2026 a 11/2026 (4 meses)" in said


def test_the_log_says_what_to_accept_where_a_month_lost_its_invoices(installed: Installed) -> None:
    one = installed.connect("omie")
    installed.sync(one)
    one.company.notes.clear()
    installed.clock.advance(hours=24)
    installed.sync(one)
    assert f"accept {MASS_VANISHING}" in installed.log(one)["error_message"]


@pytest.mark.parametrize("missing", ["erp", "an older version", "ops"])
def test_without_our_tables_no_connection_is_touched(installed: Installed, missing: str) -> None:
    one = installed.connect()
    if missing == "erp":
        installed.erp.execute("alter schema sync_private rename to elsewhere")
    elif missing == "an older version":
        installed.erp.execute("alter table sync_private.products drop column detail_at")
    else:
        installed.ops.execute("alter schema ops rename to elsewhere")
    with pytest.raises(PermanentError, match="Run `sync-pipelines migrate`"):
        installed.sync(one, only_if_due=True)
    assert (installed.row(one).status, installed.row(one).next_sync_at, installed.logs(one)) == (
        "active",
        None,
        [],
    )
    assert installed.calls(one) == {}


def test_without_the_key_of_the_credentials_no_connection_is_touched(installed: Installed) -> None:
    one = installed.connect()
    settings = installed.settings.model_copy(update={"erp_credentials_key": None})
    with pytest.raises(PermanentError, match="set ERP_CREDENTIALS_KEY"):
        sync_of(settings, installed.clock).sync(one.id, run_id="run", only_if_due=True)
    assert (installed.row(one).status, installed.row(one).next_sync_at, installed.logs(one)) == (
        "active",
        None,
        [],
    )
    assert installed.sync(one).failed == {}
