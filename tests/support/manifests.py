"""Reads manifests back by two implementations of C2PA, neither of which trusts any but whom it is told to.

The second one is another company's, and shares no code with the library that signs.
"""

import json
import os
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import c2pa
import encypher_c2pa
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

os.environ["ENCYPHER_C2PA_TELEMETRY"] = (
    "off"  # it asks on a terminal, and keeps the answer in the home folder
)


@dataclass(frozen=True)
class Read:
    """What a validator says of a file: Trusted, Valid (intact, signer unknown) or Invalid."""

    state: str
    claims: dict[str, Any]

    def assertion(self, label: str) -> Any:
        """The data of one assertion."""
        (found,) = (each["data"] for each in self.claims["assertions"] if each["label"] == label)
        return found


def read(content: bytes, content_type: str, trusting: str | None = None) -> Read:
    """Read and validate a picture, trusting the root of a chain, or nobody.

    Raises:
        c2pa.C2paError: there is no manifest, or none that can be read.
        AssertionError: the two do not agree.
    """
    settings: dict[str, Any] = {}
    root = None
    if trusting:
        root = x509.load_pem_x509_certificates(trusting.encode())[-1].public_bytes(Encoding.PEM).decode()
        settings = {"trust": {"trust_anchors": root}}
    with (
        c2pa.Context.from_dict(settings) as context,
        c2pa.Reader(content_type, BytesIO(content), context=context) as reader,
    ):
        said = json.loads(reader.json())
        state = str(reader.get_validation_state())
    second = encypher_c2pa.verify(content, content_type, trust_pem=root, no_default_trust=True, online=False)
    assert second["validation_state"] == state
    return Read(state, said["manifests"][said["active_manifest"]])
