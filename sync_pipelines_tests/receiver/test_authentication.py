"""Who is let in, and that nobody else is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.http.endpoints import PERSON, Answer, Credentials, Endpoint, Mount, Setting
from sync_pipelines.lib.http.key_set import LIFETIME, PAUSE, PAUSE_AFTER_FAILURE
from sync_pipelines.receiver.serving import build, serve
from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines.scouter.endpoints import endpoints
from sync_pipelines.settings import Settings, read_as
from sync_pipelines.settings.scouter import ScouterSettings
from sync_pipelines_tests.receiver.conftest import (
    EC_KEY,
    FUNCTION_PATH,
    NOW,
    OWN,
    RSA_KEY,
    SIGNING_SECRET,
    WEBHOOK_SECRET,
    NewReceiver,
    Project,
    RunningReceiver,
    bearer,
    function,
    signed,
)

HOUR = timedelta(hours=1)


def part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def forged(header: dict[str, Any], key: bytes | None, **claims: Any) -> str:
    """A token that no library would make."""
    whole = {"role": "service_role", "exp": int((NOW + HOUR).timestamp())} | claims
    text = f"{part(header)}.{part(whole)}"
    mark = hmac.new(key, text.encode(), hashlib.sha256).digest() if key else b""
    return f"{text}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"


PUBLIC_PEM = EC_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
LATER, EARLIER = int((NOW + HOUR).timestamp()), int((NOW - HOUR).timestamp())

RSA_PEM = RSA_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
STRANGER = ec.generate_private_key(ec.SECP256R1())


def claiming(payload: bytes) -> str:
    """A token rightly signed over something that is no object."""
    text = f"{part({'alg': 'HS256'})}.{base64.urlsafe_b64encode(payload).rstrip(b'=').decode()}"
    mark = hmac.new(SIGNING_SECRET.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"


def named_by_itself(**header: Any) -> str:
    """A token of a stranger's that says where the key to it is to be found."""
    claims = {"role": "service_role", "exp": LATER}
    return jwt.encode(claims, STRANGER, "ES256", headers={"kid": "ec-1", **header})


