"""What the screen is answered: `{success, message, results, total_synced, total_failed}` (contract, section 1.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync_pipelines.erp.connections.log import LogRow
from sync_pipelines.erp.connections.tables import SYNC_LOG
from sync_pipelines.erp.outcome import Module
from sync_pipelines.lib.http.endpoints import Answer

_DONE, _PARTLY = "Sincronização concluída", "Sincronização parcial"
_UNTRIED = "A sincronização terminou antes deste módulo."


def unfinished(sentence: str) -> Answer:
    """There is no result (yet), and the sentence says why."""
    return Answer(200, {"success": False, "message": sentence, **_totals([])})


def refusal(status: int, sentence: str) -> Answer:
    """Nothing was synced. `error` is the original's word, `message` what the screen shows."""
    return Answer(status, {"success": False, "error": sentence, "message": sentence, **_totals([])})


def answer_of(row: LogRow, expected: Sequence[Module]) -> Answer:
    """What became of the modules that were asked for, by the row of their sync."""
    modules = row.details.get("modules")
    found = modules if isinstance(modules, dict) else {}
    results = [_result(module, found.get(module.value), row) for module in expected]
    is_success = row.status == SYNC_LOG.success and all(one["status"] != "error" for one in results)
    message = _DONE if is_success else _PARTLY
    return Answer(200, {"success": is_success, "message": message, **_totals(results)})


def _totals(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "results": list(results),
        "total_synced": sum(one["records_synced"] for one in results),
        "total_failed": sum(one["records_failed"] for one in results),
    }


def _result(module: Module, known: Mapping[str, Any] | None, row: LogRow) -> dict[str, Any]:
    """A module's result; one that the sync did not come to is an error, for the reason of the row."""
    if known is None:
        message = row.message or _UNTRIED
        return {
            "module": module.value,
            "status": "error",
            "records_synced": 0,
            "records_failed": 0,
            "message": message,
        }
    warnings = known.get("warnings") or {}
    message = " ".join(filter(None, (known.get("message"), *warnings.values())))
    return {
        "module": module.value,
        "status": known["status"],
        "records_synced": known.get("synced", 0),
        "records_failed": known.get("rejected", 0) + known.get("unread", 0),
        **({"message": message} if message else {}),
    }
