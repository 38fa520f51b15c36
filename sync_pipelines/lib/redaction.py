"""The one redactor: what is registered here never reaches a log, an error row or an event.

Every secret is registered as it is read. Of a URL its parts count too, because for some sources the query
string alone is the identity of the caller.
"""

import logging
import re
import threading
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

MASK = "***"
SHORTEST = 4  # masking shorter values would eat ordinary words and hide nothing
WORD_LENGTH = 8  # a query value shorter than this is masked as a whole word, or `PROJ` would spoil `PROJETO`

_WORDS = "true false null none auto json text html xlsx public require disable allow prefer verify-full"
# Parameters of a libpq URL: they say how to connect, never who.
_NAMES = "application_name client_encoding connect_timeout gssencmode options search_path sslmode pgbouncer"
HARMLESS = frozenset(f"{_WORDS} {_NAMES} channel_binding sslrootcert target_session_attrs".split())
_TOKEN = re.compile(r"(?=.*\d)(?=.*[A-Za-z])\S{16,}")  # as a path segment, as a user name without password
# Placeholders, months and days.
HARMLESS_SHAPE = re.compile(r"(?i)(?:\{|%7B)\w+(?:\}|%7D)|\d{2}-\d{4}|\d{4}-\d{2}(?:-\d{2})?")

_HOST = re.compile(r"(?:[\w.-]*|\[[0-9A-Fa-f:.]*\])(?::\d*)?")
_SCHEME = r"\b[A-Za-z][A-Za-z0-9+.-]{0,20}://"
_QUERY = re.compile(rf"({_SCHEME}[^\s?#\"'<>]*)\?[^\s\"'<>]*")
_GENERIC = (
    (re.compile(rf"({_SCHEME})[^\s/?#\"'<>]{{1,500}}@"), rf"\1{MASK}@"),
    (re.compile(r"(?i)\b((?:set-)?cookie\s*:\s*)[^\n]+"), rf"\1{MASK}"),
    (
        re.compile(
            r"(?i)\b([\w-]{0,40}?(?:password|passwd|pwd|senha|secret|token|api[_-]?key|app[_-]?key|access[_-]?key"
            r"|authorization|signature|jwt)(?:[\"']\s*[:=,]\s*|\s*[:=]\s*))"
            r"(?:b?\"(?:[^\"\\]|\\.)*\"|b?'(?:[^'\\]|\\.)*'|(?:(?:bearer|basic|token|digest)\s+)?[^\s&,;\"'<>)\]}]+)"
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"\b((?i:bearer|basic)\s+)(?=[\w.~+/-]*[0-9A-Z])[\w.~+/=-]{8,}"), rf"\1{MASK}"),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?"), MASK),  # a JSON web token without its name
)