BAD_TOKENS = {
    "none": forged({"alg": "none", "typ": "JWT"}, None),
    "None": forged({"alg": "None"}, None),
    "no algorithm": forged({}, SIGNING_SECRET.encode()),
    "a list of algorithms": forged({"alg": ["HS256"]}, SIGNING_SECRET.encode()),
    "HS256 by the public key": forged({"alg": "HS256", "kid": "ec-1"}, PUBLIC_PEM),
    "HS256 by a key of the set": forged({"alg": "HS256", "kid": "shared"}, b"shared"),
    "HS512": signed(SIGNING_SECRET + SIGNING_SECRET, "HS512"),
    "nOnE": forged({"alg": "nOnE", "kid": "ec-1"}, None),
    "hs256": forged({"alg": "hs256"}, SIGNING_SECRET.encode()),
    "HS256 without a signature": forged({"alg": "HS256"}, None),
    "HS256 by the other public key": forged({"alg": "HS256", "kid": "rsa-1"}, RSA_PEM),
    "HS256 by nothing": forged({"alg": "HS256", "kid": "../../../../dev/null"}, b"\0"),
    "RS256 by the secret": forged({"alg": "RS256", "kid": "rsa-1"}, SIGNING_SECRET.encode()),
    "RS256 by a shared key": forged({"alg": "RS256", "kid": "shared"}, b"shared"),
    "a list of kids": forged({"alg": "ES256", "kid": ["ec-1"]}, b"x"),
    "a kid that is none": forged({"alg": "ES256", "kid": "ec-1' or '1'='1"}, b"x"),
    "a key of its own": named_by_itself(
        jwk=json.loads(jwt.algorithms.ECAlgorithm.to_jwk(STRANGER.public_key()))
    ),
    "a key set of its own": named_by_itself(jku="http://127.0.0.1:9/jwks.json", x5u="http://127.0.0.1:9/x"),
    "unencoded": forged({"alg": "HS256", "b64": False}, SIGNING_SECRET.encode()),
    "a deep header": f"{base64.urlsafe_b64encode(b'[' * 5000).decode()}.e30.e30",
    "a header that is a list": f"{base64.urlsafe_b64encode(b'[1]').decode().rstrip('=')}.e30.e30",
    "a header with half a pair": forged({"alg": "\ud83d"}, SIGNING_SECRET.encode()),
    "claims that are a list": claiming(b"[1]"),
    "deep claims": claiming(b"[" * 4000),
    "expiry beyond any": forged({"alg": "HS256"}, SIGNING_SECRET.encode(), exp=float("-inf")),
    "critical header": forged({"alg": "HS256", "crit": ["exp"]}, SIGNING_SECRET.encode()),
    "another secret": signed("um-segredo-de-outro-projeto-que-nao-e-este"),
    "expired": signed(exp=EARLIER),
    "expired beyond leeway": signed(exp=int((NOW - timedelta(seconds=30)).timestamp())),
    "no expiry": signed(exp=None),
    "expiry as text": forged({"alg": "HS256"}, SIGNING_SECRET.encode(), exp="9999999999"),
    "expiry NaN": forged({"alg": "HS256"}, SIGNING_SECRET.encode(), exp=float("nan")),
    "expiry true": forged({"alg": "HS256"}, SIGNING_SECRET.encode(), exp=True),
    "not yet valid": signed(nbf=LATER),
    "issued tomorrow": signed(iat=LATER),
    "anon": signed(role="anon"),
    "authenticated": signed(role="authenticated"),
    "no role": signed(role=None),
    "a list of roles": signed(role=["service_role"]),
    "unknown kid": signed(EC_KEY, "ES256", "ec-9"),
    "no kid": signed(EC_KEY, "ES256"),
    "another key of that name": signed(ec.generate_private_key(ec.SECP256R1()), "ES256", "ec-1"),
    "RS256 with the name of the other": signed(RSA_KEY, "RS256", "ec-1"),
    "too long": signed(filler="x" * 9000),
    "no token": "a.b.c",
    "not ASCII": "é.é.é",
}


@pytest.fixture
def both(receiver: RunningReceiver, project: Project) -> RunningReceiver:
    """Both ways are open, and the keys have not been fetched."""
    receiver.pass_seconds(LIFETIME)
    return receiver


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_a_bad_token_is_refused_with_nothing_but_that(both: RunningReceiver, name: str) -> None:
    answer = both.post(headers={"Authorization": f"Bearer {BAD_TOKENS[name]}".encode()})  # type: ignore[dict-item]
    assert (answer.status_code, answer.json()) == (401, {"success": False, "error": "Unauthorized."})
    assert both.stored == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {WEBHOOK_SECRET}"},
        {"apikey": WEBHOOK_SECRET},
        {"x-webhook-secret": ""},
        {"x-webhook-secret": WEBHOOK_SECRET[:-1]},
        {"x-webhook-secret": WEBHOOK_SECRET + "a"},
        {"x-webhook-secret": WEBHOOK_SECRET.upper()},
        bearer(SIGNING_SECRET),
    ],
)
def test_without_a_good_secret_nothing_is_stored(both: RunningReceiver, headers: dict[str, str]) -> None:
    assert both.post(headers=headers).status_code == 401
    assert both.stored == []


def test_a_header_that_comes_twice_is_refused(receiver: RunningReceiver) -> None:
    twice = [
        ("x-webhook-secret", WEBHOOK_SECRET),
        ("x-webhook-secret", "outro"),
        ("Content-Type", "application/json"),
    ]
    answer = receiver.client.post("/functions/v1/sync-from-gestao-scouter", headers=twice, content=b"{}")
    assert answer.status_code == 401


