"""The Edge Functions by which the old screen asks about the destination. The screen sends them no body.

Their answers have the keys that the screen reads (contract of the lead push, section 6). They ignore an address or a
key that a caller sends: only the settings count.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from sync_pipelines.lib.failures import SyncError, TransientError
from sync_pipelines.lib.http.endpoints import Answer
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.scouter.schema.reload import FUNCTION, MissingFunctionError
from sync_pipelines.scouter.schema.suggestions import RELOAD_FUNCTION
from sync_pipelines.settings import SettingsError

_log = logging.getLogger(__name__)


def validate_schema(push: LeadPush) -> Answer:
    """Compare both live schemas through the mapping of the next push.

    200 even if they do not fit: then `valid` is false, and `errors` says why in sentences. 503 or 502 if one side could
    not be read: a failed read is never an empty schema.
    """

    def compared() -> Answer:
        with push.source() as connection:
            report = push.examine(connection, fresh=True)
        return Answer(
            200,
            {
                "success": True,
                "valid": report.fits,
                "tabuladormax_fields": [*report.source_types],
                "gestao_scouter_fields": [*report.destination_columns],
                "missing_in_gestao_scouter": [*report.missing_in_gestao_scouter],
                "missing_in_tabuladormax": [*report.missing_in_tabuladormax],
                "suggested_sql": "\n".join(report.suggested_sql),
                "errors": report.sentences(),
            },
        )

    return _answered("Não foi possível comparar os schemas", compared)


def validate_config(push: LeadPush) -> Answer:
    """Test the connection to Gestão Scouter: 200 valid, 400 invalid, 404 if nothing is configured."""

    def tested() -> Answer:
        report = push.connection_test().run()
        return Answer(report.status, report.document())

    return _answered("Não foi possível testar a conexão", tested, checks={}, warnings=[])


def reload(push: LeadPush) -> Answer:
    """Reload the destination's schema cache; a success only if writes then see every mapped column.

    A destination without the function that reloads is a failure (502), with the SQL that makes the function.
    """

    def reloaded() -> Answer:
        try:
            push.reload_cache()
        except MissingFunctionError:
            sentence = (
                f"O Gestão Scouter não tem a função {FUNCTION}(): o cache do schema não foi recarregado. Execute lá"
                " o SQL de suggested_sql e tente de novo."
            )
            return _failure(502, sentence, suggested_sql=RELOAD_FUNCTION)
        return Answer(200, {"success": True, "message": "Cache do schema recarregado."})

    return _answered("O cache do schema não foi recarregado", reloaded)


def _answered(failed: str, work: Callable[[], Answer], **empty: Any) -> Answer:
    """The answer of `work`. If it raises, what `failed` and why, with the keys that the screen reads `empty`.

    A 503 means that a later call may succeed.
    """
    try:
        return work()
    except SettingsError as error:
        return _failure(404, f"{failed}: {error}", **empty)
    except SyncError as error:
        _log.warning("A call of the old screen could not be served: %s", error)
        return _failure(503 if isinstance(error, TransientError) else 502, f"{failed}: {error}", **empty)


def _failure(status: int, sentence: str, **more: Any) -> Answer:
    return Answer(status, {"success": False, "valid": False, "error": sentence, "errors": [sentence], **more})
