"""What authorities and certificates add to a document: a signature of the form and size of a real one, a protocol.

The signature signs nothing and holds no certificate.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha512
from typing import Final

NAMESPACE: Final = "http://www.portalfiscal.inf.br/nfe"
_W3: Final = "http://www.w3.org"


def digest_of(reference: str) -> str:
    """20 bytes in base64, always the same for the same element."""
    return b64encode(sha512(reference.encode()).digest()[:20]).decode()


def protocol_of(key: str, event: int = 0) -> str:
    """The number of an authorisation, or of the n-th event of a note: 15 digits, whichever ERP has the note."""
    return f"135{key[2:4]}{key[25:34]}{(int(key[42]) + event) % 10}"


def signature(reference: str) -> str:
    """The element `Signature` for the element whose Id is `reference`."""
    noise = sha512(reference.encode()).digest()
    value, certificate = b64encode(noise * 4).decode(), b64encode(noise * 20).decode()
    return (
        f'<Signature xmlns="{_W3}/2000/09/xmldsig#"><SignedInfo>'
        f'<CanonicalizationMethod Algorithm="{_W3}/TR/2001/REC-xml-c14n-20010315"/>'
        f'<SignatureMethod Algorithm="{_W3}/2000/09/xmldsig#rsa-sha1"/>'
        f'<Reference URI="#{reference}"><Transforms>'
        f'<Transform Algorithm="{_W3}/2000/09/xmldsig#enveloped-signature"/>'
        f'<Transform Algorithm="{_W3}/TR/2001/REC-xml-c14n-20010315"/></Transforms>'
        f'<DigestMethod Algorithm="{_W3}/2000/09/xmldsig#sha1"/><DigestValue>{digest_of(reference)}</DigestValue>'
        f"</Reference></SignedInfo><SignatureValue>{value}</SignatureValue><KeyInfo><X509Data>"
        f"<X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></Signature>"
    )
