"""The CRM's REST API (contract of SprintHub, sections 1, 2 and 4), in the four calls that a sync makes.

The token travels in the header `apitoken`, never in a URL. A 401 says two things: with a body about too many requests
it means "later", with any other "this token is refused".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Event
from typing import Any, NamedTuple, Self

from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
    from_http_status,
)
from sync_pipelines.lib.http.budget import Budget, NoBudget, Window
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.lib.http.json import JsonAnswer, JsonClient
from sync_pipelines.lib.retry import Backoff
from sync_pipelines.settings.sprinthub import SprinthubSettings

WHAT = "SprintHub"
TOKEN_SETTING = "SPRINTHUB_API_TOKEN"  # noqa: S105 - its name
#: The application meant to wait 30 to 35 s for an answer; the first time that it is slow is no failure yet.
LIMITS = Timeouts(connect=10.0, read=35.0, total=60.0)
#: A throttled call waits for the window of the CRM to pass (60 s), so five attempts are patience for minutes.
BACKOFF = Backoff(attempts=5, first=1.0, longest=30.0, patience=300.0)
#: Seconds after a throttled answer that does not say how long (the original's clients waited 60 to 65 s).
THROTTLED = 60.0
#: What a list says of a lead, in the vendor's own spelling (`completName`).
PROJECTION = (
    "{total, leads{id, fullname, photoUrl, email, points, city, state, country, lastActive, archived,"
    " owner{completName}, companyData{companyname}, createDate}}"
)
#: The same list as numbers alone.
NUMBERS = "{total, leads{id}}"


#: A message without data that says that there is no such thing, as a 404 does.
_NOTHING = re.compile(r"nao encontrad|nao existe|not found|no such")


class Page(NamedTuple):
    """A page of a segment's list: the CRM's own count of the leads, the items as they came, the raw answer.

    `limit` is how many were asked for.
    """

    total: int
    items: list[Any]
    raw: bytes
    limit: int


def judge(answer: JsonAnswer) -> SyncError | None:
    """The error that an answer means, or None: also a 404, which says that there is no such thing."""
    body = answer.body if isinstance(answer.body, Mapping) else {}
    message = _plain(f"{body.get('msg') or ''} {body.get('error') or ''} {body.get('message') or ''}")
    if "cliente nao definido" in message:
        return RefusedError(f"{WHAT} does not know the instance. Check SPRINTHUB_INSTANCE.", answer.status)
    is_throttled = "too many requests" in message or bool({"usage", "limite"} & body.keys())
    if answer.status == 429 or (answer.status == 401 and is_throttled):
        wait = answer.retry_after if answer.retry_after is not None else THROTTLED
        return ThrottledError(f"{WHAT} asks for fewer calls ({answer.status}).", retry_after=wait)
    if answer.status in {401, 403}:
        return RefusedError(
            f"{WHAT} refused the token ({answer.status}). Renew {TOKEN_SETTING}.", answer.status
        )
    if answer.status == 404:
        return None
    if answer.status != 200:
        return from_http_status(answer.status, what=WHAT, retry_after=answer.retry_after)
    if not isinstance(answer.body, Mapping):
        return TransientError(
            f"{WHAT} answered with something that is no JSON document, or with a part of it."
        )
    if "data" not in body and message.strip() and not _NOTHING.search(message):
        return TransientError(f"{WHAT} answered with a message in place of data.")
    return None


def _plain(text: str) -> str:
    """Lower case without accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


