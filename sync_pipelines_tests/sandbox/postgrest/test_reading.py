"""Reads, section 4 of the wire contract."""

from __future__ import annotations

import pytest

from sync_pipelines_tests.sandbox.postgrest.conftest import MAX_ROWS, Api, error

SEED = (
    "insert into public.things (id, name, note, raw, at)"
    " select n, 'coisa ' || n, (array['b', 'a', null])[1 + n % 3], '{\"a\": {\"b\": [1, 2]}}',"
    " '2025-10-21T16:43:00Z' from generate_series(1, 5) as n"
)


@pytest.fixture
def seeded(api: Api) -> Api:
    """Five things; their notes are a, null, b, a, null."""
    api.run(SEED)
    return api


def ids(api: Api, query: str) -> list[int]:
    response = api.get(f"/things?select=id&{query}")
    assert response.status_code == 200, response.text
    return [row["id"] for row in response.json()]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("id=eq.3", [3]),
        ("id=neq.3", [1, 2, 4, 5]),
        ("id=gt.3&id=lt.5", [4]),
        ("id=gte.3&id=lte.4", [3, 4]),
        ("name=like.*1", [1]),
        ("name=like.COISA*", []),
        ("name=ilike.COISA*2", [2]),
        ("id=in.(1,5,9)", [1, 5]),
        ("id=in.()", []),
        ('name=in.("coisa 1","coisa, 2","coi\\"sa")', [1]),
        ("note=is.null", [2, 5]),
        ("note=not.is.null", [1, 3, 4]),
        ("done=is.unknown", [1, 2, 3, 4, 5]),
        ("done=is.true", []),
        ("id=not.eq.1", [2, 3, 4, 5]),
        ("id=not.in.(1,2)", [3, 4, 5]),
        ("or=(id.lt.2,and(id.gte.4,note.is.null))", [1, 5]),
        ("or=(note.is.null,note.neq.a)", [2, 3, 5]),
        ("not.or=(id.lt.2,id.eq.4)", [2, 3, 5]),
        ("and=(id.gt.1,not.or(id.eq.2,id.eq.3))", [4, 5]),
        ('or=(name.eq."coisa 1",name.in.("coisa 2","x,(y)"))', [1, 2]),
        ("at=gte.2025-10-21T16:43:00Z&id=lt.2", [1]),
        ("at=gte.2025-10-21T13:43:00-03:00&id=lt.2", [1]),
        ("at=gte.2025-10-21T16:43:00%2B00:00&id=lt.2", [1]),
        ("raw->a->b->>0=eq.1&id=eq.2", [2]),
    ],
)
def test_a_condition_finds_its_rows(seeded: Api, query: str, found: list[int]) -> None:
    assert ids(seeded, f"{query}&order=id") == found


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("id=1", "PGRST100"),
        ("id=foo.1", "PGRST100"),
        ("note=is.nada", "PGRST100"),
        ("or=(id.lt.2", "PGRST100"),
        ("id=eq.abc", "22P02"),
        ("nope=eq.1", "42703"),
        ("order=nope", "42703"),
        # A plus that was not encoded is a space.
        ("at=gte.2025-10-21T16:43:00+00:00", "22007"),
    ],
)
def test_a_condition_that_cannot_be_is_refused(seeded: Api, query: str, code: str) -> None:
    assert error(seeded.get(f"/things?{query}")) == (400, code)


def test_is_not_null_is_a_word_of_later_servers(seeded: Api) -> None:
    response = seeded.get("/things?note=is.not_null")
    assert response.status_code == seeded.differing("is.not_null")


def test_columns_are_chosen_renamed_cast_and_looked_into(seeded: Api) -> None:
    query = "select=n:id,name::text,raw->a,x:raw->a->b->>0&id=eq.1"
    assert seeded.get(f"/things?{query}").json() == [
        {"n": 1, "name": "coisa 1", "a": {"b": [1, 2]}, "x": "1"}
    ]
    assert seeded.get('/things?select="id"&id=eq.1').json() == [{"id": 1}]


def test_a_selected_column_is_the_databases_business(seeded: Api) -> None:
    response = seeded.get("/things?select=nope")
    assert error(response) == (400, "42703")
    assert response.json()["message"] == "column things.nope does not exist"


def test_nulls_come_first_where_the_order_falls(seeded: Api) -> None:
    assert ids(seeded, "order=note.desc,id") == [2, 5, 3, 1, 4]
    assert ids(seeded, "order=note.desc.nullslast,id.desc") == [3, 4, 1, 5, 2]
    assert ids(seeded, "order=note.nullsfirst,id") == [2, 5, 1, 4, 3]
    assert ids(seeded, "order=note.asc,id.asc") == [1, 4, 3, 2, 5]


