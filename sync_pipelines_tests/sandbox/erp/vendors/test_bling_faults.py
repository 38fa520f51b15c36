"""The faults of the fake Bling, and its links to XML files, which may lead anywhere."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import httpx
import pytest

from sync_pipelines.sandbox.erp.bling_faults import ANSWERS, LINKS
from sync_pipelines.sandbox.erp.bling_files import BOMB_BYTES
from sync_pipelines_tests.sandbox.erp.vendors.clients import BlingCaller, company, key_of

NewBling = Callable[..., BlingCaller]


@pytest.mark.parametrize("name", sorted(name for name in ANSWERS if name.startswith("products_")))
def test_no_fault_is_taken_for_a_page(new_bling: NewBling, name: str) -> None:
    caller = new_bling(company(products=1))
    caller.http.timeout = httpx.Timeout(0.2 if name.endswith("hang") else 10)
    caller.bling.fail(name, 1)
    try:
        answered = caller.get("/produtos")
        assert answered.status_code >= 300 or b'"codigo"' not in answered.content
        assert caller.bling.calls.all[-1].status == answered.status_code
    except httpx.HTTPError:
        assert name.rpartition("_")[2] in ("hang", "drop", "cut")
    assert caller.get("/produtos").status_code == 200


def test_a_fault_hits_the_call_that_it_is_meant_for(new_bling: NewBling) -> None:
    caller = new_bling(company(notes=3), company(notes=1))
    caller.bling.fail("invoices_server_error", 1, after=2)
    assert [caller.get("/nfe").status_code for _ in range(4)] == [200, 200, 500, 200]
    caller.bling.fail("invoices_too_many_day", account="bling-2")
    assert [caller.get("/nfe", account=number).status_code for number in range(2)] == [200, 429]
    caller.bling.fail("invoice_unavailable", page=7002)
    assert [caller.get(f"/nfe/{number}").status_code for number in (7001, 7002)] == [200, 503]
    caller.bling.clear()
    assert caller.get("/nfe/7002").status_code == 200
    with pytest.raises(ValueError, match="There is no fault"):
        caller.bling.fail("invoices_nada")


@pytest.mark.parametrize(
    ("name", "ids"),
    [("lost", []), ("repeats", [7001, 7002]), ("short", [7003]), ("ids_as_text", ["7003", "7004"])],
)
def test_pages_that_are_not_what_was_asked_for(new_bling: NewBling, name: str, ids: list[object]) -> None:
    caller = new_bling(company(notes=5))
    caller.bling.fail(f"invoices_{name}", page=2)
    assert caller.ids("/nfe", pagina=1, limite=2) == [7001, 7002]
    assert caller.ids("/nfe", pagina=2, limite=2) == ids
    assert caller.ids("/nfe", pagina=3, limite=2) == [7005]


def test_details_that_are_not_what_was_asked_for(new_bling: NewBling) -> None:
    caller = new_bling(company(notes=2, products=2))
    caller.bling.fail("invoice_empty_dates", 1)
    assert caller.detail(7001)["dataEmissao"] == "0000-00-00 00:00:00"
    caller.bling.fail("invoices_empty_dates", 1)
    assert caller.get("/nfe").json()["data"][0]["dataEmissao"] == "0000-00-00 00:00:00"
    caller.bling.fail("invoice_without_key", 1)
    assert "chaveAcesso" not in caller.detail(7001)
    caller.bling.fail("invoice_of_another", 1)
    assert caller.detail(7002)["id"] == 7001
    caller.bling.fail("product_of_another", 1)
    assert caller.get("/produtos/2").json()["data"]["id"] == 1


def test_links_lead_where_the_fault_says(new_bling: NewBling) -> None:
    caller = new_bling(company(notes=1))
    seen = {}
    for name in LINKS:
        caller.bling.fail(f"invoice_{name}", 1)
        seen[name] = caller.detail(7001)["xml"]
    assert seen["link_foreign"] == "https://files.example.net/nfe.xml"
    assert seen["link_metadata"].startswith("http://169.254.169.254/")
    assert seen["link_user"].startswith("http://user:pass@127.0.0.1:")
    assert (seen["link_nowhere"], seen["link_file"]) == ("", "file:///etc/passwd")
    assert httpx.get(seen["link_other_port"]).text == "<nfeProc/>"
    assert caller.bling.foreign_calls == ["/nfe.xml"]
    assert caller.detail(7001)["xml"].startswith(caller.bling.origin)


def test_what_comes_in_place_of_a_file(new_bling: NewBling) -> None:
    ours = company(notes=2)
    caller = new_bling(ours)
    link = caller.detail(7001)["xml"]

    def fetch(name: str) -> httpx.Response:
        caller.bling.fail(name, 1)
        return caller.http.get(link)

    assert fetch("xml_redirect_other_port").headers["Location"].startswith("http://127.0.0.1:")
    assert fetch("xml_redirect").headers["Location"].startswith("https://files.example.net/")
    assert fetch("xml_redirect_loop").headers["Location"] == link
    assert "Login" in fetch("xml_page").text
    assert len(fetch("xml_huge").content) > 10 * 1024 * 1024
    packed_file = fetch("xml_packed")
    assert packed_file.headers["Content-Encoding"] == "gzip"
    assert packed_file.content == ours.note(7001).xml()
    assert key_of(2) in fetch("xml_of_another").text
    assert fetch("xml_not_found").status_code == 404
    caller.bling.fail("xml_bomb", 1)
    with caller.http.stream("GET", link) as bomb:
        packed = b"".join(bomb.iter_raw())
    assert len(packed) < BOMB_BYTES / 500
    unpacked = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert (
        sum(len(unpacked.decompress(packed[at : at + 1024])) for at in range(0, len(packed), 1024))
        == BOMB_BYTES
    )
    # A token that is sent along is seen.
    caller.http.get(link, headers={"Authorization": "Bearer x"})
    assert caller.bling.calls.of("xml")[-1].parameters["has_authorization"] is True
    assert caller.http.get(link.replace("3526", "9999")).status_code == 404


def test_faults_are_switched_over_http(new_bling: NewBling) -> None:
    caller = new_bling(company(notes=1))
    switchboard = f"{caller.bling.origin}/_sandbox/faults"
    assert httpx.post(switchboard, json={"name": "invoices_server_error", "times": 1}).status_code == 201
    assert [caller.get("/nfe").status_code for _ in range(2)] == [500, 200]
    assert "token_lost" in httpx.get(switchboard).json()["known"]


def test_a_company_may_change_while_it_is_read(new_bling: NewBling) -> None:
    ours = company(notes=3)
    caller = new_bling(ours)
    caller.bling.before("invoices", 2, lambda: ours.cancel(7001))
    assert [caller.ids("/nfe") for _ in range(2)] == [[7001, 7002, 7003], [7002, 7003]]
