"""JSON that is taken apart without being read: as deep as Postgres nests it."""

from __future__ import annotations

import json
import math
from decimal import Decimal
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


@pytest.mark.parametrize("text", ["", "{", "NaN", "[Infinity]", "[1", '"\\ud8"'])
def test_what_is_no_json_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        exact_json.loads(text)


def test_numbers_are_written_as_they_were_read() -> None:
    text = '{"a":1.50,"b":12345678901234567890123,"c":"é","d":[null,true]}'
    assert exact_json.dumps(exact_json.loads(text)) == text


@pytest.mark.parametrize(
    ("odd", "read"),
    [
        ("[Infinity]", [math.inf]),
        ("[1e99999999999999999999, -1e99999999999999999999]", [math.inf, -math.inf]),
        ("1" * 5000, Decimal("1" * 5000)),
        ('"\\ud83d"', "\ud83d"),
        ("[" * 5000 + '"]"' + "]" * 5000, None),
        ('{"a":' * 5000 + "1" + "}" * 5000, None),
    ],
)
def test_an_odd_value_costs_no_other(odd: str, read: Any) -> None:
    found = exact_json.loads_odd(f'{{"antes": 1.50, "odd": {odd}, "depois": "é"}}'.encode())
    assert (found["antes"], found["depois"]) == (Decimal("1.50"), "é")
    assert read is None or found["odd"] == read


def test_bytes_that_are_no_text_become_one_that_nobody_stores() -> None:
    found = exact_json.loads_odd(b'\xef\xbb\xbf{"a": "S\xe3o", "b": "\xc3\xa3", "c": NaN}')
    assert (found["a"], found["b"]) == ("S\udce3o", "ã")
    assert math.isnan(found["c"])


@pytest.mark.parametrize("text", [b"", b"{", b"[1", b"[" * 5000, b'"\\ud8"', b"<html>"])
def test_what_does_not_end_is_never_read(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        exact_json.loads_odd(text)
