"""What Tiny answers when it does not serve a call (contract of the ERPs, section 7.1), and the faults by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.responses import Response

from sync_pipelines.sandbox.erp.documents import Json
from sync_pipelines.sandbox.erp.faults import answers_of

XML_SERVICE: Final = "nota.fiscal.obter.xml"
SEARCHES: Final = (
    "produtos.pesquisa",
    "notas.fiscais.pesquisa",
    "contas.receber.pesquisa",
    "contas.pagar.pesquisa",
)
DETAILS: Final = ("produto.obter", "nota.fiscal.obter", "conta.receber.obter", "conta.pagar.obter")
#: The services by the names under which their calls are counted and fail.
METHODS: Final = ("info", *SEARCHES, *DETAILS, XML_SERVICE)

#: `codigo_erro` and what the vendor says with it.
TEXTS: Final[Mapping[int, str]] = {
    1: "token não informado",
    2: "token inválido ou não encontrado",
    5: "API bloqueada ou sem acesso",
    6: "API Bloqueada - Excedido o número de acessos a API",
    7: "API bloqueada para a empresa",
    8: "Empresa bloqueada",
    10: "Parâmetro obrigatório não informado",
    11: "API Bloqueada - Excedido o número de acessos concorrentes a API",
    20: "A consulta não retornou registros",
    23: "A página que você está tentando obter não existe",
    30: "Registro em duplicidade",
    31: "Erro de validação",
    32: "Registro não localizado",
    34: "Nota fiscal não autorizada",
    35: "Ocorreu um erro inesperado",
    99: "Sistema em manutenção",
}
#: An answer in XML begins with it.
DONE: Final = "<status_processamento>3</status_processamento><status>OK</status>"
#: Errors that are found while a call is worked on: `status_processamento` 2; the others are not worked on at all.
_WORKED_ON: Final = frozenset({20, 23, 30, 31, 32, 34})


class Erro(Response):
    """An error of the vendor's own, not written yet: how depends on the call that it answers."""

    def __init__(self, code: int) -> None:
        super().__init__(b"")
        self.code = code

    def written(self, number: int, *, in_xml: bool) -> Erro:
        """The error as it is sent: numbers as texts and `erros` as a list, or, with every second call, as numbers and
        as an object (trap 36).
        """
        status = 2 if self.code in _WORKED_ON else 1
        made = Written(_xml(self.code, status)) if in_xml else Written(_json(self.code, status, number))
        made.code = self.code
        return made


class Written(Erro):
    """An error with its body."""

    def __init__(self, body: Response) -> None:
        Response.__init__(self, body.body, 200, media_type=body.media_type)


def _json(code: int, status: int, number: int) -> Response:
    said: dict[str, Any] = {"erro": TEXTS[code]}
    odd = number % 2 == 1
    return Json(
        {
            "retorno": {
                "status_processamento": str(status) if odd else status,
                "status": "Erro",
                "codigo_erro": str(code) if odd else code,
                "erros": [said] if odd else said,
            }
        }
    )


def _xml(code: int, status: int) -> Response:
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?><retorno><status_processamento>{status}</status_processamento>'
        f"<status>Erro</status><codigo_erro>{code}</codigo_erro><erros><erro>{TEXTS[code]}</erro></erros></retorno>"
    )
    return Response(text, media_type="text/xml")


def code_of(answer: Response) -> str | None:
    """The code of an error; None of any other answer."""
    return str(answer.code) if isinstance(answer, Erro) else None


def _of(code: int) -> Callable[[], Response]:
    return lambda: Erro(code)


_OWN: Final[Mapping[str, Callable[[], Response]]] = {
    "bad_token": _of(2),
    "without_token": _of(1),
    "blocked": _of(5),
    "company_blocked": _of(8),
    "too_many": _of(6),
    "concurrent": _of(11),
    "missing_parameter": _of(10),
    "validation": _of(31),
    "no_records": _of(20),
    "no_page": _of(23),
    "absent": _of(32),
    "not_authorised": _of(34),
    "unexpected": _of(35),
    "maintenance": _of(99),
    "without_retorno": lambda: Json({}),
    "retorno_null": lambda: Json({"retorno": None}),
    "in_xml": lambda: Response(f"<retorno>{DONE}</retorno>", media_type="text/xml"),
    "server_error": lambda: Response("Internal Server Error", 500, media_type="text/html"),
    "without_code": lambda: Json({"retorno": {"status": "Erro", "erros": [{"erro": "Erro"}]}}),
}
ANSWERS: Final = answers_of(METHODS, _OWN)

#: Change what a search gives; by the name of the service before it.
_OF_SEARCHES: Final[Mapping[str, str]] = {
    "lost": "the page is said to have no records",
    "behind": "the page is said to be behind the last",
    "repeats": "the page is the one before, with the number that was asked for",
    "stuck": "the page is the first, with the number of the first",
    "short": "the last row of the page is missing",
    "in_part": "status_processamento is 4",
    "without_pages": "numero_paginas is not there",
    "list_null": "the list is null",
    "pages_as_numbers": "pagina and numero_paginas are numbers",
    "without_dates": "every date of a row is empty",
    "bad_amount": "the amount of the first row is 1.234,56",
    "bad_date": "the dates of the first row are 00/00/0000",
}
BEHAVIOURS: Final[Mapping[str, str]] = {
    **{f"{method}_{name}": what for method in SEARCHES for name, what in _OF_SEARCHES.items()},
    **{f"{method}_of_another": "the record is the one before" for method in (*DETAILS, XML_SERVICE)},
    "errors_in_xml": "every error comes in XML, whatever was asked for",
    f"{XML_SERVICE}_escaped": "the document is written as a text of XML",
    f"{XML_SERVICE}_cdata": "the document is in a CDATA section, with its declaration",
    f"{XML_SERVICE}_latin1": "the answer is in ISO-8859-1, and says so",
    f"{XML_SERVICE}_without_document": "there is no document, and the status is OK",
    f"{XML_SERVICE}_as_json": "the answer is in JSON",
    f"{XML_SERVICE}_bomb": "the envelope has a document type with entities that double",
}
