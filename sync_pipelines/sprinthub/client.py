"""The CRM's REST API (contract of SprintHub, sections 1, 2 and 4), in the four calls that a sync makes.

The token travels in the header `apitoken`, never in a URL. A 401 says two things: with a body about too many requests
it means "later", with any other "this token is refused".
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple, Self

from sync_pipelines.lib.cancellation import Cancellation
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
#: Bytes of an answer: a thousand list items of a CRM that sends all their fields, or a lead with very long texts.
LARGEST_ANSWER = 16 << 20
#: Seconds after a throttled answer that does not say how long (the original's clients waited 60 to 65 s).
THROTTLED = 60.0
#: What a list says of a lead, in the vendor's own spelling (`completName`).
PROJECTION = (
    "{total, leads{id, fullname, photoUrl, email, points, city, state, country, lastActive, archived,"
    " owner{completName}, companyData{companyname}, createDate}}"
)
#: The same list as numbers alone.
NUMBERS = "{total, leads{id}}"


#: Pages of the list of all segments in which one is looked for.
_MOST_PAGES = 20
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


class SaidOfSegment(NamedTuple):
    """Whether the CRM has a segment, and how many leads it says are in it; None where it does not say."""

    has: bool | None
    leads: int | None


def judge(answer: JsonAnswer) -> SyncError | None:
    """The error that an answer means, or None: also a 404, which says that there is no such thing."""
    body = answer.body if isinstance(answer.body, Mapping) else {}
    message = _plain(f"{body.get('msg') or ''} {body.get('error') or ''} {body.get('message') or ''}")
    if "cliente nao definido" in message:
        return RefusedError(f"{WHAT} does not know the instance. Check SPRINTHUB_INSTANCE.", answer.status)
    is_throttled = "too many requests" in message or bool({"usage", "limite"} & body.keys())
    if answer.status == 429 or (answer.status == 401 and is_throttled):
        # A wait of no seconds, or until a date that is past, is none: the next call would be throttled as well.
        wait = answer.retry_after or THROTTLED
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
    #: Ends calls and the waits between them.
    cancellation: Cancellation = field(default_factory=Cancellation)
    #: That the token was refused: the calls of other threads need not find out as well.
    refused: RefusedError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.http.close()

    def stop(self) -> None:
        """End the calls under way and their waits, each with an error: the run is over."""
        self.cancellation.cancel()
        self.budget.close()

    def segment(self, segment_id: int) -> Mapping[str, Any] | None:
        """What the CRM says of a segment: name, `totalLeads`, `lastLeadUpdate`; None if it has no such segment."""
        answer = self._call("GET", f"segments/{segment_id}")
        found = _data(answer).get("segment")
        return found if isinstance(found, Mapping) else None

    def said_of_segment(self, segment_id: int) -> SaidOfSegment:
        """What the calls about segments say of one. A CRM without such calls says nothing. Raises other SyncErrors."""
        try:
            found = self.segment(segment_id)
            if found is not None:
                leads = found.get("totalLeads")
                return SaidOfSegment(True, leads if type(leads) is int else None)
            return SaidOfSegment(self._names(segment_id), None)
        except RefusedError:
            raise
        except PermanentError:
            return SaidOfSegment(None, None)

    def _names(self, segment_id: int) -> bool | None:
        """Whether the list of all segments names one; None if the CRM has no such list, or one without an end."""
        named = set[object]()
        for page in range(_MOST_PAGES):
            segments = _data(self._call("GET", "segments", page=page, limit=100)).get("segments")
            found = {one.get("id") for one in segments or () if isinstance(one, Mapping)}
            if segment_id in found:
                return True
            if found <= named:
                return False if named else None
            named |= found
        return None

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

        throttled = 0

        def call() -> JsonAnswer:
            self.cancellation.check()
            if self.refused is not None:
                raise self.refused
            if method == "POST":
                return self.http.post_json(url, json, headers=headers)
            return self.http.get_json(url, headers=headers)

        def attempt() -> JsonAnswer:
            nonlocal throttled
            try:
                return call()
            except ThrottledError as error:
                throttled += 1
                asked = error.retry_after or 0.0
                if throttled == 1 or asked >= THROTTLED:
                    raise
                # A short wait was asked for, and did not help: the window has to pass.
                self.budget.block(THROTTLED)
                raise ThrottledError(str(error), retry_after=THROTTLED) from None

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

    def client(self, party: str, within: Cancellation | None = None) -> SprinthubClient:
        """A client whose calls count against the token's budget in the name of `party`, such as a segment.

        `within` ends its calls. Raises SettingsError if address, token or instance are not set.
        """
        settings = self.settings
        base_url, instance, token = settings.base_url, settings.instance, settings.api_token
        cancellation = Cancellation(within)
        budget = self.budget(party, sleep=cancellation.sleep)
        http = JsonClient(
            name=WHAT,
            url_setting="SPRINTHUB_BASE_URL",
            ca_bundle=settings.sprinthub_ca_bundle,
            ca_setting="SPRINTHUB_CA_BUNDLE",
            judge=judge,
            exact=True,
            largest=LARGEST_ANSWER,
            budget=budget,
            **{"timeouts": LIMITS, "backoff": BACKOFF, "sleep": cancellation.sleep, **self.options},
        )
        cancellation.on_cancel(http.abort)
        return SprinthubClient(
            base_url, instance, token=token, http=http, budget=budget, cancellation=cancellation
        )

    def budget(self, party: str, *, sleep: Callable[[float], object] = time.sleep) -> Budget | NoBudget:
        """The token's budget, shared by every process of this installation."""
        settings = self.settings
        if not settings.sprinthub_rate_per_minute:
            return NoBudget()
        # Not the token itself: the ops database is no place for it.
        key = sha256(f"{settings.base_url}\n{settings.instance}\n{settings.api_token}".encode()).hexdigest()[
            :16
        ]
        window = Window(scope=f"sprinthub:{key}", calls=settings.sprinthub_rate_per_minute, seconds=60.0)
        options = {"name": WHAT, "patience": BACKOFF.patience, "sleep": sleep, **self.budget_options}
        return Budget(settings.ops_url, [window], party=party, **options)
