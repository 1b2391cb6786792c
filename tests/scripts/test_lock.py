"""The locks of what ships say what their requirements.in ask for, and what the tests run with."""

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
WHOLE = [ROOT / "layers" / "dependencies", ROOT / "functions" / "score_image"]
ALONE = ROOT / "layers" / "provenance"  # beside the layer with what it needs

for_each_lock = pytest.mark.parametrize("folder", [*WHOLE, ALONE], ids=lambda folder: folder.name)


def asked_for(folder: Path) -> list[Requirement]:
    lines = (folder / "requirements.in").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def locked(folder: Path) -> list[tuple[Requirement, list[str]]]:
    """Each requirement of a lock with its hashes."""
    text = re.sub(r"^\s*#.*\n", "", (folder / "requirements.txt").read_text(), flags=re.MULTILINE)
    entries = [line.split(" --hash=sha256:") for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines()]
    return [(Requirement(requirement), hashes) for requirement, *hashes in entries]


def pins(folder: Path) -> Mapping[str, str]:
    """The version of each package that a lock takes on this machine."""
    return {
        canonicalize_name(requirement.name): str(requirement.specifier)
        for requirement, _ in locked(folder)
        if not requirement.marker or requirement.marker.evaluate()
    }


def needed(requirements: list[Requirement]) -> Iterator[str]:
    """The names of packages and of all that they need here, by what the installed ones say of themselves."""
    for requirement in requirements:
        yield canonicalize_name(requirement.name)
        extras = requirement.extras or {""}
        further = [Requirement(line) for line in requires(requirement.name) or []]
        yield from needed(
            [
                each
                for each in further
                if not each.marker or any(each.marker.evaluate({"extra": extra}) for extra in extras)
            ]
        )


@for_each_lock
def test_the_lock_holds_what_is_asked_for_and_what_that_needs(folder: Path) -> None:
    asked: set[str] = {canonicalize_name(requirement.name) for requirement in asked_for(folder)}
    assert set(pins(folder)) == (asked if folder == ALONE else set(needed(asked_for(folder))))
    for requirement in asked_for(folder):
        assert pins(folder)[canonicalize_name(requirement.name)] == str(requirement.specifier)


@for_each_lock
def test_the_tests_run_with_what_is_locked(folder: Path) -> None:
    assert pins(folder) == {name: f"=={version(name)}" for name in pins(folder)}


@for_each_lock
def test_every_package_is_pinned_by_hash_and_no_index_is_named(folder: Path) -> None:
    for requirement, hashes in locked(folder):
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], requirement
        assert requirement.url is None
        assert hashes and all(re.fullmatch("[0-9a-f]{64}", each) for each in hashes), requirement


def test_what_both_ship_is_of_one_release() -> None:
    layer, image = map(pins, WHOLE)
    assert {name: layer[name] for name in layer.keys() & image} == {
        name: image[name] for name in layer.keys() & image
    }