GOOD = {
    "own secret": OWN,
    "own secret as bearer": bearer(WEBHOOK_SECRET),
    "HS256": bearer(signed()),
    "ES256": bearer(signed(EC_KEY, "ES256", "ec-1")),
    "RS256": bearer(signed(RSA_KEY, "RS256", "rsa-1")),
    "expired within leeway": bearer(signed(exp=int((NOW - timedelta(seconds=29)).timestamp()))),
    "valid within leeway": bearer(signed(nbf=int((NOW + timedelta(seconds=30)).timestamp()))),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_caller_is_let_in(both: RunningReceiver, name: str) -> None:
    assert both.post(headers=GOOD[name]).status_code == 200
    assert len(both.stored) == 1


def test_without_any_secret_configured_everything_is_refused(new_receiver: NewReceiver) -> None:
    receiver = new_receiver(scouter_webhook_secret=None)
    for headers in GOOD.values():
        assert receiver.post(headers=headers).status_code == 401
    assert receiver.post(headers={"x-webhook-secret": ""}).status_code == 401
    assert receiver.stored == []


def test_an_hs256_token_needs_the_secret_to_be_configured(
    new_receiver: NewReceiver, project: Project
) -> None:
    receiver = new_receiver(tabuladormax_project_url=project.server.url)
    assert receiver.post(headers=bearer(signed())).status_code == 401
    assert receiver.post(headers=bearer(BAD_TOKENS["HS256 by the public key"])).status_code == 401


def test_keys_are_fetched_once_and_for_an_unknown_one_again_but_not_at_once(
    both: RunningReceiver, project: Project
) -> None:
    good, unknown = (bearer(signed(EC_KEY, "ES256", kid)) for kid in ("ec-1", "ec-2"))
    assert [both.post(headers=good).status_code for _ in range(3)] == [200] * 3
    assert project.fetched == 1
    assert [both.post(headers=unknown).status_code for _ in range(3)] == [401] * 3
    assert project.fetched == 1
    project.keys = [{**project.keys[0], "kid": "ec-2"}]
    both.pass_seconds(PAUSE)
    assert both.post(headers=unknown).status_code == 200
    assert project.fetched == 2
    assert both.post(headers=good).status_code == 401, "a key that was taken back is no key"


def test_a_key_set_that_cannot_be_had_is_no_acceptance_and_no_refusal(
    both: RunningReceiver, project: Project
) -> None:
    token = bearer(signed(EC_KEY, "ES256", "ec-1"))
    project.status = 500
    answer = both.post(headers=token)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"
    assert both.post(headers=token).status_code == 503
    assert project.fetched == 1, "a project that is down is not hammered"
    assert both.post().status_code == 200, "the secret of its own needs no key set"
    project.status = 200
    both.pass_seconds(PAUSE_AFTER_FAILURE)
    assert both.post(headers=token).status_code == 200
    project.status = 404
    both.pass_seconds(LIFETIME)
    assert both.post(headers=token).status_code == 503, "nothing is accepted on an old set"


def test_the_screen_is_answered_for_people_who_are_signed_in(new_receiver: NewReceiver) -> None:
    asked: list[Any] = []

    def export(document: Any) -> Answer:
        asked.append(document)
        return Answer(400, {"error": "Somente jobs pausados podem ser excluídos"})

    receiver = new_receiver(added=[function(export)], tabuladormax_jwt_secret=SIGNING_SECRET)
    for role, status in (("authenticated", 400), ("service_role", 400), ("anon", 401)):
        headers = bearer(signed(role=role, aud="authenticated"))
        answer = receiver.client.post(FUNCTION_PATH, json={"action": "delete"}, headers=headers)
        assert answer.status_code == status
    assert asked == [{"action": "delete"}] * 2
    assert receiver.client.post(FUNCTION_PATH, json={"action": "delete"}, headers=OWN).status_code == 401
    assert receiver.client.post(FUNCTION_PATH, json=[], headers=bearer(signed())).status_code == 400


def test_the_screens_path_is_not_there_without_the_push(receiver: RunningReceiver) -> None:
    assert receiver.client.post(FUNCTION_PATH, json={}, headers=OWN).status_code == 404


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"scouter_webhook_secret": "curto"}, "shorter than 16"),
        ({"scouter_webhook_secret": WEBHOOK_SECRET, "tabuladormax_jwt_secret": "curto"}, "shorter than 32"),
        ({}, "none of SCOUTER_WEBHOOK_SECRET"),
        ({"scouter_webhook_secret": WEBHOOK_SECRET, "scouter_way_back": False}, "SCOUTER_WAY_BACK=true"),
    ],
)
def test_what_could_never_be_right_is_not_served(settings: dict[str, Any], sentence: str) -> None:
    given = {"ops_database_url": "postgresql://nobody@127.0.0.1:1/ops", "scouter_way_back": True} | settings
    read = read_as(ScouterSettings, None, **given)
    with pytest.raises(PermanentError, match=sentence):
        serve(read, [endpoints(read)])


