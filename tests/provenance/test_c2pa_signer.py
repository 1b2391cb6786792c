"""Manifests are read back with the library's own reader, whose clock is that of this machine."""

from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO

import c2pa
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from PIL import Image

from character_identity.domain.errors import CannotSign, ProviderNotConfigured
from character_identity.domain.provenance import DIGITAL_SOURCE_TYPE, Provenance
from character_identity.images.xmp import with_xmp
from character_identity.provenance.c2pa_signer import GENERATION, C2paSigner
from scripts.signing_chain import Key, self_made
from tests.support.builders import NOON, an_image
from tests.support.manifests import read

NOW = NOON
LONG = timedelta(days=36_500)
CHAIN = self_made(NOW, LONG)
PROVENANCE = Provenance(
    generation_id="g1", index=2, provider="fal-lora", model="fal-ai/flux-lora", simulated=True, stored_at=NOW
)
FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}

for_each_format = pytest.mark.parametrize(("image_format", "content_type"), FORMATS.items())


def signer(*secrets: str, now: Callable[[], datetime] = lambda: NOW) -> C2paSigner:
    """One that finds these secrets one after the other."""
    return C2paSigner(iter(secrets).__next__, now)


def signed(content: bytes, content_type: str = "image/jpeg", chain: str = CHAIN) -> bytes:
    result = signer(chain).sign(content, content_type, PROVENANCE)
    assert result is not None
    return result


def is_intact(content: bytes) -> bool:
    """Whether a reader finds a manifest that is, and fits."""
    try:
        return read(content, "image/jpeg", CHAIN).state != "Invalid"
    except c2pa.C2paError:
        return False


def pixels(content: bytes) -> bytes:
    with Image.open(BytesIO(content)) as image:
        return image.convert("RGBA").tobytes()


@for_each_format
def test_a_manifest_says_who_made_the_picture_for_which_order(image_format: str, content_type: str) -> None:
    content = an_image(image_format=image_format)
    result = signed(content, content_type)
    manifest = read(result, content_type, CHAIN)
    (made,) = manifest.assertion("c2pa.actions.v2")["actions"]
    assert manifest.state == "Trusted"
    assert (made["action"], made["digitalSourceType"]) == ("c2pa.created", DIGITAL_SOURCE_TYPE)
    assert made["softwareAgent"]["name"] == "fal-ai/flux-lora (simulated)"
    assert manifest.assertion(GENERATION) == {
        "generationId": "g1",
        "image": 2,
        "provider": "fal-lora",
        "model": "fal-ai/flux-lora",
        "simulated": True,
    }
    assert pixels(result) == pixels(content)


@for_each_format
def test_who_does_not_know_the_root_still_sees_that_the_file_is_whole(
    image_format: str, content_type: str
) -> None:
    assert read(
        signed(an_image(image_format=image_format), content_type), content_type, self_made(NOW)
    ).state == ("Valid")


@for_each_format
@pytest.mark.parametrize("place", [0.25, 0.5, 0.9])
def test_one_flipped_bit_of_the_picture_breaks_it(image_format: str, content_type: str, place: float) -> None:
    noise = Image.effect_noise((320, 300), 80).convert("RGB")
    out = BytesIO()
    noise.save(out, image_format)
    content = out.getvalue()
    result = bytearray(signed(content, content_type))
    picture = content[int(len(content) * place) :][:32]
    at = result.index(picture)
    result[at] ^= 1
    assert read(bytes(result), content_type, CHAIN).state == "Invalid"


@pytest.mark.parametrize("claim", [b"trainedAlgorithmicMedia", b"flux-lora (simulated)", b"generationId"])
def test_one_flipped_bit_of_what_is_said_breaks_it(claim: bytes) -> None:
    result = bytearray(signed(an_image()))
    result[result.index(claim)] ^= 1
    assert not is_intact(bytes(result))


@for_each_format
def test_what_is_signed_can_be_signed_again(image_format: str, content_type: str) -> None:
    once = signed(an_image(image_format=image_format), content_type)
    again = signed(with_xmp(once, content_type, PROVENANCE), content_type)
    assert [read(each, content_type, CHAIN).state for each in (once, again)] == ["Trusted", "Trusted"]
    assert len(again) < len(once) + 2000


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-384", "P-521", "Ed25519", "RSA"],
)
def test_any_key_that_c2pa_takes_will_do(key: Key) -> None:
    chain = self_made(NOW, LONG, key)
    assert read(signed(an_image(), chain=chain), "image/jpeg", chain).state == "Trusted"


