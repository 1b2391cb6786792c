"""The table of imports, over the whole tree; and the cost of loading a function."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from infra.catalog import FUNCTIONS
from tests.support.waiting import HANGS_AFTER_S

ROOT = Path(__file__).parents[1]
SOURCE_ROOTS = (ROOT / "layers/core/python", ROOT / "layers/evaluation/python", ROOT / "client", ROOT)
OURS = {
    "character_evaluation",
    "character_identity",
    "character_identity_client",
    "functions",
    "infra",
    "local",
    "scripts",
    "benchmarks",
    "tests",
}
LIBRARIES = "any library"
CORE = "character_identity"
DOMAIN, PORTS, IMAGES = f"{CORE}.domain", f"{CORE}.ports", f"{CORE}.images"
LOG = f"{CORE}.observability"  # what log lines say, whoever writes them
TABLE_OF_ROUTES = {f"{CORE}.api.{module}" for module in ("route", "routes", "openapi.components")}
DEMO = {LIBRARIES, "character_identity_client", "character_evaluation"}
DEPLOYED = {f"infra.{module}" for module in ("catalog", "parameters", "stages")}  # plain data
ANYTHING = {LIBRARIES, *OURS}

# What a module may import beside the standard library and its own folder. The longest prefix counts.
RULES: dict[str, set[str]] = {
    # the package
    CORE: set(),
    f"{CORE}.config": set(),
    DOMAIN: {"pydantic"},
    PORTS: {DOMAIN},
    IMAGES: {DOMAIN, "PIL"},
    LOG: set(),
    f"{CORE}.services": {DOMAIN, PORTS, IMAGES, LOG, "pydantic"},
    f"{CORE}.outbound": {DOMAIN, PORTS, "httpcore", "httpx", "idna"},
    f"{CORE}.provenance": {DOMAIN, PORTS, "c2pa", "cryptography"},
    f"{CORE}.providers": {DOMAIN, PORTS, f"{CORE}.outbound", "cryptography", "httpx"},
    f"{CORE}.aws": {DOMAIN, PORTS, LOG, "boto3", "botocore", "pydantic"},
    f"{CORE}.auth": {f"{CORE}.config", f"{CORE}.outbound", "jwt"},
    f"{CORE}.api": {DOMAIN, PORTS, "pydantic", "typing_extensions"},
    f"{CORE}.api.routes.compat": {f"{CORE}.api", f"{CORE}.compat.requests", DOMAIN},
    f"{CORE}.compat": {DOMAIN, PORTS, IMAGES, f"{CORE}.services", "pydantic"},
    f"{CORE}.wiring": {CORE, "httpx"},  # the one place that knows every class
    f"{CORE}.handlers": {CORE},  # and the one where functions meet their services
    "character_evaluation": {DOMAIN, "jinja2", "markupsafe", "pydantic", "scipy", "yaml"},
    # what uses it
    "functions": {CORE},
    "functions.sweep": {CORE, "aws_lambda_powertools"},  # metrics, off the path of requests
    "functions.score_image": {CORE, "dlib", "numpy", "onnxruntime", "PIL"},
    "functions.analyze_images": {CORE, "dlib", "functions.score_image.encoder", "numpy", "PIL"},  # one image
    "functions.compile_evaluation": {CORE, "character_evaluation"},
    "functions.create_evaluation": {CORE, "character_evaluation.scenarios"},
    "functions.estimate_evaluation": {CORE, "character_evaluation.scenarios"},
    "functions.compare_images": {CORE, "functions.score_image.encoder", "functions.score_image.faces"},
    "character_identity_client": {"httpx", "pydantic"},
    "infra": {
        *TABLE_OF_ROUTES,
        f"{DOMAIN}.object_keys",  # the prefixes that permissions are for
        f"{DOMAIN}.strict_json",
        "aws_cdk",
        "cdk_nag",
        "constructs",
        "pydantic",
    },
    "app": {"aws_cdk", "infra", "scripts.build_layers", "scripts.openapi"},
    "scripts": {LIBRARIES},
    "scripts.preflight": {
        LIBRARIES,
        f"{CORE}.auth.jwks",
        f"{CORE}.aws.secrets",
        f"{CORE}.provenance.credentials",
        DOMAIN,
        "scripts",
        *DEPLOYED,
    },
    "scripts.openapi": {f"{CORE}.api", "scripts"},
    "scripts.decoys": {
        LIBRARIES,
        DOMAIN,
        *(f"functions.score_image.{name}" for name in ("encoder", "faces")),
    },
    "scripts.api_page": {f"{CORE}.api", DOMAIN, "scripts"},
    "scripts.typescript": {f"{CORE}.api", "scripts"},
    # one machine: runs what lies in cdk.out; its simulators know the contracts, not our adapters
    "local": {LIBRARIES, "scripts"},
    "local.simulators": {
        LIBRARIES,
        *(f"local.{name}" for name in ("errors", "gate", "photographs", "ports", "service", "state_file")),
    },
    "local.console": {LIBRARIES, "local", "scripts", f"{DOMAIN}.page_policy"},
    "local.demo": {*DEMO, "local", f"{DOMAIN}.evaluation"},
    "local.demo_options": {*DEMO, "local"},
    "local.spending": {*DEMO, "local"},
    "local.progress": {LIBRARIES, "character_identity_client"},
    "local.references": {
        LIBRARIES,
        "character_evaluation",
        "character_identity_client.asking",
        "local",
        "scripts",
        DOMAIN,
        f"{CORE}.outbound",
        f"{CORE}.providers",
    },
    # at the edge
    "benchmarks": ANYTHING,
    "tests": ANYTHING,
}

SOURCES = sorted(
    path
    for folder in ("functions", "infra", "layers", "local", "client", "scripts", "benchmarks", "tests")
    for path in (ROOT / folder).rglob("*.py")
)


def test_imports_keep_to_the_rules() -> None:
    offenders = [
        f"{module} may not import {name}"
        for path in [*SOURCES, ROOT / "app.py"]
        for module in [_module(path)]
        for name in _imports(path, module)
        if not _may_import(module, name)
    ]
    assert offenders == []


def test_the_rules_allow_nothing_that_no_module_needs() -> None:
    used: dict[str, set[str]] = {rule: set() for rule in RULES}
    for path in [*SOURCES, ROOT / "app.py"]:
        module = _module(path)
        rule = _rule_of(module)
        for name in _imports(path, module):
            if not _is_in(name, _own(module, rule)):
                used[rule] |= {allowed for allowed in RULES[rule] if _is_in(name, allowed)}
    left_over = {
        rule: allowed - used[rule] - {LIBRARIES} for rule, allowed in RULES.items() if allowed is not ANYTHING
    }
    assert {rule: names for rule, names in left_over.items() if names} == {}


@pytest.mark.parametrize(
    ("module", "name", "allowed"),
    [
        ("character_identity.domain.identity", "pydantic.BaseModel", True),
        ("character_identity.domain.identity", "character_identity.ports.stores.Bucket", False),
        (
            "character_identity.services.jobs.training",
            "character_identity.services.jobs.submission.submit_once",
            True,
        ),
        ("character_identity.services.jobs.training", "character_identity.aws.secrets.Secret", False),
        ("character_identity.services.jobs.training", "boto3", False),
        ("character_identity.something_new", "character_identity.wiring", False),
        ("functions.get_identity.handler", "character_identity.wiring", True),
        ("functions.get_identity.handler", "functions.create_identity.handler", False),
        ("functions.get_identity.handler", "httpx", False),
        ("functions.get_identity.handler", "numpy", False),
        ("functions.score_image.encoder", "functions.score_image.preprocessing", True),
        ("local.simulators.fal", "character_identity.providers.fal.queue.FalQueue", False),
        ("local.emulator", "character_identity.domain.identity.Identity", False),
        ("infra.stack", "boto3", False),
    ],
)
def test_the_rules_say_what_they_should(module: str, name: str, allowed: bool) -> None:
    assert _may_import(module, name) is allowed


@pytest.mark.processes
def test_loading_any_zip_function_loads_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "scipy", "moto", "aws_cdk", "onnxruntime", "dlib", "c2pa"}
    for_the_network = {"boto3", "httpx", "http.client"}
    api = [f"functions.{each.name}.handler" for each in FUNCTIONS if each.routes and not each.image]
    looks_at_pictures = "functions.check_references.handler"
    checks_tokens = "functions.authorize_request.handler"
    tasks = [
        _module(path)
        for path in sorted((ROOT / "functions").glob("*/handler.py"))
        if path.parent.name not in ("score_image", "analyze_images", "compare_images", "compile_evaluation")
    ]
    code = f"""
