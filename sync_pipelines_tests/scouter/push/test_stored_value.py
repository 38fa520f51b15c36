"""A value as a column of the destination stores it: which differences are none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sync_pipelines.scouter.push.stored_value import is_same


@pytest.mark.parametrize(
    ("sent", "held", "kind"),
    [
        (True, "true", "text"),
        (12, "12", "text"),
        (Decimal("1.50"), "1.50", "text"),
        ({"a": Decimal("1.5")}, '{"a": 1.5}', "text"),
        ("x  ", "x", "character varying"),
        (Decimal("1.50"), Decimal("1.5"), "numeric"),
        ("12", 12, "integer"),
        ("1", True, "boolean"),
        ("yes", True, "boolean"),
        ("f", False, "boolean"),
        ("2025-10-21T12:00:00-03:00", "2025-10-21T15:00:00+00:00", "timestamp with time zone"),
        ("2025-10-21T15:00:00", "2025-10-21T15:00:00+00:00", "timestamp with time zone"),
        ("2025-10-21", "2025-10-21T00:00:00-03:00", "timestamp with time zone"),
        ("2025-10-21", "2025-10-21T00:00:00", "timestamp without time zone"),
        ("2025-10-21 13:43:00.5 -03", "2025-10-21T16:43:00.5+00:00", "timestamp with time zone"),
        ("2025-10-21T15:00:00+00:00", "2025-10-21", "date"),
        ("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "uuid"),
        ("0.10", Decimal("0.1"), "double precision"),
        ({"b": 1, "a": Decimal("2.0")}, {"a": Decimal("2.0"), "b": 1}, "jsonb"),
    ],
)
def test_a_value_is_the_same_in_the_words_of_its_column(sent: Any, held: Any, kind: str) -> None:
    assert is_same(sent, held, kind)


@pytest.mark.parametrize(
    ("sent", "held", "kind"),
    [
        ("", None, "text"),
        (None, "", "text"),
        (False, None, "boolean"),
        (0, None, "integer"),
        ("a", "A", "text"),
        (True, "True", "text"),
        (True, "1", "text"),
        ("no", True, "boolean"),
        ("x ", "x", "text"),
        (Decimal("1.005"), Decimal("1.01"), "numeric"),
        ("2025-10-21T15:00:00.000001+00:00", "2025-10-21T15:00:00+00:00", "timestamp with time zone"),
        ("2025-10-21", "2025-10-21T03:00:00+00:00", "timestamp with time zone"),
        ("amanhã", "2025-10-21T15:00:00+00:00", "timestamp with time zone"),
        ("x", "true", "boolean"),
        ({"a": 1}, {"a": 2}, "jsonb"),
        ({"a": 1}, [{"a": 1}], "jsonb"),
    ],
)
def test_another_value_is_not_the_same(sent: Any, held: Any, kind: str) -> None:
    assert not is_same(sent, held, kind)