def test_without_a_key_nothing_is_signed() -> None:
    def not_configured() -> str:
        raise ProviderNotConfigured("nobody has put a key in")

    assert C2paSigner(not_configured, lambda: NOW).sign(an_image(), "image/jpeg", PROVENANCE) is None


PRIVATE, CERTIFICATES = (
    CHAIN.partition("-----BEGIN CERTIFICATE-----")[0],
    CHAIN.partition("-----END PRIVATE KEY-----")[2],
)


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("a password", "no private key"),
        (CERTIFICATES, "no private key"),
        (PRIVATE, "cannot|can be read"),
        (CHAIN.replace("MII", "MIX"), "can be read"),
        (PRIVATE + self_made(NOW).partition("-----END PRIVATE KEY-----")[2], "not that of its key"),
        (self_made(NOW - timedelta(days=400)), "until"),
        (self_made(NOW + timedelta(days=400)), "from"),
        (self_made(NOW, key=ec.generate_private_key(ec.SECP256K1())), "kind that C2PA does not take"),
    ],
    ids=["no PEM", "no key", "no certificate", "damaged", "another's", "expired", "not yet", "another curve"],
)
def test_a_secret_that_is_not_fit_for_it_is_said_to_be(secret: str, why: str) -> None:
    with pytest.raises(CannotSign, match=why):
        signer(secret).sign(an_image(), "image/jpeg", PROVENANCE)


def test_a_secret_that_cannot_be_read_is_no_reason_to_lose_a_picture() -> None:
    def unreachable() -> str:
        raise ConnectionError("Secrets Manager does not answer")

    with pytest.raises(CannotSign, match="does not answer"):
        C2paSigner(unreachable, lambda: NOW).sign(an_image(), "image/jpeg", PROVENANCE)


def test_a_file_that_cannot_be_signed_is_said_to_be() -> None:
    with pytest.raises(CannotSign):
        signer(CHAIN).sign(b"\x89PNG\r\n\x1a\nno more", "image/png", PROVENANCE)


def test_the_secret_is_read_once_and_again_when_its_certificates_have_expired() -> None:
    renewed, times = self_made(NOW, LONG * 2), iter([NOW, NOW, NOW + LONG])
    signs = signer(CHAIN, renewed, now=times.__next__)
    results = [signs.sign(an_image(), "image/jpeg", PROVENANCE) for _ in range(3)]
    states = [
        read(result or b"", "image/jpeg", chain).state
        for result, chain in zip(results, [CHAIN, CHAIN, renewed], strict=True)
    ]
    assert states == ["Trusted"] * 3


def at(*minutes: int) -> Callable[[], datetime]:
    return iter([NOW + timedelta(minutes=each) for each in minutes]).__next__


def test_a_key_that_was_replaced_signs_for_ten_minutes_more() -> None:
    """As one that was disclosed. Deploying what is deployed changes nothing, and ends no warm sandbox."""
    another = self_made(NOW, LONG)
    signs = signer(CHAIN, another, now=at(0, 9, 10))
    results = [signs.sign(an_image(), "image/jpeg", PROVENANCE) for _ in range(3)]
    states = [
        read(result or b"", "image/jpeg", chain).state
        for result, chain in zip(results, [CHAIN, CHAIN, another], strict=True)
    ]
    assert states == ["Trusted"] * 3


def test_a_key_that_was_taken_out_signs_nothing_after_that() -> None:
    secrets = iter([CHAIN])

    def fetch() -> str:
        for secret in secrets:
            return secret
        raise ProviderNotConfigured("taken out")

    signs = C2paSigner(fetch, at(0, 10, 11))
    assert [signs.sign(an_image(), "image/jpeg", PROVENANCE) is None for _ in range(3)] == [False, True, True]


def test_what_was_read_serves_while_it_cannot_be_read_again() -> None:
    """Nor is it asked for with each picture then."""
    asked = []

    def fetch() -> str:
        asked.append(1)
        if len(asked) > 1:
            raise ConnectionError("Secrets Manager does not answer")
        return CHAIN

    signs = C2paSigner(fetch, at(0, 10, 11))
    assert all(signs.sign(an_image(), "image/jpeg", PROVENANCE) for _ in range(3))
    assert len(asked) == 2


def test_what_was_not_fit_is_read_again_for_the_next_picture() -> None:
    signs = signer("a password", CHAIN)
    with pytest.raises(CannotSign):
        signs.sign(an_image(), "image/jpeg", PROVENANCE)
    assert signs.sign(an_image(), "image/jpeg", PROVENANCE)
