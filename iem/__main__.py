"""``python -m iem``: the command line."""

import sys

from iem.cli import main

if __name__ == "__main__":
    sys.exit(main())
