"""The button of the old screen: who may press it, what it starts, and what it is answered, over a socket."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import jwt
import psutil
import psycopg
import pytest

from sync_pipelines.erp.button import BUSY, GOES_ON, NOT_STARTED, TOO_MANY, SyncButton
from sync_pipelines.erp.button_answer import answer_of
from sync_pipelines.erp.connections.at_work import connection_lock
from sync_pipelines.erp.connections.log import LogRow
from sync_pipelines.erp.endpoints import LONGEST_BODY, endpoints, mounted
from sync_pipelines.erp.outcome import Module
from sync_pipelines.lib import postgres
from sync_pipelines.lib.records.orphaned_runs import OURS
from sync_pipelines.lib.records.run_log import ENGINE
from sync_pipelines.receiver.serving import build
from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines_tests.erp.button_screen import GATE, PATH, SCREEN, SECRET, Screen, token

NOTHING: dict[str, Any] = {"results": [], "total_synced": 0, "total_failed": 0}
ANSWERED = ("success", "message", "results", "total_synced", "total_failed")


@pytest.fixture
def screen(erp: psycopg.Connection[Any], erp_url: str, ops_url: str) -> Iterator[Screen]:
    with ExitStack() as stack:
        yield Screen(erp_url, ops_url, erp, stack=stack)


@pytest.fixture(autouse=True)
def no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.INFO)
    yield
    said = "\n".join(record.getMessage() for record in caplog.get_records("call"))
    assert [text for text in (SECRET, "eyJ", "uma-chave") if text in said] == []


def test_a_press_syncs_and_is_answered_as_the_function_did(screen: Screen) -> None:
    one = screen.serve("partly").connect()
    answer = screen.press(one)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert tuple(answer.json()) == ANSWERED
    assert answer.json() == {
        "success": False,
        "message": "Sincronização parcial",
        "results": [
            {
                "module": "empresa",
                "status": "success",
                "records_synced": 1,
                "records_failed": 0,
                "message": "O nome difere.",
            },
            {"module": "produtos", "status": "success", "records_synced": 2, "records_failed": 0},
            {
                "module": "nfe",
                "status": "error",
                "records_synced": 2,
                "records_failed": 4,
                "message": "Falta um mês.",
            },
            {
                "module": "financeiro",
                "status": "skipped",
                "records_synced": 0,
                "records_failed": 0,
                "message": "Não há.",
            },
        ],
        "total_synced": 5,
        "total_failed": 4,
    }
    assert screen.logs("status::text, sync_type::text") == [("error", "manual")]


def test_the_words_of_an_answer() -> None:
    done = {"status": "success", "synced": 3, "rejected": 0, "message": ""}
    row = LogRow(uuid4(), uuid4(), "manual", status="success", details={"modules": {"nfe": done}})
    result = {"module": "nfe", "status": "success", "records_synced": 3, "records_failed": 0}
    whole = {"success": True, "message": "Sincronização concluída", "results": [result]}
    assert answer_of(row, [Module.INVOICES]) == (200, {**whole, "total_synced": 3, "total_failed": 0})
    # A sync that ended early names the modules that it did not come to; a row that says nothing does no harm.
    early = replace(row, status="error", message="Acabou cedo.")
    assert (
        answer_of(early, [Module.INVOICES, Module.PRODUCTS]).body["results"][1]["message"] == "Acabou cedo."
    )
    silent = answer_of(replace(row, details={"modules": None}), [Module.COMPANY]).body
    assert (silent["success"], silent["results"][0]["status"]) == (False, "error")


def test_only_the_person_whose_connection_it_is_may_press(screen: Screen) -> None:
    one = screen.serve().connect()
    of_another = token(uuid4())
    not_found = screen.press(one, headers=of_another)
    assert (not_found.status_code, not_found.json()["error"]) == (404, "Conexão não encontrada")
    assert not_found.json() == screen.press(uuid4()).json() == screen.press("não-é-um-id").json()
    for headers in (
        {},
        token(screen.user_id, "service_role"),
        token("ninguém"),
        {"x-webhook-secret": SECRET},
    ):
        assert screen.press(one, headers=headers).status_code == 401
    unnamed = jwt.encode({"role": "authenticated", "exp": 2**33}, SECRET, "HS256")
    assert screen.press(one, headers={"Authorization": f"Bearer {unnamed}"}).status_code == 401
    assert screen.client.get(PATH, headers=token(screen.user_id)).status_code == 405
    preflight = {
        "Origin": SCREEN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, x-client-info, apikey, content-type",
    }
    assert screen.client.options(PATH, headers=preflight).headers["access-control-allow-origin"] == SCREEN
    assert screen.logs() == []


def test_what_cannot_be_synced_is_refused_with_a_sentence(screen: Screen) -> None:
    one = screen.serve().connect(status="inactive")
    refused = screen.press(one)
    assert (refused.status_code, refused.json()["success"]) == (400, False)
    assert refused.json()["message"] == "A conexão está inativa: ative-a antes de sincronizar."
    assert "ainda não" in screen.press(screen.connect("totvs")).json()["error"]
    headers = token(screen.user_id)
    unusable: list[Any] = [["estoque"], "nfe", [["nfe"]], {}]
    bodies: list[Any] = [{}, {"connection_id": ""}, {"connection_id": 7}, []]
    bodies += [{"connection_id": str(one), "modules": modules} for modules in unusable]
    errors = [screen.client.post(PATH, json=body, headers=headers) for body in bodies]
    assert {answer.status_code for answer in errors} == {400}
    sentences = {answer.json()["error"] for answer in errors}
    missing, modules = (
        "connection_id é obrigatório",
        "modules deve ser uma lista de empresa, produtos, nfe, financeiro.",
    )
    assert sentences == {missing, modules, "O corpo deve ser um objeto JSON."}
    assert screen.press(one, modules=["x" * LONGEST_BODY]).status_code == 413
    assert screen.client.post(PATH, content=b"x=1", headers=headers).status_code == 415
    assert screen.client.post(PATH, headers=headers).status_code == 415
    assert screen.logs() == []


def test_a_sync_that_lasts_goes_on_and_a_second_press_starts_nothing(screen: Screen) -> None:
    screen.close_gate()
    one = screen.serve(GATE, wait_seconds=0.1, most=2).connect()
    first = screen.press(one, modules=["nfe", "produtos"])
    assert (first.status_code, first.json()) == (200, {"success": False, "message": GOES_ON, **NOTHING})
    assert screen.press(one).json() == {"success": False, "message": BUSY, **NOTHING}
    # As many at once as may be, and then no more, whoever presses.
    screen.user_id = uuid4()
    assert screen.press(screen.connect()).json()["message"] == GOES_ON
    screen.user_id = uuid4()
    assert screen.press(screen.connect()).json()["message"] == TOO_MANY
    screen.wait_at_gate(2)
    mine = [child for child in psutil.Process().children() if "pressed_sync" in " ".join(child.cmdline())]
    screen.erp.execute("select pg_advisory_unlock(%s)", [GATE])
    psutil.wait_procs(mine, timeout=60)
    assert (len(mine), [child for child in mine if child.is_running()]) == (2, [])
    assert sorted(screen.logs("status::text, details -> 'requested'"), key=str) == [
        ("success", None),
        ("success", ["produtos", "nfe"]),
    ]


def test_a_connection_that_another_run_has_is_left_to_it(screen: Screen) -> None:
    one = screen.serve().connect()
    with postgres.connect(screen.erp_url, what="another run") as other:
        assert postgres.try_lock(other, connection_lock(one))
        assert screen.press(one).json() == {"success": False, "message": BUSY, **NOTHING}
    assert screen.logs() == []


@pytest.mark.slow
def test_a_run_by_hand_that_was_quicker_is_not_taken_for_the_end_of_this_one(screen: Screen) -> None:
    screen.close_gate()
    one = screen.serve(f"late{GATE}").connect()
    with ThreadPoolExecutor(1) as pool, postgres.connect(screen.erp_url, what="another run") as other:
        pressed = pool.submit(screen.press, one)
        screen.wait_at_gate()
        assert postgres.try_lock(other, connection_lock(one))
        other.execute(
            "insert into public.erp_sync_logs (connection_id, user_id, sync_type, status, details)"
            " values (%s, %s, 'manual', 'running', jsonb_build_object('engine', %s::text))",
            (one, screen.user_id, ENGINE),
        )
        screen.erp.execute("select pg_advisory_unlock(%s)", [GATE])
        assert pressed.result().json() == {"success": False, "message": BUSY, **NOTHING}
    assert screen.logs() == [("running",)]


@pytest.mark.slow
def test_however_a_process_ends_no_row_stays_open(screen: Screen) -> None:
    one = screen.connect()
    for how, sentence in (("breaks", "O banco está cheio."), ("dies", OURS)):
        [result] = screen.serve(how).press(one, modules=["nfe"]).json()["results"]
        assert (result["module"], result["status"]) == ("nfe", "error")
        assert sentence in result["message"]
    unstarted = screen.serve("silent").press(one)
    assert (unstarted.status_code, unstarted.json()["error"]) == (500, NOT_STARTED)
    assert screen.logs() == [("error",), ("error",)]
    # Nothing is left of it that a next press would find.
    assert screen.press(one).json()["error"] == NOT_STARTED


def test_a_receiver_that_stops_ends_its_syncs(screen: Screen) -> None:
    screen.close_gate()
    one = screen.serve(GATE).connect()
    with ThreadPoolExecutor(1) as pool:
        pressed = pool.submit(screen.press, one)
        screen.wait_at_gate()
        screen.processes.stop()
        answer = pressed.result()
    assert answer.json()["success"] is False
    assert "interrompida" in answer.json()["results"][0]["message"]
    assert screen.logs() == [("cancelled",)]
    assert screen.press(one).json()["message"] == TOO_MANY


def test_a_database_that_is_away_is_a_503(screen: Screen) -> None:
    gone = SyncButton("postgresql://x:uma-senha@127.0.0.1:1/x", screen.serve().processes, served=["omie"])
    settings = screen.settings()
    mount = mounted(gone, endpoints(settings).credentials, settings)
    server = screen.stack.enter_context(BackgroundServer(build(settings, [mount])))
    with httpx.Client(base_url=server.url) as client:
        answer = client.post(PATH, json={"connection_id": str(uuid4())}, headers=token(screen.user_id))
    assert (answer.status_code, answer.json()["success"]) == (503, False)
    assert "uma-senha" not in answer.text


def test_it_is_served_where_somebody_could_press_it(screen: Screen) -> None:
    mount = endpoints(screen.settings(erp_screen_origins=f"{SCREEN}, ", erp_trusted_proxies="10.0.0.1"))
    assert ([one.path for one in mount.endpoints], mount.origins, mount.proxies) == (
        [PATH],
        (SCREEN,),
        ("10.0.0.1",),
    )
    for left_out in ("erp_database_url", "erp_functions_jwt_secret"):
        absent = endpoints(screen.settings(**{left_out: None}))
        assert (absent.endpoints, "ERP_PROJECT_URL" in absent.absent) == ((), True)
    by_keys = endpoints(
        screen.settings(erp_functions_jwt_secret=None, erp_project_url="https://projeto.example")
    )
    assert len(by_keys.endpoints) == 1
