"""Whom the fake Tiny refuses, and how it fails (contract of the ERPs, section 7.1, traps 32 and 33)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sync_pipelines.sandbox.erp.tiny_faults import ANSWERS
from sync_pipelines.sandbox.erp.tiny_limits import TinyRules
from sync_pipelines_tests.sandbox.erp.vendors.clients import company
from sync_pipelines_tests.sandbox.erp.vendors.tiny_caller import SEARCH, XML, TinyCaller

NewTiny = Callable[..., TinyCaller]


def test_a_token_is_looked_for_in_the_form_alone(new_tiny: NewTiny) -> None:
    caller = new_tiny(company(notes=1))
    assert caller.code("info", token="another") == 2
    in_the_address = caller.http.post("/info.php", params={"token": caller.tiny.account.token})
    assert int(in_the_address.json()["retorno"]["codigo_erro"]) == 1
    caller.tiny.close_account(caller.tiny.account)
    assert caller.code("info") == 2


@pytest.mark.parametrize("calls", [20, 30])
def test_a_minute_has_so_many_calls_and_a_header_says_how_many(new_tiny: NewTiny, calls: int) -> None:
    caller = new_tiny(company(notes=1), company(), rules=TinyRules(calls=calls))
    for _ in range(calls):
        assert caller.call("info", wait=0.1).headers["x-limit-api"] == str(calls)
    assert caller.code("info", wait=0.1) == 6  # type: ignore[arg-type]
    assert caller.call("info", account=1, wait=0.1).json()["retorno"]["status"] == "OK"
    assert caller.call("info", wait=60).json()["retorno"]["status"] == "OK"
    assert "x-limit-api" not in new_tiny(company(), rules=TinyRules(says=False)).call("info").headers


def test_a_quarter_of_a_minutes_calls_may_be_under_way(new_tiny: NewTiny) -> None:
    caller = new_tiny(company(notes=1), rules=TinyRules(calls=8))
    codes = list[int | None]()
    # A call that is made before another one is answered is under way at the same time.
    caller.tiny.before("info", 2, lambda: codes.append(caller.code(SEARCH, tipoNota="S")))
    caller.tiny.before("info", 1, lambda: codes.append(caller.code("info")))
    assert caller.code("info") is None
    assert codes == [11, None]
    assert caller.tiny.limits.most_at_once == 2
    assert caller.code(SEARCH, tipoNota="S") is None


def test_no_fault_is_taken_for_a_page(new_tiny: NewTiny) -> None:
    caller = new_tiny(company(products=1), rules=TinyRules(calls=1000))
    for name in sorted(name for name in ANSWERS if name.startswith("produtos.pesquisa_")):
        caller.http.timeout = httpx.Timeout(0.2 if name.endswith("hang") else 10)
        caller.tiny.fail(name, 1)
        try:
            answered = caller.call("produtos.pesquisa", pesquisa="")
            assert answered.status_code >= 400 or b"ITEM 1" not in answered.content
        except httpx.HTTPError:
            assert name.rpartition("_")[2] in ("hang", "drop", "cut")
        assert caller.code("produtos.pesquisa", pesquisa="") is None


def test_a_fault_hits_the_call_that_it_is_meant_for(new_tiny: NewTiny) -> None:
    caller = new_tiny(company(notes=201), company(notes=1))
    caller.tiny.fail(f"{SEARCH}_unexpected", 1, after=1)
    assert [caller.code(SEARCH, tipoNota="S") for _ in range(3)] == [None, 35, None]
    caller.tiny.fail(f"{SEARCH}_maintenance", account="tiny-2")
    assert caller.code(SEARCH, tipoNota="S") is None
    assert int(caller.call(SEARCH, account=1, tipoNota="S").json()["retorno"]["codigo_erro"]) == 99
    # That of a detail is none of the XML, whose name begins as it does.
    caller.tiny.fail("nota.fiscal.obter_absent")
    assert "<status>OK" in caller.call(XML, id="7001").text
    assert caller.code("nota.fiscal.obter", id="7001") == 32
    switchboard = f"{caller.tiny.origin}/_sandbox/faults"
    assert httpx.post(switchboard, json={"name": "info_blocked", "account": "tiny-1"}).status_code == 201
    assert caller.code("info") == 5
    httpx.delete(switchboard)
    assert caller.code("info") is None
    with pytest.raises(ValueError, match="There is no fault 'nada'"):
        caller.tiny.fail("nada")


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("lost", "20"),
        ("behind", "23"),
        ("repeats", ("2", "3", 100, 7001)),
        ("stuck", ("1", "3", 100, 7001)),
        ("short", ("2", "3", 99, 7101)),
        ("pages_as_numbers", (2, 3, 100, 7101)),
        ("without_pages", ("2", None, 100, 7101)),
    ],
)
def test_pages_that_are_not_what_was_asked_for(new_tiny: NewTiny, fault: str, found: Any) -> None:
    caller = new_tiny(company(notes=201))
    caller.tiny.fail(f"{SEARCH}_{fault}", page=2)
    page = caller.retorno(SEARCH, tipoNota="S", pagina="2")
    if isinstance(found, str):
        assert page["codigo_erro"] == found
    else:
        rows = page["notas_fiscais"]
        first = int(rows[0]["nota_fiscal"]["id"])
        assert (page["pagina"], page.get("numero_paginas"), len(rows), first) == found
    assert len(caller.ids(tipoNota="S", pagina="1")) == 100


def test_a_company_may_change_while_it_is_read(new_tiny: NewTiny) -> None:
    ours = company(notes=101)
    caller = new_tiny(ours)
    caller.tiny.before(SEARCH, 2, lambda: ours.remove_note(7001))
    assert len(caller.ids(tipoNota="S")) == 100
    assert caller.code(SEARCH, tipoNota="S", pagina="2") == 23
