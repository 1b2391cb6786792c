"""A fact stands in one place: what is read of it elsewhere is the same object, or agrees with it."""

import ast
import dataclasses
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

from character_identity import config
from character_identity.compat.archives import PICTURE_SUFFIXES
from character_identity.domain import object_keys
from character_identity.domain.score import CLIP_ENCODER
from character_identity_client.pictures import CONTENT_TYPES, OTHER_FORMATS
from infra.parameters import PARAMETERS
from scripts.weights.encoders import CLIP_VIT_B32

ROOT = Path(__file__).parents[1]
OBJECT_KEYS = "layers/core/python/character_identity/domain/object_keys.py"


@cache
def modules() -> dict[str, ast.Module]:
    """What is deployed, by path."""
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for folder in ("layers", "functions")
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def test_no_public_function_of_the_layers_stands_in_two_modules() -> None:
    functions = sorted(
        (ast.unparse(node), path)
        for path, module in modules().items()
        if path.startswith("layers/")
        for node in module.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    )
    assert _repeated(functions) == {}


def test_no_text_constant_has_two_names() -> None:
    assert _repeated(sorted(_text_constants())) == {}


def test_what_is_called_a_picture_is_so_in_a_folder_and_in_an_archive() -> None:
    """Of either nothing is passed over in silence."""
    assert {*CONTENT_TYPES, *OTHER_FORMATS} == {*PICTURE_SUFFIXES}


def test_where_objects_lie_is_spelt_in_one_module() -> None:
    kinds = tuple(
        value for value in vars(object_keys).values() if isinstance(value, str) and value[-1:] == "/"
    )
    infra = {f"infra/{path.name}": ast.parse(path.read_text()) for path in (ROOT / "infra").glob("*.py")}
    spelt = {
        path
        for path, module in (modules() | infra).items()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(kinds)
    }
    examples = {path for path in spelt if "/api/" in path}
    beside_pages = "layers/evaluation/python/character_evaluation/assembly.py"  # paths, not keys
    assert len(kinds) == 6
    assert spelt - examples - {beside_pages} == {OBJECT_KEYS}


def test_every_variable_that_the_stack_can_give_is_read_by_name() -> None:
    fields = {
        field.name.upper()
        for settings in config.Settings.__subclasses__()
        for field in dataclasses.fields(settings)
    }
    texts = {
        node.value
        for module in modules().values()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert sorted({each.variable for each in PARAMETERS if each.variable} - fields - texts) == []


def test_the_export_of_clip_has_the_name_by_which_its_scores_are_known() -> None:
    assert CLIP_VIT_B32.name == CLIP_ENCODER
    assert CLIP_VIT_B32.headline


def _text_constants() -> Iterator[tuple[str, str]]:
    """The texts of public module constants, each with its module and name."""
    for path, module in modules().items():
        for node in module.body:
            match node:
                case ast.Assign([ast.Name(name)], ast.Constant(str(text))) if name.isupper():
                    yield text, f"{path}: {name}"


def _repeated(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    """The places of each text that has several; ``pairs`` of text and place are sorted."""
    groups = {
        text: [place for _, place in places] for text, places in groupby(pairs, key=lambda pair: pair[0])
    }
    return {text: places for text, places in groups.items() if len(places) > 1}


def test_each_client_is_shipped_with_the_licence_of_the_service() -> None:
    licence = (ROOT / "LICENSE").read_text()
    assert [(ROOT / client / "LICENSE").read_text() for client in ("client", "clients/typescript")] == [
        licence,
        licence,
    ]
