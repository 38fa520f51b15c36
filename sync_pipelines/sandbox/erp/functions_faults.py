"""The faults of the Edge Functions, by function: `analyze-credits_hang` (contract of the ERPs, traps 61 and 66)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from starlette.responses import JSONResponse, Response

from sync_pipelines.sandbox.erp import faults
from sync_pipelines.sandbox.faults import Dropped

#: What comes in place of an answer, once all is written.
AFTERWARDS: Final[Mapping[str, Callable[[], Response]]] = {
    "drop_after": Dropped,
    "hang_after": faults.Hanging,
    "cut_after": faults.Cut,
    "error_after": lambda: JSONResponse({"error": "Erro interno"}, 500),
}
_OWN: Final[Mapping[str, Callable[[], Response]]] = {
    "server_error": lambda: JSONResponse({"error": "Erro interno"}, 500),
    "worker_limit": lambda: JSONResponse(
        {"code": "WORKER_LIMIT", "message": "Function failed due to not having enough compute resources"}, 546
    ),
    "throttled": lambda: JSONResponse({"message": "Too many requests"}, 429, {"Retry-After": "1"}),
    "not_deployed": lambda: JSONResponse({"code": "NOT_FOUND", "message": "Function was not found"}, 404),
    "unauthorized": lambda: JSONResponse({"error": "Unauthorized"}, 401),
    "not_successful": lambda: JSONResponse({"success": False, "error": "Erro ao analisar"}),
}
_BEHAVIOURS: Final = {
    "without_effect": "the answer is that of a success, and nothing is written",
    "half_done": "what it replaces is gone, what comes next is not written, and the answer is a 500",
    **dict.fromkeys(AFTERWARDS, "all is written, and then the answer is lost"),
}


def answers_of(functions: tuple[str, ...]) -> dict[str, Callable[[], Response]]:
    """The faults that replace an answer, where nothing is done."""
    return faults.answers_of(functions, _OWN)


def behaviours_of(functions: tuple[str, ...]) -> dict[str, str]:
    """The faults that change what a function does."""
    return {f"{function}_{name}": text for function in functions for name, text in _BEHAVIOURS.items()}
