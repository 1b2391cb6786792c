"""Writes the OpenAPI document beside the handler that serves it: no request waits for it to be made."""

import json
import sys
from pathlib import Path

from character_identity.api.openapi.document import document
from scripts.atomic import write_file

DOCUMENT = Path(__file__).resolve().parents[1] / "functions" / "show_openapi" / "openapi.json"


def write_openapi(path: Path = DOCUMENT) -> None:
    """Write the document; a file that says the same stays as it is."""
    text = json.dumps(document())
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_file(path, text.encode())


if __name__ == "__main__":
    write_openapi(*map(Path, sys.argv[1:]))
