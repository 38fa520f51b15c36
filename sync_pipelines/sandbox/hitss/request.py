"""The export's query string: nineteen parameters, who may ask, and the window of months."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from sync_pipelines.sandbox.hitss.layout import month_number

PATH: Final = "/api/api/export/xls"  # twice `api`, as in the real one
ROLES: Final = "GERENTE DE ENTREGA|GESTOR DE PROJETOS|CONSULTA PAINEL"
MANAGER: Final = "RESPONSAVEL FICTICIO"

FLAGS: Final = (
    "projetoAtivoFiltro",
    "projetoParalisadoFiltro",
    "projetoEncerradoFiltro",
    "projetoCanceladoFiltro",
)
NUMBERS: Final = ("servicoFiltro", "tipoFiltro", "idresponsavelprojetoFiltro", "idusuarioFiltro")
FILLED: Final = ("responsavelprojetoFiltro", "visaoFiltro", "usuarioFiltro", "perfilFiltro", "telaFiltro")
FREE: Final = ("clienteFiltro", "projetoFiltro", "responsavelareaFiltro", "idResponsavelareaFiltro")
WINDOW: Final = ("filtroDeFiltro", "filtroAteFiltro")


@dataclass(frozen=True)
class Caller:
    """The one user that the fake knows; the query string is all the identity there is."""

    login: str = "usuario.ficticio"
    number: int = 4_242_424_242


@dataclass(frozen=True)
class Window:
    """An inclusive range of month numbers, and how it was written."""

    first: int
    last: int
    text: str


class RefusedError(Exception):
    """A request that gets an error status instead of a workbook."""

    def __init__(self, status: int, message: str) -> None:
        """`message` names the parameter, never its value: values are secrets."""
        super().__init__(message)
        self.status = status
        self.message = message


def read_window(query: Mapping[str, str], caller: Caller) -> Window:
    """The window of a well-formed query of the known caller; RefusedError with 400 or 401 otherwise."""
    missing = [name for name in (*FLAGS, *NUMBERS, *FILLED, *FREE, *WINDOW) if name not in query]
    if missing:
        raise RefusedError(400, f"missing parameters: {', '.join(missing)}")
    wrong = [name for name in FLAGS if query[name] not in ("true", "false")]
    wrong += [name for name in NUMBERS if not re.fullmatch(r"-?\d+", query[name])]
    wrong += [name for name in FILLED if not query[name].strip()]
    wrong += [name for name in WINDOW if not re.fullmatch(r"(0[1-9]|1[0-2])-\d{4}", query[name])]
    if len(query["perfilFiltro"].split("|")) != 3:
        wrong.append("perfilFiltro")
    if wrong:
        raise RefusedError(400, f"malformed parameters: {', '.join(wrong)}")
    if query["usuarioFiltro"] != caller.login or int(query["idusuarioFiltro"]) != caller.number:
        raise RefusedError(401, "unknown user")
    first, last = (_month(query[name]) for name in WINDOW)
    if first > last:
        raise RefusedError(400, "malformed parameters: filtroDeFiltro is after filtroAteFiltro")
    return Window(first, last, f"{query[WINDOW[0]]}..{query[WINDOW[1]]}")


def download_url(base: str, caller: Caller, start: str = "{inicio}", end: str = "{fim}") -> str:
    """The whole export URL; by default with the placeholders that a configured URL has for the months."""
    values = {
        "clienteFiltro": "",
        "servicoFiltro": "-1",
        "tipoFiltro": "-1",
        "projetoFiltro": "",
        "projetoAtivoFiltro": "true",
        "projetoParalisadoFiltro": "true",
        "projetoEncerradoFiltro": "true",
        "projetoCanceladoFiltro": "true",
        "responsavelareaFiltro": "",
        "idResponsavelareaFiltro": "",
        "responsavelprojetoFiltro": MANAGER,
        "idresponsavelprojetoFiltro": "77",
        "filtroDeFiltro": start,
        "filtroAteFiltro": end,
        "visaoFiltro": "PROJ",
        "usuarioFiltro": caller.login,
        "idusuarioFiltro": str(caller.number),
        "perfilFiltro": ROLES,
        "telaFiltro": "painel_projetos",
    }
    query = "&".join(f"{name}={quote(value, safe='{}')}" for name, value in values.items())
    return f"{base.rstrip('/')}{PATH}?{query}"


def _month(text: str) -> int:
    month, _, year = text.partition("-")
    return month_number(f"{year}-{month}")
