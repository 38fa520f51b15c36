"""A client of PostgREST: bulk upserts, conditional changes, reads by key, probes, and what an answer means.

Statuses and codes are those of the wire contract. `code` decides first, then the status; an answer without JSON is
of a gateway. A message is read for one thing only, the column that it names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from sync_pipelines.lib import exact_json, redaction
from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    TransientError,
    is_transient_answer,
    retry_after_seconds,
)
from sync_pipelines.lib.http.client import HttpClient

LARGEST_ANSWER = 64 << 20  # bytes; a thousand rows of leads are about two million
#: What a failure needs: other rows (`data`), another structure or a reload (`schema`), a later attempt (`transient`),
#: a person (`fatal`).
Kind = Literal["data", "schema", "transient", "fatal"]
#: The message of today, and of servers before version 13.
_UNKNOWN_COLUMN = re.compile(
    r"Could not find the '(.+)' column of '.+' in the schema cache|Column '(.+)' of relation '.+' does not exist",
    re.DOTALL,
)
_MISSING_COLUMN = re.compile(r"column [^.]+\.(.+) does not exist", re.DOTALL)
_SCHEMA_CODES = {
    *("PGRST106", "PGRST117", "PGRST125", "PGRST126", "PGRST200", "PGRST201", "PGRST202", "PGRST203"),
    *("PGRST204", "PGRST205", "42703", "42P01", "42P10", "42883"),
}
#: Integrity, data and raised errors are about the rows that were sent; so is a 400 that no other rule knows.
_DATA_CLASSES = ("22", "23", "P0")
_DATA_CODES = {"P0001", "PGRST102"}


class Answer(NamedTuple):
    """A whole answer, whatever its status. `body` is its raw text."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The parsed body, None if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True)
class Problem:
    """An answer that is not a success: its status, the code of PostgREST (None: of a gateway), and what it needs.

    `body` is for the table that keeps it: it may quote a value of a row, so no message holds it. `retry_after` is in
    seconds.
    """

    status: int
    code: str | None
    kind: Kind
    body: Any = None
    retry_after: float | None = None

    @property
    def column(self) -> str | None:
        """The column that a stale or another schema does not have (PGRST204)."""
        found = _UNKNOWN_COLUMN.fullmatch(str((self.body or {}).get("message", ""))) if self.code else None
        return found[1] or found[2] if found and self.code == "PGRST204" else None

    @property
    def missing_column(self) -> str | None:
        """That column, or the one that a table itself does not have (42703)."""
        if self.code != "42703":
            return self.column
        found = _MISSING_COLUMN.fullmatch(str(self.body.get("message", "")))
        return found[1] if found else None

    @property
    def wants_fewer_rows(self) -> bool:
        """Whether a smaller request may pass: the statement was too slow, or the body too large."""
        return self.code == "57014" or self.status == 413

    def __str__(self) -> str:
        if self.column:
            return f"column {self.column!r} is not in its schema cache (PGRST204)"
        return f"{self.status} {self.code}" if self.code else f"{self.status} from its gateway"

    def error(self, what: str, *, setting: str) -> SyncError:
        """The sentence for a person; `setting` names what to check after a refusal."""
        if self.kind == "transient":
            return TransientError(f"{what} answered {self}.", retry_after=self.retry_after)
        if self.status in (401, 403):
            return RefusedError(f"{what} answered {self}. Check {setting}.", self.status)
        return PermanentError(f"{what} answered {self}.")


class SchemaError(PermanentError):
    """The server lacks, or does not see yet, what was requested: it needs another structure, or a reload."""

    def __init__(self, what: str, problem: Problem) -> None:
        super().__init__(f"{what} answered {problem}.")
        self.problem = problem


def problem_of(answer: Answer, retry_after: float | None = None) -> Problem | None:
    """What is wrong with an answer; None for a success."""
    if answer.is_success:
        return None
    body = answer.json()
    code = body.get("code") if isinstance(body, dict) else None
    code = code if isinstance(code, str) else None
    return Problem(
        status=answer.status, code=code, kind=_kind(answer.status, code), body=body, retry_after=retry_after
    )


def _kind(status: int, code: str | None) -> Kind:
    if code in _SCHEMA_CODES:
        return "schema"
    if is_transient_answer(status, code):
        return "transient"
    if code is not None and (code in _DATA_CODES or (code[:2] in _DATA_CLASSES and status < 500)):
        return "data"
    # The contract's table does not list every code; an unlisted one with 400 or 409 is about the rows, unless it is
    # PostgREST's own.
    return "data" if code is not None and status in (400, 409) and not code.startswith("PGRST") else "fatal"


