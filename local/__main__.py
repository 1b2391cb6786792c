"""``python -m local dev`` runs the system until Ctrl-C; ``python -m local demo`` runs the main job once."""

import sys

USAGE = "usage: python -m local dev|demo [--help] [options]"


def main(arguments: list[str]) -> int:
    """Run one of the two."""
    match arguments:
        case ["dev", *options]:
            from local import dev

            return dev.main(options)
        case ["demo", *options]:
            from local import demo

            return demo.main(options)
        case ["--help" | "-h"]:
            print(USAGE)
            return 0
        case _:
            print(USAGE, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
