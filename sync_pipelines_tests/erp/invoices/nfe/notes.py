"""Small XML notes for the tests of reading them: valid by default, with every part replaceable."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from sync_pipelines.erp.invoices.nfe.access_key import check_digit

NAMESPACE = "http://www.portalfiscal.inf.br/nfe"
ICMS = "<ICMS00><orig>0</orig><CST>00</CST><vBC>14.88</vBC><pICMS>12.00</pICMS><vICMS>1.79</vICMS></ICMS00>"
PIS = "<PISAliq><CST>01</CST><vBC>14.88</vBC><pPIS>1.65</pPIS><vPIS>0.25</vPIS></PISAliq>"
COFINS = (
    "<COFINSAliq><CST>01</CST><vBC>14.88</vBC><pCOFINS>7.60</pCOFINS><vCOFINS>1.13</vCOFINS></COFINSAliq>"
)
IPI = "<IPI><cEnq>999</cEnq><IPITrib><CST>50</CST><vBC>14.88</vBC><pIPI>5.00</pIPI><vIPI>0.74</vIPI></IPITrib></IPI>"
DEST = (
    "<dest><CNPJ>12ABC34501DE35</CNPJ><xNome>CLIENTE TESTE</xNome><enderDest><xMun>SANTOS</xMun><UF>SP</UF></enderDest>"
    "<indIEDest>9</indIEDest></dest>"
)


@dataclass(frozen=True)
class XmlItem:
    """One `det`; the taxes are the XML inside their groups."""

    icms: str = ICMS
    pis: str = PIS
    cofins: str = COFINS
    others: str = IPI
    ncm: str = "<NCM>08119000</NCM>"
    value: str = "14.88"
    counts: str = "1"
    extra: str = ""

    def xml(self, number: int) -> str:
        return (
            f'<det nItem="{number}"><prod><cProd>P1</cProd><cEAN>SEM GTIN</cEAN><xProd>ITEM {number}</xProd>{self.ncm}'
            f"<CFOP>5102</CFOP><uCom>CX</uCom><qCom>6.0000</qCom><vUnCom>2.4800000000</vUnCom><vProd>{self.value}</vProd>"
            f"<indTot>{self.counts}</indTot></prod><imposto><vTotTrib>3.17</vTotTrib>"
            + (f"<ICMS>{self.icms}</ICMS>" if self.icms else "")
            + f"{self.others}<PIS>{self.pis}</PIS><COFINS>{self.cofins}</COFINS>{self.extra}</imposto></det>"
        )


@dataclass(frozen=True)
class XmlNote:
    """A note as XML. The key follows its fields unless it is given."""

    issuer: str = "11222333000181"
    issuer_tag: str = "CNPJ"
    key_issuer: str = ""
    state: str = "35"
    model: str = "55"
    series: str = "1"
    number: str = "1042"
    issued_at: str = "2026-11-03T23:30:00-03:00"
    direction: str = "1"
    purpose: str = "1"
    environment: str = "1"
    dest: str = DEST
    items: tuple[XmlItem, ...] = field(default_factory=lambda: (XmlItem(),))
    totals: dict[str, str] = field(default_factory=dict)
    more_totals: str = ""
    status: str = "100"
    protocol: str | None = None
    key: str = ""
    protocol_key: str = ""
    extra: str = ""

    def but(self, **changes: Any) -> XmlNote:
        return replace(self, **changes)

    @property
    def access_key(self) -> str:
        if self.key:
            return self.key
        month = self.issued_at[2:4] + self.issued_at[5:7]
        issuer = self.key_issuer or self.issuer.zfill(14)
        characters = f"{self.state}{month}{issuer}{self.model}{self.series:>03}{self.number:>09}140817253"
        return characters + check_digit(characters)

    @property
    def inner(self) -> str:
        ide = (
            f"<ide><cUF>{self.state}</cUF><cNF>40817253</cNF><natOp>VENDA</natOp><mod>{self.model}</mod>"
            f"<serie>{self.series}</serie><nNF>{self.number}</nNF><dhEmi>{self.issued_at}</dhEmi><tpNF>{self.direction}</tpNF>"
            f"<cMunFG>3550308</cMunFG><tpAmb>{self.environment}</tpAmb><finNFe>{self.purpose}</finNFe></ide>"
        )
        emit = (
            f"<emit><{self.issuer_tag}>{self.issuer}</{self.issuer_tag}><xNome>EMPRESA TESTE</xNome>"
            "<enderEmit><xMun>SAO PAULO</xMun><UF>SP</UF></enderEmit><IE>1</IE><CRT>3</CRT></emit>"
        )
        totals = {
            "vICMS": "1.79",
            "vST": "0.00",
            "vProd": "14.88",
            "vFrete": "2.00",
            "vIPI": "0.74",
            "vPIS": "0.25",
        }
        totals |= {"vCOFINS": "1.13", "vNF": "17.62"} | self.totals
        stated = "".join(f"<{name}>{value}</{name}>" for name, value in totals.items() if value is not None)
        details = "".join(item.xml(number) for number, item in enumerate(self.items, 1))
        total = f"<total><ICMSTot>{stated}</ICMSTot>{self.more_totals}</total>"
        return f"{ide}{emit}{self.dest}{details}{total}{self.extra}"

    @property
    def text(self) -> str:
        key = self.access_key
        protocol = self.protocol
        if protocol is None:
            protocol = (
                f'<protNFe versao="4.00"><infProt><tpAmb>{self.environment}</tpAmb>'
                f"<chNFe>{self.protocol_key or key}</chNFe>"
                f"<nProt>135260000000001</nProt><cStat>{self.status}</cStat><xMotivo>x</xMotivo></infProt></protNFe>"
            )
        return (
            f'<nfeProc xmlns="{NAMESPACE}" versao="4.00"><NFe xmlns="{NAMESPACE}"><infNFe Id="NFe{key}" versao="4.00">'
            f"{self.inner}</infNFe></NFe>{protocol}</nfeProc>"
        )

    @property
    def xml(self) -> bytes:
        return f'<?xml version="1.0" encoding="UTF-8"?>{self.text}'.encode()
