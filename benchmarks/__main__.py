"""``python -m benchmarks`` runs all of them; ``python -m benchmarks starts|bytecode|webhooks`` runs one."""

import sys

USAGE = "usage: python -m benchmarks [starts|bytecode|webhooks]"


def main(arguments: list[str]) -> int:
    """Run what is asked for; 0 if all of it could be measured and is as it should be."""
    match arguments:
        case []:
            return main(["starts"]) or main(["bytecode"]) or main(["webhooks"])
        case ["starts"]:
            from benchmarks import starts

            return starts.main()
        case ["bytecode"]:
            from benchmarks import bytecode

            return bytecode.main()
        case ["webhooks"]:
            from benchmarks import webhooks

            return webhooks.main()
        case _:
            print(USAGE, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
