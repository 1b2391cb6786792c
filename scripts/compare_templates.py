"""Compares two templates: what runs here (x86_64) has to be what ships (arm64), but for the architecture."""

import argparse
import difflib
import json
import re
import sys
from pathlib import Path
from typing import Any

ASSET = re.compile(r"[0-9a-f]{64}")
ARCHITECTURE = {"Architectures", "CompatibleArchitectures"}


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Lines in which the two differ, architecture and the hashes of assets aside."""
    lines = difflib.unified_diff(_lines(one), _lines(other), n=0, lineterm="")
    return [line for line in lines if line[:3] not in {"---", "+++"}]


def _lines(template: dict[str, Any]) -> list[str]:
    return json.dumps(_neutral(template), indent=1, sort_keys=True).splitlines()


def _neutral(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _neutral(each) for key, each in value.items() if key not in ARCHITECTURE}
    if isinstance(value, list):
        return [_neutral(each) for each in value]
    return ASSET.sub("<asset>", value) if isinstance(value, str) else value


def main() -> int:
    """Print the differences; the exit status says whether there are any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("templates", nargs=2, type=Path)
    one, other = (json.loads(path.read_text(encoding="utf-8")) for path in parser.parse_args().templates)
    found = differences(one, other)
    print("\n".join(found) if found else "the templates agree")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
