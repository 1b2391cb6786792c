"""What CI checks is all called, and what it fetches from npm is pinned by hash."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECK = (ROOT / "scripts" / "check").read_text(encoding="utf-8")
PLACES = ("clients", "scripts", "tests")
PACKAGES = [
    path
    for place in PLACES
    for path in sorted((ROOT / place).rglob("package.json"))
    if "node_modules" not in path.parts
]


@pytest.mark.parametrize("name", re.findall(r"^(\w+)\(\) \{$", CHECK, flags=re.MULTILINE))
def test_a_function_of_the_script_is_called(name: str) -> None:
    assert re.search(rf"(?<!\w){name}(?!\w|\(\))", CHECK)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.parent.name)
def test_what_comes_from_npm_is_pinned_by_hash(package: Path) -> None:
    wanted = json.loads(package.read_text(encoding="utf-8"))
    named = wanted.get("dependencies", {}) | wanted.get("devDependencies", {})
    assert named and all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in named.values())
    lock = json.loads(package.with_name("package-lock.json").read_text(encoding="utf-8"))
    locked = {path: each for path, each in lock["packages"].items() if path}
    assert {name: locked[f"node_modules/{name}"]["version"] for name in named} == named
    assert [
        path for path, each in locked.items() if "integrity" not in each and not each.get("inBundle")
    ] == []
