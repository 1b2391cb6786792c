"""Scenarios and runs."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from character_evaluation.documents import BadDocument
from character_evaluation.run import EvaluationRow, EvaluationRun
from character_evaluation.scenarios import parsed, read_scenarios, shipped
from character_identity.api.evaluation_schemas import ScenarioRequest
from tests.support.scenarios import SCENARIOS

EXAMPLE = Path(__file__).parents[2] / "docs" / "scenarios-example.yaml"


def run(*encoders: str | None) -> EvaluationRun:
    rows = [
        EvaluationRow(
            provider="astria",
            scenario="close-up",
            variation=1,
            prompt="p",
            outcome="succeeded",
            encoder=encoder,
        )
        for encoder in encoders
    ]
    return EvaluationRun(
        character="Eileen",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        references=[],
        scenarios=SCENARIOS,
        identities=[],
        rows=rows,
    )


def test_the_scenarios_are_those_of_the_specification() -> None:
    assert [scenario.expected_similarity for scenario in SCENARIOS] == [0.90, 0.85, 0.85, 0.80, 0.80]
    assert SCENARIOS[0].prompt("Sarah") == (
        "Close-up portrait of Sarah, soft studio lighting, neutral expression, looking at camera, "
        "professional photography, cinematic film still, shallow depth of field"
    )
    assert SCENARIOS[4].prompt("Sarah").startswith("Sarah running through corridor, motion blur")


def test_a_name_is_only_ever_a_name() -> None:
    assert "of {0.x} %s," in SCENARIOS[0].prompt("{0.x} %s")


def test_every_image_of_a_run_has_its_own_seed() -> None:
    seeds = [scenario.seed(variation) for scenario in SCENARIOS for variation in range(1, 21)]
    assert len(set(seeds)) == len(seeds)
    assert SCENARIOS[2].seed(2) == 3002


@pytest.mark.parametrize(
    ("encoders", "names", "with_clip"),
    [
        (["clip-vit-b32", None], ["clip-vit-b32"], True),
        (["efficientnet-lite0"], ["efficientnet-lite0"], False),
        (["clip-vit-b32", "efficientnet-lite0"], ["clip-vit-b32", "efficientnet-lite0"], False),
        ([None], [], False),
    ],
)
def test_a_run_knows_what_scored_it(encoders: list[str | None], names: list[str], with_clip: bool) -> None:
    assert run(*encoders).encoders == names
    assert run(*encoders).scored_with_clip is with_clip


def test_the_extended_set_is_fifteen_of_the_same_form_and_none_of_the_specifications() -> None:
    extended = shipped("extended")
    assert len(extended) == 15
    assert not {scenario.name for scenario in extended} & {scenario.name for scenario in SCENARIOS}
    assert all(scenario.prompt("Sarah").count("Sarah") == 1 for scenario in extended)


GOOD = {"name": "sea", "title": "At sea", "template": "{name} at sea", "expected_similarity": 0.8}


def test_a_set_of_ones_own_is_numbered_in_its_order() -> None:
    content = json.dumps([GOOD, {**GOOD, "name": "lake", "expected_similarity": 0}]).encode()
    assert [(each.number, each.name) for each in parsed(content, "own.yaml")] == [(1, "sea"), (2, "lake")]


def test_a_set_for_the_api_is_one_too() -> None:
    scenario = {
        "name": "sea",
        "title": "At sea",
        "prompt": "{name} at sea",
        "threshold": 0.8,
        "aspectRatio": "4:3",
    }
    ScenarioRequest.model_validate(scenario)
    [own] = parsed(json.dumps([scenario]).encode(), "own.json")
    assert own == parsed(json.dumps([{**GOOD, "aspect_ratio": "4:3"}]).encode(), "own.yaml")[0]


def test_json_is_read_as_the_client_reads_it() -> None:
    """YAML takes no tab between its parts, and half a character for what JSON writes as two halves."""
    scenario = {**GOOD, "title": "At sea \N{SAILBOAT}\N{WATER WAVE}"}
    assert parsed(json.dumps([scenario], indent="\t").encode(), "own.JSON")[0].title == scenario["title"]
    with pytest.raises(BadDocument, match=r"^own\.json: this is no JSON \(name stands there twice\)\.$"):
        parsed(b'[{"name": "sea", "name": "lake"}]', "own.json")


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([{**GOOD, "threshold": 0.9}], "own.yaml, scenario 1: a field is there by two names."),
        ([], "own.yaml: it has to be a list of one or more scenarios."),
        ({"scenarios": [GOOD]}, "own.yaml: it has to be a list"),
        (["sea"], "own.yaml, scenario 1: it has to say name"),
        ([GOOD, {**GOOD, "title": "Again"}], "own.yaml, scenario 2: name: scenario 1 has it already."),
        ([{**GOOD, "expected_similarity": 1.01}], "own.yaml, scenario 1: expected_similarity: "),
        ([{**GOOD, "expected_similarity": float("nan")}], "own.yaml, scenario 1: expected_similarity: "),
        ([{**GOOD, "expected_similarity": "0.8"}], "own.yaml, scenario 1: expected_similarity: "),
        ([{**GOOD, "template": "Tom at sea"}], "own.yaml, scenario 1: template: "),
        ([{**GOOD, "template": "{name} \x00"}], "own.yaml, scenario 1: template: "),
        ([{**GOOD, "template": "{name}" + "x" * 1_000}], "own.yaml, scenario 1: template: "),
        ([{**GOOD, "name": "../sea"}], "own.yaml, scenario 1: name: "),
        ([{**GOOD, "thresh": 1}], "own.yaml, scenario 1: thresh: "),
        ([{**GOOD, "number": 7}], "own.yaml, scenario 1: it has to say"),
        ([{"name": "sea"}], "own.yaml, scenario 1: title: "),
        ([{**GOOD, "name": f"n{n}"} for n in range(101)], "own.yaml, scenario 101: number: "),
    ],
)
def test_a_set_that_cannot_be_used_is_told_with_the_field(document: object, told: str) -> None:
    with pytest.raises(BadDocument) as caught:
        parsed(json.dumps(document).replace("NaN", ".nan").encode(), "own.yaml")
    assert str(caught.value).startswith(told)
    assert len(str(caught.value)) < 300


def test_a_field_that_is_there_twice_is_told_and_the_last_is_not_taken() -> None:
    content = b"- name: sea\n  threshold: 0.9\n  title: At sea\n  threshold: 0.1\n"
    with pytest.raises(BadDocument, match=r"^own\.yaml, line 4: 'threshold' is there twice\.$"):
        parsed(content, "own.yaml")


@pytest.mark.parametrize(
    "content",
    [
        *(b"- {", b"\xff\xfe\x00", b"!!python/object:os.system {}", b"- a: *b", b"[" * 5_000),
        *(b"- !!int ''", b"- !!float ''", b"- !!bool maybe", b"- !!timestamp soon", b"- !!map [a]"),
    ],
)
def test_what_is_no_yaml_is_said(content: bytes) -> None:
    with pytest.raises(BadDocument, match="no YAML"):
        parsed(content, "own.yaml")


def test_a_few_lines_that_would_grow_to_gigabytes_are_not_read() -> None:
    lines = ["- &a0 {name: sea}", *(f"- &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 60))]
    with pytest.raises(BadDocument, match=r"^own\.yaml, line 2: write out what << would take over\.$"):
        parsed("\n".join(lines).encode(), "own.yaml")
    with pytest.raises(BadDocument, match=r"^own\.yaml, scenario 1: "):
        parsed(b"- &a [*a]", "own.yaml")


def test_a_file_that_is_not_there_or_too_large_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadDocument, match=r"missing\.yaml cannot be read: No such file"):
        read_scenarios(tmp_path / "missing.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(BadDocument, match=r"large\.yaml is larger than 1 MiB"):
        read_scenarios(tmp_path / "large.yaml")


def test_the_example_of_a_set_of_ones_own_is_one() -> None:
    found = [(scenario.name, scenario.aspect_ratio) for scenario in read_scenarios(EXAMPLE)]
    assert found == [("train-window", "1:1"), ("rooftop-rain", "16:9")]
