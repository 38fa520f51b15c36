"""TOTVS: no module is served, because every installation differs (contract of the ERPs, section 8).

It is known all the same, so that its connections are taken and say why nothing is synced.
"""

from __future__ import annotations

from typing import NoReturn

from sync_pipelines.erp.outcome import Module
from sync_pipelines.erp.vendors.limits import CallLimit, Limits
from sync_pipelines.erp.vendors.session import Opening, VendorSpec
from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.lib.http.json import JsonAnswer

NAME = "TOTVS"
UNSERVED = (
    "O TOTVS não é sincronizado: cada instalação tem endereços e campos próprios, e não há uma forma comum de ler os"
    " dados. Envie os XML das notas pelo aplicativo."
)


def _judge(_: JsonAnswer) -> SyncError | None:
    return None  # nothing is called


def _open(_: Opening) -> NoReturn:
    raise PermanentError(f"{NAME} has no adapter: every installation differs.")


SPEC = VendorSpec(
    erp_type="totvs",
    name=NAME,
    url_setting="",
    version_path="",
    limits=Limits("totvs", calls=(CallLimit(1, 1),)),
    judge=_judge,
    open=_open,
    unserved=dict.fromkeys(Module, UNSERVED),
)
