"""What a vendor allows to be called, as data, and the budget windows that it becomes.

A vendor's file states its limits once; whoever adds an ERP writes no code for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256

from sync_pipelines.lib.http.budget import Window

#: Hexadecimal digits of a digest in a scope: the ops database is no place for a key.
_DIGITS = 16


class Per(Enum):
    """What calls are counted by."""

    ADDRESS = "address"
    ACCOUNT = "account"
    #: Account and method.
    METHOD = "method"
    #: Account, method and parameters: the same request again.
    REQUEST = "request"


@dataclass(frozen=True)
class CallLimit:
    """At most `calls` within any `seconds`, counted by `per`; `margin` is that of its `Window`."""

    calls: int
    seconds: float
    per: Per = Per.ACCOUNT
    margin: float | None = None


@dataclass(frozen=True)
class ErrorLimit:
    """A vendor blocks an account's method at the `errors`-th error within `seconds`."""

    errors: int
    seconds: float


@dataclass(frozen=True)
class Limits:
    """What a vendor allows. `vendor` begins every scope, such as `omie:address`."""

    vendor: str
    calls: tuple[CallLimit, ...]
    errors: ErrorLimit | None = None
    #: Calls of an account's method that may be under way at once; 1 of a method that is not named.
    in_flight: Mapping[str, int] = field(default_factory=dict)

    def at_once(self, method: str) -> int:
        """How many calls of a method may be under way at once."""
        return self.in_flight.get(method, 1)

    def windows(self, account: str, method: str, request: str, *, unseen: int = 0) -> list[Window]:
        """The windows that a call needs room in. `account` and `request` are digests.

        `unseen` is how often the same request was just made in vain, because it did not reach the vendor's memory.
        """
        scopes = {
            Per.ADDRESS: f"{self.vendor}:address",
            Per.ACCOUNT: f"{self.vendor}:{account}",
            Per.METHOD: f"{self.vendor}:{account}:{method}",
            Per.REQUEST: f"{self.vendor}:{account}:{method}:{request}",
        }
        extra = {Per.REQUEST: unseen}
        return [
            Window(
                scope=scopes[one.per],
                calls=one.calls + extra.get(one.per, 0),
                seconds=one.seconds,
                margin=one.margin,
            )
            for one in self.calls
        ]

    def block(self, account: str, method: str | None = None) -> Window:
        """The window to block so that nothing of an account is called, or not this method where that can be told apart.

        Raises ValueError if the vendor has no limit per account: no call would look at the block.
        """
        kinds = [one.per for one in self.calls]
        per = Per.METHOD if method and Per.METHOD in kinds else Per.ACCOUNT
        if per not in kinds:
            raise ValueError(f"{self.vendor} has no limit per {per.value} that could be blocked.")
        return self.windows(account, method or "", "")[kinds.index(per)]

    def error_window(self, account: str, method: str, errors: int) -> Window:
        """The window of a method's errors, with room for `errors`. Raises ValueError if the vendor counts none."""
        if self.errors is None:
            raise ValueError(f"{self.vendor} does not count errors.")
        scope = f"{self.vendor}:{account}:{method}:errors"
        return Window(scope=scope, calls=errors, seconds=self.errors.seconds)


def digest(*parts: str) -> str:
    """What stands in a scope for an account or a request."""
    return sha256("\n".join(parts).encode()).hexdigest()[:_DIGITS]
