"""``python -m local dev`` runs the system until Ctrl-C; ``demo`` and ``references`` do one job and end."""

import os
import sys
from collections.abc import MutableMapping

USAGE = "usage: python -m local dev|demo|references [--help] [options]"
HERE = ("localhost", "127.0.0.1", "::1")


def main(arguments: list[str]) -> int:
    """Run one of them."""
    keep_from_proxies(os.environ)
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


def keep_from_proxies(environment: MutableMapping[str, str]) -> None:
    """Have calls to this machine go there, here and in what is started, whatever proxy others go by."""
    said = environment.get("no_proxy") or environment.get("NO_PROXY")
    environment["no_proxy"] = environment["NO_PROXY"] = ",".join(filter(None, (said, *HERE)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
