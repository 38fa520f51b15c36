"""The Postgres types that the lead push distinguishes, and patterns of the texts that each of them accepts."""

from __future__ import annotations

import re

TEXTS = frozenset({"text", "character varying", "character", "citext"})
WHOLE_NUMBERS = frozenset({"smallint", "integer", "bigint"})
FLOATS = frozenset({"real", "double precision"})
NUMBERS = WHOLE_NUMBERS | FLOATS | {"numeric"}
TIMESTAMPTZ, TIMESTAMP = "timestamp with time zone", "timestamp without time zone"
MOMENTS = frozenset({TIMESTAMPTZ, TIMESTAMP})
JSONS = frozenset({"json", "jsonb"})
_OTHERS = {
    "boolean",
    "bytea",
    "date",
    "inet",
    "interval",
    "time with time zone",
    "time without time zone",
    "uuid",
}
RANGES = {
    "smallint": (-(2**15), 2**15 - 1),
    "integer": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
}
#: The smallest and the largest amount that is neither rounded to zero nor refused.
FLOAT_RANGES = {"real": ("1e-45", "3.4028235e38"), "double precision": ("4e-324", "1.7976931348623157e308")}

# Regular expressions of Postgres; its type accepts every text that one of them matches.
WHOLE = r"^[+-]?\d{1,19}$"
NUMBER = r"^[+-]?(\d{1,100}(\.\d{0,100})?|\.\d{1,100})([eE][+-]?\d{1,2})?$"
#: With the exponents of double precision, which jsonb writes as hundreds of digits.
FAR_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$"
YES_OR_NO = r"(?i)^(t|true|y|yes|on|1|f|false|n|no|off|0)$"
UUID = r"(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_LEAP_YEAR = r"(\d\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
_DAY = (
    r"(\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"
    rf"|{_LEAP_YEAR}-02-29)"
)
_TIME = r"[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?"
_ZONE = r" ?([+-](0\d|1[0-4])(:?[0-5]\d(:[0-5]\d)?)?|[Zz])"  # seconds: a zone's local mean time, before 1914
MOMENT = rf"^(?!0000){_DAY}({_TIME}({_ZONE})?)?$"
#: Before Christ back to 4713, where Postgres begins; without the 29th of February, whose leap years are others there.
_BEFORE_CHRIST = r"(?!0000|4[89]|471[4-9]|47[2-9]|[5-9]|\d{4}-02-29)"
FAR_MOMENT = rf"^([1-9]{_DAY}({_TIME}({_ZONE})?)?|{_BEFORE_CHRIST}{_DAY}({_TIME}({_ZONE})?)? BC)$"
#: What `MOMENT` or `FAR_MOMENT` matches, without a time of day.
MIDNIGHT = rf"^[^T ]+([T ]00:00(:00(\.0{{1,9}})?)?({_ZONE})?)?( BC)?$|^-?infinity$"

_TYPE = re.compile(r"([a-z_ ]+?)(?:\((\d+)(?:,(-?\d+))?\))?( with(?:out)? time zone)?")
_ALIASES = {
    "int32": "integer",
    "int64": "bigint",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "bool": "boolean",
    "varchar": "character varying",
    "bpchar": "character",
    "timestamptz": TIMESTAMPTZ,
    "timestamp": TIMESTAMP,
}


def base_type(kind: str) -> str:
    """A type without its precision: `numeric` of `numeric(10,2)`. An unknown type comes back as it is."""
    if kind.endswith("[]"):
        return f"{base_type(kind.removesuffix('[]'))}[]"
    if kind.endswith(".citext"):  # an extension, which Supabase installs into a schema of its own
        return "citext"
    if kind in _ALIASES:
        return _ALIASES[kind]
    found = _TYPE.fullmatch(kind)
    return f"{found[1]}{found[4] or ''}" if found else kind


def modifiers(kind: str) -> tuple[int, ...]:
    """The numbers in a type's brackets: (10, 2) of `numeric(10,2)`, (10, 0) of `numeric(10)`, none of `numeric`."""
    found = _TYPE.fullmatch(kind)
    if not found or not found[2]:
        return ()
    if found[1] == "numeric":
        return int(found[2]), int(found[3] or 0)
    return (int(found[2]),)


def is_built_in(kind: str) -> bool:
    """Whether every Postgres has this type under this name, so that it can be suggested for another database."""
    return base_type(kind.removesuffix("[]")) in NUMBERS | TEXTS - {"citext"} | MOMENTS | JSONS | _OTHERS
