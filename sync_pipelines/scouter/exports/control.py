"""What the old screen asks: `export-to-gestao-scouter-batch` with an action, answered as that function did.

Body `{action, startDate, endDate?, fieldMappings?, jobId?}` (contract of the lead push, section 5). The work itself is
begun by a sensor within half a minute; here only the control table is written. No answer repeats a value that came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, NamedTuple

from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.scouter.exports.actions import ExportActions
from sync_pipelines.scouter.exports.table import ExportJob, UnknownJobError
from sync_pipelines.scouter.fields.mapping import Mapping as FieldMapping


class Answer(NamedTuple):
    """A status and a JSON object."""

    status: int
    body: dict[str, Any]


class _InvalidError(Exception):
    """The request is not one; the message says why, in Portuguese and without its values."""


def answer(document: object, actions: ExportActions) -> Answer:
    """Do what the document asks. 400 for what is no request or not allowed, 404, 409 for a second export, 503."""
    try:
        if not isinstance(document, dict):
            raise _InvalidError("O corpo deve ser um objeto JSON.")
        known = _ACTIONS.get(document.get("action", ""))
        if known is None:
            raise _InvalidError(f"action deve ser {', '.join(_ACTIONS)}.")
        return Answer(200, {"success": True, **known(document, actions)})
    except _InvalidError as error:
        return Answer(400, {"error": str(error)})
    except UnknownJobError as error:
        return Answer(404, {"error": str(error)})
    except TransientError as error:
        return Answer(409, {"error": str(error)})
    except PermanentError as error:
        return Answer(400, {"error": str(error)})
    except SyncError as error:  # the database is away
        return Answer(503, {"error": str(error)})


def _create(document: Mapping[str, Any], actions: ExportActions) -> dict[str, Any]:
    start = _day(document, "startDate")
    if start is None:
        raise _InvalidError("startDate é obrigatório: o dia mais recente, como 2025-10-21.")
    fields = document.get("fieldMappings")
    if fields:
        if not isinstance(fields, dict):
            raise _InvalidError("fieldMappings deve ser um objeto {campo do Gestão: campo do TabuladorMax}.")
        try:
            FieldMapping.parse(fields)
        except PermanentError:
            raise _InvalidError(
                "fieldMappings não pôde ser lido: cada valor deve ser o nome de um campo do TabuladorMax."
            ) from None
    job = actions.create(start, _day(document, "endDate"), field_mappings=fields or None)
    return _told(job, "Exportação criada; começa em instantes.")


def _pause(document: Mapping[str, Any], actions: ExportActions) -> dict[str, Any]:
    return _told(actions.pause(_job(document)), "Exportação pausada.")


def _resume(document: Mapping[str, Any], actions: ExportActions) -> dict[str, Any]:
    return _told(actions.resume(_job(document)), "Exportação retomada de onde parou.")


def _reset(document: Mapping[str, Any], actions: ExportActions) -> dict[str, Any]:
    return _told(actions.reset(_job(document)), "Exportação reiniciada desde o primeiro dia.")


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


def _told(job: ExportJob, message: str) -> dict[str, Any]:
    return {"jobId": job.id, "status": job.status, "message": message}


def _job(document: Mapping[str, Any]) -> str:
    found = document.get("jobId")
    if not isinstance(found, str) or not found:
        raise _InvalidError("jobId é obrigatório.")
    return found


def _day(document: Mapping[str, Any], name: str) -> date | None:
    found = document.get(name)
    if found in (None, ""):
        return None
    try:
        # The screen sends a day, or a moment whose day is meant.
        return date.fromisoformat(str(found)[:10])
    except ValueError:
        raise _InvalidError(f"{name} deve ser um dia como 2025-10-21.") from None