@pytest.mark.parametrize(
    ("query", "header", "found", "range_without", "range_with"),
    [
        ("", None, [1, 2, 3, 4, 5], "0-4/*", (200, "0-4/5")),
        ("limit=2&offset=1", None, [2, 3], "1-2/*", (206, "1-2/5")),
        ("", "1-2", [2, 3], "1-2/*", (206, "1-2/5")),
        ("limit=3&offset=1", "2-2", [3], "2-2/*", (206, "2-2/5")),
        ("", "4-", [5], "4-4/*", (206, "4-4/5")),
        ("limit=0", None, [], "*/*", (206, "*/5")),
        ("offset=5", None, [], "*/*", (206, "*/5")),
        ("id=gt.99", None, [], "*/*", (200, "*/0")),
    ],
)
def test_a_part_is_206_only_where_a_count_was_asked_for(
    seeded: Api,
    query: str,
    header: str | None,
    found: list[int],
    range_without: str,
    range_with: tuple[int, str],
) -> None:
    headers = {"Range-Unit": "items", "Range": header} if header else {}
    path = f"/things?select=id&order=id&{query}"
    plain = seeded.get(path, headers=headers)
    assert (plain.status_code, plain.headers["content-range"]) == (200, range_without)
    assert [row["id"] for row in plain.json()] == found
    counted = seeded.get(path, headers=headers, prefer="count=exact")
    assert (counted.status_code, counted.headers["content-range"]) == range_with
    assert counted.headers["preference-applied"] == "count=exact"


def test_beyond_the_end_is_416_only_where_a_count_was_asked_for(seeded: Api) -> None:
    assert seeded.get("/things?offset=6").json() == []
    refused = seeded.get("/things?offset=6", prefer="count=exact")
    assert error(refused) == (416, "PGRST103")
    assert refused.headers["content-range"] == "*/5"
    assert error(seeded.get("/things", headers={"Range": "3-1"})) == (416, "PGRST103")
    assert error(seeded.get("/things?limit=-1")) == (416, "PGRST103")


def test_head_counts_without_rows(seeded: Api) -> None:
    whole = seeded.ask("HEAD", "/things?select=id", prefer="count=exact")
    assert (whole.status_code, whole.content, whole.headers["content-range"]) == (200, b"", "0-4/5")
    part = seeded.ask("HEAD", "/things?select=id&limit=1", prefer="count=exact")
    assert (part.status_code, part.headers["content-range"]) == (206, "0-0/5")


def test_an_answer_is_capped_without_a_word(api: Api) -> None:
    api.run("insert into public.keyless select 'w' from generate_series(1, 1005)")
    for query in ("", "?limit=1004"):
        response = api.get(f"/keyless{query}")
        assert response.status_code == 200
        assert len(response.json()) == MAX_ROWS
        assert response.headers["content-range"] == "0-999/*"
    counted = api.get("/keyless", prefer="count=exact")
    assert (counted.status_code, counted.headers["content-range"]) == (206, "0-999/1005")


def test_numbers_are_numbers_and_times_have_their_zone(api: Api) -> None:
    api.run(
        "insert into public.things (id, name, big, amount, at)"
        " values (1, 'a', 9007199254740993, 1.50, '2025-10-21 16:43:00.123456-03')"
    )
    text = api.get("/things?select=big,amount,at").text
    assert text == '[{"big":9007199254740993,"amount":1.50,"at":"2025-10-21T19:43:00.123456+00:00"}]'


def test_one_object_may_be_asked_for(seeded: Api) -> None:
    one = {"Accept": "application/vnd.pgrst.object+json"}
    assert seeded.get("/things?select=id&id=eq.1", headers=one).json() == {"id": 1}
    for query in ("id=gt.1", "id=gt.99"):
        response = seeded.get(f"/things?{query}", headers=one)
        assert (response.status_code, response.json()["code"]) == (406, "PGRST116")


def test_another_media_type_is_not_there(api: Api) -> None:
    assert error(api.get("/things", headers={"Accept": "text/html"})) == api.differing("media type")


def test_a_view_is_read_like_a_table(seeded: Api) -> None:
    assert seeded.get("/named?select=id&id=eq.2").json() == [{"id": 2}]


def test_a_table_that_is_not_there_is_404(api: Api) -> None:
    assert error(api.get("/nowhere")) == api.differing("unknown table, read")
    assert error(api.get("/things/x")) == api.differing("path of three parts")


def test_only_what_is_granted_is_read(api: Api) -> None:
    assert error(api.get("/hidden", role="authenticated")) == (403, "42501")
    assert error(api.get("/partial", role="authenticated")) == (403, "42501")
    assert api.get("/partial?select=id,seen", role="authenticated").json() == []
    nobody = api.get("/hidden", role=None)
    assert error(nobody) == (401, "42501")
    assert nobody.headers["www-authenticate"].startswith("Bearer")


def test_another_schema_is_not_exposed(api: Api) -> None:
    assert error(api.get("/users", headers={"Accept-Profile": "auth"})) == (406, "PGRST106")
    assert error(api.post("/things", [], headers={"Content-Profile": "auth"})) == (406, "PGRST106")
    assert api.get("/things", headers={"Accept-Profile": "public"}).headers["content-profile"] == "public"
    # Each method looks at its own header.
    assert api.post("/things", [], headers={"Accept-Profile": "auth"}).status_code == 201
