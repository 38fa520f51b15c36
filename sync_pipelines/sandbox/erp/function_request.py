"""A request to an Edge Function of the sandbox, and what it refuses with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from sync_pipelines.sandbox.erp.callers import Caller


class FunctionError(Exception):
    """The answer is an error: its status, and its body."""

    def __init__(self, status: int, message: str, /, **fields: object) -> None:
        super().__init__(message)
        self.status = status
        self.body = {**fields, "error": message}


@dataclass(frozen=True)
class FunctionRequest:
    """Who asks for what, and at what time by the server's clock.

    `writes` is false where nothing is to be written; `ends_early` is asked once the function has deleted what it is
    about to replace.
    """

    caller: Caller | None
    body: Any
    now: datetime
    writes: bool = True
    ends_early: Callable[[], bool] = lambda: False

    def fields(self) -> Mapping[str, Any]:
        """The body as an object. Raises FunctionError, as a function does that reads a property of something else."""
        if not isinstance(self.body, dict):
            raise FunctionError(500, "Unexpected end of JSON input")
        return self.body

    def user_id(self) -> UUID:
        """Who is signed in. Raises FunctionError for anybody else: the service's key is refused (trap 62)."""
        if self.caller is None or self.caller.user_id is None:
            raise FunctionError(401, "Unauthorized")
        return self.caller.user_id


#: What a function does: the dictionary is its answer. Raises FunctionError, or psycopg.Error if Postgres refuses a row.
Function = Callable[[psycopg.Connection[Any], FunctionRequest], dict[str, Any]]