class PostgrestClient(HttpClient):
    """The REST API of one Supabase project. One request is one attempt: the caller decides whether to send a second.

    Threads may share it. `url` is the project's, `path` that of its PostgREST below it.
    """

    def __init__(self, url: str, key: str, *, path: str = "/rest/v1", **options: Any) -> None:
        super().__init__(**options)
        redaction.register(key)
        if not key.isascii() or not key.isprintable():
            raise PermanentError(f"The key of {self._name} has characters that no key has: copy it again.")
        self.root = url.rstrip("/").removesuffix("/rest/v1") + path.rstrip("/")
        self._headers = {"apikey": key, "Authorization": f"Bearer {key}"}
        self._checked(self.root, "REST")
        # Without the address: error rows and run metadata must not show it.
        self._what = self._name

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request. Raises TransientError if no whole answer came in time."""
        # Quoted by hand, because a + in a timestamp must not arrive as a space.
        query = "&".join(f"{quote(name, safe='')}={quote(value, safe=_PLAIN)}" for name, value in params)
        typed = {"Content-Type": "application/json"} if content is not None else {}
        response, body = self._whole(
            self._what,
            method,
            f"{self.root}{path}{'?' if query else ''}{query}",
            headers={**self._headers, **typed, **(headers or {})},
            largest=LARGEST_ANSWER,
            content=content,
        )
        return Answer(response.status_code, response.headers, body)

    def problem(self, answer: Answer) -> Problem | None:
        """What is wrong with an answer, with the wait that it asks for."""
        if answer.is_success:
            return None
        return problem_of(answer, retry_after_seconds(answer.headers, self._now()))

    def upsert(
        self, table: str, rows: Iterable[str], *, columns: Sequence[str], on_conflict: str
    ) -> Problem | None:
        """Merge `rows`, each the JSON text of an object, in one statement; None if they were accepted.

        Exactly `columns` are written: one that an object lacks becomes NULL, so that a cleared value is cleared there.
        Without rows nothing is written, but the server checks the columns and the right to insert.
        """
        answer = self.request(
            "POST",
            f"/{quote(table)}",
            params=(("on_conflict", on_conflict), ("columns", column_list(columns))),
            content=f"[{','.join(rows)}]".encode(),
            headers={"Prefer": "resolution=merge-duplicates,return=minimal"},
        )
        return self.problem(answer)

    def probe(self, table: str, columns: Sequence[str], *, on_conflict: str) -> Problem | None:
        """The problem that a write of these columns would have; writes nothing."""
        return self.upsert(table, (), columns=columns, on_conflict=on_conflict)

    def patch(
        self,
        table: str,
        filters: Sequence[tuple[str, str]],
        body: str | bytes,
        *,
        columns: Sequence[str],
        select: Sequence[str],
    ) -> Problem | list[bytes]:
        """Change the rows that `filters` find; their columns `select` after that, each row as its JSON text.

        `body` is the JSON text of an object. Exactly `columns` are written: one that it lacks becomes NULL. A list
        without rows says that nothing was found. A second attempt may find nothing because the first, whose answer was
        lost, changed what the filters compare. Raises PermanentError for a success that is not rows, ValueError without
        filters, which would change the whole table.
        """
        if not filters:
            raise ValueError("a change of rows needs a filter")
        answer = self.request(
            "PATCH",
            f"/{quote(table)}",
            params=(*filters, ("columns", column_list(columns)), ("select", column_list(select))),
            content=body.encode() if isinstance(body, str) else body,
            headers={"Prefer": "return=representation"},
        )
        return self.problem(answer) or self._rows_of(answer)

    def rows(self, table: str, params: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """Rows of a table, numbers with a point as Decimal; retried where waiting may help.

        A server may cap them without a notice: page by what came. Raises SyncError for anything but rows,
        SchemaError if the table lacks what was requested.
        """
        return [exact_json.loads(row) for row in self.row_texts(table, params)]

    def row_texts(self, table: str, params: Sequence[tuple[str, str]]) -> list[bytes]:
        """As `rows`, each as its JSON text."""

        def attempt() -> Answer:
            answer = self.request("GET", f"/{quote(table)}", params=params)
            if problem := self.problem(answer):
                if problem.kind == "schema":
                    raise SchemaError(self._what, problem)
                raise problem.error(self._what, setting=self._url_setting)
            return answer

        return self._rows_of(self.retrying()(attempt))

    def _rows_of(self, answer: Answer) -> list[bytes]:
        try:
            rows = exact_json.elements(answer.body)
        except ValueError:
            rows = None
        if rows is None or not all(row.startswith(b"{") for row in rows):
            raise PermanentError(f"{self._what} answered with something that is not rows.")
        return rows

    def count(self, table: str, params: Sequence[tuple[str, str]]) -> int:
        """The number of rows, which no cap limits. Raises SyncError if the server does not say it."""

        def attempt() -> Answer:
            answer = self.request(
                "GET", f"/{quote(table)}", params=(*params, ("limit", "1")), headers={"Prefer": "count=exact"}
            )
            if problem := self.problem(answer):
                raise problem.error(self._what, setting=self._url_setting)
            return answer

        count = self.retrying()(attempt).headers.get("Content-Range", "").rpartition("/")[2]
        if not count.isdigit():
            raise PermanentError(f"{self._what} does not say how many rows there are.")
        return int(count)

    def rpc(self, name: str, arguments: Mapping[str, object]) -> Answer:
        """Call a function."""
        return self.request("POST", f"/rpc/{quote(name)}", content=json.dumps(arguments).encode())


#: Characters that PostgREST's filters are made of; all of them may stand in a query.
_PLAIN = "(),.*:\"'!~-_"


def column_list(columns: Sequence[str]) -> str:
    """`columns=` or `select=` for these names, quoted as PostgREST reads them."""
    return ",".join('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in columns)
