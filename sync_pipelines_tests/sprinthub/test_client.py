"""The CRM's patience: how long a client leaves it alone, by what it says, and by what its word was worth."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import pytest

from sync_pipelines.lib.failures import ThrottledError
from sync_pipelines.settings import read_as
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.client import SprinthubAccess


@pytest.mark.parametrize(
    ("asked", "waits"),
    [
        ([None] * 5, [60, 60, 60, 60]),
        (["0"] * 5, [60, 60, 60, 60]),
        (["Wed, 21 Oct 2015 07:28:00 GMT"] * 5, [60, 60, 60, 60]),
        (["soon"] * 5, [60, 60, 60, 60]),
        (["7"] * 5, [7, 60, 60, 60]),
        (["7", "90", "7", "90", "7"], [7, 90, 60, 90]),
        (["3600"], []),
    ],
)
@pytest.mark.parametrize("status", [401, 429])
def test_a_throttled_call_waits_for_the_window_to_pass(
    asked: Sequence[str | None], waits: Sequence[float], status: int
) -> None:
    answers, slept = iter(asked), []

    def answer(_request: httpx.Request) -> httpx.Response:
        wait = next(answers)
        headers = {} if wait is None else {"Retry-After": wait}
        return httpx.Response(status, json={"msg": "Too Many Requests"}, headers=headers)

    settings = read_as(
        SprinthubSettings,
        None,
        SPRINTHUB_BASE_URL="crm.example",
        SPRINTHUB_API_TOKEN="token-0123456789",
        SPRINTHUB_INSTANCE="exemplo",
        sprinthub_rate_per_minute=0,
    )
    options = {"transport": httpx.MockTransport(answer), "sleep": slept.append}
    with SprinthubAccess(settings, options).client("test") as client, pytest.raises(ThrottledError):
        client.detail(1)
    assert slept == waits
    assert next(answers, "no further call") == "no further call"
