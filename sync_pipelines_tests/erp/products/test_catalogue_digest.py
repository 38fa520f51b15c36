"""The digest of each product beside its columns."""

from sync_pipelines.erp.products.pipeline import sync_products
from sync_pipelines.sandbox.erp.database import add_connection
from sync_pipelines_tests.erp.account import Account, Syncs
from sync_pipelines_tests.erp.products.test_products import USER, Erp, products


def test_a_digest_that_somebody_altered_makes_the_whole_catalogue_be_read(erp: Erp, syncs: Syncs) -> None:
    """Passes over changes would fail until the week is over."""
    one = add_connection(erp, USER, "bling", credentials={})
    account = Account(catalogue=products(), changes=[])
    sync_products(syncs.session(one, account), full=False)
    erp.execute("update sync_private.products set content_hash = gen_random_uuid() where vendor_id = '2'")
    assert sync_products(syncs.session(one, account), full=False).counts.changed == 1
    assert sync_products(syncs.session(one, account), full=False).counts.read == 0
