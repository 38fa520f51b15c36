"""TLS as every client of this project uses it: always verified."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sync_pipelines.lib.failures import PermanentError

if TYPE_CHECKING:  # slow to import, and needed only where a connection is made
    import ssl


def tls_context(ca_bundle: Path | None, ca_setting: str) -> "ssl.SSLContext":
    """A verifying context; a bundle adds to the public roots, for private and incomplete chains."""
    import ssl

    import httpx

    if ca_bundle is None:
        return _public_roots()
    context = httpx.create_ssl_context()
    try:
        context.load_verify_locations(cafile=ca_bundle)
    except OSError:
        raise PermanentError(f"{ca_setting}: {ca_bundle} is no readable file of PEM certificates.") from None
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a listed intermediate is trusted as listed
    return context


@cache
def _public_roots() -> "ssl.SSLContext":
    """One context for all clients of the process: reading the public roots takes 20 ms."""
    import httpx

    return httpx.create_ssl_context()
