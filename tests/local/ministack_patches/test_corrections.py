"""Every correction of ministack has a test of its name, which fails without it."""

import ast
from pathlib import Path

import pytest

PATCHES = Path(__file__).parents[3] / "local" / "ministack_patches"


@pytest.mark.parametrize("module", ["events", "queues", "state_machines", "task_tokens"])
def test_each_correction_that_is_installed_has_a_test(module: str) -> None:
    install = functions_of(PATCHES / f"{module}.py")["install"]
    calls = [node.func for node in ast.walk(install) if isinstance(node, ast.Call)]
    corrections = {f"test_{function.id}" for function in calls if isinstance(function, ast.Name)}
    assert corrections
    assert corrections - functions_of(Path(__file__).with_name(f"test_{module}.py")).keys() == set()


def functions_of(path: Path) -> dict[str, ast.FunctionDef]:
    """Return the functions of a module by name."""
    return {node.name: node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
