"""Tiny data sets in the layouts of the official archives."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat


def colours(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A picture that any resampling changes."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def disc(height: int, width: int, white: int = 255) -> np.ndarray:
    """White in the middle, black around it."""
    mask = np.zeros((height, width), np.uint8)
    mask[height // 4 : -height // 4, width // 4 : -width // 4] = white
    return mask


def save(path: Path, values: np.ndarray, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **options)


def flowers(root: Path, numbers=range(1, 7), splits=True, size=(30, 40)) -> Path:
    """``jpg/``, ``segmim/`` and ``setid.mat``; the object of a segmented picture keeps its colours."""
    height, width = size
    for number in numbers:
        picture = colours(height, width, seed=number)
        segmented = np.where(disc(height, width)[..., None] > 0, picture // 2 + 60, np.array([0, 0, 254], np.uint8))
        save(root / "jpg" / f"image_{number:05}.jpg", picture, quality=90)
        save(root / "segmim" / f"segmim_{number:05}.jpg", segmented.astype(np.uint8), quality=95)
    if splits:
        parts = {"trnid": [5, 2], "valid": [1], "tstid": [3, 6, 4]}
        savemat(root / "setid.mat", {key: np.array([value], np.uint16) for key, value in parts.items()})
    return root


def birds(root: Path, split=True, segmentations="CUB_200_2011/segmentations") -> Path:
    """``CUB_200_2011/`` with three pictures of two classes, one of them grey."""
    files = ["001.Albatross/A_01.jpg", "001.Albatross/A_02.jpg", "002.Auklet/B_01.jpg"]
    top = root / "CUB_200_2011"
    for index, file in enumerate(files):
        picture = colours(30, 40, seed=index)
        save(top / "images" / file, picture[..., 0] if index == 1 else picture)
        mask = np.full((30, 40), 51, np.uint8)
        mask[10:20, 10:30] = (127, 128, 204)[index]
        save(
            root / segmentations / Path(file).with_suffix(".png"),
            np.stack([mask, 255 - mask], -1) if index == 2 else mask,
        )
    lines = [f"{index} {file}" for index, file in enumerate(files, start=1)]
    (top / "images.txt").write_text("\n".join(lines) + "\n")
    if split:
        (top / "train_val_test_split.txt").write_text("1 0\n2 2\n3 2\n")
    return top


def salient(root: Path, pictures="images", masks="ground_truth_mask", count=3) -> Path:
    for number in range(count):
        save(root / pictures / f"{number:04}.jpg", colours(30, 40, seed=number))
        save(root / masks / f"{number:04}.png", disc(30, 40))
    return root


def cars(root: Path, count=4, environment="car", masks=True) -> list[str]:
    """An LMDB environment, half of it WebP and half JPEG, and masks; returns the keys in order."""
    import lmdb

    keys = [f"{number:040x}" for number in range(count)]
    (root / environment).mkdir(parents=True, exist_ok=True)
    with lmdb.open(str(root / environment), map_size=1 << 24) as opened, opened.begin(write=True) as transaction:
        for number, key in enumerate(keys):
            buffer = io.BytesIO()
            Image.fromarray(colours(30, 40, seed=number)).save(buffer, "WEBP" if number % 2 else "JPEG", quality=90)
            transaction.put(key.encode(), buffer.getvalue())
            if masks:
                save(root / "masks" / f"{key}.png", disc(30, 40))
    return keys
