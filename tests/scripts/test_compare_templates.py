"""Two templates agree when they differ in architecture and assets only."""

from typing import Any

from scripts.compare_templates import differences


def _template(architecture: str, asset: str, memory_mb: int = 512) -> dict[str, Any]:
    function = {"Architectures": [architecture], "Code": {"S3Key": f"{asset}.zip"}, "MemorySize": memory_mb}
    return {"Resources": {"Function": {"Type": "AWS::Lambda::Function", "Properties": function}}}


def test_architecture_and_assets_may_differ() -> None:
    assert differences(_template("arm64", "a" * 64), _template("x86_64", "b" * 64)) == []


def test_anything_else_is_a_difference() -> None:
    found = differences(_template("arm64", "a" * 64), _template("x86_64", "b" * 64, memory_mb=128))
    assert [line.split(": ")[1] for line in found if "MemorySize" in line] == ["512", "128"]


def test_a_resource_that_only_one_has_is_a_difference() -> None:
    template = _template("arm64", "a" * 64)
    assert any("Function" in line for line in differences(template, {"Resources": {}}))
