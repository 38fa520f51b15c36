"""Whom a token must be made for: a person's names us, a service key of Supabase names nobody."""

from __future__ import annotations

from typing import Any

import pytest

from sync_pipelines.lib.http.endpoints import Answer
from sync_pipelines_tests.receiver.conftest import (
    EC_KEY,
    FUNCTION_PATH,
    OWN,
    SIGNING_SECRET,
    NewReceiver,
    Project,
    RunningReceiver,
    bearer,
    function,
    signed,
)
from sync_pipelines_tests.receiver.test_authentication import forged

#: Values of `aud` that do not name `authenticated`.
OTHERS: list[Any] = [
    "authenticated ",
    "Authenticated",
    "authenticate",
    "",
    "https://outro.example",
    [],
    ["outro"],
    ["authenticated2"],
    [["authenticated"]],
    {"authenticated": True},
    True,
    0,
]


def token(**claims: Any) -> dict[str, str]:
    """Rightly signed, with claims that no library would write."""
    return bearer(forged({"alg": "HS256"}, SIGNING_SECRET.encode(), **claims))


@pytest.mark.parametrize("aud", ["authenticated", ["authenticated"], ["outro", "authenticated"]])
def test_a_token_that_names_us_is_taken(receiver: RunningReceiver, aud: Any) -> None:
    assert receiver.post(headers=token(aud=aud)).status_code == 200


@pytest.mark.parametrize("aud", [*OTHERS, None])
def test_a_service_token_that_names_somebody_else_is_refused(
    receiver: RunningReceiver, caplog: pytest.LogCaptureFixture, aud: Any
) -> None:
    answer = receiver.post(headers=token(aud=aud))
    assert (answer.status_code, answer.json()) == (401, {"success": False, "error": "Unauthorized."})
    assert receiver.stored == []
    assert [text for text in caplog.messages if text.endswith("was refused (audience).")] != []


def test_a_service_key_names_nobody_and_calls_the_webhook(receiver: RunningReceiver) -> None:
    key = signed(iss="supabase", ref="abcdefghijklmnopqrst", iat=1_700_000_000, exp=2_015_000_000)
    assert receiver.post(headers={"apikey": key, **bearer(key)}).status_code == 200
    assert len(receiver.stored) == 1


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"role": "authenticated", "aud": "authenticated"}, 200),
        ({"role": "authenticated", "aud": ["authenticated"]}, 200),
        ({"role": "authenticated"}, 401),
        *[({"role": "authenticated", "aud": aud}, 401) for aud in OTHERS],
        ({"role": "service_role"}, 200),
        ({"role": "service_role", "aud": "outro"}, 401),
        ({"role": "anon", "aud": "authenticated"}, 401),
        ({"role": "anon"}, 401),
    ],
)
def test_a_person_is_taken_by_a_token_for_us_only(
    new_receiver: NewReceiver, claims: dict[str, Any], status: int
) -> None:
    called: list[Any] = []

    def screen(document: Any) -> Answer:
        called.append(document)
        return Answer(200, {})

    receiver = new_receiver(added=[function(screen)], tabuladormax_jwt_secret=SIGNING_SECRET)
    answer = receiver.client.post(FUNCTION_PATH, json={}, headers=token(**claims))
    assert (answer.status_code, len(called)) == (status, int(status == 200))


def test_the_setting_says_whom_it_is_for(new_receiver: NewReceiver, project: Project) -> None:
    receiver = new_receiver(
        tabuladormax_jwt_secret=SIGNING_SECRET,
        tabuladormax_project_url=project.server.url,
        scouter_receiver_audience="sync.example",
    )
    assert receiver.post(headers=bearer(signed(aud="authenticated"))).status_code == 401
    assert receiver.post(headers=bearer(signed(aud="sync.example"))).status_code == 200
    by_key_set = {
        name: signed(EC_KEY, "ES256", "ec-1", aud=name) for name in ("authenticated", "sync.example")
    }
    statuses = {name: receiver.post(headers=bearer(made)).status_code for name, made in by_key_set.items()}
    assert statuses == {"authenticated": 401, "sync.example": 200}
    assert receiver.post(headers=bearer(signed())).status_code == 200, "a service key names nobody"
    assert receiver.post(headers=OWN).status_code == 200, "the secret is no token"
