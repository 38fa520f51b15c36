"""A signature of the form and the size of a real one, which signs nothing and holds no certificate."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha512
from typing import Final

NAMESPACE: Final = "http://www.portalfiscal.inf.br/nfe"
_W3: Final = "http://www.w3.org"


def digest_of(reference: str) -> str:
    """20 bytes in base64, always the same for the same element."""
    return b64encode(sha512(reference.encode()).digest()[:20]).decode()


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
