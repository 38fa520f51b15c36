"""How Conta Azul is put on the bench."""

from __future__ import annotations

from functools import partial

import httpx

from sync_pipelines.sandbox.erp.contaazul import ContaAzulFake
from sync_pipelines.sandbox.erp.contaazul_answers import Manners
from sync_pipelines.sandbox.erp.contaazul_documents import number_of, uuid_of
from sync_pipelines_tests.erp.vendors.conformance.bench import Arrangement, Trouble

_COUNTS_ALL = "its list counts notes that it does not show"
_DATES = (
    "data_inicial",
    "data_final",
    "data_vencimento_de",
    "data_vencimento_ate",
)


def _number(vendor_id: str) -> int:
    """The sandbox's number: of an invoice by the number in its access key, of anything else by its id."""
    return 7000 + int(vendor_id[25:34]) if len(vendor_id) == 44 else number_of(vendor_id)


def _without_dates(request: httpx.Request) -> httpx.Request:
    url = request.url
    for name in _DATES:
        url = url.copy_remove_param(name)
    return httpx.Request(request.method, url, headers=request.headers, extensions=request.extensions)


CONTAAZUL = Arrangement(
    "contaazul",
    fake=partial(ContaAzulFake, manners=Manners(needs_dates=False)),
    settings=lambda fake: {"CONTAAZUL_URL": fake.url},
    credentials=lambda fake: fake.account.credentials,
    methods={
        "company": "company",
        "products": "products",
        "invoices": "invoices",
        "xml": "xml",
        "receivables": "receivables",
        "payables": "payables",
        "categories": "categories",
    },
    troubles={
        Trouble.CUT: "cut",
        Trouble.HANGS: "hang",
        Trouble.DROPPED: "drop",
        Trouble.NOT_JSON: "not_json",
        Trouble.LOST: "lost",
        Trouble.REPEATED: "repeats",
        Trouble.SHORT: "short",
        Trouble.FAILS: "server_error",
        Trouble.THROTTLED: "too_many",
        # It blocks nobody: what lasts is a token that is refused.
        Trouble.BLOCKED: "invalid_token",
        Trouble.REFUSED: "invalid_token",
        Trouble.NO_AMOUNT: "bad_amount",
        Trouble.NO_DATE: "bad_date",
    },
    undated=_without_dates,
    limits=[("xml", 10, 1.0), (None, 10, 1.0), (None, 600, 60.0)],
    second_pass={
        "company": 1,
        "products": 3,
        "invoices": 8,
        "receivables": 3,
        "payables": 1,
        "categories": 2,
    },
    states=("open", "overdue", "partial", "settled", "lost", "renegotiated"),
    number=_number,
    title_id=lambda one: uuid_of(one.vendor_id),
    without={
        "sales_and_purchases_are_listed": "it offers sales alone",
        "a_page_that_lacks_a_row_is_an_error": _COUNTS_ALL,
        "a_page_without_rows_is_an_error": _COUNTS_ALL,
        "a_block_ends_all_calls": "it blocks nobody",
        "a_note_has_the_state_that_the_vendor_says": "a void note vanishes from its list; it is asked for by key",
        "a_note_of_the_test_environment_is_told_apart": "its list does not say; the XML does",
        "the_catalogue_is_whole": "its services are in another list, which has no NCM",
        "the_same_request_waits": "it has no such rule",
    },
)
