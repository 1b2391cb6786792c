"""Writes the tables of docs/api.md that say what the table of routes says."""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from character_identity.api.route import PAGE_PARAMETERS, Route
from character_identity.api.routes.table import ROUTES
from character_identity.domain.errors import KINDS
from scripts.atomic import write_file

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"


def page(text: str) -> str:
    """The page with its tables as they should be."""
    for name, rows in {"routes": _routes(), "errors": _errors()}.items():
        begin, end = f"<!-- {name}: written by make docs -->\n", f"<!-- end of {name} -->"
        table = "\n".join(["", *rows, "", ""])
        text = re.sub(
            f"{re.escape(begin)}.*?{end}",
            lambda _, whole=f"{begin}{table}{end}": whole,  # type: ignore[misc]
            text,
            count=1,
            flags=re.DOTALL,
        )
    return text


def main() -> int:
    """Write the page, or only say whether it is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the page is stale")
    options = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    if text == page(text):
        return 0
    if options.check:
        print(f"{PAGE.name} is stale: make docs writes it.", file=sys.stderr)
        return 1
    write_file(PAGE, page(text).encode())
    return 0


def _routes() -> Iterator[str]:
    """Our own routes; those of the TypeScript client have a page of their own."""
    yield "| route | what it does | answers | takes |"
    yield "|---|---|---|---|"
    for route in ROUTES:
        if not route.for_typescript and not route.is_open:
            answers = [f"{status} {answer.description}" for status, answer in route.answers.items()]
            yield f"| `{route.key}` | {route.summary} | {'; '.join(answers)} | {', '.join(_takes(route))} |"


def _takes(route: Route[Any]) -> Iterator[str]:
    if route.is_keyed:
        yield "`Idempotency-Key`"
    if route.accepts_prefer_wait:
        yield "`Prefer: wait`"
    if route.is_paged:
        yield ", ".join(f"`{query.name}`" for query in [*route.query, *PAGE_PARAMETERS])


def _errors() -> Iterator[str]:
    """Codes by status; what only some of the routes have stands behind their name."""
    ours = _codes(route for route in ROUTES if not route.for_typescript and not route.is_open)
    doors = {
        "": ours,
        "on `/api/` ": _codes(route for route in ROUTES if route.for_typescript) - ours,
        "to callbacks ": _codes(route for route in ROUTES if route.is_open) - ours,
    }
    yield "| status | codes |"
    yield "|---|---|"
    for status in sorted({KINDS[code].status for codes in doors.values() for code in codes}):
        parts = []
        for name, codes in doors.items():
            listed = [_said(code) for code in sorted(codes) if KINDS[code].status == status]
            if listed:
                parts.append(name + ", ".join(listed))
        yield f"| {status} | {'; '.join(parts)} |"


def _said(code: str) -> str:
    return f"`{code}` (with `Retry-After`)" if KINDS[code].says_when else f"`{code}`"


def _codes(routes: Iterator[Route[Any]]) -> set[str]:
    return {code for route in routes for code in route.all_codes}


if __name__ == "__main__":
    sys.exit(main())
