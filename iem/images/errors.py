"""The one error of reading and writing pictures."""

import errno
import os


class ImageError(Exception):
    """A picture that could not be read or written: which one, why, and what to do.

    >>> print(ImageError("holiday.png", "the file is empty; copy it again"))
    holiday.png: the file is empty; copy it again
    """

    def __init__(self, path: str | os.PathLike[str], reason: str):
        super().__init__(os.fspath(path), reason)
        self.path = os.fspath(path)
        self.reason = reason

    def __str__(self) -> str:
        return f"{printable(self.path)}: {self.reason}"


def printable(name: str) -> str:
    r"""A file's name on one line, fit for any terminal: control characters and undecodable bytes are escaped.

    >>> print(printable("two\nlines.png"))
    two\nlines.png
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)


def reading_reason(error: OSError | ValueError) -> str:
    """Why the operating system did not open a file, in one sentence with a remedy."""
    if isinstance(error, ValueError) and ("null" in str(error) or isinstance(error, UnicodeError)):
        return "the name holds characters that no file can have (NUL or half a character); check the name"
    if isinstance(error, ValueError):
        return f"reading failed ({error}); open the stream again"
    if isinstance(error, FileNotFoundError):
        return "there is no such file; check the name, or whether it was moved meanwhile"
    if isinstance(error, PermissionError):
        return "no permission to read it; change its rights or choose another file"
    if isinstance(error, NotADirectoryError):
        return "a part of its path is a file, not a folder; check the path"
    if error.errno == errno.ELOOP:
        return "a symbolic link that leads back to itself; remove the link"
    if error.errno == errno.ENAMETOOLONG:
        return "the name is longer than this disk allows; rename the file"
    return f"reading failed ({error.strerror or error}); check the disk and try again"


def writing_reason(error: OSError) -> str:
    """Why the operating system did not write a file, in one sentence with a remedy."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "no space left to write it; free some and run again (an earlier file of this name is untouched)"
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return "no permission to write here; choose another output folder"
    if isinstance(error, IsADirectoryError):
        return "a folder of this name is in the way; choose another name"
    if isinstance(error, NotADirectoryError | FileExistsError):
        return "a part of its path is a file, not a folder; choose another output folder"
    if error.errno == errno.ENAMETOOLONG:
        return "the name is longer than this disk allows; choose a shorter one"
    return f"writing failed ({error.strerror or error}); check the disk and run again"
