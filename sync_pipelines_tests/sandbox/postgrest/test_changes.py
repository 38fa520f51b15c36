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


@pytest.mark.parametrize(
    ("at", "condition", "finds"),
    [
        ("'2025-10-21T16:43:00.123456Z'", "eq.2025-10-21T16:43:00.123456%2B00:00", True),
        ("'2025-10-21T16:43:00.123456Z'", "eq.2025-10-21T13:43:00.123456-03:00", True),
        ("'2025-10-21T16:43:00.123456Z'", "eq.2025-10-21T16:43:00.123457%2B00:00", False),
        ("'2025-10-21T16:43:00.123456Z'", "is.null", False),
        ("null", "is.null", True),
        ("null", "eq.infinity", False),
        ("'infinity'", "eq.infinity", True),
        ("'-infinity'", "eq.infinity", False),
        ("'-infinity'", "eq.-infinity", True),
        ("'0044-03-15 12:00:00+00 BC'", "eq.0044-03-15T12:00:00%2B00:00 BC", True),
        ("'20225-01-01T00:00:00Z'", "eq.20225-01-01T00:00:00%2B00:00", True),
    ],
)
def test_a_change_may_depend_on_a_moment(seeded: Api, at: str, condition: str, finds: bool) -> None:
    seeded.run(f"update things set at = {at} where id = 1")
    path = f"/things?id=eq.1&at={condition}&columns=note,at&select=id,at,note"
    response = seeded.ask("PATCH", path, {"note": "novo", "at": "infinity"}, prefer="return=representation")
    shown = [{"id": 1, "at": "infinity", "note": "novo"}] if finds else []
    assert (response.status_code, response.json()) == (200, shown)
    assert response.headers["content-range"] == ("0-0/*" if finds else "*/*")


def test_the_moment_of_an_answer_finds_its_row(seeded: Api) -> None:
    for at in ("'2025-10-21T16:43:00.1Z'", "'0044-03-15 12:00:00+00 BC'", "'20225-01-01Z'", "'-infinity'"):
        seeded.run(f"update things set at = {at} where id = 1")
        said = seeded.get("/things?id=eq.1&select=at").json()[0]["at"].replace("+", "%2B")
        response = seeded.ask(
            "PATCH", f"/things?at=eq.{said}&select=id", {"note": "x"}, prefer="return=representation"
        )
        assert response.json() == [{"id": 1}]


def test_a_listed_column_that_the_change_lacks_is_cleared(seeded: Api) -> None:
    seeded.run("update things set kind = 'k' where id = 1")
    assert seeded.ask("PATCH", "/things?id=eq.1&columns=note,kind", {"note": "c"}).status_code == 204
    assert seeded.run("select note, kind from things where id = 1") == [("c", None)]


def test_a_change_without_an_object_changes_nothing(seeded: Api) -> None:
    before = seeded.run("select id, xmin::text from things order by id")
    response = seeded.ask("PATCH", "/things?id=eq.1&columns=note", [], prefer="return=representation")
    assert (response.status_code, response.json()) == (200, [])
    assert seeded.run("select id, xmin::text from things order by id") == before


def test_of_several_objects_one_is_the_change(seeded: Api) -> None:
    assert (
        seeded.ask("PATCH", "/things?id=lt.3&columns=note", [{"note": "a"}, {"note": "b"}]).status_code == 204
    )
    assert seeded.run("select note from things where id < 3") == [("a",), ("a",)]


def test_a_shown_column_that_is_not_there_rolls_the_change_back(seeded: Api) -> None:
    path = "/things?id=eq.1&columns=note&select=id,nope"
    refused = seeded.ask("PATCH", path, {"note": "novo"}, prefer="return=representation")
    assert error(refused) == (400, "42703")
    assert seeded.value("select count(*) from things where note = 'novo'") == 0


def test_a_change_may_show_what_a_trigger_made_of_it(seeded: Api) -> None:
    seeded.run(
        "create function stamp() returns trigger language plpgsql as $$ begin new.note := 'carimbo';"
        " return new; end $$; create trigger stamp before update on things for each row execute function stamp()"
    )
    try:
        path = "/things?id=eq.1&columns=kind&select=kind,note"
        response = seeded.ask("PATCH", path, {"kind": "k"}, prefer="return=representation")
        assert response.json() == [{"kind": "k", "note": "carimbo"}]
    finally:
        seeded.run("drop trigger stamp on things; drop function stamp()")
