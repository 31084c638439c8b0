"""Files that are made for the user when they are asked for."""

import io
import zipfile

from iem.app.pngs import mask_png, read_png_mask
from iem.app.refusals import Refused
from iem.app.states import State
from iem.removal import united


def masks_zip(state: State) -> bytes:
    """A mask per object, by its number, and the one of all that are switched on.

    Raises:
        Refused: there is no object.
    """
    if not state.objects:
        raise Refused(404, "no object is kept yet; keep one first")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for each in state.objects:
            archive.writestr(f"object-{each.id}.png", each.png)
        if state.on:
            archive.writestr("all.png", mask_png(united(read_png_mask(each.png) for each in state.on)))
    return buffer.getvalue()
