"""Functions and the statuses of what they raise, sections 3 and 6 of the wire contract."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sync_pipelines_tests.sandbox.postgrest.conftest import Api, Kind, error
from sync_pipelines_tests.sandbox.postgrest.differences import NEVER_ANSWERED_BY_12
from sync_pipelines_tests.sandbox.postgrest.test_reading import SEED


@pytest.mark.parametrize(
    ("name", "body", "value"),
    [
        ("add", {"a": 1}, 11),
        ("add", {"a": 1, "b": 2}, 3),
        ("add", {"b": "2", "a": "1"}, 3),
        ("numbers", {}, [1, 2, 3]),
        ("one", {}, {"id": 7, "thing_id": None, "size": 3}),
        ("echo", {"doc": {"a": [1, "b"]}}, {"a": [1, "b"]}),
        ("echo", {"doc": "x"}, "x"),
        ("echo", {"doc": None}, None),
        ("whoami", {}, "service_role"),
    ],
)
def test_a_value_is_the_answer(api: Api, name: str, body: object, value: object) -> None:
    response = api.post(f"/rpc/{name}", body)
    assert (response.status_code, response.json()) == (200, value)


def test_rows_are_an_array(api: Api) -> None:
    api.run(SEED)
    response = api.post("/rpc/many", {})
    assert [row["id"] for row in response.json()] == [1, 2, 3, 4, 5]
    assert response.headers["content-range"] == "0-4/*"


def test_nothing_is_204(api: Api) -> None:
    for body in ({}, None):
        response = api.ask("POST", "/rpc/nothing", body)
        assert (response.status_code, response.content) == (204, b"")


def test_a_role_is_the_tokens(api: Api) -> None:
    assert api.post("/rpc/whoami", {}, role="authenticated").json() == "authenticated"
    assert api.post("/rpc/whoami", {}, role=None).json() == "anon"


def test_a_function_may_be_read_and_not_write_then(api: Api) -> None:
    assert api.get("/rpc/add?a=1&b=5").json() == 6
    assert api.get("/rpc/whoami").json() == "service_role"
    assert error(api.ask("DELETE", "/rpc/add")) == (405, "PGRST101")


@pytest.mark.parametrize(
    ("name", "body"),
    [("nope", {}), ("nope", {"x": 1}), ("add", {"b": 2}), ("add", {"a": 1, "c": 2}), ("add", {})],
)
def test_a_function_is_known_by_name_and_arguments(api: Api, name: str, body: object) -> None:
    assert error(api.post(f"/rpc/{name}", body)) == (404, "PGRST202")


def test_arguments_are_an_object(api: Api) -> None:
    assert error(api.post("/rpc/add", [1])) == (400, "PGRST102")
    assert error(api.post("/rpc/add", "{")) == (400, "PGRST102")
    assert error(api.post("/rpc/add", {"a": "x"})) == (400, "22P02")


STATUSES = {
    **{"P0001": 400, "P0002": 500, "57014": 500, "55P03": 500, "53100": 503, "57P01": 503, "08006": 503},
    **{"25006": 405, "22023": 400, "28000": 403, "0L000": 403, "0P000": 403, "XX000": 500, "58030": 500},
    **{"F0000": 500, "HV000": 500, "42P01": 404, "42883": 404, "42501": 403, "42703": 400, "23505": 409},
    **{"23503": 409, "PT402": 402, "ZZ001": 400, "25001": 500, "2D000": 500, "38000": 500, "39000": 500},
    **{"3B000": 500, "09000": 500, "55000": 500, "22P05": 400},
}


@pytest.mark.parametrize("code", [*STATUSES, "53400", "54000", "21000"])
def test_a_sqlstate_has_its_status(api: Api, code: str) -> None:
    response = api.post("/rpc/fails", {"code": code})
    assert error(response) == (STATUSES.get(code) or api.differing(code), code)
    assert response.json() == {"code": code, "message": "não", "details": "porque", "hint": "talvez"}


@pytest.mark.parametrize("code", NEVER_ANSWERED_BY_12)
def test_what_could_not_be_serialized_may_be_tried_again(start: Callable[[Kind], Api], code: str) -> None:
    assert error(start("face 16").post("/rpc/fails", {"code": code})) == (500, code)
