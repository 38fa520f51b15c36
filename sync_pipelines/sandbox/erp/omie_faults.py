"""What Omie answers when it does not serve a call (contract of the ERPs, sections 4 and 11), and the faults by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import Final

from starlette.responses import JSONResponse, Response

from sync_pipelines.sandbox.erp.faults import answers_of

TITLES: Final = ("ListarContasReceber", "ListarContasPagar")
LISTS: Final = (
    "ListarNF",
    "ListarDocumentos",
    "ListarProdutos",
    "ListarEmpresas",
    "ListarCategorias",
    *TITLES,
)
METHODS: Final = (*LISTS, "ObterNfe")
UNKNOWN_KEY: Final = "A chave de acesso não está preenchida ou não é válida"


class Fault(JSONResponse):
    """A fault of the vendor's own."""

    def __init__(self, text: str, code: str, status: int) -> None:
        super().__init__({"faultstring": f"ERROR: {text}", "faultcode": code}, status)
        self.code = code


def fault(text: str, code: str, status: int = 500) -> Fault:
    """A fault. The vendor's usual status is 500; sometimes a fault comes with 200."""
    return Fault(text, code, status)


def code_of(answer: Response) -> str | None:
    """The code of a fault; None of any other answer."""
    return answer.code if isinstance(answer, Fault) else None


def no_records(page: int) -> Fault:
    """There is nothing on this page: not an error, but it counts as one for the block."""
    return fault(f"Não existem registros para a página [{page}]!", "SOAP-ENV:Client-5113")


def bad_credentials() -> Fault:
    """The key or the secret is wrong, or missing."""
    return fault(f"{UNKNOWN_KEY}.", "SOAP-ENV:Client-4")


def redundant(seconds: float) -> Fault:
    """The same was asked less than a minute ago."""
    text = (
        f"Consumo redundante detectado. Aguarde {ceil(seconds)} segundos para tentar novamente (REDUNDANT)."
    )
    return fault(text, "SOAP-ENV:Client-6")


def concurrent(status: int = 500) -> Fault:
    """Too many calls of one method at once."""
    return fault(
        "Já existe uma requisição desse método sendo executada. Tente novamente.", "SOAP-ENV:Client-8", status
    )


def too_many(seconds: float) -> Fault:
    """More calls a minute than the vendor allows."""
    text = f"Limite de requisições por minuto excedido. Aguarde {ceil(seconds)} segundos."
    return fault(text, "SOAP-ENV:Client-429", 429)


def blocked(seconds: float) -> Fault:
    """The key is blocked for this method; every call makes it longer."""
    text = f"API bloqueada por consumo indevido. Tente novamente em {ceil(seconds)} segundos."
    return fault(text, "MISUSE_API_PROCESS", 425)


def unknown_method(name: str) -> Fault:
    """The resource has no such call."""
    return fault(f'Method "{name}" not exists.', "SOAP-ENV:Server")


_OWN: Final[Mapping[str, Callable[[], Response]]] = {
    "fault": lambda: fault("Erro interno ao processar a requisição.", "SOAP-ENV:Server"),
    "fault_200": lambda: fault("Erro interno ao processar a requisição.", "SOAP-ENV:Server", 200),
    "soap_error": lambda: fault("SOAP-ERROR: Encoding: object has no property", "SOAP-ENV:Server"),
    "broken_response": lambda: fault("Broken response from Application Server", "SOAP-ENV:Server"),
    "server_error": lambda: Response("Internal Server Error", 500, media_type="text/html"),
    "teapot": lambda: Response("I'm a teapot", 418, media_type="text/html"),
    "too_many": lambda: too_many(30),
    "redundant": lambda: redundant(43),
    "concurrent": concurrent,
    "blocked": lambda: blocked(1678),
    "bad_credentials": bad_credentials,
    "bad_credentials_200": lambda: fault(f"{UNKNOWN_KEY}.", "SOAP-ENV:Client-4", 200),
    "bad_credentials_403": lambda: fault(f"{UNKNOWN_KEY}.", "SOAP-ENV:Client-4", 403),
    "without_list": lambda: JSONResponse({"pagina": 1, "total_de_paginas": 3, "total_de_registros": 250}),
}
ANSWERS: Final = answers_of(METHODS, _OWN)

#: Change what a list holds; by the name of the method before it, as in `ListarNF_repeats`.
_OF_LISTS: Final[Mapping[str, str]] = {
    "lost": "the page is said to have no records",
    "nothing_as_list": "a page without records is an empty list with totals of 0, and no fault",
    "lost_200": "the page is said to have no records, with status 200",
    "repeats": "the page is the one before, with the number that was asked for",
    "stuck": "the page is the first, with the number of the first",
    "short": "the last row of the page is missing",
    "total_too_high": "total_de_registros is one more than there are",
    "total_too_low": "total_de_registros is one less than there are",
    "pages_too_few": "total_de_paginas is one less than there are",
    "without_totals": "neither total_de_paginas nor total_de_registros is there",
    "totals_as_text": "the numbers of the paging are texts",
    "list_null": "the list is null",
}
_OF_TITLES: Final[Mapping[str, str]] = {
    "bad_amount": "valor_documento of the first row is the text 1.234,56",
    "bad_date": "the dates of the first row are 00/00/0000",
}
BEHAVIOURS: Final[Mapping[str, str]] = {
    **{f"{method}_{name}": what for method in LISTS for name, what in _OF_LISTS.items()},
    **{f"{method}_{name}": what for method in TITLES for name, what in _OF_TITLES.items()},
    "faults_200": "every fault of Omie itself comes with status 200",
    "faults_400": "every fault of Omie itself comes with status 400",
    "ObterNfe_status": "cCodStatus is 1, and there is no XML",
    "ObterNfe_without_xml": "cXmlNfe is empty, and the status is 0",
    "ObterNfe_escaped": "cXmlNfe has its XML escaped as text of XML",
    "ObterNfe_of_another": "the XML is another invoice's",
    "ListarNF_without_key": "compl has no cChaveNFe",
    "ListarEmpresas_city_code": "cidade is a code",
}
