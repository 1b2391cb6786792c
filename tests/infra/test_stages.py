"""The files of stages: read as a whole, or refused in one sentence that names file and field."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from infra.stages import InvalidStage, Stage, read_stage, stage_names
from scripts.weights.encoders import FACE_ENCODERS
from scripts.weights.faces import FACE_DLIB

WHOLE: dict[str, Any] = {
    "stackName": "Characters-test",
    "removalPolicy": "retain",
    "protected": True,
    "logRetentionDays": 14,
    "throttle": {"requestsPerSecond": 5, "burst": 10},
    "parameters": {"MonthlyBudgetUsd": 25, "CorsOrigins": ["https://a.example"]},
}


def written(folder: Path, content: Any, name: str = "test") -> Path:
    stages = folder / "stages"
    stages.mkdir(exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    (stages / f"{name}.json").write_text(text)
    return stages


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    stage = read_stage("test", written(tmp_path, WHOLE))
    assert (stage.stack_name, stage.log_retention_days, stage.throttle.burst) == ("Characters-test", 14, 10)


def test_faces_are_compared_by_an_encoder_that_can_be_made_or_not_at_all(tmp_path: Path) -> None:
    made = {encoder.name for encoder in FACE_ENCODERS}
    assert set(get_args(Stage.model_fields["face_encoder"].annotation)) == made | {"none"}
    assert read_stage("test", written(tmp_path, WHOLE)).face_encoder == FACE_DLIB.name
    without = written(tmp_path, {**WHOLE, "faceEncoder": "none"})
    assert read_stage("test", without).face_encoder == "none"


def test_stages_share_no_stack() -> None:
    stages = {name: read_stage(name) for name in stage_names()}
    assert {"dev", "prod"} <= stages.keys()
    assert len({stage.stack_name for stage in stages.values()}) == len(stages)


def test_prod_keeps_and_protects_its_data_and_dev_leaves_nothing() -> None:
    prod, dev = read_stage("prod"), read_stage("dev")
    assert (prod.removal_policy, prod.protected) == ("retain", True)
    assert (dev.removal_policy, dev.protected) == ("destroy", False)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"stackname": "x"}, "stackname is no setting of a stage"),
        ({"stackName": "has_underscore"}, "stackName must be letters, digits and hyphens"),
        ({"stackName": 3}, "stackName must be a text, not 3"),
        ({"protected": "yes"}, "protected must be true or false, not 'yes'"),
        ({"removalPolicy": "keep"}, "removalPolicy must be 'retain' or 'destroy', not 'keep'"),
        ({"removalPolicy": "destroy"}, "the file says that the stage is protected"),
        ({"faceEncoder": "arcface"}, "faceEncoder must be"),
        ({"logLevel": "debug"}, "logLevel must be 'DEBUG', 'INFO', 'WARN' or 'ERROR', not 'debug'"),
        ({"logRetentionDays": 31}, "logRetentionDays must be one of 1, 3, 5, 7, 14, 30"),
        ({"logRetentionDays": 14.5}, "logRetentionDays must be a whole number, not 14.5"),
        ({"logRetentionDays": True}, "logRetentionDays must be a whole number, not True"),
        ({"throttle": {"burst": 1}}, "throttle.requestsPerSecond is missing"),
        ({"throttle": {"burst": 0, "requestsPerSecond": 1}}, "throttle.burst must be greater than or equal"),
        ({"throttle": [1, 2]}, "throttle must be an object, not [1, 2]"),
        ({"parameters": {"Budget": 1}}, "parameters has Budget, which is no parameter of the stack"),
        (
            {"parameters": {"MonthlyBudgetUsd": "abc"}},
            "parameters has MonthlyBudgetUsd, which must be an amount in US dollars, such as 100 or 99.50",
        ),
        ({"parameters": {"MonthlyBudgetUsd": None}}, "parameters.MonthlyBudgetUsd must be a text, a number"),
        ({"parameters": {"LocalMode": True}}, "parameters.LocalMode must be a text, a number or a list"),
        ({"parameters": {"CorsOrigins": ["pages"]}}, "parameters has CorsOrigins, which must be origins"),
        ({"parameters": {"CorsOrigins": [1]}}, "parameters.CorsOrigins must be a text, a number or a list"),
        ({"parameters": []}, "parameters must be an object, not []"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_file_and_field(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidStage) as refused:
        read_stage("test", written(tmp_path, WHOLE | change))
    assert str(refused.value).startswith(f"stages/test.json: {sentence}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("field", WHOLE)
def test_nothing_may_be_missing(tmp_path: Path, field: str) -> None:
    content = {name: value for name, value in WHOLE.items() if name != field}
    with pytest.raises(InvalidStage, match=rf"^stages/test\.json: {field} is missing\.$"):
        read_stage("test", written(tmp_path, content))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "stages/test.json is no JSON: Expecting value: line 1"),
        ("{", "stages/test.json is no JSON: Expecting property name"),
        ('{"protected": true, "protected": false}', "stages/test.json is no JSON: protected stands there tw"),
        ("[]", "stages/test.json: the file must be an object, not []"),
    ],
)
def test_a_file_that_is_no_stage_at_all(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(InvalidStage) as refused:
        read_stage("test", written(tmp_path, text))
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize("name", ["production", "../stages/dev", "Dev", "", "dev.json"])
def test_an_unknown_stage_is_answered_with_those_that_there_are(name: str) -> None:
    with pytest.raises(InvalidStage, match=r"stages/ has dev, prod\.$"):
        read_stage(name)
