"""A connection of Tiny, synced whole: its tables are what the truth says, and a second sync changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sync_pipelines.erp.outcome import Module
from sync_pipelines.sandbox.erp.year import further_note
from sync_pipelines_tests.erp.installation import Installed

MODULES = ("empresa", "produtos", "nfe", "financeiro")


@pytest.mark.slow
def test_a_connection_is_synced_and_followed(installed: Installed) -> None:
    tiny = installed.connect("tiny", titles=2, a_month=4)
    first = installed.sync(tiny)
    assert first.failed == {}
    assert first.records_synced > 20
    assert installed.truth(tiny, modules=MODULES) == []
    log = str(installed.logs(tiny))
    assert tiny.account.credentials["token"] not in log

    installed.fake(tiny).clear()
    again = installed.sync(tiny)
    assert (again.failed, again.records_synced) == ({}, 0)
    assert again.calls == sum(installed.calls(tiny).values())
    # No document is asked for again, nor the detail of a title or of a product.
    assert installed.calls(tiny) == {
        "info": 1,
        "produtos.pesquisa": 1,
        "notas.fiscais.pesquisa": 1,
        "contas.receber.pesquisa": 1,
        "contas.pagar.pesquisa": 1,
    }

    installed.clock.advance(hours=12)
    [*_, last] = [note for note in installed.account(tiny).stored if note.state == "authorised"]
    tiny.company.cancel(last.vendor_id)
    further_note(tiny.company, last.issued_at + timedelta(minutes=1))
    tiny.company.alter_product(tiny.company.products[0].vendor_id, name="Novo nome", ncm="2202.10.00")
    installed.fake(tiny).fail("nota.fiscal.obter.xml_escaped")
    assert installed.sync(tiny).failed == {}
    assert installed.truth(tiny, modules=MODULES) == []


def test_a_blocked_account_waits_for_a_person_and_a_full_minute_for_a_minute(installed: Installed) -> None:
    tiny = installed.connect("tiny", a_month=1)
    installed.fake(tiny).fail("produtos.pesquisa_too_many", 1)
    began = installed.clock.now
    assert installed.sync(tiny).failed == {}
    assert installed.clock.now - began >= timedelta(minutes=1)
    assert installed.truth(tiny, modules=MODULES) == []
    installed.fake(tiny).fail("info_blocked")
    outcome = installed.sync(tiny)
    assert set(outcome.failed) == set(Module)
    assert installed.row(tiny).status == "error"
    assert "Tiny" in (installed.row(tiny).status_message or "")
