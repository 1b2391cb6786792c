"""Who may import whom, over the whole tree; and what loading a function costs it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE_ROOTS = (ROOT / "layers" / "core" / "python", ROOT / "client", ROOT)
OURS = {
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
DOMAIN, PORTS = f"{CORE}.domain", f"{CORE}.ports"
DEMO = {LIBRARIES, "local", "character_identity_client", f"{DOMAIN}.evaluation", f"{DOMAIN}.statistics"}

# What a module may import beside the standard library and its own folder. The longest prefix counts.
RULES: dict[str, set[str]] = {
    # the package
    CORE: set(),
    f"{CORE}.config": set(),
    f"{CORE}.domain": {"pydantic"},
    f"{CORE}.ports": {DOMAIN},
    f"{CORE}.pictures": {DOMAIN, f"{CORE}.picture_measures", "PIL"},
    f"{CORE}.picture_measures": {DOMAIN, "PIL"},
    f"{CORE}.services": {DOMAIN, PORTS, f"{CORE}.pictures", "pydantic"},
    f"{CORE}.providers": {DOMAIN, PORTS, "httpx"},
    f"{CORE}.providers.fal_signature": {DOMAIN, PORTS, f"{CORE}.providers", "cryptography", "httpx"},
    f"{CORE}.aws": {DOMAIN, PORTS, "boto3", "botocore", "pydantic"},
    f"{CORE}.reporting": {DOMAIN, "jinja2"},
    f"{CORE}.schemas": {DOMAIN, "pydantic"},
    f"{CORE}.presenters": {DOMAIN, PORTS, f"{CORE}.schemas"},
    f"{CORE}.openapi": {DOMAIN, f"{CORE}.schemas", f"{CORE}.webhook_schemas", "pydantic"},
    f"{CORE}.webhook_schemas": {DOMAIN, f"{CORE}.schemas", "pydantic"},
    f"{CORE}.webhook_presenters": {DOMAIN, f"{CORE}.webhook_schemas"},
    f"{CORE}.tokens": {f"{CORE}.config", f"{CORE}.issuer_keys", "jwt"},
    f"{CORE}.issuer_keys": {"aws_lambda_powertools", "jwt"},
    f"{CORE}.http": {f"{DOMAIN}.errors", f"{CORE}.schemas", "aws_lambda_powertools", "pydantic"},
    f"{CORE}.proxies": {DOMAIN, PORTS, f"{CORE}.services", "pydantic"},
    f"{CORE}.proxies.astria_routes": {CORE, "aws_lambda_powertools"},
    f"{CORE}.wiring": {CORE, "boto3", "botocore", "httpx"},  # the one place that knows every class
    # what uses it
    "functions": {CORE, "aws_lambda_powertools", "pydantic"},
    "functions.score_image": {CORE, "aws_lambda_powertools", "dlib", "numpy", "onnxruntime", "PIL"},
    "character_identity_client": {f"{CORE}.schemas", "httpx", "pydantic", "rich"},
    "infra": {"aws_cdk", "cdk_nag", "constructs"},
    "app": {"aws_cdk", "infra", "scripts.build_layers"},
    "scripts": {LIBRARIES},
    # one machine: runs what lies in cdk.out; its stand-ins know the contracts, not our adapters
    "local": {LIBRARIES, "scripts"},
    "local.providers": {LIBRARIES},
    "local.demo": DEMO | {f"{CORE}.reporting"},
    "local.demo_options": DEMO,
    "local.comparison": DEMO,
    # at the edge
    "benchmarks": {LIBRARIES, *OURS},
    "tests": {LIBRARIES, *OURS, "app"},
}

SOURCES = sorted(
    path
    for folder in ("functions", "infra", "layers/core", "local", "client", "scripts", "benchmarks", "tests")
    for path in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("path", [*SOURCES, ROOT / "app.py"], ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_keep_to_the_rules(path: Path) -> None:
    module = _module(path)
    forbidden = [name for name in _imports(path, module) if not _may_import(module, name)]
    assert not forbidden, f"{module} may not import {', '.join(forbidden)}"


@pytest.mark.parametrize(
    ("module", "name", "allowed"),
    [
        ("character_identity.domain.identity", "pydantic.BaseModel", True),
        ("character_identity.domain.identity", "character_identity.ports.Bucket", False),
        ("character_identity.services.training", "character_identity.services.submission.submit_once", True),
        ("character_identity.services.training", "character_identity.aws.secrets.Secret", False),
        ("character_identity.services.training", "boto3", False),
        ("character_identity.something_new", "character_identity.wiring", False),
        ("functions.get_identity.handler", "character_identity.wiring", True),
        ("functions.get_identity.handler", "functions.create_identity.handler", False),
        ("functions.get_identity.handler", "httpx", False),
        ("functions.get_identity.handler", "numpy", False),
        ("functions.score_image.encoder", "functions.score_image.preprocessing", True),
        ("local.providers.fal", "character_identity.providers.fal_queue.FalQueue", False),
        ("local.emulator", "character_identity.domain.identity.Identity", False),
        ("infra.stack", "boto3", False),
    ],
)
def test_the_rules_say_what_they_should(module: str, name: str, allowed: bool) -> None:
    assert _may_import(module, name) is allowed


def test_loading_any_zip_function_loads_nothing_heavy() -> None:
    heavy = ["torch", "numpy", "moto", "aws_cdk", "onnxruntime", "dlib"]
    handlers = [
        _module(path)
        for path in sorted((ROOT / "functions").glob("*/handler.py"))
        if path.parent.name != "score_image"
    ]
    code = f"""
import importlib, sys
for handler in {handlers}:
    importlib.import_module(handler)
print(*sorted(set({heavy}) & set(sys.modules)))
"""
    environment = {"PYTHONPATH": f"{ROOT}:{SOURCE_ROOTS[0]}", "POWERTOOLS_SERVICE_NAME": "test"}
    loaded = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert handlers
    assert loaded.stdout.split() == []


def _module(path: Path) -> str:
    root = next(root for root in SOURCE_ROOTS if path.is_relative_to(root))
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _imports(path: Path, module: str) -> Iterator[str]:
    """Full names, ``package.module.name`` where a name is imported from a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = path.name == "__init__.py"
            parents = module.split(".")[: len(module.split(".")) - node.level + package] if node.level else []
            source = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{source}.{alias.name}" for alias in node.names)


def _may_import(module: str, name: str) -> bool:
    rule = max((prefix for prefix in RULES if _is_in(module, prefix)), key=len)
    # A folder is one world, but for these two: each function is shipped alone, and the package has layers.
    own = ".".join(module.split(".")[:2]) if rule in {"functions", CORE} else rule
    top = name.split(".")[0]
    if top in sys.stdlib_module_names or _is_in(name, own):
        return True
    if LIBRARIES in RULES[rule] and top not in OURS:
        return True
    return any(_is_in(name, allowed) for allowed in RULES[rule] - {LIBRARIES})


def _is_in(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")