class Redactor:
    """Remembers secrets and masks them, and everything that looks like one, in text. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: frozenset[tuple[str, bool]] = frozenset()  # text, and whether it is a query value
        self._pattern: re.Pattern[str] | None = None

    def register(self, secret: str, *, harmless: Collection[str] = ()) -> None:
        """Remember a secret; of a URL also its password, its query, each query value and long path segments.

        Ignored are values of fewer than four characters, months, days, `{placeholders}`, and parameters whose
        name or value is in `HARMLESS` or in `harmless`.
        """
        whole = secret.strip()
        parts = {(whole, False), *(_parts(whole, harmless) if "://" in whole else ())}
        found = {
            (unicodedata.normalize(form, text) if form else text, is_value)
            for text, is_value in parts
            if len(text.strip()) >= SHORTEST
            for form in (None, "NFC", "NFD")
        }
        with self._lock:
            if not found <= self._secrets:
                self._secrets |= found
                self._pattern = None

    def redact(self, text: str) -> str:
        """The text with every secret replaced by `***`."""
        text = _mask(text, (match.span(1) for match in self._compiled().finditer(text)))
        for pattern, replacement in _GENERIC:
            text = pattern.sub(replacement, text)
        return text

    def _compiled(self) -> re.Pattern[str]:
        """The pattern of all secrets, compiled at its first use: secrets come one by one, and early."""
        pattern = self._pattern
        if pattern is None:
            with self._lock:
                longest_first = sorted(self._secrets, key=lambda known: (-len(known[0]), known))
                known = "|".join(_expression(*known) for known in longest_first) or "(?!)"
                # Behind a lookahead every position is tried, so that secrets that overlap are masked whole.
                pattern = self._pattern = re.compile(f"(?=({known}))", re.IGNORECASE)
        return pattern

    def redacted_exception(self, error: BaseException) -> str:
        """One line about an exception: its type and the first line of its text, without secrets or queries.

        Only the first line, because the further ones of database and validation errors quote rows.
        """
        first = " ".join(str(error).strip().partition("\n")[0].split())
        text = self.redact(_QUERY.sub(rf"\1?{MASK}", first))
        return f"{type(error).__name__}: {text[:500]}" if text else type(error).__name__


REDACTOR = Redactor()
register = REDACTOR.register
redact = REDACTOR.redact
redacted_exception = REDACTOR.redacted_exception


def safe_url(url: str) -> str:
    """`scheme://host:port/path` of a URL: no user, no query, no fragment.

    A part of the path that is 44 letters and digits is masked: the access key of an invoice names whose it is.
    """
    if "://" not in url:
        return re.split(r"[?#\s]", url, maxsplit=1)[0] if url.startswith("/") else "(not a URL)"
    scheme, _, rest = url.partition("://")
    visible = re.split(r"[?#\s]", _userinfo(rest)[1], maxsplit=1)[0]
    return f"{scheme}://{MASK if '@' in visible else re.sub(r'(?<=/)[0-9A-Za-z]{44}(?=/|$)', MASK, visible)}"


class RedactingFilter(logging.Filter):
    """Takes the secrets out of a log record: message, arguments, traceback and stack."""

    def __init__(self, redactor: Redactor = REDACTOR) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the record in place; always let it pass."""
        self._clean_message(record)
        text = record.exc_text or ""
        if record.exc_info and not text:
            text = logging.Formatter().formatException(record.exc_info)
        if self._redactor.redact(text) != text:  # handlers that look at the exception would print it again
            record.exc_info, record.exc_text = None, self._redactor.redact(text)
        if record.stack_info:
            record.stack_info = self._redactor.redact(record.stack_info)
        return True

    def _clean_message(self, record: logging.LogRecord) -> None:
        message = _rendered(record.msg, record.args)
        redact = self._redactor.redact
        if message is not None and redact(message) == message:
            return
        msg, args = redact(str(record.msg)), self._clean_args(record.args)
        rendered = _rendered(msg, args)
        # Arguments are kept where they can be, for formatters that unpack them (uvicorn's access log does).
        if message is None or (rendered is not None and redact(rendered) == rendered):
            record.msg, record.args = msg, args
        else:
            record.msg, record.args = redact(message), None

    def _clean_args(self, args: "logging._ArgsType | None") -> "logging._ArgsType | None":
        def clean(value: object) -> object:
            text = self._redactor.redact(str(value))
            return value if text == str(value) else text

        if isinstance(args, Mapping):
            return {key: clean(value) for key, value in args.items()}
        return tuple(map(clean, args)) if args else args


class _RedactingFactory:
    """Makes log records clean from birth: handlers of Dagster and of servers are not those of the root."""

    def __init__(self, make: Callable[..., logging.LogRecord], redactor: Redactor) -> None:
        self._make = make
        self._filter = RedactingFilter(redactor)

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._make(*args, **kwargs)
        self._filter.filter(record)
        return record


