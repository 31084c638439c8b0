"""Write pictures of where removal fails: ``python scripts/removal_gallery.py DIR``."""

import sys
from pathlib import Path

from iem.runner.remove_gallery import write_gallery

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("expected a folder for the pictures: python scripts/removal_gallery.py DIR")
    print(write_gallery(Path(sys.argv[1])))
