"""``python -m benchmarks`` runs all; ``python -m benchmarks NAME ...`` one of those below."""

import sys

USAGE = """usage: python -m benchmarks [starts [FUNCTION ...]|intake|webhooks|intervals]
       python -m benchmarks scoring|memory|pictures|first-hour
       python -m benchmarks evaluations [CHARACTERS [SLOTS ...]]
       python -m benchmarks images [COUNT]
       python -m benchmarks subjects ENCODER [SUBJECT=PICTURE ...]"""


def main(arguments: list[str]) -> int:
    """Run what is asked for; 0 if all of it could be measured, and jobs ended as they should."""
    match arguments:
        case []:
            return max([main([name]) for name in ("starts", "intake", "webhooks", "intervals")])
        case ["starts", *names]:
            from benchmarks import starts

            return starts.main(names)
        case ["intake"]:
            from benchmarks import intake

            return intake.main()
        case ["webhooks"]:
            from benchmarks import webhooks

            return webhooks.main()
        case ["intervals"]:
            from benchmarks import intervals

            return intervals.main()
        case ["evaluations", *counted]:
            from benchmarks.evaluations import run as evaluations

            return evaluations.main(*map(int, counted))
        case ["scoring"]:
            from benchmarks.scoring import run

            return run.main()
        case ["first-hour"]:
            from benchmarks import first_hour

            return first_hour.main()
        case ["memory"]:
            from benchmarks import memory

            return memory.main()
        case ["pictures"]:
            from benchmarks import pictures

            return pictures.main()
        case ["images", *counted]:
            from benchmarks import images

            return images.main(*map(int, counted))
        case ["subjects", encoder, *photographs]:
            from benchmarks import subjects

            return subjects.main(encoder, photographs)
        case _:
            print(USAGE, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
