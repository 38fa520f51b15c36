"""Bulk inserts and upserts, sections 2 and 5 of the wire contract."""

from __future__ import annotations

import pytest

from sync_pipelines_tests.sandbox.postgrest.conftest import Api, error


def thing(number: int, **more: object) -> dict[str, object]:
    return {"id": number, "name": f"coisa {number}", **more}


def test_an_insert_is_201_without_body(api: Api) -> None:
    response = api.post("/things", [thing(1), thing(2)])
    assert response.status_code == 201
    assert response.content == b""
    assert "content-type" not in response.headers
    assert response.headers["content-range"] == "*/*"
    assert "preference-applied" not in response.headers


def test_a_merge_is_201_where_something_was_new_and_200_where_all_was_there(api: Api) -> None:
    assert api.merge("/things?on_conflict=id", [thing(1)]).status_code == 201
    assert api.merge("/things?on_conflict=id", [thing(1), thing(2)]).status_code == 201
    again = api.merge("/things?on_conflict=id", [thing(1), thing(2)], "return=minimal")
    assert again.status_code == 200
    assert again.content == b""
    words = set(again.headers["preference-applied"].split(", "))
    assert words == {"resolution=merge-duplicates", "return=minimal"}


def test_a_merge_without_on_conflict_takes_the_primary_key(api: Api) -> None:
    api.post("/things", [thing(1, note="x")])
    assert api.merge("/things", [thing(1)]).status_code == 200
    assert api.value("select note from things") == "x"


def test_a_table_without_key_is_only_inserted_into(api: Api) -> None:
    assert api.merge("/keyless", [{"word": "a"}]).status_code == 201
    assert api.merge("/keyless", [{"word": "a"}]).status_code == 201
    assert api.value("select count(*) from keyless") == 2


def test_keys_must_match_but_in_any_order(api: Api) -> None:
    assert error(api.post("/things", [thing(1), thing(2, note="x")])) == (400, "PGRST102")
    assert error(api.post("/things", [thing(1), 2])) == (400, "PGRST102")
    assert api.post("/things", [{"id": 1, "name": "a"}, {"name": "b", "id": 2}]).status_code == 201


@pytest.mark.parametrize("body", ["{", "[{]"])
def test_malformed_json_is_refused_by_whoever_parses_it(api: Api, body: str) -> None:
    assert error(api.post("/things", body)) == (400, "PGRST102")
    assert error(api.post("/things?columns=id,name", body)) == (400, "22P02")


@pytest.mark.parametrize("body", ["null", "5", '"x"'])
def test_a_scalar_is_an_empty_array(api: Api, body: str) -> None:
    assert api.post("/things", body).status_code == 201
    assert api.value("select count(*) from things") == 0


def test_no_body_is_not_an_empty_array(api: Api) -> None:
    assert error(api.post("/things", "")) == (400, "PGRST102")
    assert error(api.post("/things?columns=id,name", "")) == (400, "22P02")


def test_another_kind_of_body_is_refused(api: Api) -> None:
    response = api.ask("POST", "/things", "{}", headers={"Content-Type": "text/plain"})
    assert error(response) == (400, "PGRST102")


def test_with_columns_what_is_missing_is_null_and_what_is_more_is_ignored(api: Api) -> None:
    body = [thing(1, note="x"), {"id": 2, "name": "b", "unknown": 1}]
    assert api.post("/things?columns=id,name,note", body).status_code == 201
    assert api.run("select id, note from things order by id") == [(1, "x"), (2, None)]


def test_with_columns_what_is_missing_is_the_default_where_that_is_asked_for(api: Api) -> None:
    body = [thing(1, note="x"), thing(2), thing(3, note=None)]
    response = api.post("/things?columns=id,name,note", body, prefer="missing=default")
    assert response.status_code == 201
    assert response.headers["preference-applied"] == "missing=default"
    assert api.run("select note from things order by id") == [("x",), ("nada",), (None,)]


def test_a_merge_writes_the_listed_columns_and_no_other(api: Api) -> None:
    api.post("/things", [thing(1, note="x", kind="k")])
    assert (
        api.merge("/things?columns=id,name,note", [{"id": 1, "name": "novo", "kind": "z"}]).status_code == 200
    )
    assert api.run("select name, note, kind from things") == [("novo", None, "k")]