def mount(project: str, secret: str, shared: str | None = None) -> Mount:
    """A system of its own project, with one endpoint."""
    return Mount(
        credentials=Credentials(
            project,
            Setting(f"{project.upper()}_WEBHOOK_SECRET", shared),
            signing_secret=Setting(f"{project.upper()}_JWT_SECRET", secret),
            project_url=Setting(f"{project.upper()}_PROJECT_URL"),
        ),
        endpoints=[
            Endpoint(f"/{project}", handler=lambda _: Answer(200, {"of": project}), takes_shared_secret=True)
        ],
    )


def test_what_one_system_knows_its_callers_by_opens_no_endpoint_of_another(
    new_database: Callable[[str | None], str],
) -> None:
    secrets = {"one": "o-segredo-do-primeiro-projeto-1111", "two": "o-segredo-do-segundo-projeto-22222"}
    mounts = [
        mount("one", secrets["one"], shared=WEBHOOK_SECRET),
        mount("two", secrets["two"]),
    ]
    application = build(
        read_as(Settings, None, ops_database_url=new_database("ops")), mounts, clock=lambda: NOW
    )
    with BackgroundServer(application) as server, httpx.Client(base_url=server.url) as client:
        tokens = {
            (of, at): client.post(f"/{at}", json={}, headers=bearer(signed(secrets[of]))).status_code
            for of in secrets
            for at in secrets
        }
        shared = [client.post(f"/{at}", json={}, headers=OWN).status_code for at in secrets]
    assert tokens == {("one", "one"): 200, ("one", "two"): 401, ("two", "one"): 401, ("two", "two"): 200}
    assert shared == [200, 401]


def test_a_handler_learns_who_calls_and_only_from_a_verified_token(new_receiver: NewReceiver) -> None:
    path = "/functions/v1/quem-sou"
    who = Endpoint(
        path,
        handler=lambda call: Answer(200, {"caller": call.caller}),
        roles=PERSON,
        takes_shared_secret=True,
        may_be_empty=True,
    )
    receiver = new_receiver(added=[who], tabuladormax_jwt_secret=SIGNING_SECRET)
    person: dict[str, Any] = {"role": "authenticated", "aud": "authenticated", "sub": "uma-pessoa"}

    def caller(headers: dict[str, str], **body: Any) -> Any:
        answer = receiver.client.post(path, headers=headers, **body)
        return answer.json().get("caller") if answer.status_code == 200 else answer.status_code

    assert caller(bearer(signed(**person))) == "uma-pessoa"
    assert caller(bearer(signed(**person)), json={"caller": "outra"}) == "uma-pessoa"
    assert caller(bearer(signed(**person | {"sub": None}))) is None
    # The secret names nobody, whatever token comes along.
    assert caller(OWN | bearer(signed(**person))) is None
    assert caller(bearer(signed(**person | {"role": "service_role"}))) == 401
    assert caller(bearer(signed("um-segredo-de-outro-projeto-que-nao-e-este", **person))) == 401
