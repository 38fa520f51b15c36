"""What the receiver serves for the toy project's screen (`has_endpoints`)."""

from __future__ import annotations

from datetime import date

from sync_pipelines.lib import postgres
from sync_pipelines.lib.http.endpoints import (
    FUNCTIONS_PATH,
    Answer,
    Call,
    Credentials,
    Endpoint,
    Mount,
    Setting,
)
from sync_pipelines.lib.http.request_json import BadRequestError
from sync_pipelines.settings.toy import ToySettings
from sync_pipelines.toy.readings.pipeline import WHAT

COUNT = f"{FUNCTIONS_PATH}count-readings"


def endpoints(settings: ToySettings) -> Mount:
    """Asked for also without the database: `absent` then says why nothing is served."""
    secret = settings.toy_shared_secret
    return Mount(
        credentials=Credentials(
            project="toy",
            shared_secret=Setting("TOY_SHARED_SECRET", secret.get_secret_value() if secret else None),
            signing_secret=Setting("TOY_JWT_SECRET"),
            project_url=Setting("TOY_PROJECT_URL"),
        ),
        endpoints=[
            Endpoint(COUNT, handler=lambda call: count(settings.toy_url, call), takes_shared_secret=True)
        ]
        if settings.toy_database_url
        else [],
        absent="TOY_DATABASE_URL, whose readings would be counted, is not set",
    )


def count(url: str, call: Call) -> Answer:
    """How many readings a day has: `{"day": "2026-11-01"}`."""
    try:
        day = date.fromisoformat(call.document["day"])
    except (KeyError, TypeError, ValueError):
        raise BadRequestError('The body must be such as {"day": "2026-11-01"}.') from None
    with postgres.connect(url, what=WHAT, read_only=True) as connection, postgres.errors_about(WHAT):
        row = connection.execute("select count(*) from public.readings where day = %s", (day,)).fetchone()
    return Answer(200, {"readings": row[0] if row else 0})
