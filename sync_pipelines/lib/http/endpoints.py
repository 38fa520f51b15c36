"""What a system hands to the receiver: its endpoints as data, and how their callers prove who they are.

It knows no server: the receiver reads a request, admits its caller and gives the handler a `Call`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from sync_pipelines.lib.records.inbox_pool import InboxPool

#: The path below which Supabase serves Edge Functions, and so the one that applications call.
FUNCTIONS_PATH = "/functions/v1/"
#: The roles of a project's tokens: that of its servers, that of a person who is signed in, and both.
SERVICE_ROLE = "service_role"
SERVICE = frozenset({SERVICE_ROLE})
PERSON = frozenset({"authenticated"})
SIGNED_IN = SERVICE | PERSON
LONGEST_BODY = 1 << 20  # bytes
SHORTEST_SHARED_SECRET = 16  # characters; the receiver refuses a shorter one


class Call(NamedTuple):
    """A request of an admitted caller: its JSON document (None without a body), the same as text, and our inbox.

    `caller` is the verified token's `sub`: the id of the person who is signed in. None for a shared secret, and for a
    token that names nobody.
    """

    document: Any
    text: str
    inbox: InboxPool
    caller: str | None = None


class Answer(NamedTuple):
    """A status and a JSON object."""

    status: int
    body: dict[str, Any]


#: It may block: the receiver runs it in a thread. A BadRequestError is answered 400, a SyncError 503.
Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Endpoint:
    """A path, who may call it, and the handler that answers."""

    path: str
    handler: Handler
    method: str = "POST"
    #: The roles of a token that may call it.
    roles: frozenset[str] = SERVICE
    #: Whether the shared secret admits a caller too.
    takes_shared_secret: bool = False
    may_be_empty: bool = False
    max_bytes: int = LONGEST_BODY
    #: How many calls are worked on at once. Further ones wait without a thread, which other endpoints need.
    at_once: int | None = None


@dataclass(frozen=True)
class Setting:
    """The value of a setting, and the name of its variable for errors."""

    name: str
    value: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Credentials:
    """What callers are verified by: tokens that a Supabase project has signed, or a secret that both sides know.

    A setting without a value verifies nobody. A project that signs no tokens has the shared secret alone.
    """

    #: The project's name, for errors.
    project: str
    shared_secret: Setting
    #: The project's own secret, for HS256.
    signing_secret: Setting | None = None
    #: The project's address, which publishes the keys for ES256 and RS256.
    project_url: Setting | None = None
    #: Whom the project's tokens are made for (`aud`); None: it is not checked.
    audience: str | None = None

    @property
    def settings(self) -> Sequence[Setting]:
        given = (self.shared_secret, self.signing_secret, self.project_url)
        return [setting for setting in given if setting is not None]


@dataclass(frozen=True)
class Mount:
    """What the receiver serves for one system."""

    credentials: Credentials
    endpoints: Sequence[Endpoint] = ()
    #: Why there is no endpoint, and which settings change that, as a part of a sentence.
    absent: str = ""
    #: The screens that a browser may call from.
    origins: Sequence[str] = ()
    #: The reverse proxies whose X-Forwarded-For counts: addresses or networks.
    proxies: Sequence[str] = ()
    #: Called in a thread when the receiver stops, and perhaps again: it ends what the handlers have started.
    on_stop: Callable[[], None] = lambda: None
