from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.lib import exact_json
from sync_pipelines.lib.postgres.catalog import TableColumn
from sync_pipelines.sprinthub.leads.unusable import UnusableError
from sync_pipelines.sprinthub.leads.values import Converter, converter
from sync_pipelines_tests.sprinthub.leads.live_columns import SAO_PAULO


def of_type(kind: str, longest: int | None = None) -> Converter:
    found = converter(TableColumn("c", kind, not_null=False), SAO_PAULO, longest=longest)
    assert found is not None
    return found


def rule_of(kind: str, value: Any, longest: int | None = None) -> str:
    """The rule that a value breaks; its reason never holds the value."""
    with pytest.raises(UnusableError) as raised:
        of_type(kind, longest)(value)
    assert len(str(value)) < 3 or str(value) not in raised.value.reason
    return raised.value.rule


@pytest.mark.parametrize(
    ("kind", "json", "expected"),
    [
        ("text", '"São Paulo 🙂"', "São Paulo 🙂"),
        ("text", '"AtenÃ§Ã£o â€” "', "AtenÃ§Ã£o â€” "),
        ("text", '""', ""),
        ("text", '" bordas\\t"', " bordas\t"),
        ("text", "0", "0"),
        ("text", "1500.50", "1500.50"),
        ("text", "12345678901234567890", "12345678901234567890"),
        ("text", "false", "false"),
        ("character varying(5)", '"çãéíõ"', "çãéíõ"),
        ("character varying", '"any"', "any"),
        ("integer", "12.99", 12),
        ("integer", "-12.99", -12),
        ("integer", '"-012"', -12),
        ("integer", "1e3", 1000),
        ("integer", "2147483647", 2**31 - 1),
        ("integer", "-2147483648", -(2**31)),
        ("integer", "2147483647.9", 2**31 - 1),
        ("smallint", "32767", 32767),
        ("bigint", '"9223372036854775807"', 2**63 - 1),
        ("boolean", "true", True),
        ("boolean", "1", True),
        ("boolean", '"1"', True),
        ("boolean", '"true"', True),
        ("boolean", "false", False),
        ("boolean", "0", False),
        ("boolean", '"0"', False),
        ("boolean", '"false"', False),
        ("jsonb", '{"a": [1, 1.50, null, "é"]}', {"a": [1, Decimal("1.50"), None, "é"]}),
        ("jsonb", "[]", []),
        ("jsonb", "0", 0),
        ("jsonb", '"[1,2]"', "[1,2]"),
        ("numeric", "0.10", Decimal("0.10")),
        ("numeric", '"-12.5"', Decimal("-12.5")),
        ("numeric", '"0.125"', Decimal("0.125")),
        ("numeric", "1.234", Decimal("1.234")),
        ("numeric(5,2)", "999.99", Decimal("999.99")),
        ("numeric(5,2)", "0.001", Decimal("0.001")),
        ("numeric(3)", "999", Decimal(999)),
    ],
)
def test_a_value_is_kept_as_the_api_said_it(kind: str, json: str, expected: Any) -> None:
    found = of_type(kind)(exact_json.loads(json))
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "value", "rule"),
    [
        ("text", {"url": "x"}, "text"),
        ("text", ["a", "b"], "text"),
        ("text", "antes\x00depois", "nul"),
        ("text", "cortado \ud83d", "surrogate"),
        ("text", float("nan"), "number"),
        ("character varying(5)", "abcdef", "too_long"),
        ("integer", "12.0", "whole_number"),
        ("integer", "+12", "whole_number"),
        ("integer", " 12", "whole_number"),
        ("integer", "12\n", "whole_number"),
        ("integer", "١٢", "whole_number"),
        ("integer", "doze", "whole_number"),
        ("integer", True, "whole_number"),
        ("integer", [12], "whole_number"),
        ("integer", {"id": 12}, "whole_number"),
        ("integer", 2**31, "out_of_range"),
        ("integer", -(2**31) - 1, "out_of_range"),
        ("integer", "9" * 5000, "out_of_range"),
        ("integer", Decimal("1e200000"), "out_of_range"),
        ("bigint", 2**63, "out_of_range"),
        ("boolean", 2, "boolean"),
        ("boolean", "sim", "boolean"),
        ("boolean", "True", "boolean"),
        ("boolean", [], "boolean"),
        ("boolean", "None", "boolean"),
        ("jsonb", {"a": ["x\x00"]}, "nul"),
        ("jsonb", {"a\x00": 1}, "nul"),
        ("jsonb", ["\udc00"], "surrogate"),
        ("jsonb", [Decimal("1e200000")], "out_of_range"),
        ("jsonb", [Decimal("1e-20000")], "out_of_range"),
        ("jsonb", [float("inf")], "number"),
        ("numeric", "1.234", "number"),
        ("numeric", "-1.234.567", "number"),
        ("numeric", "1.234,56", "number"),
        ("numeric", "1e3", "number"),
        ("numeric", False, "number"),
        ("numeric", Decimal("1e200000"), "out_of_range"),
        ("numeric(5,2)", Decimal("999.995"), "out_of_range"),
        ("numeric(5,2)", -1000, "out_of_range"),
        ("numeric(5,2)", Decimal("1e4000"), "out_of_range"),
    ],
)
def test_a_value_that_a_column_cannot_hold_is_named_by_its_rule(kind: str, value: Any, rule: str) -> None:
    assert rule_of(kind, value) == rule


def test_json_that_is_nested_without_end_is_unusable() -> None:
    deep: Any = 0
    for _ in range(900):
        deep = [deep]
    assert rule_of("jsonb", deep) == "too_deep"


@pytest.mark.parametrize(
    "kind", ["uuid", "json", "text[]", "estado", "double precision", "time without time zone"]
)
def test_other_types_are_not_filled(kind: str) -> None:
    assert converter(TableColumn("c", kind, not_null=False), SAO_PAULO) is None


def test_a_text_is_as_long_as_its_index_takes() -> None:
    assert of_type("text", longest=8)("çãéí") == "çãéí"
    assert rule_of("text", "çãéíõ", longest=8) == "too_long"
    assert rule_of("text", "abcdefghi", longest=8) == "too_long"


@given(st.integers(-(2**70), 2**70))
def test_a_whole_number_and_its_text_mean_the_same(number: int) -> None:
    if -(2**63) <= number < 2**63:
        assert of_type("bigint")(number) == of_type("bigint")(str(number)) == number
    else:
        assert rule_of("bigint", number) == rule_of("bigint", str(number)) == "out_of_range"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**6), max_value=10**6))
def test_a_number_fits_as_postgres_would_say(number: Decimal) -> None:
    """numeric(6,2) rounds first and then refuses more than four digits before the point."""
    if abs(round(number, 2)) < 10**4:
        assert of_type("numeric(6,2)")(number) == number
    else:
        assert rule_of("numeric(6,2)", number) == "out_of_range"
