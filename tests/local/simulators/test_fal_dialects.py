"""A refused input in the words of models that were not migrated."""

from typing import Any

import pytest

from tests.support.simulators import RUN, Simulation

PROMPT = {"prompt": "x", "image_url": "https://files.test/1.jpg"}


def detail(simulator: Simulation, dialect: str, **fields: Any) -> Any:
    simulator.change(fal_dialect=dialect)
    reply = simulator.fal("POST", f"{RUN}/fal-ai/instant-character", json=fields)
    assert (reply.status_code, reply.headers["x-fal-billable-units"]) == (422, "0")
    return reply.json()["detail"]


@pytest.mark.parametrize(
    ("fields", "one", "two"),
    [
        (
            {"image_url": "x"},
            {"loc": ["body", "prompt"], "msg": "field required", "type": "value_error.missing"},
            {
                "type": "missing",
                "loc": ["body", "prompt"],
                "msg": "Field required",
                "input": {"image_url": "x"},
            },
        ),
        (
            {**PROMPT, "guidance_scale": 21},
            {
                "loc": ["body", "guidance_scale"],
                "msg": "ensure this value is less than or equal to 20",
                "type": "value_error.number.not_le",
                "ctx": {"limit_value": 20},
            },
            {
                "type": "less_than_equal",
                "loc": ["body", "guidance_scale"],
                "msg": "Input should be less than or equal to 20",
                "input": 21,
                "ctx": {"le": 20},
            },
        ),
        (
            {**PROMPT, "output_format": "gif"},
            {
                "loc": ["body", "output_format"],
                "msg": "unexpected value; permitted: 'jpeg', 'png'",
                "type": "value_error.const",
                "ctx": {"given": "gif", "permitted": ["jpeg", "png"]},
            },
            {
                "type": "literal_error",
                "loc": ["body", "output_format"],
                "msg": "Input should be 'jpeg' or 'png'",
                "input": "gif",
                "ctx": {"expected": "'jpeg' or 'png'"},
            },
        ),
        (
            {**PROMPT, "seed": "x"},
            {"loc": ["body", "seed"], "msg": "value is not a valid integer", "type": "type_error.integer"},
            {
                "type": "int_type",
                "loc": ["body", "seed"],
                "msg": "Input should be a valid integer",
                "input": "x",
            },
        ),
    ],
)
def test_a_schema_violation_in_three_dialects(
    simulator: Simulation, fields: dict[str, Any], one: dict[str, Any], two: dict[str, Any]
) -> None:
    [fal] = detail(simulator, "fal", **fields)
    assert (fal["loc"], fal["url"]) == (one["loc"], f"https://docs.fal.ai/errors/#{fal['type']}")
    assert detail(simulator, "pydantic-1", **fields) == [one]
    assert detail(simulator, "pydantic-2", **fields) == [two]


def test_the_old_helper_tells_of_images_in_a_string(simulator: Simulation) -> None:
    simulator.publish(PROMPT["image_url"], b"<html>")
    assert detail(simulator, "pydantic-2", **PROMPT)[0]["type"] == "image_load_error"
    assert (
        detail(simulator, "pydantic-1", **PROMPT) == "Could not load image from url: https://files.test/1.jpg"
    )
