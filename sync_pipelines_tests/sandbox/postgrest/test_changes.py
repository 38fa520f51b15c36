"""PATCH and DELETE, section 2 of the wire contract."""

from __future__ import annotations

import pytest

from sync_pipelines_tests.sandbox.postgrest.conftest import Api, error
from sync_pipelines_tests.sandbox.postgrest.test_reading import SEED


@pytest.fixture
def seeded(api: Api) -> Api:
    api.run(SEED)
    return api


def test_a_change_is_204_and_says_which_rows(seeded: Api) -> None:
    response = seeded.ask("PATCH", "/things?id=lt.3", {"note": "novo"}, prefer="count=exact")
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["content-range"] == "0-1/2"
    assert seeded.value("select array_agg(id order by id) from things where note = 'novo'") == [1, 2]
    assert seeded.ask("PATCH", "/things?id=eq.99", {"note": "x"}).headers["content-range"] == "*/*"


def test_a_change_may_be_shown(seeded: Api) -> None:
    response = seeded.ask(
        "PATCH", "/things?id=eq.1&select=id,note", {"note": None}, prefer="return=representation"
    )
    assert (response.status_code, response.json()) == (200, [{"id": 1, "note": None}])


def test_a_change_of_nothing_changes_nothing(seeded: Api) -> None:
    before = seeded.run("select id, xmin::text from things order by id")
    assert seeded.ask("PATCH", "/things?id=eq.1", {}).status_code == 204
    assert seeded.ask("PATCH", "/things?id=eq.1", []).status_code == 204
    assert seeded.run("select id, xmin::text from things order by id") == before


def test_only_listed_columns_are_changed(seeded: Api) -> None:
    assert seeded.ask("PATCH", "/things?id=eq.1&columns=note", {"note": "c", "name": "z"}).status_code == 204
    assert seeded.run("select name, note from things where id = 1") == [("coisa 1", "c")]


def test_a_change_is_refused_as_a_write_is(seeded: Api) -> None:
    assert error(seeded.ask("PATCH", "/things?id=eq.1", {"nope": 1})) == (400, "PGRST204")
    assert error(seeded.ask("PATCH", "/things?nope=eq.1", {"note": "x"})) == (400, "42703")
    assert error(seeded.ask("PATCH", "/things?id=eq.1", {"name": None})) == (400, "23502")
    assert error(seeded.ask("PATCH", "/things?id=eq.1", {"id": 2})) == (409, "23505")


def test_a_delete_deletes_what_is_found(seeded: Api) -> None:
    response = seeded.ask("DELETE", "/things?id=gt.3", prefer="count=exact")
    assert (response.status_code, response.headers["content-range"]) == (204, "*/2")
    shown = seeded.ask("DELETE", "/things?id=eq.1&select=id", prefer="return=representation")
    assert (shown.status_code, shown.json()) == (200, [{"id": 1}])
    assert seeded.value("select array_agg(id order by id) from things") == [2, 3]


def test_more_than_is_allowed_is_rolled_back(seeded: Api) -> None:
    prefer = "handling=strict,max-affected=1"
    refused = seeded.ask("PATCH", "/things?id=lt.3", {"note": "novo"}, prefer=prefer)
    assert error(refused) == seeded.differing("too many affected")
    assert seeded.value("select count(*) from things where note = 'novo'") == 0
