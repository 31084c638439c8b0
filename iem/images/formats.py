"""Which files are pictures: the allow-list of formats, recognised by their first bytes."""

#: What Pillow may open. Every further decoder is a further way in for a hostile file.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")

#: As many bytes as ``sniff`` looks at.
HEAD = 512

_EXTENSIONS = (
    ".png",
    ".apng",
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".mpo",
    ".webp",
    ".bmp",
    ".dib",
    ".tif",
    ".tiff",
    ".gif",
    ".avif",
)
_HEIC_EXTENSIONS = (".heic", ".heif", ".hif")
_RAW_EXTENSIONS = (
    ".dng",
    ".cr2",
    ".cr3",
    ".nef",
    ".nrw",
    ".arw",
    ".srw",
    ".orf",
    ".rw2",
    ".raf",
    ".pef",
    ".3fr",
    ".iiq",
)
_BMP_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1", b"mif2")
_CONVERT = "convert it to PNG or JPEG first"
_FOREIGN = (
    (b"%PDF", f"PDF is a document, not a supported picture; {_CONVERT} (pdftoppm does)"),
    (b"%!PS", f"PostScript (EPS) is not supported; {_CONVERT}"),
    (b"\xc5\xd0\xd3\xc6", f"PostScript (EPS) is not supported; {_CONVERT}"),
    (b"8BPS", f"a Photoshop document (PSD) is not supported; {_CONVERT}"),
    (b"\0\0\0\x0cjP  ", f"JPEG 2000 is not supported; {_CONVERT}"),
    (b"\xffO\xffQ", f"JPEG 2000 is not supported; {_CONVERT}"),
    (b"\0\0\0\x0cJXL ", f"JPEG XL is not supported; {_CONVERT}"),
    (b"\xff\x0a", f"JPEG XL is not supported; {_CONVERT}"),
    (b"v/1\x01", f"OpenEXR is not supported; {_CONVERT}"),
    (b"#?RADIANCE", f"Radiance HDR is not supported; {_CONVERT}"),
    (b"PK\x03\x04", "a ZIP archive is not a picture; unpack it first"),
    (b"\x1f\x8b", "a compressed (gzip) file is not a picture; unpack it first"),
)
_RAW_MAGIC = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"\0MRM", b"FOVb")
_RAW = "a camera's RAW file is not supported; develop it to JPEG, PNG or TIFF first (darktable and RawTherapee do)"
_HEIC = f"HEIC, the format of many phones, is not supported; {_CONVERT} (heif-convert or pillow-heif do)"
_OTHER = f"not a picture in a supported format ({', '.join(FORMATS)}); {_CONVERT}"


def sniff(head: bytes) -> str | None:
    r"""The format that the first bytes of a file announce, or None if it is not on the allow-list.

    >>> sniff(b"\x89PNG\r\n\x1a\n"), sniff(b"hello")
    ('PNG', None)
    """
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return None if head[8:10] == b"CR" else "TIFF"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    if any(brand in (b"avif", b"avis") for brand in _brands(head)):
        return "AVIF"
    return None


def foreign_reason(head: bytes) -> str:
    """Why a file that ``sniff`` does not know is refused, with a remedy."""
    if not head:
        return "the file is empty; copy or download it again"
    for magic, reason in _FOREIGN:
        if head.startswith(magic):
            return reason
    brands = _brands(head)
    if head.startswith(_RAW_MAGIC) or head[8:10] == b"CR" or b"crx " in brands:
        return _RAW
    if any(brand in _HEIF_BRANDS for brand in brands):
        return _HEIC
    if brands:
        return "a video is not a picture; extract the frames first (ffmpeg does)"
    if head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3].isspace():
        return f"Netpbm (PBM, PGM, PPM) is not supported; {_CONVERT}"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in text:
        return f"SVG, a drawing of vectors, is not supported; {_CONVERT} (rsvg-convert or Inkscape do)"
    if text.startswith((b"<!doctype html", b"<html", b"<script")):
        return "a web page, not a picture; download the picture itself"
    return _OTHER


def raw_reason(suffix: str, tags: dict[int, object]) -> str | None:
    """Why a file that begins like a TIFF is refused all the same: RAW files do, and hold a small preview first."""
    preview_first = tags.get(254) == 1 and 330 in tags
    return _RAW if 50706 in tags or preview_first or suffix.lower() in _RAW_EXTENSIONS else None


def has_picture_extension(suffix: str) -> bool:
    """Whether a user would call a file with this extension a picture, supported or not.

    >>> has_picture_extension(".JPG"), has_picture_extension(".heic"), has_picture_extension(".txt")
    (True, True, False)
    """
    return suffix.lower() in _EXTENSIONS + _HEIC_EXTENSIONS + _RAW_EXTENSIONS


def _brands(head: bytes) -> list[bytes]:
    """Major and compatible brands of an ISO media file (AVIF, HEIC, CR3, videos)."""
    if head[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
