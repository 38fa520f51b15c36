"""The readings of a day from the meter's API, as it sends them. A failed read is an error, never an empty day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sync_pipelines.lib.failures import PermanentError, from_http_status
from sync_pipelines.lib.http.json import JsonClient
from sync_pipelines.settings.toy import ToySettings

WHAT = "The meter"
Row = dict[str, Any]


def meter_client() -> JsonClient:
    return JsonClient(name=WHAT, url_setting="TOY_METER_URL")


@dataclass(frozen=True)
class Meter:
    """The meter's API. Address and key are read when it is called: without them the definitions load all the same."""

    settings: ToySettings
    http: Callable[[], JsonClient] = meter_client

    def read_day(self, day: date) -> list[Row]:
        """Id and celsius of every reading of the day, UTC. Raises SyncError, or SettingsError without an address."""
        url = f"{self.settings.meter_address}/readings?day={day.isoformat()}"
        headers = {"Authorization": f"Bearer {self.settings.meter_key}"}
        with self.http() as client:

            def attempt() -> list[Row]:
                answer = client.get_json(url, headers=headers)
                if answer.status != 200:
                    raise from_http_status(
                        answer.status, what=WHAT, setting="TOY_METER_KEY", retry_after=answer.retry_after
                    )
                if not isinstance(answer.body, list):
                    raise PermanentError(f"{WHAT} answered with something else than a list of readings.")
                return answer.body

            return client.retrying()(attempt)
