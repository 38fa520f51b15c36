"""Names and values with every sign in them find their way, in both directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_pipelines.lib.http.postgrest import column_list
from sync_pipelines_tests.sandbox.postgrest.conftest import Api, Kind, error

ODD = ("a%b", "c,d", 'e"f', "g.h", "Com Espaço (ã)")


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.fixture
def odd(api: Api) -> Api:
    api.run("truncate public.odd")
    return api


def test_odd_names_are_written_and_read(odd: Api) -> None:
    row = {"a%b": 1, "c,d": "x", 'e"f': "y", "g.h": "z", "Com Espaço (ã)": "w"}
    names = quote(column_list(ODD))
    assert odd.merge(f"/odd?columns={names}&on_conflict={quote(quoted('a%b'))}", [row]).status_code == 201
    assert odd.merge(f"/odd?columns={names}", [row]).status_code == 200
    assert odd.get(f"/odd?select={names}").json() == [row]
    assert odd.get(f"/odd?{quote(quoted('g.h'))}=eq.z&order={quote(quoted('c,d'))}.desc").json() == [row]


def test_a_default_with_a_percent_sign_is_that(odd: Api) -> None:
    names = quote(column_list(ODD))
    assert odd.post(f"/odd?columns={names}", [{"a%b": 1}], prefer="missing=default").status_code == 201
    assert odd.get("/odd").json()[0]["Com Espaço (ã)"] == "100%"


def test_an_odd_name_that_is_not_there_is_named(odd: Api) -> None:
    response = odd.post(f"/odd?columns={quote(quoted('x%s,y'))}", [])
    assert error(response) == (400, "PGRST204")
    assert "'x%s,y'" in response.json()["message"]
    assert error(odd.get(f"/odd?select={quote(quoted('%s'))}")) == (400, "42703")


# A control character is no text that a person wrote, and a NUL no text at all for the database.
TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12)


@pytest.mark.parametrize("kind", get_args(Kind))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.one_of(TEXTS, st.text('",.()\\:*% {}', min_size=1, max_size=6)), min_size=1, max_size=3)
)
def test_a_value_of_any_text_is_found_again(
    start: Callable[[Kind], Api], kind: Kind, texts: list[str]
) -> None:
    api = start(kind)
    api.run("truncate public.keyless")
    assert api.post("/keyless", [{"word": text} for text in texts]).status_code == 201
    listed = quote(",".join(quoted(text) for text in texts))
    assert sorted(row["word"] for row in api.get(f"/keyless?word=in.({listed})").json()) == sorted(texts)
    one = quote(quoted(texts[0]))
    found = api.get(f"/keyless?or=(word.eq.{one},word.in.({one}))&word=eq.{quote(texts[0])}").json()
    assert {row["word"] for row in found} == {texts[0]}