def test_columns_may_be_quoted(api: Api) -> None:
    assert api.post('/things?columns="id","name"', [thing(1)]).status_code == 201


def test_a_blank_list_of_columns_is_refused(api: Api) -> None:
    assert error(api.post("/things?columns=", [thing(1)])) == (400, "PGRST100")


def test_unknown_columns_are_named_one_at_a_time_in_alphabetical_order(api: Api) -> None:
    for path, body in (("/things?columns=id,zebra,abelha", []), ("/things", [thing(1, zebra=1, abelha=2)])):
        response = api.post(path, body)
        assert error(response) == (400, "PGRST204")
        refusal = response.json()
        assert refusal["message"] == api.differing("unknown column")
        assert refusal["details"] is None
        assert refusal["hint"] is None


def test_a_conflict_without_a_constraint_is_refused(api: Api) -> None:
    assert error(api.merge("/things?on_conflict=name", [thing(1)])) == (400, "42P10")
    assert error(api.merge("/things?on_conflict=nope", [thing(1)]))[0] == 400


def test_another_unique_constraint_may_be_the_target(api: Api) -> None:
    code = "00000000-0000-4000-8000-000000000001"
    api.post("/things", [thing(1, code=code)])
    assert api.merge("/things?on_conflict=code", [thing(1, code=code, note="y")]).status_code == 200
    assert api.run("select id, note from things") == [(1, "y")]


def test_the_same_key_twice_is_refused_and_nothing_written(api: Api) -> None:
    response = api.merge("/things?on_conflict=id", [thing(1), thing(2), thing(1)])
    assert error(response) == api.differing("same key twice")
    assert api.value("select count(*) from things") == 0


def test_a_required_column_is_asked_for_even_where_the_row_is_there(api: Api) -> None:
    api.post("/things", [thing(1)])
    assert error(api.merge("/things?on_conflict=id&columns=id,note", [{"id": 1, "note": "x"}])) == (
        400,
        "23502",
    )


def test_one_bad_row_keeps_fifty_out(api: Api) -> None:
    rows = [thing(number, kind="curto") for number in range(50)]
    rows[37]["kind"] = "comprido"
    assert error(api.merge("/things?on_conflict=id", rows)) == (400, "22001")
    assert api.value("select count(*) from things") == 0


def test_ignored_duplicates_stay_as_they_are(api: Api) -> None:
    api.post("/things", [thing(1)])
    response = api.post(
        "/things", [{"id": 1, "name": "outro"}, thing(2)], prefer="resolution=ignore-duplicates"
    )
    assert response.status_code == 201
    assert api.run("select name from things order by id") == [("coisa 1",), ("coisa 2",)]


def test_an_empty_array_writes_nothing(api: Api) -> None:
    assert api.post("/things", []).status_code == 201
    merged = api.merge("/things?on_conflict=id", [])
    assert merged.status_code == 200
    shown = api.merge("/things", [], "return=representation")
    assert (shown.status_code, shown.json()) == (200, [])


def test_the_probe_looks_at_columns_and_rights_and_touches_no_row(api: Api) -> None:
    assert api.merge("/things?on_conflict=id&columns=id,name", []).status_code == 200
    assert error(api.merge("/things?on_conflict=id&columns=id,nada", [])) == (400, "PGRST204")
    assert error(api.merge("/hidden?columns=id", [], role="authenticated")) == (403, "42501")
    assert api.value("select times from touched") == 0


def test_the_probe_of_nobody_is_not_authorized(api: Api) -> None:
    response = api.merge("/hidden?columns=id", [], role=None)
    assert error(response) == (401, "42501")
    assert response.headers["www-authenticate"].startswith("Bearer")


def test_a_row_policy_is_checked_for_rows_only(api: Api) -> None:
    assert api.post("/guarded?columns=id,owner", [], role="authenticated", sub="eu").status_code == 201
    rows = [{"id": 1, "owner": "eu"}, {"id": 2, "owner": "outro"}]
    assert error(api.post("/guarded", rows, role="authenticated", sub="eu")) == (403, "42501")
    assert api.post("/guarded", rows[:1], role="authenticated", sub="eu").status_code == 201
    assert api.get("/guarded", role="authenticated", sub="outro").json() == []


