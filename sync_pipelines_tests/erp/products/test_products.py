"""The catalogue of an ERP account, and its rows in the application's NCM analysis."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from sync_pipelines.erp.products.pipeline import ASSET, FULL_EVERY, OVERLAP, sync_products
from sync_pipelines.erp.session import MASS_VANISHING
from sync_pipelines.erp.vendors.vendor import Product
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.sandbox.erp.database import add_company, add_connection
from sync_pipelines_tests.erp.account import Account, Syncs

USER = UUID(int=1)
Erp = psycopg.Connection[Any]


def products() -> list[Product]:
    return [
        Product("1", "Pão", code="P1", ncm="1905.90.90", unit="UN", price=Decimal("1.50")),
        Product("2", "Polpa", ncm="0811.90.00"),
        Product("3", "Sem código", ncm="00"),
        Product("4", "Cortado", ncm="190590"),
        Product("5", "Entrega", is_service=True),
        Product("6", "Parado", ncm="19059090", is_active=False),
    ]


def ncm_rows(erp: Erp) -> list[tuple[Any, ...]]:
    return erp.execute(
        "select product_name, ncm_code, status from public.company_ncm_analysis order by product_name, ncm_code"
    ).fetchall()


OURS = [
    ("Cortado", "190590", "incompleto"),
    ("Polpa", "08119000", "pendente"),
    ("Pão", "19059090", "pendente"),
    ("Sem código", "00000000", "incompleto"),
]


def test_the_catalogue_is_what_the_erp_lists_and_the_next_sync_changes_nothing(
    erp: Erp, syncs: Syncs
) -> None:
    one = add_connection(erp, USER, "omie", credentials={})
    first = sync_products(syncs.session(one, Account(catalogue=products())), full=False)
    assert (first.counts.read, first.counts.inserted) == (6, 6)
    stored = erp.execute(
        "select vendor_id, name, ncm, price, is_active from sync_private.products order by vendor_id limit 2"
    ).fetchall()
    assert stored == [
        ("1", "Pão", "1905.90.90", Decimal("1.50"), True),
        ("2", "Polpa", "0811.90.00", None, True),
    ]
    assert sorted(ncm_rows(erp)) == sorted(OURS)
    before = erp.execute("select id, xmin::text from public.company_ncm_analysis order by id").fetchall()
    again = sync_products(syncs.session(one, Account(catalogue=products())), full=False)
    assert (again.counts.synced, again.counts.unchanged) == (0, 6)
    assert (
        erp.execute("select id, xmin::text from public.company_ncm_analysis order by id").fetchall() == before
    )
    assert syncs.records.proofs.newest(ASSET)[syncs.session(one).key].holds


def test_the_status_is_the_applications_until_the_code_changes(erp: Erp, syncs: Syncs) -> None:
    one = add_connection(erp, USER, "omie", credentials={})
    sync_products(syncs.session(one, Account(catalogue=products()[:3])), full=False)
    erp.execute("update public.company_ncm_analysis set status = 'ok', reason = 'visto'")
    company = add_company(erp, USER, None)
    erp.execute("update public.erp_connections set company_id = %s", (company,))
    renamed, recoded, repaired = products()[:3]
    listed = [
        renamed._replace(name="Pão de queijo"),
        recoded._replace(ncm="0811.10.00"),
        repaired._replace(ncm="2106.90.90"),
    ]
    outcome = sync_products(syncs.session(one, Account(catalogue=listed)), full=False)
    assert outcome.counts.changed == 3
    rows = erp.execute(
        "select product_name, ncm_code, status, reason, company_id from public.company_ncm_analysis order by 1"
    ).fetchall()
    assert sorted(rows) == sorted(
        [
            ("Pão de queijo", "19059090", "ok", "visto", company),
            ("Polpa", "08111000", "pendente", None, company),
            ("Sem código", "21069090", "pendente", None, company),
        ]
    )


def test_rows_that_the_analysis_erased_come_back_and_its_own_are_not_doubled(erp: Erp, syncs: Syncs) -> None:
    """Trap 63."""
    one = add_connection(erp, USER, "omie", credentials={})
    account = Account(catalogue=products())
    sync_products(syncs.session(one, account), full=False)
    erp.execute("delete from public.company_ncm_analysis where user_id = %s", (USER,))
    erp.execute(
        "insert into public.company_ncm_analysis (user_id, product_name, ncm_code, status, qtd_operacoes)"
        " values (%s, 'Pão', '19059090', 'ok', 7), (%s, 'Outro', '11111111', 'ok', 3)",
        (USER, USER),
    )
    outcome = sync_products(syncs.session(one, account), full=False)
    assert outcome.counts.synced == 0
    assert sorted(ncm_rows(erp)) == sorted(
        [("Pão", "19059090", "ok"), ("Outro", "11111111", "ok"), *(row for row in OURS if row[0] != "Pão")]
    )
    # The application's row goes: ours comes.
    erp.execute("delete from public.company_ncm_analysis where product_name = 'Pão'")
    sync_products(syncs.session(one, account), full=False)
    assert ("Pão", "19059090", "pendente") in ncm_rows(erp)


def test_a_page_that_fails_changes_nothing(erp: Erp, syncs: Syncs) -> None:
    """Traps 5 and 52."""
    one = add_connection(erp, USER, "omie", credentials={})
    sync_products(syncs.session(one, Account(catalogue=products())), full=False)
    broken = Account(catalogue=products()[:4], fails_after=1, error=TransientError("The page did not come."))
    with pytest.raises(TransientError, match="did not come"):
        sync_products(syncs.session(one, broken), full=False)
    assert erp.execute("select count(*) from sync_private.products where vanished_at is null").fetchone() == (
        6,
    )
    assert len(ncm_rows(erp)) == 4
    statuses = syncs.records.connection.execute("select status from ops.landed_files order by id").fetchall()
    assert statuses == [("usable",), ("refused",)]


def test_a_product_that_is_gone_is_marked_and_comes_back(erp: Erp, syncs: Syncs) -> None:
    one = add_connection(erp, USER, "omie", credentials={})
    sync_products(syncs.session(one, Account(catalogue=products())), full=False)
    outcome = sync_products(syncs.session(one, Account(catalogue=products()[1:])), full=False)
    assert outcome.counts.vanished == 1 and "Pão" not in {row[0] for row in ncm_rows(erp)}
    back = sync_products(syncs.session(one, Account(catalogue=products())), full=False)
    assert back.counts.changed == 1 and sorted(ncm_rows(erp)) == sorted(OURS)


def test_a_mass_disappearance_is_stopped_until_a_person_accepts_it(erp: Erp, syncs: Syncs) -> None:
    one = add_connection(erp, USER, "omie", credentials={})
    sync_products(syncs.session(one, Account(catalogue=products())), full=False)
    with pytest.raises(PermanentError, match=r"6 of 6 products .* accept mass_vanishing"):
        sync_products(syncs.session(one, Account()), full=False)
    assert len(ncm_rows(erp)) == 4
    sync_products(syncs.session(one, Account(), accepted=[MASS_VANISHING]), full=False)
    assert ncm_rows(erp) == []


def test_changes_alone_are_read_until_a_week_has_passed(erp: Erp, syncs: Syncs) -> None:
    one = add_connection(erp, USER, "bling", credentials={})
    changed = products()[0]._replace(name="Pão francês")
    account = Account(catalogue=products(), changes=[changed], name="Bling")
    began = syncs.clock()
    sync_products(syncs.session(one, account), full=False)
    syncs.clock.pass_(days=1)
    outcome = sync_products(syncs.session(one, account), full=False)
    assert (outcome.counts.read, outcome.counts.changed, outcome.counts.vanished) == (1, 1, 0)
    assert outcome.counts.oldest_reading == began
    assert ("Pão francês", "19059090", "pendente") in ncm_rows(erp)
    account.catalogue[0] = changed
    syncs.clock.pass_(days=1)
    sync_products(syncs.session(one, account), full=True)
    syncs.clock.now += FULL_EVERY - timedelta(days=1)
    sync_products(syncs.session(one, account), full=False)
    syncs.clock.pass_(days=1)
    assert sync_products(syncs.session(one, account), full=False).counts.read == 6
    assert account.asked_since[:3] == [None, began - OVERLAP, None]
    assert account.asked_since[4] is None


def test_a_row_that_somebody_altered_makes_the_whole_catalogue_be_read(erp: Erp, syncs: Syncs) -> None:
    one = add_connection(erp, USER, "bling", credentials={})
    account = Account(catalogue=products(), changes=[])
    sync_products(syncs.session(one, account), full=False)
    erp.execute("update sync_private.products set name = 'alterado' where vendor_id = '2'")
    assert sync_products(syncs.session(one, account), full=False).counts.changed == 1
    erp.execute("delete from sync_private.products where vendor_id = '3'")
    assert sync_products(syncs.session(one, account), full=False).counts.inserted == 1
    assert account.asked_since == [None, None, None]


def test_the_rows_of_other_connections_and_companies_are_left_alone(erp: Erp, syncs: Syncs) -> None:
    """Section 1.2, defect 10, and trap 58."""
    first, second = add_company(erp, USER, None), add_company(erp, USER, None)
    one = add_connection(erp, USER, "omie", credentials={}, company_id=first)
    two = add_connection(erp, USER, "bling", credentials={}, company_id=second)
    sync_products(syncs.session(two, Account(catalogue=products()[:2])), full=False)
    erp.execute(
        "insert into public.company_ncm_analysis (user_id, company_id, product_name, ncm_code)"
        " values (%s, %s, 'X', '1')",
        (uuid4(), second),
    )
    sync_products(syncs.session(one, Account(catalogue=products()[:1])), full=False)
    rows = erp.execute(
        "select company_id, product_name from public.company_ncm_analysis order by company_id = %s, product_name",
        (first,),
    ).fetchall()
    assert sorted(rows) == sorted([(second, "Polpa"), (second, "Pão"), (second, "X"), (first, "Pão")])


def test_products_that_cannot_be_used_are_rejects_with_their_content(erp: Erp, syncs: Syncs) -> None:
    one = add_connection(erp, USER, "omie", credentials={})
    listed = [*products()[:1], Product("9", " \x00 ", ncm="1"), products()[0]]
    outcome = sync_products(syncs.session(one, Account(catalogue=listed)), full=False)
    counts = outcome.counts
    assert (counts.read, counts.inserted, counts.rejected, counts.skipped) == (3, 1, 1, 1)
    row = syncs.records.connection.execute("select rule, locator ->> 'product' from ops.rejects").fetchone()
    assert row == ("product_has_a_name", "9")


def test_a_row_that_the_database_refuses_is_an_error_of_the_module(erp: Erp, syncs: Syncs) -> None:
    erp.execute(
        "alter table public.company_ncm_analysis add constraint short check (length(product_name) < 4)"
    )
    one = add_connection(erp, USER, "omie", credentials={})
    with pytest.raises(PermanentError, match="SQLSTATE 23514"):
        sync_products(syncs.session(one, Account(catalogue=products())), full=False)
    assert erp.execute("select count(*) from sync_private.products").fetchone() == (0,)


def test_a_trigger_that_swallows_rows_is_found_and_nothing_is_written(erp: Erp, syncs: Syncs) -> None:
    erp.execute(
        "create function swallow() returns trigger language plpgsql as $$ begin return null; end $$;"
        " create trigger swallow before insert on public.company_ncm_analysis for each row"
        " execute function swallow()"
    )
    one = add_connection(erp, USER, "omie", credentials={})
    with pytest.raises(TransientError, match="NCM rows"):
        sync_products(syncs.session(one, Account(catalogue=products())), full=False)
    assert erp.execute("select count(*) from sync_private.products").fetchone() == (0,)


def test_a_listed_product_without_its_detail_is_a_reject_and_the_next_pass_reads_everything(
    erp: Erp, syncs: Syncs
) -> None:
    one = add_connection(erp, USER, "bling", credentials={})
    listed = products()
    missing = [listed[0]._replace(ncm=None, has_detail=False), *listed[1:]]
    outcome = sync_products(syncs.session(one, Account(catalogue=missing, changes=[])), full=False)
    assert outcome.counts.rejected == 1
    account = Account(catalogue=listed, changes=[])
    again = sync_products(syncs.session(one, account), full=False)
    assert (again.counts.inserted, again.counts.rejected, account.asked_since) == (1, 0, [None])


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "20225-01-01", "0044-01-01 BC", "9000-01-01"])
@pytest.mark.parametrize("column", ["full_at", "changes_at"])
def test_a_last_pass_that_cannot_have_been_makes_the_whole_catalogue_be_read(
    erp: Erp, syncs: Syncs, column: str, moment: str
) -> None:
    """A time to come would ask for no change until then."""
    one = add_connection(erp, USER, "bling", credentials={})
    account = Account(catalogue=products(), changes=[])
    sync_products(syncs.session(one, account), full=False)
    erp.execute(f"update sync_private.product_catalogs set {column} = '{moment}'".encode())
    assert sync_products(syncs.session(one, account), full=False).counts.read == 6
    sync_products(syncs.session(one, account), full=False)
    assert account.asked_since[:2] == [None, None]
    assert account.asked_since[2] is not None


@pytest.mark.parametrize(
    "harm",
    [
        "delete from sync_private.products where vendor_id = '2'",
        "update sync_private.products set name = 'alterado' where vendor_id = '2'",
        "update sync_private.products set vanished_at = now() where vendor_id = '2'",
        "update sync_private.products set name = 'x', content_hash = gen_random_uuid() where vendor_id = '2'",
    ],
)
def test_a_catalogue_that_changes_while_changes_are_listed_is_not_called_proved(
    erp: Erp, syncs: Syncs, harm: str
) -> None:
    one = add_connection(erp, USER, "bling", credentials={})
    account = Account(catalogue=products(), changes=[products()[0]])
    sync_products(syncs.session(one, account), full=False)
    session = syncs.session(one, account)
    session.report = lambda *_, **__: erp.execute(harm.encode())
    with pytest.raises(TransientError):
        sync_products(session, full=False)
    assert sync_products(syncs.session(one, account), full=False).counts.read == 6
    assert erp.execute("select count(*) from sync_private.products where vanished_at is null").fetchall() == [
        (6,)
    ]
