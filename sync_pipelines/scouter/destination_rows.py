"""Reads leads at Gestão Scouter by their numbers, each as the JSON text in which the server wrote it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from msgspec import Struct
from msgspec.json import Decoder

from sync_pipelines.lib import exact_json
from sync_pipelines.lib.http.postgrest import PostgrestClient, column_list
from sync_pipelines.scouter.mapping.contract_columns import KEY, STAMPS
from sync_pipelines.scouter.schema.columns import TABLE

#: Keys in one query: its address stays below 8 KiB, and the answer below the 1,000 rows at which Supabase caps it.
KEYS_AT_ONCE = 400
_FIRST_STAMP = f',"{next(iter(STAMPS))}":'.encode()
_KEY_TEXT = b'"id":'


class _Keyed(Struct):
    """A row of which only the key is decoded."""

    id: int


_KEYED = Decoder(_Keyed)


def read_rows(
    client: PostgrestClient, columns: Sequence[str], ids: Iterable[int], *, at_once: int = KEYS_AT_ONCE
) -> Iterator[list[tuple[int, bytes]]]:
    """The rows that are there, an answer at a time. Raises SchemaError if the table lacks one of `columns`."""
    left = list(ids)
    for at in range(0, len(left), at_once):
        wanted = dict.fromkeys(left[at : at + at_once])
        while wanted:
            params = (("select", column_list(columns)), (KEY, f"in.({','.join(map(str, wanted))})"))
            rows = [(key_of(row), row) for row in client.row_texts(TABLE, params)]
            rows = [(key, row) for key, row in rows if key in wanted]
            yield rows
            if not rows:  # rows beyond a cap were queried again, and nothing more came
                break
            for key, _ in rows:
                del wanted[key]


def key_of(row: bytes) -> int:
    """The number of a row, however odd its other values are."""
    try:
        return _KEYED.decode(row).id
    except RecursionError:
        return next(
            int(part.removeprefix(_KEY_TEXT)) for part in exact_json.parts(row) if part.startswith(_KEY_TEXT)
        )


def digest_of(row: bytes) -> UUID:
    """The row's content as the server wrote it, without the stamps, which are its end."""
    content, found, _ = row.rpartition(_FIRST_STAMP)
    return UUID(bytes=hashlib.md5(content if found else row[:-1], usedforsecurity=False).digest())
