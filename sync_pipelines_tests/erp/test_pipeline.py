"""Connections from the vendor to proof, over real sockets into real Postgres: what a sync leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from sync_pipelines.erp.connections.due import is_due
from sync_pipelines.erp.connections.steward import ConnectionBusyError
from sync_pipelines.erp.outcome import Module
from sync_pipelines.erp.vendors.registry import VENDORS
from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.lib.interruptions import InterruptedRunError
from sync_pipelines.lib.progress import Progress
from sync_pipelines.sandbox.erp.database import add_company
from sync_pipelines.sandbox.erp.year import further_note
from sync_pipelines_tests.erp.installation import START, Connected, Installed, installation


def everything(installed: Installed, one: Connected) -> list[tuple[object, ...]]:
    """Every row of a connection's user that a sync writes, but for its log."""
    tables = ("xml_imports", "xml_analysis", "company_profile", "company_ncm_analysis", "identified_credits")
    return [
        row
        for name in tables
        for row in installed.rows(f"select * from public.{name} where user_id = %s order by id", one.user_id)
    ]


def test_a_second_sync_makes_the_calls_that_detecting_a_change_needs_and_writes_nothing(
    installed: Installed,
) -> None:
    ones = [installed.connect("omie"), installed.connect("bling")]
    for one in ones:
        outcome = installed.sync(one)
        assert outcome.failed == {}
        assert outcome.records_synced > 20
        row, log = installed.row(one), installed.log(one)
        assert (row.status, row.status_message, row.last_sync_at is not None) == ("active", None, True)
        assert (log["status"], log["records_synced"]) == ("success", outcome.records_synced)
    assert installed.truth(*ones) == []
    before = [everything(installed, one) for one in ones]
    for one in ones:
        installed.fake(one).clear()
        installed.functions.clear()
        outcome = installed.sync(one)
        assert (outcome.failed, outcome.records_synced) == ({}, 0)
        assert outcome.calls == sum(installed.calls(one).values())
        assert installed.functions.calls == []
    assert [everything(installed, one) for one in ones] == before
    omie, bling = ones
    # Of each list one page, because these companies are small; of Bling's invoices one page a kind and state.
    assert installed.calls(omie) == dict.fromkeys(
        (
            "ListarEmpresas",
            "ListarProdutos",
            "ListarNF",
            "ListarCategorias",
            "ListarContasReceber",
            "ListarContasPagar",
        ),
        1,
    )
    # Titles of ten years to come are asked for in periods of a year, in force and cancelled.
    titles = {"categories": 1, "receivables": 12, "payables": 12}
    assert installed.calls(bling) == {"company": 1, "products": 1, "invoices": 4, **titles}


def test_a_world_that_changed_is_followed(installed: Installed) -> None:
    ones = [installed.connect("omie"), installed.connect("bling")]
    for one in ones:
        installed.sync(one)
    installed.clock.advance(hours=12)
    for one in ones:
        [*_, last] = [note for note in installed.account(one).stored if note.state == "authorised"]
        one.company.cancel(last.vendor_id)
        further_note(one.company, last.issued_at + timedelta(minutes=1))
        one.company.alter_product(one.company.products[0].vendor_id, name="Novo nome", ncm="2202.10.00")
        outcome = installed.sync(one)
        assert outcome.records_synced == 3
        credits = outcome.credits
        assert credits is not None
        assert (credits.analysed, credits.cleared) == (1, 1)
        key = last.key
        assert installed.value("select nfe_status from xml_imports where nfe_key = %s", key) == "cancelada"
        query = "select count(*) from identified_credits where nfe_key = %s"
        assert installed.value(query, key) == 0
    assert installed.truth(*ones) == []


