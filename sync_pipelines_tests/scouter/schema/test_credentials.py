"""What a key says of itself."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sync_pipelines.scouter.schema.credentials import read_claims
from sync_pipelines_tests.scouter.schemas import token


@pytest.mark.parametrize(
    ("key", "role", "end"),
    [
        (token(role="service_role"), "service_role", None),
        (token(role=5, exp="soon"), None, None),
        (token(exp=0), None, datetime(1970, 1, 1, tzinfo=UTC)),
        (token(exp=1e300), None, None),
        (token(exp=float("inf")), None, None),
        (token(exp=float("nan")), None, None),
    ],
)
def test_what_a_token_says_of_itself(key: str, role: str | None, end: datetime | None) -> None:
    found = read_claims(key)
    assert (found.is_token, found.is_opaque, found.role, found.expires) == (True, False, role, end)


@pytest.mark.parametrize("key", ["", "abc", "a.b", "a.é.c", "..", "a.W10.c", "a.bnVsbA.c", "a.b.c.d"])
def test_what_is_no_token(key: str) -> None:
    assert read_claims(key) == (False, False, None, None)
