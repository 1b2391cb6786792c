"""Prints all that a local run logged about one request, and about the job that it ordered.

The request is named by the X-Request-Id of its answer; the id of a job does as well.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOGS = Path(__file__).resolve().parents[1] / ".local" / "logs"
NAMING = ("correlation_id", "request_id", "job_id")
SHOWN = {*NAMING, "timestamp", "level", "message", "logger", "requestId", "stackTrace", "location"}
"""What is not repeated behind the message."""


def lines_about(name: str, folder: Path = LOGS) -> list[dict[str, Any]]:
    """The lines of all functions that name a request or a job, oldest first, each with its ``function``."""
    found = [
        {"function": path.stem, **line}
        for path in sorted(folder.glob("*.log"))
        for line in _records(path)
        if name in [line.get(key) for key in NAMING]
    ]
    return sorted(found, key=lambda line: str(line["timestamp"]))


def main() -> int:
    """Print the lines, one each; fail if there is none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("id", help="of a request (X-Request-Id) or a job")
    parser.add_argument("--folder", type=Path, default=LOGS)
    options = parser.parse_args()
    lines = lines_about(options.id, options.folder)
    for line in lines:
        more = " ".join(f"{key}={value}" for key, value in line.items() if key not in {*SHOWN, "function"})
        print(f"{line['timestamp']} {line['function']:<24} {line['level']:<7} {line['message']}  {more}")
    if not lines:
        print(f"Nothing in {options.folder} names {options.id}.", file=sys.stderr)
    return 0 if lines else 1


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """What the function itself logged; Lambda's own lines are no JSON here."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("{"):
            yield json.loads(line)


if __name__ == "__main__":
    sys.exit(main())
