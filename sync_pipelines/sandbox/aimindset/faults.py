"""The faults of the project's endpoints: other answers, and other behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from starlette.responses import JSONResponse, PlainTextResponse, Response

from sync_pipelines.sandbox.faults import Dropped

#: Replace the endpoint's own answer; nothing is done.
ANSWERS: Final[Mapping[str, Callable[[], Response]]] = {
    "drop": Dropped,
    "unauthorized": lambda: JSONResponse({"code": 401, "message": "Invalid JWT"}, 401),
    "not_deployed": lambda: JSONResponse({"code": "NOT_FOUND", "message": "Function was not found"}, 404),
    "throttled": lambda: JSONResponse({"message": "Too many requests"}, 429, {"Retry-After": "1"}),
    "bad_gateway": lambda: Response("<html><title>502</title></html>", 502, media_type="text/html"),
    "not_json": lambda: PlainTextResponse("alerta enviado"),
    "empty": lambda: Response(status_code=200),
    "sent_as_text": lambda: JSONResponse({"message": "ok", "emails_sent": "1"}),
    "sent_as_bool": lambda: JSONResponse({"message": "ok", "emails_sent": True}),
}
#: Change what the endpoint does. `slow` comes on top of other faults.
BEHAVIOURS: Final[Mapping[str, str]] = {
    "slow": "the answer comes late",
    "subscriber_query_fails": "alert-processor cannot read its subscribers",
    "no_subscribers": "alert-processor finds no subscriber",
    "one_fails": "the first mail of an alert is not sent",
    "all_fail": "no mail of an alert is sent, and the answer is 200 all the same",
}