def test_representation_shows_the_rows_and_counts_them(api: Api) -> None:
    prefer = "return=representation,count=exact"
    response = api.post("/things?select=id,note", [thing(1), thing(2)], prefer=prefer)
    assert response.status_code == 201
    assert response.json() == [{"id": 1, "note": "nada"}, {"id": 2, "note": "nada"}]
    assert response.headers["content-range"] == "*/2"
    assert set(response.headers["preference-applied"].split(", ")) == {"return=representation", "count=exact"}


def test_headers_only_say_where_a_single_row_is(api: Api) -> None:
    response = api.post("/things", thing(5), prefer="return=headers-only")
    assert (response.status_code, response.content) == (201, b"")
    assert response.headers["location"] == "/things?id=eq.5"


def test_an_object_alone_is_one_row(api: Api) -> None:
    assert api.post("/things", thing(1)).status_code == 201
    assert api.value("select count(*) from things") == 1


def test_preferences_are_lenient_by_default(api: Api) -> None:
    assert api.post("/things", [thing(1)], prefer="nonsense=yes").status_code == 201
    refused = api.post("/things", [thing(2)], prefer="handling=strict,nonsense=yes")
    assert error(refused) == (400, "PGRST122")


def test_a_rollback_that_is_asked_for_is_ignored_and_the_row_is_there(api: Api) -> None:
    response = api.post("/things", [thing(1)], prefer="tx=rollback")
    assert response.status_code == 201
    assert "preference-applied" not in response.headers
    assert api.value("select count(*) from things") == 1


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("small", "abc", "22P02"),
        ("small", "", "22P02"),
        ("small", 12.5, "22P02"),
        ("small", "12.5", "22P02"),
        ("small", 70000, "22003"),
        ("done", "Sim", "22P02"),
        ("code", "x", "22P02"),
        ("day", "", "22007"),
        ("day", "2025-02-30", "22008"),
        ("at", "ontem talvez", "22007"),
        ("kind", "comprido", "22001"),
        ("amount", 12345.6, "22003"),
        ("note", "a\u0000b", "22P05"),
        ("state", "velho", "22P02"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_the_database(
    api: Api, column: str, value: object, code: str
) -> None:
    assert error(api.merge("/things?on_conflict=id", [thing(1, **{column: value})])) == (400, code)


@pytest.mark.parametrize(
    ("column", "value", "kept"),
    [
        ("small", "12", 12),
        ("done", "yes", True),
        ("done", "1", True),
        ("note", True, "true"),
        ("note", {"a": 1}, '{"a": 1}'),
        ("kind", "curto   ", "curto"),
        ("amount", 1.005, 1.01),
        ("big", 9007199254740993, 9007199254740993),
        ("raw", "texto", "texto"),
        ("raw", {"b": [1]}, {"b": [1]}),
        ("tags", ["a", "b,c"], ["a", "b,c"]),
        ("at", "2025-10-21T16:43:00.123456Z", "2025-10-21T16:43:00.123456+00:00"),
        ("at", "2025-10-21 16:43:00", "2025-10-21T16:43:00+00:00"),
    ],
)
def test_a_value_is_kept_as_its_column_keeps_it(api: Api, column: str, value: object, kept: object) -> None:
    assert api.post("/things", [thing(1, **{column: value})]).status_code == 201
    assert api.get(f"/things?select={column}").json() == [{column: kept}]


def test_other_constraints_have_their_own_statuses(api: Api) -> None:
    api.post("/things", [thing(1)])
    assert error(api.post("/things", [thing(1)])) == (409, "23505")
    assert error(api.post("/parts", [{"thing_id": 77}])) == (409, "23503")
    assert error(api.post("/parts", [{"size": 100}])) == (400, "23514")


def test_a_missing_table_is_named_before_its_columns(api: Api) -> None:
    response = api.post("/nowhere?columns=a", [])
    assert error(response) == api.differing("unknown table, written")