def install_logging(redactor: Redactor = REDACTOR) -> None:
    """Redact every log record of this process; keep httpx from logging whole URLs. Idempotent."""
    factory = logging.getLogRecordFactory()
    if not isinstance(factory, _RedactingFactory):
        logging.setLogRecordFactory(_RedactingFactory(factory, redactor))
    for handler in logging.getLogger().handlers:
        if not any(isinstance(known, RedactingFilter) for known in handler.filters):
            handler.addFilter(RedactingFilter(redactor))
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _rendered(msg: object, args: "logging._ArgsType | None") -> str | None:
    """The message as logging would print it, None where the format does not fit its arguments."""
    try:
        return str(msg) % args if args else str(msg)
    except Exception:
        return None


def _mask(text: str, spans: Iterable[tuple[int, int]]) -> str:
    pieces, end = list[str](), 0
    for start, stop in spans:
        if start > end or not pieces:
            pieces += [text[end:start], MASK]
        end = max(end, stop)
    return "".join([*pieces, text[end:]])


def _userinfo(rest: str) -> tuple[str, str]:
    """Split what follows `://` into user information and the rest, also around a password not encoded."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" not in authority and _HOST.fullmatch(authority):
        return "", rest
    userinfo = (authority if "@" in authority else rest).rpartition("@")[0]
    return userinfo, rest[len(userinfo) + 1 :] if userinfo else rest


def _parts(url: str, harmless: Collection[str]) -> Iterator[tuple[str, bool]]:
    """The parts of a URL that are secrets of their own, as written and decoded; True for a query value."""
    userinfo, rest = _userinfo(url.partition("://")[2])
    user, _, password = userinfo.partition(":")
    address, _, query = rest.partition("?")
    words = HARMLESS | {word.casefold() for word in harmless}
    tokens = ["" if password else user, *address.split("/")[1:]]
    found = [(password, False), *((token, False) for token in tokens if _TOKEN.fullmatch(token))]
    for pair in re.split(r"[&#]", query):
        name, equals, value = pair.partition("=")
        if not equals:
            name, value = "", pair if _TOKEN.fullmatch(pair) else ""
        if not {name.casefold(), unquote(value).casefold()} & words and not HARMLESS_SHAPE.fullmatch(value):
            found += [(value, True), (query if value else "", False)]
    for text, is_value in found:
        yield from ((form, is_value) for form in (text, unquote(text), unquote(text, encoding="latin-1")))


def _expression(secret: str, is_value: bool) -> str:
    """A pattern for the secret in whatever encoding each of its characters was written."""
    body = "".join(map(_character, secret))
    if not is_value or len(secret) >= WORD_LENGTH or not re.fullmatch(r"\w+", secret):
        return body
    inside = r"\d" if secret.isdigit() else r"\w"
    # What stands before a word may be an escape that ends in a letter or digit.
    return rf"(?:(?<!{inside})|(?<=%[0-9A-F]{{2}})|(?<=%25[0-9A-F]{{2}})|(?<=\\[nrt])){body}(?!{inside})"


def _character(char: str) -> str:
    if char.isascii() and (char.isalnum() or char in "-_."):
        return re.escape(char)
    if char in " +":
        return r"(?:[ +]|%(?:25)*(?:20|2B))"
    if char == "%":
        return "%(?:25)*"
    ways = [rf"\\{{0,2}}{re.escape(char)}" if char in "\"'/" else re.escape(char)]
    for encoding in ("utf-8", "latin-1") if ord(char) < 256 else ("utf-8",):
        ways.append("".join(rf"%(?:25)*{byte:02X}" for byte in char.encode(encoding, "surrogatepass")))
    units = char.encode("utf-16-be", "surrogatepass").hex()
    ways.append("".join(rf"\\+u{units[at : at + 4]}" for at in range(0, len(units), 4)))
    ways += {"\\": [r"\\\\"], "\n": [r"\\n"], "&": ["&amp;"]}.get(char, [])
    # The encodings agree on ASCII: said once, a pattern of URLs compiles in two thirds of the time.
    return f"(?:{'|'.join(dict.fromkeys(ways))})"
