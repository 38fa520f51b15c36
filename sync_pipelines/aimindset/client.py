"""The project's endpoints: `alert-processor` for alerts, and PostgREST where the backup is called through it.

An alert is delivered only if the answer is a 200 and counts at least one mail: four other answers are a 200 as well
(contract of the backup, section 5).
"""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError, from_http_status
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.lib.http.json import JsonAnswer, JsonClient
from sync_pipelines.lib.redaction import redact, register
from sync_pipelines.lib.retry import Backoff, retrying

URL_SETTING = "AIMINDSET_PROJECT_URL"
#: Both answers come from the gateway: the function has not run, so a second call repeats nothing.
_NOT_RUN = {429, 503}
_PROCESSOR = "alert-processor"
_BACKOFF = Backoff(attempts=3, first=2.0, longest=10.0)


class NotRunError(TransientError):
    """The gateway answered in place of the function."""


@dataclass(frozen=True)
class ProjectClient:
    """The project's public address and the key of its service role."""

    url: str
    service_key: str
    http: Callable[[], JsonClient]
    sleep: Callable[[float], None] = time.sleep

    def alert(self, source: str, message: str, timestamp: str, details: Mapping[str, object]) -> str:
        """Have `alert-processor` mail its subscribers; returns how many mails it counts.

        `source` appears in the subject, `message` and `details` in HTML that the function does not escape. Raises
        PermanentError or TransientError unless it is known that a mail was sent.
        """
        body = {
            "type": "critical",
            "source": _plain(source),
            "message": _plain(message) or "sem detalhes",
            "details": {name: _plain(str(value)) for name, value in details.items()},
            "timestamp": timestamp,
        }

        def attempt() -> str:
            answer = self._post("/functions/v1/alert-processor", body)
            if answer.status in _NOT_RUN:
                # The mail server is the other way for an alert: it does not wait longer for this one.
                wait = min(answer.retry_after or 0.0, _BACKOFF.longest)
                raise NotRunError(str(_refusal(answer)), retry_after=wait)
            return _delivered(answer)

        return retrying(_BACKOFF, on=NotRunError, sleep=self.sleep)(attempt)

    def call_backup(self) -> object:
        """Call `backup_all_data()` through PostgREST; returns its answer unchanged."""
        answer = self._post("/rest/v1/rpc/backup_all_data", {})
        code = answer.body.get("code") if isinstance(answer.body, dict) else None
        if answer.status == 404 and code == "PGRST202":
            raise PermanentError(
                "PostgREST finds no function backup_all_data() without arguments (PGRST202)."
            )
        if answer.status != 200:
            what = f"The backup by RPC ({code})" if code else "The backup by RPC"
            raise from_http_status(answer.status, what=what, setting="AIMINDSET_SERVICE_KEY")
        if not answer.is_json:
            raise PermanentError("The backup by RPC answered 200 with something that is not JSON.")
        return answer.body

    def _post(self, path: str, body: object) -> JsonAnswer:
        register(self.service_key)
        headers = {"Authorization": f"Bearer {self.service_key}", "apikey": self.service_key}
        with self.http() as client:
            return client.post_json(f"{self.url.rstrip('/')}{path}", body, headers=headers)


def json_client(seconds: float = 30.0) -> JsonClient:
    """A client for the project, with a total limit for an answer."""
    limits = Timeouts(connect=10.0, read=seconds, total=seconds)
    return JsonClient(name="The AIMindset project", url_setting=URL_SETTING, timeouts=limits)


def _refusal(answer: JsonAnswer) -> SyncError:
    return from_http_status(
        answer.status, what=_PROCESSOR, setting="AIMINDSET_SERVICE_KEY and that it is deployed"
    )


def _delivered(answer: JsonAnswer) -> str:
    if answer.status != 200:
        raise _refusal(answer)
    body = answer.body if isinstance(answer.body, dict) else {}
    sent = body.get("emails_sent")
    if isinstance(sent, int) and not isinstance(sent, bool):
        if sent >= 1:
            return f"alert-processor ({sent} e-mails)"
        raise TransientError(f"{_PROCESSOR} could send none of its mails.")
    if not answer.is_json:
        raise PermanentError(
            f"{_PROCESSOR} answered 200 with something that is not JSON: nothing is known to be sent."
        )
    raise PermanentError(
        f"{_PROCESSOR} answered 200 without counting a mail: it has no subscriber in alert_subscriptions, or did not"
        " take the alert for one."
    )


def _plain(text: str) -> str:
    return html.escape(redact(text), quote=False)[:2000]
