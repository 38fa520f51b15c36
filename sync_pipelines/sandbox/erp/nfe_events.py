"""Events of a note (contract of the ERPs, section 9.2): documents of their own, which are no notes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sync_pipelines.sandbox.erp.nfe_signature import NAMESPACE, protocol_of, signature

if TYPE_CHECKING:
    from sync_pipelines.sandbox.erp.notes import SandboxNote


_REASON = "Pedido desfeito pelo cliente"
_LETTER = "Onde se le caixa, leia-se unidade"
#: The text that the layout wants in every correction letter.
_CONDITIONS = (
    "A Carta de Correcao e disciplinada pelo paragrafo 1o-A do art. 7o do Convenio S/N, de 15 de dezembro de 1970 e"
    " pode ser utilizada para regularizacao de erro ocorrido na emissao de documento fiscal, desde que o erro nao"
    " esteja relacionado com: I - as variaveis que determinam o valor do imposto tais como: base de calculo, aliquota,"
    " diferenca de preco, quantidade, valor da operacao ou da prestacao; II - a correcao de dados cadastrais que"
    " implique mudanca do remetente ou do destinatario; III - a data de emissao ou de saida."
)


def cancellation_of(note: SandboxNote) -> bytes:
    """`procEventoNFe` 110111: the cancellation of a note, registered two hours after its issue."""
    detail = (
        f"<descEvento>Cancelamento</descEvento><nProt>{protocol_of(_key_of(note))}</nProt>"
        f"<xJust>{_REASON}</xJust>"
    )
    return _event(note, "110111", detail, name="Cancelamento")


def correction_of(note: SandboxNote) -> bytes:
    """`procEventoNFe` 110110: a correction letter, which cancels nothing."""
    detail = (
        f"<descEvento>Carta de Correcao</descEvento><xCorrecao>{_LETTER}</xCorrecao>"
        f"<xCondUso>{_CONDITIONS}</xCondUso>"
    )
    return _event(note, "110110", detail, name="Carta de Correcao")


def _key_of(note: SandboxNote) -> str:
    if note.key is None:
        raise ValueError(f"The note {note.vendor_id} is {note.state}: it has no events.")
    return note.key


def _event(note: SandboxNote, kind: str, detail: str, *, name: str) -> bytes:
    key = _key_of(note)
    moment = (note.issued_at + timedelta(hours=2)).isoformat()
    identity = f"ID{kind}{key}01"
    document = f"<CNPJ>{note.issuer.cnpj}</CNPJ>" if note.issuer.cnpj else f"<CPF>{note.issuer.cpf}</CPF>"
    office = key[:2]
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><procEventoNFe xmlns="{NAMESPACE}" versao="1.00">'
        f'<evento versao="1.00"><infEvento Id="{identity}"><cOrgao>{office}</cOrgao><tpAmb>{note.environment}</tpAmb>'
        f"{document}<chNFe>{key}</chNFe><dhEvento>{moment}</dhEvento><tpEvento>{kind}</tpEvento>"
        f'<nSeqEvento>1</nSeqEvento><verEvento>1.00</verEvento><detEvento versao="1.00">{detail}</detEvento>'
        f"</infEvento>"
        f'{signature(identity)}</evento><retEvento versao="1.00"><infEvento><tpAmb>{note.environment}</tpAmb>'
        f"<verAplic>SP_EVENTOS_PL_100</verAplic><cOrgao>{office}</cOrgao><cStat>135</cStat>"
        f"<xMotivo>Evento registrado e vinculado a NF-e</xMotivo><chNFe>{key}</chNFe><tpEvento>{kind}</tpEvento>"
        f"<xEvento>{name}</xEvento><nSeqEvento>1</nSeqEvento><dhRegEvento>{moment}</dhRegEvento>"
        f"<nProt>{protocol_of(key, event=1)}</nProt></infEvento></retEvento>"
        f"</procEventoNFe>"
    ).encode()
