"""The CRM as a process of its own: `python -m sync_pipelines.sandbox.sprinthub.serve --home DIR`."""

from __future__ import annotations

import argparse
import secrets
from pathlib import Path

from sync_pipelines.sandbox.serving import kept_secret, serve
from sync_pipelines.sandbox.sprinthub.demo import LARGE, LARGE_LEADS, demo_tenant
from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake

READY_FILE = "sprinthub.json"
#: More calls a minute than the sandbox's client makes: the demo ends in seconds.
RATE_PER_MINUTE = 36_000


def main() -> None:
    """Serve until SIGTERM; the ready file holds address, token and tenant while it does."""
    parser = argparse.ArgumentParser(description="The sandbox's SprintHub.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument(
        "--segment-leads", type=int, default=LARGE_LEADS, help=f"leads of segment {LARGE}, the largest"
    )
    parser.add_argument(
        "--rate-per-minute", type=int, default=RATE_PER_MINUTE, help="calls in any minute; 0: no limit"
    )
    parser.add_argument("--latency-seconds", type=float, default=0.0, help="what a call takes on its way")
    given = parser.parse_args()
    fake = SprinthubFake(
        demo_tenant(given.segment_leads),
        token=kept_secret(given.home / "token", lambda: f"token-{secrets.token_hex(16)}"),
        rate_per_minute=given.rate_per_minute or None,
        latency_seconds=given.latency_seconds,
    )
    serve(
        fake.server,
        given.home / READY_FILE,
        lambda url: {
            "SPRINTHUB_BASE_URL": url,
            "SPRINTHUB_API_TOKEN": fake.token,
            "SPRINTHUB_INSTANCE": fake.instance,
        },
    )


if __name__ == "__main__":
    main()