def test_an_account_of_another_company_stores_nothing_under_that_of_its_connection(
    installed: Installed,
) -> None:
    """Trap 58: the connection was linked to the user's other company."""
    omie = installed.connect("omie")
    other = add_company(installed.erp, omie.user_id, "11222333000181", razao_social="Outra empresa")
    installed.set(omie, company_id=other)
    outcome = installed.sync(omie)
    assert set(outcome.failed) == set(Module)
    assert (
        installed.rows(
            "select company_id from xml_imports union all select company_id from company_ncm_analysis"
        )
        == []
    )
    assert installed.log(omie)["status"] == "error"
    assert installed.calls(omie) == {"ListarEmpresas": 1}


def test_two_companies_of_one_user_stand_beside_each_other(installed: Installed) -> None:
    user = uuid4()
    ones = [installed.connect("omie", user_id=user), installed.connect("bling", user_id=user)]
    for one in ones:
        assert installed.sync(one).failed == {}
    assert installed.truth(*ones) == []
    assert {one.company_id for one in ones} == {
        company for (company,) in installed.rows("select distinct company_id from xml_imports")
    }


def test_an_invoice_of_two_erps_of_a_user_lands_once(installed: Installed) -> None:
    omie = installed.connect("omie")
    bling = installed.connect("bling", user_id=omie.user_id, company=omie.company, company_id=omie.company_id)
    first, second = installed.sync(omie), installed.sync(bling)
    assert (first.failed, second.failed) == ({}, {})
    invoices = second.modules[Module.INVOICES].counts
    assert (invoices.inserted, invoices.read > 0) == (0, True)
    assert installed.truth(omie, bling, modules=("nfe",)) == []
    installed.functions.clear()
    assert [installed.sync(one).records_synced for one in (omie, bling)] == [0, 0]
    assert installed.functions.calls == []


Happens = Callable[[Installed, Connected], None]


def fails(fault: str) -> Happens:
    """A fault of the account's vendor, until it is switched off."""
    return lambda installed, middle: installed.fake(middle).fail(fault, account=middle.name)


def _undecryptable(installed: Installed, middle: Connected) -> None:
    row = installed.value("select credentials from public.erp_connections where id = %s", middle.id)
    text = str(row)
    installed.set_credentials(middle, text[:-8] + ("A" * 8 if not text.endswith("A" * 8) else "B" * 8))


def _expired_and_not_renewed(installed: Installed, middle: Connected) -> None:
    installed.clock.advance(hours=7)
    installed.bling.fail("token_invalid_grant", account=middle.name)


_BUT_INVOICES, _BUT_PRODUCTS = {"empresa", "produtos", "financeiro"}, {"empresa", "nfe", "financeiro"}
#: What goes wrong, of which ERP, with what the log says, what of the sync succeeds all the same, and whether it waits.
TROUBLES: Mapping[str, tuple[str, Happens, str, set[str], bool]] = {
    "a fault with 500": ("omie", fails("ListarNF_fault"), "NF-e", _BUT_INVOICES, False),
    "a fault with 200": ("omie", fails("ListarNF_fault_200"), "NF-e", _BUT_INVOICES, False),
    "a page that is cut": ("bling", fails("products_cut"), "produtos", _BUT_PRODUCTS, False),
    "an error read as an empty page": (
        "omie",
        fails("ListarNF_null"),
        "NF-e",
        _BUT_INVOICES,
        False,
    ),
    "bad credentials": (
        "omie",
        fails("ListarEmpresas_bad_credentials"),
        "recusou as credenciais",
        set(),
        True,
    ),
    "no scope": ("bling", fails("products_insufficient_scope"), "produtos", _BUT_PRODUCTS, False),
    "a block": ("omie", fails("ListarProdutos_blocked"), "blocked the account", {"empresa"}, False),
    "a list of titles that fails": (
        "contaazul",
        fails("receivables_server_error"),
        "financeiro",
        {"empresa", "produtos", "nfe"},
        False,
    ),
    "an error within a 200": (
        "tiny",
        fails("notas.fiscais.pesquisa_unexpected"),
        "NF-e",
        _BUT_INVOICES,
        False,
    ),
    "an error of the service": ("sankhya", fails("Produto_status_0"), "produtos", {"empresa"}, False),
    "an undecryptable secret": ("omie", _undecryptable, "credenciais", set(), True),
    "a token that is not renewed": ("bling", _expired_and_not_renewed, "Bling", set(), True),
}


