"""How each served vendor is put on the bench."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx

from sync_pipelines.sandbox.erp.bling import BlingFake
from sync_pipelines.sandbox.erp.omie import OmieFake
from sync_pipelines_tests.erp.vendors.conformance.bench import Arrangement, Trouble
from sync_pipelines_tests.erp.vendors.conformance.contaazul_arrangement import CONTAAZUL
from sync_pipelines_tests.erp.vendors.conformance.sankhya_arrangement import SANKHYA
from sync_pipelines_tests.erp.vendors.conformance.tiny_arrangement import TINY

_COMMON = {
    Trouble.CUT: "cut",
    Trouble.HANGS: "hang",
    Trouble.DROPPED: "drop",
    Trouble.NOT_JSON: "not_json",
    Trouble.LOST: "lost",
    Trouble.REPEATED: "repeats",
    Trouble.SHORT: "short",
    Trouble.NO_AMOUNT: "bad_amount",
    Trouble.NO_DATE: "bad_date",
}
_NO_COUNT = "its lists do not say how long they are: fewer rows than asked for are the end"


def _without_omies_dates(request: httpx.Request) -> httpx.Request:
    body = json.loads(request.content)
    for parameters in body.get("param", ()):
        for name in ("dEmiInicial", "dEmiFinal", "filtrar_por_emissao_de", "filtrar_por_emissao_ate"):
            parameters.pop(name, None)
    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    return httpx.Request(
        request.method, request.url, headers=headers, json=body, extensions=request.extensions
    )


def _without_blings_dates(request: httpx.Request) -> httpx.Request:
    url = request.url
    for name in ("dataEmissao", "data", "dataVencimento"):
        url = url.copy_remove_param(f"{name}Inicial").copy_remove_param(f"{name}Final")
    return httpx.Request(request.method, url, headers=request.headers, extensions=request.extensions)


ARRANGEMENTS: Mapping[str, Arrangement] = {
    "omie": Arrangement(
        "omie",
        fake=OmieFake,
        settings=lambda fake: {"OMIE_URL": fake.url},
        credentials=lambda fake: fake.account.credentials,
        methods={
            "company": "ListarEmpresas",
            "products": "ListarProdutos",
            "invoices": "ListarNF",
            "xml": "ObterNfe",
            "receivables": "ListarContasReceber",
            "payables": "ListarContasPagar",
            "categories": "ListarCategorias",
        },
        troubles={
            **_COMMON,
            Trouble.FAILS: "fault",
            Trouble.THROTTLED: "too_many",
            Trouble.BLOCKED: "blocked",
            Trouble.REFUSED: "bad_credentials",
        },
        undated=_without_omies_dates,
        limits=[("ObterNfe", 240, 60.0), (None, 960, 60.0)],
        second_pass={
            "company": 1,
            "products": 2,
            "invoices": 3,
            "receivables": 3,
            "payables": 1,
            "categories": 1,
        },
        without={
            "an_expired_token_is_renewed_once": "it has no tokens",
            "the_month_of_a_title_is_told": "it does not say",
            "a_title_is_asked_for_by_its_number": "its lists say all of a title",
        },
    ),
    "bling": Arrangement(
        "bling",
        fake=BlingFake,
        settings=lambda fake: {"BLING_URL": fake.url},
        credentials=lambda fake: fake.account.credentials,
        methods={
            "company": "company",
            "products": "products",
            "invoices": "invoices",
            "xml": "invoice",
            "receivables": "receivables",
            "payables": "payables",
            "categories": "categories",
        },
        troubles={
            **_COMMON,
            Trouble.FAILS: "server_error",
            Trouble.THROTTLED: "too_many_second",
            Trouble.BLOCKED: "blocked",
            Trouble.REFUSED: "invalid_token",
        },
        undated=_without_blings_dates,
        limits=[("invoice", 3, 1.0)],
        second_pass={
            "company": 1,
            "products": 1,
            "invoices": 6,
            "receivables": 4,
            "payables": 3,
            "categories": 1,
        },
        without={
            "a_page_that_lacks_a_row_is_an_error": _NO_COUNT,
            "a_page_without_rows_is_an_error": _NO_COUNT,
            "a_note_of_the_test_environment_is_told_apart": "its list does not say; the XML does",
            "the_same_request_waits": "it has no such rule",
            "a_page_of_titles_that_lacks_rows_is_an_error": _NO_COUNT,
            "the_parts_of_a_title_add_up": "it has one category a title",
            "a_detail_in_hand_is_not_read_again": "it lists what changed; once a week every detail is read",
        },
        states=("open", "overdue", "partial", "settled", "returned", "cancelled"),
    ),
    "contaazul": CONTAAZUL,
    "tiny": TINY,
    "sankhya": SANKHYA,
}
