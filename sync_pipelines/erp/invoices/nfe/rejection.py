"""Why an XML is not loaded: the rules of trust, each with its sentence."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Rule(StrEnum):
    """What an XML has to hold; the names stand in the table of rejects."""

    TOO_LARGE = "too_large"
    NOT_XML = "not_xml"
    DOCTYPE = "doctype"
    DOCUMENT = "document"
    STRUCTURE = "structure"
    MODEL = "model"
    ENVIRONMENT = "environment"
    ACCESS_KEY = "access_key"
    CHECK_DIGIT = "check_digit"
    NO_PROTOCOL = "no_protocol"
    PROTOCOL_KEY = "protocol_key"
    PROTOCOL_STATUS = "protocol_status"
    KEY_MODEL = "key_model"
    KEY_SERIES = "key_series"
    KEY_NUMBER = "key_number"
    KEY_MONTH = "key_month"
    KEY_STATE = "key_state"
    KEY_ISSUER = "key_issuer"
    ISSUE_TIME = "issue_time"
    NUMBER = "number"
    CODE = "code"
    TOTALS = "totals"


SENTENCES: Mapping[Rule, str] = {
    Rule.TOO_LARGE: "the document is larger than 10 MB",
    Rule.NOT_XML: "the document is no well-formed XML",
    Rule.DOCTYPE: "the document has a DTD, and an NF-e has none",
    Rule.DOCUMENT: "the document is no NF-e",
    Rule.STRUCTURE: "a group that every NF-e has once is missing or is there twice",
    Rule.MODEL: "the model is neither 55 (NF-e) nor 65 (NFC-e)",
    Rule.ENVIRONMENT: "the environment (tpAmb) is neither 1 nor 2",
    Rule.ACCESS_KEY: "the Id is not `NFe` and an access key of 44 characters",
    Rule.CHECK_DIGIT: "the check digit of the access key is wrong",
    Rule.NO_PROTOCOL: "the note has no protocol, so nothing proves that it was authorised",
    Rule.PROTOCOL_KEY: "the protocol is that of another access key (chNFe)",
    Rule.PROTOCOL_STATUS: "the protocol's status (cStat) is that of no issued note",
    Rule.KEY_MODEL: "the access key names another model than the note",
    Rule.KEY_SERIES: "the access key names another series than the note",
    Rule.KEY_NUMBER: "the access key names another number than the note",
    Rule.KEY_MONTH: "the access key names another month than the issue date",
    Rule.KEY_STATE: "the access key names another state (cUF) than the note",
    Rule.KEY_ISSUER: "the access key names another CNPJ or CPF than the issuer",
    Rule.ISSUE_TIME: "the issue time (dhEmi) is no date and time with an offset",
    Rule.NUMBER: "a value is no number of the layout",
    Rule.CODE: "a value is none of the layout's codes",
    Rule.TOTALS: "the totals (ICMSTot) lack the value of the products or of the note",
}


class InvoiceRejectedError(ValueError):
    """An XML that cannot be trusted: the rule that it breaks, and a sentence without any value of the document."""

    def __init__(self, rule: Rule, where: str = "") -> None:
        reason = SENTENCES[rule] + (f": {where}" if where else "")
        super().__init__(reason)
        self.rule = rule
        self.reason = reason
        #: The field, where the rule holds for several.
        self.where = where