import importlib, sys
for handler in {api}:
    if handler != {looks_at_pictures!r}:
        importlib.import_module(handler)
print(*sorted({heavy | for_the_network | {"PIL"}} & set(sys.modules)))
for handler in {tasks}:
    if handler != {checks_tokens!r}:
        importlib.import_module(handler)
print(*sorted({heavy | for_the_network} & set(sys.modules)))
importlib.import_module({checks_tokens!r})
print(*sorted({heavy} & set(sys.modules)))
"""
    environment = {"PYTHONPATH": f"{ROOT}:{SOURCE_ROOTS[0]}:{SOURCE_ROOTS[1]}"}
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=HANGS_AFTER_S,
    )
    assert looks_at_pictures in api
    assert checks_tokens in tasks
    assert loaded.stdout == "\n\n\n"


def _module(path: Path) -> str:
    root = next(root for root in SOURCE_ROOTS if path.is_relative_to(root))
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


@cache
def _imports(path: Path, module: str) -> list[str]:
    return list(_imported(path, module))


def _imported(path: Path, module: str) -> Iterator[str]:
    """Full names, ``package.module.name`` where a name is imported from a module."""
    for node in _statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = path.name == "__init__.py"
            parents = module.split(".")[: len(module.split(".")) - node.level + package] if node.level else []
            source = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{source}.{alias.name}" for alias in node.names)


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements, however deep they stand; no expression holds any."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            yield node
            yield from _statements(node)


def _may_import(module: str, name: str) -> bool:
    rule = _rule_of(module)
    top = name.split(".")[0]
    if top in sys.stdlib_module_names or _is_in(name, _own(module, rule)):
        return True
    if LIBRARIES in RULES[rule] and top not in OURS:
        return True
    return any(_is_in(name, allowed) for allowed in RULES[rule] - {LIBRARIES})


def _rule_of(module: str) -> str:
    return max((prefix for prefix in RULES if _is_in(module, prefix)), key=len)


def _own(module: str, rule: str) -> str:
    """Return the prefix that a module may import freely: its folder, or its part of the package."""
    return ".".join(module.split(".")[:2]) if rule in {"functions", CORE} else rule


def _is_in(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")
