"""How Tiny is put on the bench."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import httpx

from sync_pipelines.sandbox.erp.tiny import TinyFake
from sync_pipelines_tests.erp.vendors.conformance.bench import Arrangement, Trouble

#: A filter must be there: those of all days are as good as none.
_ALL_DAYS = {
    "dataInicial": "01/01/2000",
    "dataFinal": "31/12/2099",
    "data_ini_vencimento": "01/01/2000",
    "data_fim_vencimento": "31/12/2099",
}


def _without_days(request: httpx.Request) -> httpx.Request:
    form = dict(parse_qsl(request.content.decode(), keep_blank_values=True))
    asked = {name: _ALL_DAYS.get(name, value) for name, value in form.items()}
    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    return httpx.Request(
        request.method,
        request.url,
        headers=headers,
        content=urlencode(asked).encode(),
        extensions=request.extensions,
    )


TINY = Arrangement(
    "tiny",
    fake=TinyFake,
    settings=lambda fake: {"TINY_URL": fake.url},
    credentials=lambda fake: fake.account.credentials,
    methods={
        "company": "info",
        "products": "produtos.pesquisa",
        "invoices": "notas.fiscais.pesquisa",
        "xml": "nota.fiscal.obter.xml",
        "receivables": "contas.receber.pesquisa",
        "payables": "contas.pagar.pesquisa",
    },
    troubles={
        Trouble.CUT: "cut",
        Trouble.HANGS: "hang",
        Trouble.DROPPED: "drop",
        Trouble.NOT_JSON: "not_json",
        Trouble.LOST: "lost",
        Trouble.REPEATED: "repeats",
        Trouble.SHORT: "short",
        Trouble.NO_AMOUNT: "bad_amount",
        Trouble.NO_DATE: "bad_date",
        Trouble.FAILS: "unexpected",
        Trouble.THROTTLED: "too_many",
        Trouble.BLOCKED: "blocked",
        Trouble.REFUSED: "bad_token",
    },
    undated=_without_days,
    # The plan of the fake's account, which its answers name.
    limits=[(None, 60, 60.0)],
    second_pass={"company": 1, "products": 2, "invoices": 3, "receivables": 3, "payables": 1},
    without={
        "an_expired_token_is_renewed_once": "its token does not end",
        "a_block_ends_all_calls": "what it blocks stays so until a person acts: it is as a token that is refused",
        "a_note_of_the_test_environment_is_told_apart": "its list does not say; the XML does",
        "the_same_request_waits": "it has no such rule",
        "the_parts_of_a_title_add_up": "a title has one category",
        "a_failed_list_of_categories_is_an_error": "it has no such list: a title names its category",
        "the_categories_are_whole": "it has no such list: a title names its category",
    },
)
