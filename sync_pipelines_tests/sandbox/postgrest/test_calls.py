"""Functions and the statuses of what they raise, sections 3 and 6 of the wire contract."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sync_pipelines_tests.sandbox.postgrest.conftest import MAX_ROWS, Api, Kind, error
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


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("id=gt.3", [4, 5]),
        ("select=id&order=id.desc&limit=2", [5, 4]),
        ("select=id&offset=3", [4, 5]),
        ("id=in.(1,2)&select=number:id,id,name::text", [1, 2]),
        ("or=(id.eq.1,id.eq.5)&select=id", [1, 5]),
        ("not.or=(id.eq.1,id.eq.5)&select=id", [2, 3, 4]),
        ("raw->a->b->>0=eq.1&id=lt.3", [1, 2]),
        ("limit=0", []),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_rows_of_a_function_are_read_like_a_tables(
    api: Api, method: str, query: str, found: list[int]
) -> None:
    api.run(SEED)
    response = api.ask(method, f"/rpc/many?{query}", {} if method == "POST" else None)
    assert response.status_code == 200, response.text
    assert [row["id"] for row in response.json()] == found


def test_rows_of_a_function_are_counted(api: Api) -> None:
    api.run(SEED)
    for method, query, status, extent in (
        ("POST", "id=gt.2", 200, "0-2/3"),
        ("GET", "id=gt.2", 200, "0-2/3"),
        ("POST", "limit=2&offset=1", 206, "1-2/5"),
        ("POST", "id=gt.9", 200, "*/0"),
        ("HEAD", "select=id", 200, "0-4/5"),
    ):
        body = {} if method == "POST" else None
        response = api.ask(method, f"/rpc/many?{query}", body, prefer="count=exact")
        assert (response.status_code, response.headers["content-range"]) == (status, extent)
        assert response.headers["preference-applied"] == "count=exact"
    assert error(api.post("/rpc/many?offset=9", {}, prefer="count=exact")) == (416, "PGRST103")
    assert api.post("/rpc/add", {"a": 1}, prefer="count=exact").headers["content-range"] == "0-0/1"
    assert api.post("/rpc/many", {}, prefer="count=planned").headers["content-range"] == "0-4/*"


def test_a_range_is_for_reading_only(api: Api) -> None:
    api.run(SEED)
    named = {"Range": "1-2"}
    assert api.get("/rpc/many?select=id", headers=named).json() == [{"id": 2}, {"id": 3}]
    assert len(api.post("/rpc/many?select=id", {}, headers=named).json()) == 5


def test_a_function_has_the_silent_cap_too(api: Api) -> None:
    response = api.post("/rpc/thousands", {})
    assert (len(response.json()), response.headers["content-range"]) == (MAX_ROWS, f"0-{MAX_ROWS - 1}/*")
    counted = api.post("/rpc/thousands?limit=1200", {}, prefer="count=exact")
    assert (counted.status_code, counted.headers["content-range"]) == (206, f"0-{MAX_ROWS - 1}/1500")
    assert api.post("/rpc/numbers?offset=1", {}).json() == [2, 3]


def test_one_object_may_be_asked_of_a_function(api: Api) -> None:
    api.run(SEED)
    one = {"Accept": "application/vnd.pgrst.object+json"}
    response = api.post("/rpc/many?id=eq.2&select=id", {}, headers=one)
    assert (response.json(), response.headers["content-type"]) == (
        {"id": 2},
        "application/vnd.pgrst.object+json; charset=utf-8",
    )
    assert api.post("/rpc/many", {}, headers=one).json()["code"] == "PGRST116"
    assert api.post("/rpc/add", {"a": 1}, headers=one).json() == 11
    assert api.post("/rpc/one?select=size", {}, headers=one).json() == {"size": 3}


def test_a_single_value_stays_one_row_whatever_is_left_of_it(api: Api) -> None:
    for path, value, extent in (
        ("/rpc/one?size=eq.3&select=size", {"size": 3}, "0-0/*"),
        ("/rpc/one?size=eq.4", None, "0-0/*"),
        ("/rpc/one?limit=0", None, "0-0/*"),
        ("/rpc/one?offset=1", None, "1-1/*"),
    ):
        response = api.post(path, {})
        assert (response.json(), response.headers["content-range"]) == (value, extent)


@pytest.mark.parametrize("path", ["/rpc/add?id=eq.1", "/rpc/add?select=id", "/rpc/add?order=id"])
def test_a_single_value_has_no_columns(api: Api, path: str) -> None:
    assert error(api.post(path, {"a": 1})) == (400, "42703")
    assert error(api.post("/rpc/many?nope=eq.1", {})) == (400, "42703")
    assert error(api.post("/rpc/nothing?id=eq.1", {})) == (400, "42703")


def test_a_condition_may_be_on_a_column_that_is_not_selected(api: Api) -> None:
    api.run(SEED)
    wanted = api.differing("condition on what is not selected")
    for query in ("id=gt.4&select=name", "order=id.desc&limit=1&select=name"):
        response = api.post(f"/rpc/many?{query}", {})
        assert response.status_code == wanted
        assert wanted != 200 or response.json() == [{"name": "coisa 5"}]


def test_what_looks_like_a_condition_is_no_argument(api: Api) -> None:
    api.run(SEED)
    assert [row["id"] for row in api.get("/rpc/from_id?id=4").json()] == [4, 5]
    assert error(api.get("/rpc/from_id?id=eq.4")) == (404, "PGRST202")
    assert [row["id"] for row in api.post("/rpc/from_id?id=eq.4", {"id": 2}).json()] == [4]
    assert error(api.get("/rpc/add?a=1&b=not.5")) == (400, "PGRST100")
    assert api.get("/rpc/add?a=1&limit=1").json() == 11


def test_columns_say_which_arguments_count(api: Api) -> None:
    assert api.post("/rpc/add?columns=a", {"a": 1, "b": 2}).json() == 11
    assert error(api.post("/rpc/many?columns=a", {"a": 1})) == (404, "PGRST202")


def test_a_function_that_writes_is_called_once(api: Api) -> None:
    response = api.post("/rpc/made?size=gt.5&select=size", {"size": 5}, prefer="count=exact")
    assert (response.json(), response.headers["content-range"]) == ([{"size": 6}], "0-0/1")
    assert api.run("select size from public.parts order by 1") == [(5,), (6,)]


def test_columns_of_any_name_are_rows_with_names(api: Api) -> None:
    row = {"id": 1, "s": "S", "one": "O", "source": "R", "called": "C", "body": "D", "given": "G", "b": "B"}
    row |= {"pgrst_call": "P"}
    assert api.get("/letters?id=eq.1").json() == [row]
    assert api.get("/letters?select=s&order=id").json() == [{"s": "S"}, {"s": None}]
    assert api.post("/rpc/letters_of?id=eq.1", {"s": "y"}).json() == [row]
    assert api.post("/rpc/letters_of?s=eq.S&select=s", {}).json() == [{"s": "S"}]
    assert api.post("/rpc/pair", {}).json() == [{"s": 1, "one": 2}, {"s": 3, "one": 4}]
    written = {**row, "id": 3}
    try:
        made = api.merge("/letters", [written], prefer="return=representation")
        assert made.json() == [written]
        changed = api.ask("PATCH", "/letters?id=eq.3", {"s": "x"}, prefer="return=representation")
        assert changed.json() == [{**written, "s": "x"}]
    finally:
        gone = api.ask("DELETE", "/letters?id=eq.3&select=s", prefer="return=representation")
    assert gone.json() == [{"s": "x"}]


def test_arguments_are_an_object(api: Api) -> None:
    assert error(api.post("/rpc/add", [1])) == (400, "PGRST102")
    assert error(api.post("/rpc/add", "{")) == (400, "PGRST102")
    assert error(api.post("/rpc/add", {"a": "x"})) == (400, "22P02")


SQLSTATES = {
    400: "P0001 22023 42703 22P05 ZZ001",
    402: "PT402",
    403: "28000 0L000 0P000 42501",
    404: "42P01 42883",
    405: "25006",
    409: "23503 23505",
    500: "P0002 57014 55P03 55000 XX000 58030 F0000 HV000 25001 2D000 38000 39000 3B000 09000",
    503: "53100 57P01 08006",
}
STATUSES = {code: status for status, codes in SQLSTATES.items() for code in codes.split()}


@pytest.mark.parametrize("code", [*STATUSES, "53400", "54000", "21000"])
def test_a_sqlstate_has_its_status(api: Api, code: str) -> None:
    response = api.post("/rpc/fails", {"code": code})
    assert error(response) == (STATUSES.get(code) or api.differing(code), code)
    assert response.json() == {"code": code, "message": "não", "details": "porque", "hint": "talvez"}


@pytest.mark.parametrize("code", NEVER_ANSWERED_BY_12)
def test_what_could_not_be_serialized_may_be_tried_again(start: Callable[[Kind], Api], code: str) -> None:
    assert error(start("fake 16").post("/rpc/fails", {"code": code})) == (500, code)