#: A kind each of what can fail; the others take their time in the slow suite.
QUICK = ("a fault with 500", "bad credentials", "a block", "a list of titles that fails")


@pytest.mark.parametrize(
    "trouble",
    [pytest.param(one, marks=[] if one in QUICK else [pytest.mark.slow]) for one in TROUBLES],
)
def test_of_three_connections_the_middle_one_fails_and_touches_no_other(
    installed: Installed, trouble: str
) -> None:
    erp_type, happens, said, kept, waits = TROUBLES[trouble]
    first, middle, last = (
        installed.connect("omie"),
        installed.connect(erp_type),
        installed.connect("bling"),
    )
    happens(installed, middle)
    for one in (first, middle, last):
        try:
            installed.sync(one, only_if_due=True)
        except Exception:
            assert one is middle
    assert installed.truth(first, last) == []
    for one in (first, last):
        assert installed.log(one)["status"] == "success"
    row, log = installed.row(middle), installed.log(middle)
    assert (log["status"], log["is_closed"], row.status) == ("error", True, "error")
    assert said in log["error_message"]
    modules = log["details"].get("modules", {})
    assert {name for name, one in modules.items() if one["status"] == "success"} == kept
    assert log["records_synced"] == sum(one["synced"] for one in modules.values())
    assert row.last_sync_at is None
    assert row.next_sync_at is not None
    assert timedelta(0) < row.next_sync_at - START <= timedelta(hours=32)
    if trouble == "a block":
        # One call more would make it longer.
        assert installed.calls(middle) == {"ListarEmpresas": 1, "ListarProdutos": 1}
    if waits:
        assert sum(installed.calls(middle).values()) <= 2
    for secret in middle.credentials.values():
        assert len(str(secret)) < 20 or str(secret) not in f"{log} {row.status_message}"
    # The next day: whatever can cure itself is due again, what waits for a person is not.
    installed.clock.advance(hours=32)
    assert is_due(installed.row(middle), installed.clock(), served=frozenset(VENDORS)) is not waits
    installed.fake(middle).switches.clear()
    if waits:
        return
    assert installed.sync(middle, only_if_due=True).failed == {}
    assert installed.row(middle).status == "active"


@pytest.fixture
def small_pages(erp_url: str, ops_url: str, tmp_path: Path) -> Iterator[Installed]:
    with installation(erp_url, ops_url, tmp_path, page_cap=5) as made:
        yield made


def test_a_page_that_fails_deletes_nothing_and_the_rest_comes_with_the_next_sync(
    small_pages: Installed,
) -> None:
    installed, one = small_pages, small_pages.connect("omie", a_month=20)
    installed.sync(one)
    before = everything(installed, one)
    # Of the products as well, which the original deleted before it asked for them.
    installed.omie.fail("ListarNF_cut", page=3)
    installed.omie.fail("ListarProdutos_fault", page=2)
    outcome = installed.sync(one, full=True)
    assert set(outcome.failed) == {Module.PRODUCTS, Module.INVOICES}
    assert everything(installed, one) == before
    installed.omie.clear()
    assert installed.sync(one).failed == {}
    assert installed.truth(one) == []


def test_functions_that_are_down_fail_no_sync_and_are_asked_again(installed: Installed) -> None:
    one = installed.connect("omie")
    installed.functions.fail("analyze-credits_server_error")
    outcome = installed.sync(one)
    assert (outcome.failed, outcome.credits is not None and outcome.credits.status) == ({}, "error")
    log = installed.log(one)
    assert (log["status"], log["details"]["credits"]["status"]) == ("success", "error")
    assert installed.truth(one, with_credits=False) == []
    installed.functions.clear()
    outcome = installed.sync(one)
    assert outcome.credits is not None
    assert (outcome.records_synced, outcome.credits.status, outcome.credits.failed) == (0, "success", 0)
    assert installed.truth(one) == []


