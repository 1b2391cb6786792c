"""``python -m character_evaluation FOLDER`` writes the pages of a run anew, from its CSV and its manifest."""

import sys
from pathlib import Path

from character_evaluation.errors import BadResults
from character_evaluation.results import pages_of, read_run


def main(arguments: list[str]) -> int:
    """Rewrite the pages of a folder and name them; 2 with a sentence if that cannot be done."""
    if len(arguments) != 1:
        print("usage: python -m character_evaluation FOLDER", file=sys.stderr)
        return 2
    folder = Path(arguments[0]).expanduser()  # zsh leaves the ~ of RESULTS=~/a to others
    try:
        for name, content in pages_of(read_run(folder)).items():
            (folder / name).write_text(content, encoding="utf-8", newline="")
            print(folder / name)
    except BadResults as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename} cannot be written: {error.strerror}.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
