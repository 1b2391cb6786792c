import json
import logging

import pytest

from character_identity.domain.errors import CannotSign
from character_identity.domain.identity import ProviderName
from character_identity.domain.provenance import DIGITAL_SOURCE_TYPE, MODELS, Provenance
from character_identity.services.provenance import ProvenanceService
from tests.support.builders import NOON, a_generation, an_image
from tests.support.fakes import Unsigned

CONTENT = an_image()


class Signing:
    """Adds a word to the file, or cannot."""

    def __init__(self, problem: str = "") -> None:
        self.problem = problem
        self.asked: list[Provenance] = []

    def sign(self, content: bytes, content_type: str, provenance: Provenance) -> bytes | None:
        self.asked.append(provenance)
        if self.problem:
            raise CannotSign(self.problem)
        return content + b"signed"


def mark(
    signer: Signing | Unsigned,
    content: bytes = CONTENT,
    simulated: bool = False,
    **changes: str,
) -> bytes:
    service = ProvenanceService(signer, lambda provider, url: simulated, lambda: NOON)
    return service.mark(content, "image/jpeg", a_generation(**changes), 1, "https://v3.fal.media/a.jpg")


def counted(capsys: pytest.CaptureFixture[str]) -> list[str]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"] for line in lines]


def test_what_is_signed_says_it_in_xmp_too(capsys: pytest.CaptureFixture[str]) -> None:
    marked = mark(Signing())
    assert marked.endswith(b"signed") and DIGITAL_SOURCE_TYPE.encode() in marked
    assert counted(capsys) == []


def test_without_a_key_xmp_says_it_and_nobody_is_alarmed(capsys: pytest.CaptureFixture[str]) -> None:
    assert DIGITAL_SOURCE_TYPE.encode() in mark(Unsigned())
    assert counted(capsys) == []


def test_what_cannot_be_signed_is_marked_all_the_same_and_somebody_is_told(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert mark(Signing("it has expired")) == mark(Unsigned())
    assert counted(capsys) == ["UnsignedPictures"]
    (record,) = caplog.records
    assert (record.levelno, vars(record)["reason"]) == (logging.ERROR, "it has expired")


def test_what_cannot_be_marked_is_kept_and_somebody_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert mark(Unsigned(), b"no picture") == b"no picture"
    assert mark(Signing(), b"no picture") == b"no picturesigned"
    assert counted(capsys) == ["UnsignedPictures"] * 2


@pytest.mark.parametrize("provider", MODELS)
def test_each_provider_has_its_model_named(provider: ProviderName) -> None:
    signer = Signing()
    mark(signer, provider=provider)
    assert [(asked.model, asked.generation_id) for asked in signer.asked] == [(MODELS[provider], "g1")]


@pytest.mark.parametrize("simulated", [True, False])
def test_what_a_simulator_made_says_so(simulated: bool) -> None:
    signer = Signing()
    mark(signer, simulated=simulated)
    assert [asked.simulated for asked in signer.asked] == [simulated]
    assert signer.asked[0].system.endswith("(simulated)") is simulated
