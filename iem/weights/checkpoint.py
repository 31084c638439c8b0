"""What is known of a network's published weights before anything is fetched."""

from dataclasses import dataclass
from typing import Literal, final

from iem.checks import check_choice

Kind = Literal["file", "page", "hub"]

#: The format of a file that ``read_tensors`` reads as it is.
PICKLE = "pickle of tensors"


@final
@dataclass(frozen=True)
class Checkpoint:
    """One line of ``iem models list``.

    Attributes:
        name: as in ``iem models get NAME`` and wherever weights are asked for.
        purpose: what it is for.
        licence: what its publishers say about its use.
        kind: "file" (one file that is downloaded), "page" (one file that has to be fetched in a browser) or "hub" (a
            repository of the Hugging Face hub).
        address: the URL, or the repository's ``owner/name``.
        size: bytes to download; of kind "hub" about; None where that could not be found out.
        format: what its file or files are.
        file: its own name in the cache; of kinds "file" and "page".
        files: what is needed of a repository. Alternatives are parted by ``|``, the best one first; a ``?`` at the end
            marks what may be missing.
        member: the file to take out of an archive; None where the download is the file itself.
        sha256: of the file as it is used; None where nobody states one.
        sha256_from: who states it.
        archive_sha256: of the archive, likewise.
        needs_agreement: whether nothing is fetched before the licence was agreed to: non-commercial or unknown terms.
        gated: whether the hub asks for a login and an agreement of its own.
        note: what to know before.
    """

    name: str
    purpose: str
    licence: str
    kind: Kind
    address: str
    size: int | None = None
    format: str = ""
    file: str = ""
    files: tuple[str, ...] = ()
    member: str | None = None
    sha256: str | None = None
    sha256_from: str = ""
    archive_sha256: str | None = None
    needs_agreement: bool = False
    gated: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        check_choice(self.kind, "kind", ("file", "page", "hub"))

    @property
    def page(self) -> str:
        """Where a person can look at it."""
        return f"https://huggingface.co/{self.address}" if self.kind == "hub" else self.address

    @property
    def terms(self) -> str:
        """Size and licence, in words.

        >>> Checkpoint("a", "b", "MIT", "hub", "owner/a", size=343_000_000).terms
        'about 343 MB, MIT'
        """
        return f"{self.size_words}, {self.licence}"

    @property
    def size_words(self) -> str:
        """How much there is to download, in words."""
        about = "about " if self.kind == "hub" and self.size is not None else ""
        return f"{about}{size_in_words(self.size)}"


def size_in_words(size: int | None) -> str:
    """Bytes, for people.

    >>> size_in_words(205_669_692), size_in_words(None)
    ('206 MB', 'size unknown')
    """
    if size is None:
        return "size unknown"
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} bytes"