@dataclass
class SprinthubClient:
    """The API of one tenant. Threads may share it. Every call is retried and waits for the budget."""

    base_url: str
    instance: str
    token: str = field(repr=False)
    http: JsonClient
    #: What the calls wait for, and by which they are counted.
    budget: Budget | NoBudget
    #: Ends the waits between attempts.
    stopping: Event = field(default_factory=Event)
    #: That the token was refused: the calls of other threads need not find out as well.
    refused: RefusedError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.http.close()

    def stop(self) -> None:
        """End the waits of calls under way, each with an error: the run is over."""
        self.stopping.set()
        self.budget.close()

    def segment(self, segment_id: int) -> Mapping[str, Any] | None:
        """What the CRM says of a segment: name, `totalLeads`, `lastLeadUpdate`; None if it has no such segment."""
        answer = self._call("GET", f"segments/{segment_id}")
        found = _data(answer).get("segment")
        return found if isinstance(found, Mapping) else None

    def segments(self) -> None:
        """Ask for one segment: the cheapest call that the token and the instance must pass."""
        answer = self._call("GET", "segments", page=0, limit=1)
        if answer.status == 404:
            raise PermanentError(f"{WHAT} has no such call. Check SPRINTHUB_BASE_URL.")

    def page(self, segment_id: int, number: int, *, limit: int, projection: str = PROJECTION) -> Page:
        """A page of a segment's list, the first is number 0. Raises SyncError; an error is never an empty page."""
        body = {
            "page": number,
            "limit": limit,
            "orderByKey": "createDate",
            "orderByDirection": "desc",
            "showAnon": False,
            "search": "",
            "query": projection,
            "showArchived": False,
            "additionalFilter": None,
            "idOnly": False,
        }
        answer = self._call("POST", f"leadsfromtype/segment/{segment_id}", json=body)
        if answer.status == 404:
            raise PermanentError(
                f"{WHAT} has no segment {segment_id} (404). Check its number, or a path in SPRINTHUB_BASE_URL."
            )
        data = _data(answer)
        total, items = data.get("total"), data.get("leads")
        if isinstance(total, bool) or not isinstance(total, int) or total < 0:
            raise TransientError(
                f"{WHAT}: page {number} of segment {segment_id} does not say how many leads there are (total)."
            )
        if not isinstance(items, list):
            raise TransientError(f"{WHAT}: page {number} of segment {segment_id} has no list of leads.")
        return Page(total, items, raw=answer.content, limit=limit)

    def detail(self, lead_id: int) -> Mapping[str, Any] | None:
        """Every field of a lead; None if the CRM does not have it (404, or an answer without a lead)."""
        answer = self._call("GET", f"leads/{lead_id}", allFields=1)
        lead = _data(answer).get("lead")
        return lead if isinstance(lead, Mapping) and lead else None

    def _call(self, method: str, path: str, *, json: Any = None, **parameters: object) -> JsonAnswer:
        query = "&".join(f"{name}={value}" for name, value in {"i": self.instance, **parameters}.items())
        url = f"{self.base_url}/{path}?{query}"
        headers = {"apitoken": self.token}

        def attempt() -> JsonAnswer:
            if self.refused is not None:
                raise self.refused
            if method == "POST":
                return self.http.post_json(url, json, headers=headers)
            return self.http.get_json(url, headers=headers)

        try:
            return self.http.retrying()(attempt)
        except RefusedError as error:
            self.refused = error
            raise


def _data(answer: JsonAnswer) -> Mapping[str, Any]:
    """The content of an answer; empty where it has none, as that to a lead may that the CRM does not have."""
    data = answer.body.get("data") if isinstance(answer.body, Mapping) else None
    return data if isinstance(data, Mapping) else {}


@dataclass(frozen=True)
class SprinthubAccess:
    """How the CRM is reached. Address and token are read when it is called: definitions load without them as well."""

    settings: SprinthubSettings
    #: Of JsonClient, such as a test's transport or sleep.
    options: Mapping[str, Any] = field(default_factory=dict)
    #: Of Budget, such as a virtual clock.
    budget_options: Mapping[str, Any] = field(default_factory=dict)

    def client(self, party: str) -> SprinthubClient:
        """A client whose calls count against the token's budget in the name of `party`, such as a segment.

        Raises SettingsError if address, token or instance are not set.
        """
        settings = self.settings
        base_url, instance, token = settings.base_url, settings.instance, settings.api_token
        budget, stopping = self.budget(party), Event()
        http = JsonClient(
            name=WHAT,
            url_setting="SPRINTHUB_BASE_URL",
            ca_bundle=settings.sprinthub_ca_bundle,
            ca_setting="SPRINTHUB_CA_BUNDLE",
            judge=judge,
            exact=True,
            budget=budget,
            **{"timeouts": LIMITS, "backoff": BACKOFF, "sleep": stopping.wait, **self.options},
        )
        return SprinthubClient(base_url, instance, token=token, http=http, budget=budget, stopping=stopping)

    def budget(self, party: str) -> Budget | NoBudget:
        """The token's budget, shared by every process of this installation."""
        settings = self.settings
        if not settings.sprinthub_rate_per_minute:
            return NoBudget()
        # Not the token itself: the ops database is no place for it.
        key = sha256(f"{settings.base_url}\n{settings.instance}\n{settings.api_token}".encode()).hexdigest()[
            :16
        ]
        window = Window(scope=f"sprinthub:{key}", calls=settings.sprinthub_rate_per_minute, seconds=60.0)
        options = {"name": WHAT, "patience": BACKOFF.patience, **self.budget_options}
        return Budget(settings.ops_url, [window], party=party, **options)
