"""``python -m helpers doctor``: says whether this machine is ready for the lessons."""

import argparse
import sys

from helpers import TutorialError
from helpers.doctor import look, report


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m helpers")
    parser.add_argument("what", choices=["doctor"])
    parser.add_argument("--track", action="append", choices=list(look.NAMES), help="look at this track alone")
    parser.add_argument("--decode", metavar="CODE", help="turn a code back into its report")
    parser.add_argument(
        "--class", metavar="FILE", dest="room", help="one table from a file with a code, or a name and a code, a line"
    )
    arguments = parser.parse_args()
    try:
        if arguments.room:
            sys.exit(report.show_class(arguments.room))
        if arguments.decode:
            facts = report.decode(arguments.decode)
        else:
            print("Looking at this machine, up to 30 seconds …", file=sys.stderr, flush=True)
            facts = look.facts(arguments.track)
        sys.exit(report.show(facts, with_code=not arguments.decode))
    except TutorialError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
