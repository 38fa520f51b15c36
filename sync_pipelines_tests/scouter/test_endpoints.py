"""What the old screen asks about the destination: over a socket, by a person's token, and without a body as it does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from pydantic import SecretStr

from sync_pipelines.lib.http.endpoints import FUNCTIONS_PATH
from sync_pipelines.receiver.app import Options
from sync_pipelines.receiver.limits import Rate
from sync_pipelines.receiver.serving import build
from sync_pipelines.sandbox.scouter.database import drop_column
from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines.scouter.endpoints import (
    RELOAD,
    VALIDATE_CONFIG,
    VALIDATE_SCHEMA,
    endpoints,
    screen_functions,
)
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.scouter.schema.reload import Patience, reload_schema
from sync_pipelines.scouter.schema.suggestions import RELOAD_FUNCTION
from sync_pipelines.settings import read_as
from sync_pipelines.settings.scouter import ScouterSettings
from sync_pipelines_tests.scouter.installation import Installation

NOTIFY = "notify pgrst, 'reload schema'"
SECRET = "o-segredo-com-que-o-projeto-assina-os-seus-tokens"
SCREEN = "https://tela.example"
CLOSED = "postgresql://someone:uma-senha-longa@127.0.0.1:1/projeto"
THREE = (VALIDATE_SCHEMA, VALIDATE_CONFIG, RELOAD)


def token(role: str = "authenticated") -> dict[str, str]:
    claims = {"role": role, "aud": "authenticated", "exp": datetime.now(UTC) + timedelta(hours=1)}
    return {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}


class Screen:
    """The old screen; no answer tells it an address, a key or a password."""

    def __init__(self, client: httpx.Client, push: LeadPush) -> None:
        self.client, self._push = client, push

    def call(self, name: str, **given: Any) -> httpx.Response:
        answer = self.client.post(FUNCTIONS_PATH + name, **{"headers": token(), **given})
        hidden = [self._push.destination.url, self._push.destination.key, "uma-senha-longa"]
        assert [text for text in hidden if text and text in answer.text] == []
        return answer


@contextmanager
def screen_of(push: LeadPush, options: Options | None = None) -> Iterator[Screen]:
    """The receiver on a socket, as `sync-pipelines webhook` serves it for this push."""
    settings = read_as(
        ScouterSettings,
        None,
        ops_database_url=push.ops_url,
        tabuladormax_jwt_secret=SECRET,
    )
    options = options or Options(origins=(SCREEN,))
    application = build(
        settings,
        [replace(endpoints(settings), endpoints=screen_functions(push))],
        options=options,
    )
    with ExitStack() as stack:
        server = stack.enter_context(BackgroundServer(application))
        yield Screen(stack.enter_context(httpx.Client(base_url=server.url, timeout=30)), push)


@pytest.fixture
def screen(fitting: Installation) -> Iterator[Screen]:
    with screen_of(fitting.push) as made:
        yield made


def test_both_schemas_are_told_by_their_names(screen: Screen) -> None:
    answer = screen.call(VALIDATE_SCHEMA)
    told = answer.json()
    assert answer.status_code == 200
    assert (told["valid"], told["missing_in_gestao_scouter"], told["missing_in_tabuladormax"]) == (
        True,
        [],
        [],
    )
    assert (told["suggested_sql"], told["errors"]) == ("", [])
    assert {"id", "name", "photo_url"} <= set(told["tabuladormax_fields"])
    assert {"id", "nome", "foto"} <= set(told["gestao_scouter_fields"])
    assert len(told["gestao_scouter_fields"]) == 49


def test_what_is_missing_is_named_with_sql_of_the_real_type_and_looked_at_anew(
    alterable: Installation,
) -> None:
    with screen_of(alterable.push) as screen:
        assert screen.call(VALIDATE_SCHEMA).json()["valid"] is True
        drop_column(alterable.gestao, "valor_ficha")
        alterable.gestao.execute(NOTIFY)
        answer = screen.call(VALIDATE_SCHEMA)
        told = answer.json()
        assert (answer.status_code, told["valid"]) == (200, False)
        assert told["missing_in_gestao_scouter"] == ["valor_ficha"]
        assert told["suggested_sql"].splitlines() == [
            'alter table public.leads add column if not exists "valor_ficha" numeric(10,2);',
            f"{NOTIFY};",
        ]
        alterable.gestao.execute(told["suggested_sql"])
        assert screen.call(VALIDATE_SCHEMA).json()["valid"] is True


def test_a_schema_that_cannot_be_read_is_no_empty_schema(fitting: Installation, screen: Screen) -> None:
    fitting.postgrest.fail("expired_303")
    refused = screen.call(VALIDATE_SCHEMA)
    assert (refused.status_code, refused.json()["success"]) == (502, False)
    assert "gestao_scouter_fields" not in refused.json()


def test_a_connection_that_works_is_valid(fitting: Installation, screen: Screen) -> None:
    fitting.tab.execute(
        "insert into public.gestao_scouter_config (project_url, anon_key) values (%s, 'x')",
        [fitting.postgrest.url],
    )
    try:
        answer = screen.call(VALIDATE_CONFIG)
    finally:
        fitting.tab.execute("delete from public.gestao_scouter_config where anon_key = 'x'")
    told = answer.json()
    assert (answer.status_code, told["valid"], told["errors"]) == (200, True, [])
    assert set(told) == {"valid", "checks", "errors", "warnings"}
    for name in ("credentials", "connection", "tableAccess", "tableStructure"):
        assert told["checks"][name]["valid"] is True
        assert told["checks"][name]["message"]


def test_a_connection_that_does_not_work_is_a_400_that_says_why(fitting: Installation) -> None:
    fitting.use(gestao_scouter_service_key=SecretStr(fitting.postgrest.token("anon")))
    with screen_of(fitting.push) as screen:
        answer = screen.call(VALIDATE_CONFIG)
    told = answer.json()
    assert (answer.status_code, told["valid"]) == (400, False)
    assert any("service_role" in sentence for sentence in told["errors"])


def test_where_nothing_is_configured_the_answer_is_404(fitting: Installation) -> None:
    fitting.use(gestao_scouter_url=None, gestao_scouter_service_key=None)
    fitting.tab.execute("create temp table kept as select * from public.gestao_scouter_config")
    fitting.tab.execute("delete from public.gestao_scouter_config")
    try:
        with screen_of(fitting.push) as screen:
            statuses = {name: screen.call(name).status_code for name in THREE}
            told = screen.call(VALIDATE_CONFIG).json()
    finally:
        fitting.tab.execute("insert into public.gestao_scouter_config select * from kept; drop table kept")
    assert statuses == dict.fromkeys(THREE, 404)
    assert (told["valid"], set(told["checks"])) == (False, {"credentials"})


def test_a_reload_is_a_success_when_writes_see_every_column(alterable: Installation) -> None:
    drop_column(alterable.gestao, "valor_ficha")
    with screen_of(alterable.push) as screen:
        alterable.gestao.execute(NOTIFY)
        assert screen.call(VALIDATE_SCHEMA).json()["valid"] is False
        alterable.gestao.execute("alter table public.leads add column valor_ficha numeric(10,2)")
        assert screen.call(VALIDATE_SCHEMA).json()["missing_in_gestao_scouter"] == ["valor_ficha"]
        answer = screen.call(RELOAD)
        assert (answer.status_code, answer.json()["success"]) == (200, True)
        assert screen.call(VALIDATE_SCHEMA).json()["valid"] is True


def test_a_missing_reload_function_is_a_failure_with_the_sql_that_makes_it(alterable: Installation) -> None:
    alterable.gestao.execute("drop function public.notify_pgrst_reload()")
    alterable.gestao.execute(NOTIFY)
    with screen_of(alterable.push) as screen:
        answer = screen.call(RELOAD)
        told = answer.json()
        assert (answer.status_code, told["success"], told["suggested_sql"]) == (502, False, RELOAD_FUNCTION)
        assert "não foi recarregado" in told["error"]
        alterable.gestao.execute(told["suggested_sql"])
        assert screen.call(RELOAD).json()["success"] is True


def test_a_lost_column_that_the_cache_still_shows_asks_for_a_reload(alterable: Installation) -> None:
    with screen_of(alterable.push) as screen:
        assert screen.call(VALIDATE_SCHEMA).json()["valid"] is True
        drop_column(alterable.gestao, "valor_ficha")
        told = screen.call(VALIDATE_SCHEMA).json()
    assert (told["valid"], told["missing_in_gestao_scouter"]) == (False, [])
    assert told["suggested_sql"] == f"{NOTIFY};"
    assert "reload the cache" in " ".join(told["errors"])


def test_a_column_that_stays_away_makes_the_reload_a_failure(alterable: Installation) -> None:
    drop_column(alterable.gestao, "valor_ficha")
    alterable.gestao.execute(NOTIFY)
    at_once = replace(
        alterable.push,
        reload=lambda client, columns: reload_schema(client, columns, patience=Patience(deadline=0)),
    )
    with screen_of(at_once) as screen:
        answer = screen.call(RELOAD)
    assert (answer.status_code, answer.json()["success"]) == (502, False)
    assert "valor_ficha" in answer.json()["error"]


@pytest.mark.parametrize("name", THREE)
def test_a_database_that_is_away_is_a_503_without_its_password(fitting: Installation, name: str) -> None:
    with screen_of(fitting.push) as screen:
        fitting.use(tabuladormax_database_url=SecretStr(CLOSED))
    with screen_of(fitting.push) as screen:
        answer = screen.call(name)
    assert (answer.status_code, answer.json()["success"]) == (503, False)
    assert answer.json()["errors"] == [answer.json()["error"]]


@pytest.mark.parametrize("name", THREE)
def test_only_people_who_are_signed_in_are_answered_and_only_to_a_post(screen: Screen, name: str) -> None:
    refused = [screen.call(name, headers=headers).status_code for headers in ({}, token("anon"))]
    assert refused == [401, 401]
    assert screen.client.get(FUNCTIONS_PATH + name, headers=token()).status_code == 405
    asked = {
        "Origin": SCREEN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, x-client-info, apikey, content-type",
    }
    allowed = screen.client.options(FUNCTIONS_PATH + name, headers=asked)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, SCREEN)


def test_a_body_is_allowed_and_changes_nothing_but_it_has_to_be_json(screen: Screen) -> None:
    elsewhere = {"project_url": "http://203.0.113.1", "anon_key": "outra"}
    assert screen.call(VALIDATE_SCHEMA, json=elsewhere).json()["valid"] is True
    assert screen.call(VALIDATE_SCHEMA, content=b"x=1").status_code == 415
    typed = token() | {"Content-Type": "application/json"}
    assert screen.call(VALIDATE_SCHEMA, content=b"{", headers=typed).status_code == 400
    assert screen.call(VALIDATE_SCHEMA, content=b"", headers=typed).status_code == 200


def test_the_limits_of_the_export_hold_for_the_others(fitting: Installation) -> None:
    few = Options(per_client=Rate(0.001, 2), max_bytes=100)
    with screen_of(fitting.push, few) as screen:
        too_long = screen.call(VALIDATE_SCHEMA, json={"text": "x" * 200})
        assert too_long.status_code == 413
        assert [screen.call(VALIDATE_SCHEMA).status_code for _ in range(2)] == [200, 429]


def test_answers_are_json_that_nobody_keeps(screen: Screen) -> None:
    answer = screen.call(VALIDATE_CONFIG)
    assert answer.headers["cache-control"] == "no-store"
    assert json.loads(answer.content) == answer.json()
