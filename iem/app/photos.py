"""Photos that come in: checked, decoded once, and kept as files."""

import io
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final
from urllib.parse import unquote

from iem.app.limits import Limits
from iem.app.pngs import OneImage, image_png
from iem.app.refusals import Refused
from iem.app.session import Photo, Session
from iem.images import ImageError, read
from iem.images.errors import printable

ORIGINAL, UPRIGHT = "original", "photo.png"
_LONGEST_NAME = 200


class _Named(io.BytesIO):
    """Bytes that errors call by the user's name for them."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


def shown_name(header: str | None) -> str:
    r"""What a photo is called, from the page's header: the last part, on one line; never a path.

    >>> shown_name("..%2F..%2Fetc%2Fpasswd"), shown_name("C%3A%5Choliday%0A.jpg"), shown_name(None)
    ('passwd', 'holiday\\n.jpg', 'photo')
    """
    name = unquote(header or "", errors="replace").replace("\\", "/").rpartition("/")[2]
    return printable(name.strip())[:_LONGEST_NAME] or "photo"


def admit(folder: Path, name: str, limits: Limits) -> Photo:
    """Check and decode what came in as the file ``ORIGINAL``.

    Raises:
        Refused: it is no picture, or too large.
    """
    original = folder / ORIGINAL
    try:
        picture = read(_Named(original.read_bytes(), name), max_pixels=limits.max_pixels)
    except ImageError as error:
        raise Refused(415, str(error), field="photo") from error
    upright = folder / UPRIGHT
    upright.write_bytes(image_png(picture.image))
    height, width = picture.image.shape[2:]
    return Photo(name, int(width), int(height), picture.notices, original, upright, picture.format)


@dataclass(eq=False)
class Warmed:
    """A decoded photo, and what segmenters prepared for it, by name."""

    session: Session
    image: OneImage
    prepared: dict[str, Any] = field(default_factory=dict)


@final
class WarmPhotos:
    """The photos that were worked on last, decoded, so that the next click need not wait. For one thread.

    Args:
        most_bytes: of decoded pixels, beside the photo at work.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._photos: OrderedDict[str, Warmed] = OrderedDict()

    def __len__(self) -> int:
        return len(self._photos)

    def get(self, session: Session) -> Warmed:
        """The session's photo."""
        for id_ in [id_ for id_, each in self._photos.items() if each.session.is_closed]:
            del self._photos[id_]
        if (warmed := self._photos.get(session.id)) is None:
            try:
                warmed = Warmed(session, read(session.photo.upright).image)
            except ImageError:
                if session.is_closed:
                    raise Refused(404, "this photo was closed; open it again") from None
                raise
            self._photos[session.id] = warmed
        self._photos.move_to_end(session.id)
        while len(self._photos) > 1 and self._bytes() > self._most:
            self._photos.popitem(last=False)
        return warmed

    def _bytes(self) -> int:
        return sum(each.image.numel() * each.image.element_size() for each in self._photos.values())
