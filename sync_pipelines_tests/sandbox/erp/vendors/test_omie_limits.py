"""Who may call Omie, and how often (contract of the ERPs, section 4, traps 1, 3, 4)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from sync_pipelines.sandbox.erp.omie_limits import OmieRules
from sync_pipelines_tests.sandbox.erp.vendors.clients import OmieCaller, company

NewOmie = Callable[..., OmieCaller]


def test_key_and_secret_belong_together(new_omie: NewOmie) -> None:
    caller = new_omie(company(notes=1), company(notes=2))
    first, second = caller.omie.accounts
    for credentials in (
        {"app_key": first.app_key, "app_secret": second.app_secret},
        {"app_key": "1", "app_secret": first.app_secret},
        {"app_key": first.app_key},
        {},
    ):
        refused = caller.http.post(
            "/produtos/nfconsultar/", json={"call": "ListarNF", **credentials, "param": [{}]}
        )
        assert refused.status_code == 500
        assert "A chave de acesso não está preenchida ou não é válida" in refused.json()["faultstring"]
    assert caller.ids() == [7001]
    assert caller.call("ListarNF", account=1).json()["total_de_registros"] == 2
    caller.omie.close_account(first)
    assert "chave de acesso" in caller.call("ListarNF").json()["faultstring"]


def test_the_same_within_a_minute_is_redundant(new_omie: NewOmie) -> None:
    caller = new_omie(company(notes=1))
    assert caller.call("ListarNF", pagina=1).status_code == 200
    again = caller.call("ListarNF", wait=17.5, pagina=1)
    assert again.status_code == 500
    assert "Aguarde 43 segundos para tentar novamente (REDUNDANT)." in again.json()["faultstring"]
    assert caller.call("ListarNF", wait=0, pagina="1").status_code == 200
    assert caller.call("ListarNF", wait=42.5, pagina=1).status_code == 200


def test_a_call_that_got_no_answer_was_asked_all_the_same(new_omie: NewOmie) -> None:
    caller = new_omie(company(notes=1))
    caller.omie.fail("ListarNF_bad_gateway", 1)
    assert caller.call("ListarNF").status_code == 502
    assert "REDUNDANT" in caller.call("ListarNF", wait=30).json()["faultstring"]
    assert caller.call("ListarNF", wait=30).status_code == 200


def test_a_method_may_be_called_so_often_a_minute_and_all_of_them_together(new_omie: NewOmie) -> None:
    rules = OmieRules(calls_per_ip=5, calls_per_method=3)
    caller = new_omie(company(notes=1), company(notes=1), rules=rules)
    assert [caller.call("ListarNF", wait=1, pagina=1, n=number).status_code for number in range(4)] == [
        *([200] * 3),
        429,
    ]
    # Another key and another method have calls of their own, until the address has none.
    assert caller.call("ListarNF", account=1, wait=0).status_code == 200
    assert caller.call("ListarEmpresas", wait=0).status_code == 200
    refused = caller.call("ListarProdutos", wait=0)
    assert refused.status_code == 429
    assert "Aguarde 57 segundos" in refused.json()["faultstring"]
    assert caller.call("ListarEmpresas", wait=57, n=1).status_code == 200
    assert caller.omie.calls.count(status=429) == 2


def test_the_tenth_error_blocks_and_every_call_makes_it_longer(new_omie: NewOmie) -> None:
    caller = new_omie(company(products=1))
    # "No records" counts.
    codes = [caller.call("ListarNF", pagina=number).json()["faultcode"] for number in range(1, 11)]
    assert set(codes) == {"SOAP-ENV:Client-5113"}
    blocked = caller.call("ListarNF", wait=0)
    assert blocked.status_code == 425
    assert blocked.json() == {
        "faultstring": "ERROR: API bloqueada por consumo indevido. Tente novamente em 1800 segundos.",
        "faultcode": "MISUSE_API_PROCESS",
    }
    key = caller.omie.account.app_key
    caller.clock.now += 1799
    assert caller.omie.limits.blocked_for(key, "ListarNF", caller.clock.now) == 1
    assert "1800 segundos" in caller.call("ListarNF", wait=0).json()["faultstring"]
    assert caller.call("ListarNF", wait=1799).status_code == 425
    # Other methods go on.
    assert caller.call("ListarProdutos", filtrar_apenas_omiepdv="N").status_code == 200
    assert caller.omie.limits.blocked_for(key, "ListarProdutos", caller.clock.now) == 0
    caller.clock.now += 1800
    assert caller.call("ListarNF").json()["faultcode"] == "SOAP-ENV:Client-5113"


def test_errors_that_are_half_an_hour_old_are_forgotten(new_omie: NewOmie) -> None:
    caller = new_omie(company())
    for number in range(30):
        assert caller.call("ListarNF", wait=200, pagina=number).status_code == 500


def test_only_so_many_calls_of_a_method_run_at_once(new_omie: NewOmie) -> None:
    caller = new_omie(company(notes=1, products=1), rules=OmieRules(at_once=2, single=("ListarEmpresas",)))
    go_on, running = Event(), [Event(), Event()]
    for number in range(2):

        def wait(begun: Event = running[number]) -> None:
            begun.set()
            assert go_on.wait(10)

        caller.omie.before("ListarNF", number + 1, wait)
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(caller.call, "ListarNF", pagina=1, n=number) for number in range(2)]
        assert all(one.wait(10) for one in running)
        refused = caller.call("ListarNF", pagina=1, n=2)
        assert refused.status_code == 429
        assert "Já existe uma requisição desse método sendo executada" in refused.json()["faultstring"]
        assert caller.call("ListarEmpresas").status_code == 200
        go_on.set()
        assert [one.result().status_code for one in slow] == [200, 200]
    assert caller.call("ListarNF", pagina=1, n=3).status_code == 200
    assert caller.omie.limits.most_at_once == 2


@pytest.mark.parametrize("single", [(), ("ListarEmpresas",)])
def test_some_methods_run_one_at_a_time(new_omie: NewOmie, single: tuple[str, ...]) -> None:
    caller = new_omie(company(), rules=OmieRules(single=single))
    go_on, running = Event(), Event()

    def wait() -> None:
        running.set()
        assert go_on.wait(10)

    caller.omie.before("ListarEmpresas", 1, wait)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(caller.call, "ListarEmpresas")
        assert running.wait(10)
        assert caller.call("ListarEmpresas", n=1).status_code == (429 if single else 200)
        go_on.set()
        assert slow.result().status_code == 200
