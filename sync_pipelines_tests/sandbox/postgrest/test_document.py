"""The document and the schema cache, sections 6 and 7 of the wire contract."""

from __future__ import annotations

from typing import Any

from sync_pipelines_tests.sandbox.postgrest.conftest import Api, error


def definition(api: Api, table: str, role: str = "service_role") -> dict[str, Any]:
    response = api.get("/", role=role, headers={"Accept": "application/openapi+json"})
    assert response.headers["content-type"] == "application/openapi+json; charset=utf-8"
    document = response.json()
    assert document["swagger"] == "2.0"
    found: dict[str, Any] = document["definitions"].get(table, {})
    return found


def test_a_table_is_an_object_with_its_required_columns(api: Api) -> None:
    things = definition(api, "things")
    assert things["type"] == "object"
    assert things["description"] == "Coisas"
    assert things["required"] == ["id", "name"]
    assert "required" not in definition(api, "keyless")


def test_a_column_has_the_format_of_its_type(api: Api) -> None:
    things = definition(api, "things")["properties"]
    assert things == {
        "id": {
            "type": "integer",
            "format": api.differing("integer"),
            "description": "Note:\nThis is a Primary Key.<pk/>",
        },
        "name": {"type": "string", "format": "text", "description": "O nome"},
        "note": {"type": "string", "format": "text", "default": "nada"},
        "kind": {"type": "string", "format": "character varying", "maxLength": 5},
        "amount": {"type": "number", "format": "numeric"},
        "big": {"type": "integer", "format": api.differing("bigint")},
        "small": {"type": "integer", "format": api.differing("smallint")},
        "ratio": {"type": "number", "format": "double precision"},
        "done": {"type": "boolean", "format": "boolean"},
        "day": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "timestamp with time zone", "default": "now()"},
        "code": {"type": "string", "format": "uuid"},
        "raw": {"format": "jsonb"},
        "tags": {"type": "array", "format": "text[]", "items": {"type": "string"}},
        "state": {"type": "string", "format": "public.estado", "enum": ["novo", "feito"]},
    }


def test_a_foreign_key_names_its_target(api: Api) -> None:
    message = definition(api, "parts")["properties"]["thing_id"]["description"]
    assert message == "Note:\nThis is a Foreign Key to `things.id`.<fk table='things' column='id'/>"


def test_the_columns_of_leads_are_in_their_order(api: Api) -> None:
    leads = definition(api, "leads")
    assert leads["required"] == ["id"]
    assert len(leads["properties"]) == 49
    assert list(leads["properties"])[:3] == ["id", "nome", "age"]


def test_a_role_sees_what_it_may_touch(api: Api) -> None:
    assert definition(api, "hidden")
    assert not definition(api, "hidden", role="authenticated")
    # A table with a grant on some columns is shown with all.
    assert set(definition(api, "partial", role="authenticated")["properties"]) == {"id", "seen", "unseen"}


def test_a_path_is_there_for_each_table_and_function(api: Api) -> None:
    paths = api.get("/").json()["paths"]
    assert {"/", "/leads", "/things", "/rpc/add", "/rpc/notify_pgrst_reload"} <= set(paths)
    assert set(paths["/rpc/add"]) == {"get", "post"}


def test_a_function_is_there_for_who_may_call_it(api: Api) -> None:
    assert "/rpc/secret_word" in api.get("/").json()["paths"]
    assert "/rpc/secret_word" not in api.get("/", role="authenticated").json()["paths"]
    assert error(api.post("/rpc/secret_word", {}, role="authenticated")) == (403, "42501")


def test_a_new_column_is_read_at_once_and_written_after_the_reload(fresh: Api) -> None:
    fresh.run("alter table public.keyless add column other text")
    try:
        assert fresh.get("/keyless?select=other").status_code == 200
        assert error(fresh.post("/keyless?columns=other", [])) == (400, "PGRST204")
        assert "other" not in definition(fresh, "keyless")["properties"]
        assert fresh.post("/rpc/notify_pgrst_reload", {}).status_code == 204
        # A real server reloads when it comes to it: so many questions take longer than that.
        answers = (fresh.post("/keyless?columns=other", []).status_code for _ in range(2000))
        assert 201 in answers
        assert "other" in definition(fresh, "keyless")["properties"]
    finally:
        fresh.run("alter table public.keyless drop column other")
        fresh.run("notify pgrst, 'reload schema'")
    assert error(fresh.get("/keyless?select=other")) == (400, "42703")


def test_a_column_dropped_and_made_again_is_empty_and_takes_writes_without_a_reload(fresh: Api) -> None:
    """The cache knows a column by its name and the database by its number: no answer tells that the data are lost."""
    fresh.run("truncate public.partial")
    try:
        assert fresh.merge("/partial", [{"id": 1, "seen": "a", "unseen": "x"}]).status_code == 201
        fresh.run("alter table public.partial drop column unseen")
        assert error(fresh.get("/partial?select=unseen")) == (400, "42703")
        # The cache, which writes are judged by, has not heard of it: it is the database that misses the column.
        assert error(fresh.merge("/partial?columns=id,seen,unseen", [{"id": 1}])) == (400, "42703")
        fresh.run("alter table public.partial add column unseen text")
        assert fresh.get("/partial?select=unseen").json() == [{"unseen": None}]
        assert fresh.merge("/partial?columns=id,seen", [{"id": 1, "seen": "b"}]).status_code == 200
        assert fresh.get("/partial").json() == [{"id": 1, "seen": "b", "unseen": None}]
        filled = [{"id": 1, "seen": "b", "unseen": "y"}]
        assert fresh.merge("/partial?columns=id,seen,unseen", filled).status_code == 200
        assert fresh.get("/partial").json() == filled
    finally:
        fresh.run("alter table public.partial add column if not exists unseen text")


def test_a_column_made_again_with_another_type_has_its_format_after_a_reload(fresh: Api) -> None:
    def shown() -> str:
        return str(definition(fresh, "partial")["properties"]["unseen"]["format"])

    fresh.run("truncate public.partial")
    fresh.run("alter table public.partial drop column unseen")
    fresh.run("alter table public.partial add column unseen date")
    try:
        assert shown() == "text"
        fresh.run("notify pgrst, 'reload schema'")
        assert "date" in (shown() for _ in range(2000))
        row = {"id": 1, "seen": "a", "unseen": "2025-10-21"}
        assert fresh.merge("/partial", [row]).status_code == 201
        assert error(fresh.merge("/partial", [row | {"unseen": "x"}])) == (400, "22007")
    finally:
        fresh.run("alter table public.partial drop column unseen")
        fresh.run("alter table public.partial add column unseen text")
        fresh.run("notify pgrst, 'reload schema'")
