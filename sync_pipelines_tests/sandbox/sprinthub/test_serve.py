"""The CRM as a part of the sandbox: a process with the demo's tenant, found again after a restart."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from sync_pipelines.sandbox.sprinthub.part import PART
from sync_pipelines.sandbox.upstreams import UpstreamProcess

[UPSTREAM] = PART.upstreams


@pytest.fixture
def process(tmp_path: Path) -> UpstreamProcess:
    return UpstreamProcess(UPSTREAM, tmp_path / "sprinthub")


def test_it_serves_the_demo_and_comes_back_with_its_address_and_token(process: UpstreamProcess) -> None:
    seen = []
    for _ in range(2):
        child = process.start({"segment_leads": 30.0}, environment={}, detached=False)
        assert child is not None
        try:
            named = process.variables()
            seen.append(named)
            called = httpx.get(
                f"{named['SPRINTHUB_BASE_URL']}/segments",
                params={"i": named["SPRINTHUB_INSTANCE"]},
                headers={"Authorization": f"Bearer {named['SPRINTHUB_API_TOKEN']}"},
            )
            sizes = [segment["totalLeads"] for segment in called.json()["data"]["segments"]]
            assert sizes == [90, 0, 30, 401, 120]
            assert process.switches() == {
                "SANDBOX_SPRINTHUB_FAULTS": f"{named['SPRINTHUB_BASE_URL']}/_sandbox/faults"
            }
        finally:
            process.stop()
            child.wait()
    assert seen[0] == seen[1]
    # Its output holds no token, and the file that does is private.
    log = process.home / "sprinthub.log"
    assert seen[0]["SPRINTHUB_API_TOKEN"] not in log.read_text()
    assert (process.home / "token").stat().st_mode & 0o777 == 0o600


def test_the_rate_is_the_fakes_only(tmp_path: Path) -> None:
    assert PART.variables(tmp_path, {}) == {"SPRINTHUB_RATE_PER_MINUTE": "30000"}
    for real in ("SPRINTHUB_BASE_URL", "SPRINTHUB_API_TOKEN", "VITE_SPRINTHUB_BASE_URL"):
        assert PART.variables(tmp_path, {real: "crm.example.com"}) == {}
        assert UPSTREAM.is_replaced({real: "crm.example.com"})
