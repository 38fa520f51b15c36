"""The Edge Function `export-to-gestao-scouter-batch`: the old screen sends an action, and is answered as before.

Body `{action, startDate, endDate?, fieldMappings?, jobId?}` (contract of the lead push, section 5). Only the control
table is written here; a sensor begins the work within half a minute. No answer repeats a value of the request except
the id of an export.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import date
from typing import Any
from uuid import UUID

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.lib.http.endpoints import Answer
from sync_pipelines.scouter.export_jobs.actions import ExportActions
from sync_pipelines.scouter.export_jobs.job import ExportJob, UnknownJobError
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping

_log = logging.getLogger(__name__)
#: The screen sends a day, or a moment whose day is meant.
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(T[\d:.]+(Z|[+-]\d{2}:?\d{2})?)?")


class _InvalidError(Exception):
    """The request cannot be used; the message says why, in Portuguese and without its values."""


def export_function(
    source: Callable[[], AbstractContextManager[postgres.Connection]],
) -> Callable[[object], Answer]:
    """The function over connections to TabuladorMax; it answers 503 if there is none."""

    def answered(document: object) -> Answer:
        try:
            with source() as connection:
                return answer(document, ExportActions(connection))
        except SyncError as error:  # the database is away, or refuses us
            _log.warning("A call of the old screen could not be served: %s", error)
            return _refusal(503, "O banco do TabuladorMax não responde no momento; tente de novo.")

    return answered


def answer(document: object, actions: ExportActions) -> Answer:
    """Do what the document asks. 400: not a request, or not allowed; 404: no such export; 409: a second export."""
    try:
        if not isinstance(document, dict):
            raise _InvalidError("O corpo deve ser um objeto JSON.")
        action = document.get("action")
        known = _ACTIONS.get(action) if isinstance(action, str) else None
        if known is None:
            raise _InvalidError(f"action deve ser {', '.join(_ACTIONS)}.")
        return Answer(200, {"success": True, **known(document, actions)})
    except _InvalidError as error:
        return _refusal(400, str(error))
    except UnknownJobError as error:
        return _refusal(404, str(error))
    except TransientError as error:
        return _refusal(409, str(error))
    except PermanentError as error:
        return _refusal(400, str(error))


def _refusal(status: int, sentence: str) -> Answer:
    return Answer(status, {"success": False, "error": sentence})


def _create(document: Mapping[str, Any], actions: ExportActions) -> dict[str, Any]:
    start = _day(document, "startDate")
    if start is None:
        raise _InvalidError("startDate é obrigatório: o dia mais recente, como 2025-10-21.")
    fields = document.get("fieldMappings")
    if fields is not None:
        if not isinstance(fields, dict):
            raise _InvalidError("fieldMappings deve ser um objeto {campo do Gestão: campo do TabuladorMax}.")
        try:
            FieldMapping.parse(fields)
            # What jsonb does not hold: a NUL, a half of a pair.
            if "\\u0000" in json.dumps(fields) or not _is_text(json.dumps(fields, ensure_ascii=False)):
                raise PermanentError("no text")
        except PermanentError:
            raise _InvalidError(
                "fieldMappings não pôde ser lido: cada valor deve ser o nome de um campo do TabuladorMax."
            ) from None
    job = actions.create(start, _day(document, "endDate"), field_mappings=fields or None)
    return _state(job, "Exportação criada; começa em instantes.")


def _is_text(written: str) -> bool:
    try:
        return bool(written.encode())
    except UnicodeEncodeError:
        return False


def _pause(document: Mapping[str, Any], actions: ExportActions) -> dict[str, Any]:
    return _state(actions.pause(_job(document)), "Exportação pausada.")


def _resume(document: Mapping[str, Any], actions: ExportActions) -> dict[str, Any]:
    return _state(actions.resume(_job(document)), "Exportação retomada de onde parou.")


def _reset(document: Mapping[str, Any], actions: ExportActions) -> dict[str, Any]:
    return _state(actions.reset(_job(document)), "Exportação reiniciada desde o primeiro dia.")


def _delete(document: Mapping[str, Any], actions: ExportActions) -> dict[str, Any]:
    job_id = _job(document)
    actions.delete(job_id)
    return {"jobId": job_id, "message": "Exportação excluída, com os seus erros."}


_ACTIONS: Mapping[str, Callable[[Mapping[str, Any], ExportActions], dict[str, Any]]] = {
    "create": _create,
    "pause": _pause,
    "resume": _resume,
    "reset": _reset,
    "delete": _delete,
}


def _state(job: ExportJob, message: str) -> dict[str, Any]:
    return {"jobId": job.id, "status": job.status, "message": message}


def _job(document: Mapping[str, Any]) -> str:
    found = document.get("jobId")
    if found in (None, ""):
        raise _InvalidError("jobId é obrigatório.")
    try:
        return str(UUID(found))
    except (ValueError, TypeError, AttributeError):
        raise _InvalidError("jobId deve ser o id de uma exportação.") from None


def _day(document: Mapping[str, Any], name: str) -> date | None:
    found = document.get(name)
    if found in (None, ""):
        return None
    written = _DAY.fullmatch(found) if isinstance(found, str) else None
    try:
        if written:
            return date.fromisoformat(written[1])
    except ValueError:
        pass
    raise _InvalidError(f"{name} deve ser um dia como 2025-10-21.")
