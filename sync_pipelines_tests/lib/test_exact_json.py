"""JSON that is taken apart without being read: as deep as Postgres nests it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.lib import exact_json

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a[]{},:"\\é\n'),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 1]))
def test_the_parts_of_an_array_are_its_elements(values: list[Any], indent: int | None) -> None:
    text = json.dumps(values, indent=indent).encode()
    assert [json.loads(part) for part in exact_json.parts(text)] == values
    assert [json.loads(part) for part in exact_json.elements(text)] == values


@given(st.dictionaries(st.text(alphabet='a,:"{}'), VALUES, max_size=5))
def test_the_parts_of_an_object_are_its_members(value: dict[str, Any]) -> None:
    members = [json.loads(b"{" + part + b"}") for part in exact_json.parts(json.dumps(value).encode())]
    assert {name: one for member in members for name, one in member.items()} == value


def test_elements_have_any_depth() -> None:
    deep = b"[" * 5000 + b"]" * 5000
    assert exact_json.elements(b'[{"id":1},' + deep + b"]") == [b'{"id":1}', deep]


@pytest.mark.parametrize("text", [b"", b"[1", b'["]', b"[[1]"])
def test_what_does_not_end_is_no_value(text: bytes) -> None:
    with pytest.raises(ValueError, match="ends within"):
        exact_json.parts(text)