def test_two_syncs_of_one_connection_do_not_overlap(installed: Installed) -> None:
    one = installed.connect("omie")
    with (
        installed.pipeline().runs.execution(one.id, run_id="other"),
        pytest.raises(ConnectionBusyError),
    ):
        installed.sync(one)
    assert [log["status"] for log in installed.logs(one)] == ["success"]
    assert installed.calls(one) == {}


def test_a_part_of_a_sync_leaves_the_time_of_the_whole(installed: Installed) -> None:
    one = installed.connect("omie")
    outcome = installed.sync(one, modules=[Module.PRODUCTS])
    assert list(outcome.modules) == [Module.PRODUCTS]
    assert outcome.credits is None
    assert installed.row(one).next_sync_at is None
    month = installed.months[-2]
    outcome = installed.sync(one, modules=[Module.INVOICES], months=[month])
    assert list(outcome.months[Module.INVOICES]) == [month]
    assert {
        day for (day,) in installed.rows("select date_trunc('month', issue_date)::date from xml_imports")
    } == {month}
    assert installed.row(one).next_sync_at is None
    installed.sync(one)
    assert installed.row(one).next_sync_at is not None
    assert installed.truth(one) == []


def test_an_interrupted_sync_leaves_a_closed_row_and_is_due(installed: Installed) -> None:
    one = installed.connect("omie")
    cancellation = Cancellation()

    def stop(progress: Progress) -> None:
        if progress.stage != "company" and progress.done:
            cancellation.cancel()

    with pytest.raises(InterruptedRunError):
        installed.sync(one, progress=stop, cancellation=cancellation)
    log, row = installed.log(one), installed.row(one)
    assert (log["status"], log["is_closed"], row.status, row.next_sync_at) == (
        "cancelled",
        True,
        "active",
        None,
    )
    assert installed.sync(one, only_if_due=True).failed == {}
    assert installed.truth(one) == []


def test_an_automatic_sync_that_comes_too_late_does_nothing(installed: Installed) -> None:
    one = installed.connect("omie")
    installed.sync(one, only_if_due=True)
    outcome = installed.sync(one, only_if_due=True)
    assert outcome.skipped
    assert len(installed.logs(one)) == 1
    assert installed.log(one)["sync_type"] == "auto"


@pytest.mark.parametrize("column", ["company_id", "user_id"])
def test_a_connection_that_changes_hands_during_its_sync_writes_nothing_for_the_former(
    installed: Installed, column: str
) -> None:
    one = installed.connect(a_month=3, months=2)
    new = uuid4() if column == "user_id" else add_company(installed.erp, one.user_id, "11222333000181")
    installed.omie.before("ListarNF", 1, lambda: installed.set(one, **{column: new}))
    outcome = installed.sync(one)
    assert set(outcome.failed) == {Module.INVOICES, Module.FINANCIALS}
    assert installed.value("select count(*) from public.xml_imports") == 0
    assert installed.log(one)["status"] == "error"
    installed.clock.advance(hours=24)
    # Whose the account is has to be said for the company as well: otherwise nothing is stored.
    assert Module.INVOICES in installed.sync(one).failed
    if column == "user_id":
        installed.set(one, company_id=None)
    else:
        installed.erp.execute(
            "update public.company_profile set cnpj_principal = case when id = %s then cnpj end"
            " from (select cnpj_principal as cnpj from public.company_profile where id = %s) as former",
            (new, one.company_id),
        )
    installed.sync(one)
    assert installed.rows(f"select distinct {column} from public.xml_imports") == [(new,)]
