"""``python -m local dev`` runs the system until Ctrl-C; ``demo`` and ``references`` do one job and end."""

import sys

USAGE = "usage: python -m local dev|demo|references [--help] [options]"


def main(arguments: list[str]) -> int:
    """Run one of them."""
    match arguments:
        case ["dev", *options]:
            from local import dev

            return dev.main(options)
        case ["demo", *options]:
            from local import demo

            return demo.main(options)
        case ["references", *options]:
            from local import references

            return references.main(options)
        case ["--help" | "-h"]:
            print(USAGE)
            return 0
        case _:
            print(USAGE, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
