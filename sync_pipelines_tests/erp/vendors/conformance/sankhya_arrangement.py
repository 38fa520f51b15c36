"""How Sankhya is put on the bench: its list of products stands for the invoices, which are not served."""

from __future__ import annotations

from sync_pipelines.sandbox.erp.sankhya import SankhyaFake
from sync_pipelines_tests.erp.vendors.conformance.bench import Arrangement, Trouble
from sync_pipelines_tests.erp.vendors.conformance.title_troubles import OF_TITLES

_NO_INVOICES = "its invoices are not served"
_NO_BLOCK = "no block of its is known"
_NO_LIMIT = "no limit of its is known; ours is 120 calls a minute, one at a time"
_OF_INVOICES = (
    "sales_and_purchases_are_listed",
    "only_the_days_that_were_asked_for_come",
    "a_day_is_one_of_the_issuer",
    "a_note_has_the_state_that_the_vendor_says",
    "what_was_not_issued_is_no_invoice",
    "a_consumer_invoice_is_told_apart",
    "a_note_of_the_test_environment_is_told_apart",
    "an_alphanumeric_key_is_kept",
    "a_document_is_that_of_its_invoice",
    "threads_share_an_account",
)

SANKHYA = Arrangement(
    "sankhya",
    fake=SankhyaFake,
    settings=lambda fake: {"SANKHYA_URL": fake.url},
    credentials=lambda fake: fake.account.credentials,
    methods={"company": "Empresa", "products": "Produto"},
    troubles={
        Trouble.FAILS: "server_error",
        Trouble.CUT: "cut",
        Trouble.HANGS: "hang",
        Trouble.DROPPED: "drop",
        Trouble.NOT_JSON: "not_json",
        Trouble.LOST: "lost",
        Trouble.REPEATED: "repeats",
        Trouble.SHORT: "short",
        Trouble.THROTTLED: "too_many",
        Trouble.REFUSED: "unauthorized",
    },
    undated=lambda request: request,
    limits=[],
    second_pass={"login": 1, "company": 1, "products": 3},
    without={
        **dict.fromkeys(_OF_INVOICES, _NO_INVOICES),
        **dict.fromkeys(OF_TITLES, "its titles are not served"),
        "a_list_that_moves_loses_nothing": "its lists say neither their order nor how long they are",
        "a_block_ends_all_calls": _NO_BLOCK,
        "the_limits_are_kept_and_used": _NO_LIMIT,
        "the_same_request_waits": "it has no such rule",
        "a_number_is_the_same_as_text_or_number": "its products have no price",
    },
    listing="products",
    logins=1,
)
