"""Details of products: read when they have to be, never all of them in one night, and not where nothing changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest

from sync_pipelines.erp.outcome import ModuleOutcome
from sync_pipelines.erp.products.pipeline import ASSET, sync_products
from sync_pipelines.erp.vendors.vendor import Product
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.sandbox.erp.database import add_connection
from sync_pipelines_tests.erp.account import Account, Syncs

USER = UUID(int=1)
Erp = psycopg.Connection[Any]


class Shop:
    """An account of 14 products, each with its NCM in a detail, and the syncs of its connection."""

    def __init__(self, erp: Erp, syncs: Syncs) -> None:
        self.erp, self.syncs = erp, syncs
        self.connection = add_connection(erp, USER, "tiny", credentials={})
        products = [Product(str(n), f"P{n}", ncm="0811.90.00", price=Decimal(n)) for n in range(1, 15)]
        self.account = Account(catalogue=products, name="Tiny", has_details=True)

    def sync(
        self,
        days: float = 1,
        *,
        full: bool = False,
        fence: Callable[[postgres.Connection], None] = lambda _: None,
    ) -> ModuleOutcome:
        """The sync of so many days later."""
        self.syncs.clock.pass_(days=days)
        self.account.asked_details.clear()
        session = self.syncs.session(self.connection, self.account, fence=fence)
        outcome = sync_products(session, full=full)
        assert self.syncs.records.proofs.newest(ASSET)[session.key].holds
        return outcome

    def change(self, number: int, **values: Any) -> None:
        """The ERP says something else of a product."""
        self.account.catalogue[number - 1] = self.account.catalogue[number - 1]._replace(**values)

    @property
    def asked(self) -> list[str]:
        """Whose details the last sync asked for."""
        return sorted(self.account.asked_details, key=int)

    def ncm(self, number: int) -> object:
        query = "select ncm from sync_private.products where vendor_id = %s"
        return cast("tuple[object]", self.erp.execute(query, [str(number)]).fetchone())[0]

    def everything(self) -> list[tuple[Any, ...]]:
        return self.erp.execute(
            "select xmin::text, * from sync_private.products order by vendor_id"
        ).fetchall()


@pytest.fixture
def shop(erp: Erp, syncs: Syncs) -> Shop:
    return Shop(erp, syncs)


def test_a_detail_is_read_once_and_again_within_seven_days(shop: Shop) -> None:
    first = shop.sync()
    assert (first.counts.inserted, len(shop.asked)) == (14, 14)
    began, nights = shop.syncs.clock(), list[str]()
    for night in range(1, 8):
        counts = shop.sync().counts
        assert (counts.read, counts.unchanged, counts.synced) == (14, 14, 0)
        assert len(shop.asked) < 8
        nights += shop.asked
        # The proof rests on details that are that old, and says so.
        assert counts.oldest_reading is not None
        assert counts.oldest_reading >= began if night < 7 else counts.oldest_reading > began
        assert shop.syncs.clock() - counts.oldest_reading < timedelta(days=7)
    assert Counter(nights) == {str(number): 1 for number in range(1, 15)}
    before = shop.everything()
    assert shop.sync(0.1).counts.unchanged == 14
    assert (shop.asked, shop.everything()) == ([], before)


def test_what_the_list_says_anew_what_somebody_altered_and_what_is_lost_is_read(shop: Shop) -> None:
    shop.sync()
    shop.change(1, name="Polpa")
    shop.erp.execute("update sync_private.products set ncm = '1' where vendor_id = '2'")
    shop.erp.execute(
        "update sync_private.products set content_hash = gen_random_uuid() where vendor_id = '3'"
    )
    shop.erp.execute("delete from sync_private.products where vendor_id = '4'")
    shop.erp.execute("update sync_private.products set vanished_at = now() where vendor_id = '5'")
    shop.erp.execute("update sync_private.products set detail_at = 'infinity' where vendor_id = '6'")
    counts = shop.sync(0.01).counts
    assert (shop.asked, counts.inserted, counts.changed) == (["1", "2", "3", "4", "5", "6"], 1, 4)
    assert shop.ncm(2) == "0811.90.00"
    assert shop.sync(0.01, full=True).counts.unchanged == 14
    assert len(shop.asked) == 14
    # What only the detail says changes without a trace in the list, and is found within a week.
    shop.change(7, ncm="2202.10.00")
    shop.sync(0.01)
    assert shop.ncm(7) == "0811.90.00"
    assert shop.sync(7).counts.changed == 1
    assert shop.ncm(7) == "2202.10.00"


def test_a_product_that_was_inactive_meanwhile_has_its_ncm_again(shop: Shop) -> None:
    shop.sync()
    shop.change(1, is_active=False, ncm=None)
    shop.sync(0.01)
    shop.change(1, is_active=True, ncm="0811.90.00")
    shop.sync(0.01)
    assert (shop.asked, shop.ncm(1)) == (["1"], "0811.90.00")


def test_a_detail_that_is_not_there_is_a_reject_each_time_until_it_comes(shop: Shop) -> None:
    shop.sync()
    shop.change(1, name="Polpa", has_detail=False)
    for _ in range(2):
        assert shop.sync(0.01).counts.rejected == 1
        assert shop.asked == ["1"]
    shop.change(1, name="P1")  # what it was called when its detail was read
    assert shop.sync(0.01).counts.rejected == 1
    shop.change(1, has_detail=True)
    assert shop.sync(0.01).counts.unchanged == 14
    assert shop.asked == ["1"]


def test_a_row_that_is_altered_during_the_pass_is_no_proof_and_is_read_by_the_next(shop: Shop) -> None:
    shop.sync()

    def alter(database: postgres.Connection) -> None:
        database.execute("update sync_private.products set name = 'outro' where vendor_id = '1'")

    with pytest.raises(TransientError, match="is not what Tiny listed"):
        shop.sync(0.01, fence=alter)
    alter(shop.erp)
    assert shop.sync(0.01).counts.changed == 1
    assert shop.asked == ["1"]
