"""The Edge Functions as a process of their own: `python -m sync_pipelines.sandbox.erp.serve_functions --home DIR`.

The database is ERP_DATABASE_URL from the environment. Key and secret are kept in DIR, so they outlive a restart, and so
does the token of the demo's first user, with which a person presses the button of the screen.
"""

from __future__ import annotations

import argparse
import os
import secrets
from pathlib import Path

from sync_pipelines.sandbox.erp.demo import ACCOUNTS
from sync_pipelines.sandbox.erp.functions import FunctionsFake
from sync_pipelines.sandbox.serving import kept_secret, serve

#: The ready file has the name of the upstream.
READY_FILE = "erp_functions.json"
#: 1 January 2100: the token must be the same at every start.
_END = 4_102_444_800


def main() -> None:
    """Serve until SIGTERM; the ready file holds address, key and secret while it does."""
    parser = argparse.ArgumentParser(description="The sandbox's Edge Functions of the tax application.")
    parser.add_argument("--home", type=Path, required=True)
    home = parser.parse_args().home
    fake = FunctionsFake(
        os.environ["ERP_DATABASE_URL"],
        service_key=kept_secret(home / "service_key", lambda: f"service-{secrets.token_hex(16)}"),
        jwt_secret=kept_secret(home / "jwt_secret", lambda: secrets.token_hex(32)),
    )
    try:
        serve(
            fake.server,
            home / READY_FILE,
            lambda url: {
                "ERP_FUNCTIONS_URL": url,
                "ERP_FUNCTIONS_KEY": fake.service_key,
                "ERP_FUNCTIONS_JWT_SECRET": fake.jwt_secret,
                "SANDBOX_ERP_SCREEN_TOKEN": fake.token(ACCOUNTS[0].user_id, iat=0, exp=_END),
            },
        )
    finally:
        fake.close()


if __name__ == "__main__":
    main()
