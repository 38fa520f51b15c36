"""What the old screen asks and is answered, by the function and over a socket with a person's token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from sync_pipelines.lib.http.endpoints import FUNCTIONS_PATH, Answer
from sync_pipelines.receiver.serving import build
from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines.scouter.endpoints import EXPORT, endpoints, screen_functions
from sync_pipelines.scouter.export_jobs.edge_function import answer, export_function
from sync_pipelines.scouter.export_jobs.worker import ExportWork
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.settings import read_as
from sync_pipelines.settings.scouter import ScouterSettings
from sync_pipelines.systems import read_settings
from sync_pipelines_tests.scouter.installation import Installation

DAY = date(2025, 10, 21)
NOBODY = "00000000-0000-4000-8000-00000000dead"
SECRET = "o-segredo-com-que-o-projeto-assina-os-seus-tokens"
SCREEN = "https://tela.example"
#: What a wrong request may hold; no answer and no log repeats it.
VALUE = "Maria-Segredo"


def ask(installation: Installation, **document: Any) -> Answer:
    return answer(document, installation.actions())


def test_create_makes_a_pending_export_of_the_days_and_fields_that_were_asked(
    control_plane: Installation,
) -> None:
    answered = ask(
        control_plane,
        action="create",
        startDate="2025-10-21",
        endDate="2025-10-01",
        fieldMappings={"nome": "tab_name", "id": "id"},
    )
    (job,) = control_plane.actions().newest()
    assert answered == (
        200,
        {
            "success": True,
            "jobId": job.id,
            "status": "pending",
            "message": "Exportação criada; começa em instantes.",
        },
    )
    assert (job.start_date, job.end_date) == (DAY, date(2025, 10, 1))
    assert job.field_mappings == {"nome": "tab_name", "id": "id"}


@pytest.mark.parametrize(
    "written", ["2025-10-21", "2025-10-21T23:59:59.999Z", "2025-10-21T00:00:00-03:00", "2025-10-21T12:00"]
)
def test_a_day_may_be_written_as_a_moment(control_plane: Installation, written: str) -> None:
    assert ask(control_plane, action="create", startDate=written, endDate=written).status == 200
    (job,) = control_plane.actions().newest()
    assert (job.start_date, job.end_date) == (DAY, DAY)


@pytest.mark.parametrize("nothing", [{}, {"endDate": None}, {"endDate": ""}, {"fieldMappings": None}])
def test_what_is_left_out_is_left_to_the_push(control_plane: Installation, nothing: dict[str, Any]) -> None:
    assert ask(control_plane, action="create", startDate="2025-10-21", **nothing).status == 200
    (job,) = control_plane.actions().newest()
    assert (job.end_date, job.field_mappings) == (None, None)


def test_the_other_actions_do_what_they_say(control_plane: Installation) -> None:
    job_id = control_plane.create(DAY, DAY)
    told = []
    for action in ("pause", "resume", "reset", "pause", "delete"):
        answered = ask(control_plane, action=action, jobId=job_id.upper())
        assert (answered.status, answered.body["success"], answered.body["jobId"]) == (200, True, job_id)
        assert answered.body["message"].startswith("Exportação ")
        told.append(answered.body.get("status"))
    assert told == ["paused", "pending", "pending", "paused", None]
    assert control_plane.actions().newest() == []


CREATE = {"action": "create", "startDate": "2025-10-21"}
WRONG: list[tuple[Any, str]] = [
    (None, "objeto JSON"),
    ([CREATE], "objeto JSON"),
    (VALUE, "objeto JSON"),
    ({}, "action deve ser create, pause, resume, reset, delete"),
    *(
        ({"action": action}, "action deve ser")
        for action in (VALUE, None, 7, ["create"], {"a": VALUE}, "CREATE")
    ),
    ({"action": "create"}, "startDate é obrigatório"),
    *(
        ({**CREATE, name: day}, f"{name} deve ser um dia")
        for name in ("startDate", "endDate")
        for day in (
            *(VALUE, "21/10/2025", "2025-10-32", "2025-02-29", "20251021", 20251021, "2025-W43-2", True),
            *(f"2025-10-21{VALUE}", "2025-10-21T", ["2025-10-21"], {"dia": VALUE}, "2025-10-21\n", "-"),
        )
    ),
    ({**CREATE, "endDate": "2025-10-22"}, "não pode vir antes de endDate"),
    *(
        ({**CREATE, "fieldMappings": fields}, "fieldMappings")
        for fields in (
            *([], "", VALUE, 7, False, [{"nome": "name"}]),
            *(
                {"nome": 7},
                {"nome": None},
                {"nome": {"from": "name", "transform": VALUE}},
            ),
            {"nome": {"from": []}},
        )
    ),
    *(({"action": name}, "jobId é obrigatório") for name in ("pause", "resume", "reset", "delete")),
    *(
        ({"action": name, "jobId": job}, "jobId")
        for name in ("pause", "delete")
        for job in ("", VALUE, 7, [NOBODY], {"id": NOBODY}, f"{NOBODY}{VALUE}")
    ),
]


@pytest.mark.parametrize(("document", "told"), WRONG, ids=[json.dumps(one) for one, _ in WRONG])
def test_what_is_no_request_is_answered_400_in_a_sentence(
    control_plane: Installation, document: Any, told: str
) -> None:
    answered = answer(document, control_plane.actions())
    assert (answered.status, answered.body["success"]) == (400, False)
    assert told in answered.body["error"]
    assert answered.body["error"].endswith(".")
    assert VALUE not in str(answered)
    assert control_plane.actions().newest() == []


@pytest.mark.parametrize("action", ["pause", "resume", "reset", "delete"])
def test_an_export_that_there_is_not_is_404(control_plane: Installation, action: str) -> None:
    answered = ask(control_plane, action=action, jobId=NOBODY)
    assert (answered.status, answered.body["error"]) == (404, f"Não existe a exportação {NOBODY}.")


def test_a_second_export_is_409_and_what_its_state_forbids_400(control_plane: Installation) -> None:
    job_id = control_plane.create(DAY, DAY)
    second = ask(control_plane, **CREATE)
    assert (second.status, job_id in second.body["error"]) == (409, True)
    refused = ask(control_plane, action="delete", jobId=job_id)
    assert refused.status == 400
    assert refused.body["error"] == "Só uma exportação pausada pode ser excluída; esta está pendente."
    assert ask(control_plane, action="resume", jobId=job_id).status == 400


def test_what_is_switched_off_is_said(control_plane: Installation) -> None:
    control_plane.tab.execute("update public.gestao_scouter_config set sync_enabled = false")
    answered = ask(control_plane, **CREATE)
    assert answered.status == 400
    assert "ligue-a em Config > Integrações" in answered.body["error"]


def test_a_database_that_is_away_or_refuses_is_503_and_its_words_are_for_the_log(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    away = "postgresql://x:senha-longa@127.0.0.1:1/tab"
    nowhere = read_settings(None, ops_database_url=away, tabuladormax_database_url=away)
    gone = export_function(LeadPush.from_settings(nowhere).source)(CREATE)
    installation.tab.execute("drop table public.gestao_scouter_export_jobs cascade")
    broken = export_function(installation.push.source)(CREATE)
    assert gone == broken
    assert (gone.status, gone.body["success"]) == (503, False)
    assert "TabuladorMax não responde" in gone.body["error"]
    assert "gestao_scouter_export_jobs" in caplog.text
    assert "senha-longa" not in caplog.text


def token(role: str | None = "authenticated", secret: str = SECRET, hours: int = 1) -> dict[str, str]:
    """What the screen sends of the person who is signed in."""
    claims = {
        "role": role,
        "aud": "authenticated",
        "exp": int((datetime.now(UTC) + timedelta(hours=hours)).timestamp()),
    }
    return {"Authorization": f"Bearer {jwt.encode(claims, secret, 'HS256')}"}


@contextmanager
def served(installation: Installation) -> Iterator[httpx.Client]:
    """The receiver on a socket as `sync-pipelines webhook` serves it."""
    settings = read_as(
        ScouterSettings,
        None,
        ops_database_url=installation.settings.require("ops_database_url"),
        scouter_screen_origins=SCREEN,
        tabuladormax_jwt_secret=SECRET,
    )
    application = build(
        settings, [replace(endpoints(settings), endpoints=screen_functions(installation.push))]
    )
    with ExitStack() as stack:
        server = stack.enter_context(BackgroundServer(application))
        yield stack.enter_context(httpx.Client(base_url=server.url))


def test_over_a_socket_a_signed_in_person_creates_and_pauses_an_export(control_plane: Installation) -> None:
    with served(control_plane) as client:
        made = client.post(FUNCTIONS_PATH + EXPORT, json=CREATE, headers={**token(), "Origin": SCREEN})
        assert made.status_code == 200
        assert made.headers["access-control-allow-origin"] == SCREEN
        (job,) = control_plane.actions().newest()
        assert (job.id, job.status) == (made.json()["jobId"], "pending")
        again = client.post(FUNCTIONS_PATH + EXPORT, json=CREATE, headers=token("service_role"))
        assert (again.status_code, again.json()["success"]) == (409, False)
        paused = client.post(
            FUNCTIONS_PATH + EXPORT, json={"action": "pause", "jobId": job.id}, headers=token()
        )
        assert (paused.status_code, paused.json()["status"]) == (200, "paused")
        wrong = client.post(FUNCTIONS_PATH + EXPORT, json=[VALUE], headers=token())
        assert (wrong.status_code, wrong.json()["error"]) == (400, "O corpo deve ser um objeto JSON.")
    assert control_plane.job(job.id).status == "paused"


@pytest.mark.parametrize(
    "headers",
    [{}, token("anon"), token(None), token(secret="x" * 40), token(hours=-1), {"Authorization": "Bearer x"}],
    ids=["none", "anon", "no role", "another secret", "expired", "no token"],
)
def test_who_is_not_signed_in_changes_nothing(control_plane: Installation, headers: dict[str, str]) -> None:
    with served(control_plane) as client:
        refused = client.post(FUNCTIONS_PATH + EXPORT, json=CREATE, headers=headers)
    assert refused.status_code == 401
    assert control_plane.actions().newest() == []


def test_the_browser_is_told_that_the_screen_may_call_with_its_own_headers(
    control_plane: Installation,
) -> None:
    asked = {
        "Origin": SCREEN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, x-client-info, apikey, content-type",
    }
    with served(control_plane) as client:
        allowed = client.options(FUNCTIONS_PATH + EXPORT, headers=asked)
        other = client.options(FUNCTIONS_PATH + EXPORT, headers={**asked, "Origin": "https://outra.example"})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, SCREEN)
    assert other.status_code == 400
    assert "access-control-allow-origin" not in other.headers


def test_a_paused_export_is_paused_under_its_worker(control_plane: Installation) -> None:
    job_id = control_plane.create(DAY, DAY)
    with psycopg.connect(
        control_plane.settings.require("tabuladormax_database_url"), autocommit=True
    ) as session:
        ExportWork(session).claim(job_id, "run")
        assert ask(control_plane, action="pause", jobId=job_id).body["status"] == "paused"
        assert ask(control_plane, action="delete", jobId=job_id).status == 200


@pytest.mark.parametrize("name", ["na\u0000me", "na\ud800me"])
@pytest.mark.parametrize("side", ["destination", "source"])
def test_a_mapping_that_jsonb_does_not_hold_is_no_request(
    control_plane: Installation, name: str, side: str
) -> None:
    fields = {name: "name"} if side == "destination" else {"nome": name}
    answered = export_function(control_plane.push.source)(
        {"action": "create", "startDate": "2025-10-21", "fieldMappings": fields}
    )
    assert answered.status == 400
    assert "fieldMappings" in answered.body["error"]


@pytest.mark.parametrize("start", ["9999-12-31", "2205-10-21"])
def test_an_export_that_begins_in_another_century_is_refused(control_plane: Installation, start: str) -> None:
    answered = ask(control_plane, action="create", startDate=start)
    assert (answered.status, "está no futuro" in answered.body["error"]) == (400, True)
    assert control_plane.actions().newest() == []
