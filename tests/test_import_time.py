"""Importing a module of ours only defines things: it reads no clock, no environment and no network."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("benchmarks", "client", "functions", "infra", "layers", "local", "scripts")
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
DEFERRED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
READS = {
    "os.getenv",
    "datetime.now",
    "datetime.utcnow",
    "date.today",
    "time.time",
    "time.monotonic",
    "time.perf_counter",
    "boto3.client",
    "boto3.resource",
    "httpx.Client",
    "httpx.get",
    "socket.socket",
    "urllib.request.urlopen",
}


def _done_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: not the bodies of functions, but their defaults."""
    if isinstance(node, DEFERRED):
        defaults = [*node.args.defaults, *(default for default in node.args.kw_defaults if default)]
        for default in [*defaults, *getattr(node, "decorator_list", [])]:
            yield from _done_at_import(default)
        return
    if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _done_at_import(child)


def _reads(source: str) -> list[str]:
    """Calls of what reads, and any use of the environment."""
    nodes = list(_done_at_import(ast.parse(source)))
    called = [ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)]
    named = [ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)]
    return [
        *(name for name in called if any(name == read or name.endswith(f".{read}") for read in READS)),
        *(name for name in named if name == "os.environ"),
    ]


def test_importing_reads_nothing() -> None:
    reading = {str(path.relative_to(ROOT)): _reads(path.read_text()) for path in MODULES}
    assert {path: reads for path, reads in reading.items() if reads} == {}


@pytest.mark.parametrize(
    "source",
    [
        "NOW = datetime.datetime.now()",
        "def f(region=os.environ['R']): ...",
        "class A:\n    client = boto3.client('s3')",
        "@cache(os.getenv('X'))\ndef f(): ...",
    ],
)
def test_the_check_finds_what_it_looks_for(source: str) -> None:
    assert _reads(source) != []


def test_the_check_lets_be_what_runs_later() -> None:
    assert _reads("def f():\n    return os.environ\nG = lambda: time.time()") == []
