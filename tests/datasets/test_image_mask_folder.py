from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from iem.datasets import DatasetError, ImageMaskFolder
from iem.images import ImageError


def save(path: Path, values, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, dtype=np.uint8)).save(path, **options)


def colours(height=6, width=8, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3))


def disc(height=6, width=8, white=255):
    mask = np.zeros((height, width))
    mask[2:4, 2:6] = white
    return mask


def add(root, stem, *, picture=None, mask=None, ending=".png"):
    save(root / "images" / f"{stem}{ending}", colours() if picture is None else picture)
    save(root / "masks" / f"{stem}.png", disc() if mask is None else mask)


def reasons(root, **settings):
    return {problem.name: problem.reason for problem in ImageMaskFolder(root, strict=False, **settings).problems}


def test_pictures_and_masks_come_back_as_written(tmp_path):
    for stem, seed in [("b", 1), ("a", 2)]:
        add(tmp_path, stem, picture=colours(seed=seed))
    folder = ImageMaskFolder(tmp_path)
    assert [sample.name for sample in folder] == list(folder.names) == ["a", "b"]
    assert folder.problems == ()
    expected = torch.from_numpy(colours(seed=2)).permute(2, 0, 1)[None].float() / 255
    assert torch.allclose(folder[0].image, expected)
    assert torch.equal(folder[0].truth[0, 0], torch.from_numpy(disc() / 255).float())
    assert folder[0].ignore is None
    assert folder[-1].name == "b"
    with pytest.raises(IndexError):
        folder[2]


def test_every_value_but_black_is_ignored(tmp_path):
    add(tmp_path, "a")
    add(tmp_path, "b")
    ignore = np.zeros((6, 8))
    ignore[0, :3] = 1, 128, 255
    save(tmp_path / "ignore" / "a.png", ignore)
    first, second = ImageMaskFolder(tmp_path)
    assert torch.equal(first.ignore[0, 0], torch.from_numpy((ignore > 0).astype(np.float32)))
    assert second.ignore is None


def test_the_evaluation_protocol_keeps_ignore_apart(tmp_path):
    add(tmp_path, "a", picture=colours(20, 40), mask=np.pad(disc(), ((7, 7), (16, 16))))
    save(tmp_path / "ignore" / "a.png", np.full((20, 40), 255))
    sample = ImageMaskFolder(tmp_path, size=10)[0]
    assert sample.image.shape == (1, 3, 10, 10)
    assert sample.truth.unique().tolist() == [0, 1]
    assert sample.ignore.shape == (1, 1, 10, 10)
    assert sample.ignore.min() == 1


def test_nested_folders_are_paired_by_their_path(tmp_path):
    add(tmp_path, "birds/one", ending=".jpg")
    add(tmp_path, "cars/one")
    assert ImageMaskFolder(tmp_path).names == ("birds__one", "cars__one")


def test_problems_are_listed_up_front(tmp_path):
    add(tmp_path, "fine")
    add(tmp_path, "black", mask=np.zeros((6, 8)))
    add(tmp_path, "white", mask=np.full((6, 8), 255))
    add(tmp_path, "small", mask=disc()[:5])
    add(tmp_path, "wide")
    save(tmp_path / "ignore" / "wide.png", disc(6, 9))
    add(tmp_path, "broken")
    (tmp_path / "images" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    add(tmp_path, "empty")
    (tmp_path / "masks" / "empty.png").write_bytes(b"")
    save(tmp_path / "images" / "alone.png", colours())
    save(tmp_path / "masks" / "lost.png", disc())
    add(tmp_path, "twice")
    save(tmp_path / "images" / "twice.jpg", colours())
    save(tmp_path / "images" / "lossy.png", colours())
    save(tmp_path / "masks" / "lossy.jpg", disc())
    add(tmp_path, "classes", mask=np.arange(48).reshape(6, 8) % 5)
    (tmp_path / "images" / "notes.txt").write_text("not a picture")
    found = reasons(tmp_path)
    assert list(found) == sorted(found)
    assert found.pop("black") == "the mask is all background; nothing can be measured"
    assert found.pop("white") == "the mask is all foreground; nothing can be measured"
    assert found.pop("small") == "images/small.png is 8 x 6 pixels, its mask 8 x 5; give both the same size"
    assert found.pop("wide") == "ignore/wide.png is 9 x 6 pixels, its mask 8 x 6; give both the same size"
    assert found.pop("broken").startswith("images/broken.png cannot be read: ")
    assert found.pop("empty").startswith("masks/empty.png cannot be read: the file is empty")
    assert found.pop("alone") == "no mask; expected masks/alone.png"
    assert found.pop("lost") == "masks/lost.png has no picture"
    assert found.pop("twice") == "images/twice.jpg and images/twice.png have the same name; keep one of them"
    assert found.pop("lossy") == "masks/lossy.jpg is not a .png; save it as PNG, which loses nothing"
    assert "class labels" in found.pop("classes")
    assert found == {}
    assert ImageMaskFolder(tmp_path, strict=False).names == ("fine",)


def test_strict_refuses_and_says_how_to_go_on(tmp_path):
    add(tmp_path, "fine")
    for index in range(23):
        save(tmp_path / "images" / f"{index:02}.png", colours())
    with pytest.raises(DatasetError) as caught:
        ImageMaskFolder(tmp_path)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"image_mask_folder: 23 problems in {tmp_path}:"
    assert lines[1] == "  00: no mask; expected masks/00.png"
    assert lines[21] == "  ... and 3 more"
    assert lines[22] == "Mend them, or go on with the 1 pairs that are fine by strict=False."
    assert len(caught.value.problems) == 23


def test_a_mask_may_be_empty_in_the_middle_only(tmp_path):
    mask = np.zeros((10, 40))
    mask[:, :4] = 255
    add(tmp_path, "edge", picture=colours(10, 40), mask=mask)
    add(tmp_path, "fine")
    assert reasons(tmp_path) == {}
    expected = {"edge": "the mask is all background in the square that is scored; nothing can be measured"}
    assert reasons(tmp_path, size=8) == expected


@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".webp"])
def test_pictures_on_their_side_are_paired_upright(tmp_path, ending):
    tags = Image.Exif()
    tags[0x0112] = 6
    save(tmp_path / "images" / f"a{ending}", colours(6, 8), exif=tags)
    save(tmp_path / "masks" / "a.png", disc(8, 6))
    assert ImageMaskFolder(tmp_path)[0].image.shape == (1, 3, 8, 6)
    save(tmp_path / "masks" / "a.png", disc(6, 8))
    with pytest.raises(DatasetError, match=r"images/a\.\w+ is 6 x 8 pixels, its mask 8 x 6"):
        ImageMaskFolder(tmp_path)


def test_a_picture_is_not_decoded_when_the_set_is_opened(tmp_path):
    add(tmp_path, "a", picture=colours(60, 80), mask=disc(60, 80))
    path = tmp_path / "images" / "a.png"
    path.write_bytes(path.read_bytes()[:-2000])
    folder = ImageMaskFolder(tmp_path)
    with pytest.raises(ImageError, match="truncated"):
        folder[0]


def test_a_picture_replaced_since_is_an_error(tmp_path):
    add(tmp_path, "a")
    save(tmp_path / "ignore" / "a.png", disc())
    folder = ImageMaskFolder(tmp_path)
    save(tmp_path / "ignore" / "a.png", disc(6, 9))
    with pytest.raises(ImageError, match="replaced"):
        folder[0]


def test_limit_is_evenly_spaced_and_looks_at_nothing_else(tmp_path):
    for index in range(10):
        add(tmp_path, f"{index}", mask=np.zeros((6, 8)) if index == 1 else None)
    assert ImageMaskFolder(tmp_path, limit=3).names == ("0", "3", "6")
    assert len(ImageMaskFolder(tmp_path, limit=99, strict=False)) == 9


def test_a_folder_of_another_layout_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"expected the folders images and masks in .*, found no folder images"):
        ImageMaskFolder(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(DatasetError, match="found no folder masks"):
        ImageMaskFolder(str(tmp_path))
    (tmp_path / "masks").mkdir()
    with pytest.raises(DatasetError, match=r"no usable pair of picture and mask in .*; put pictures into images/"):
        ImageMaskFolder(tmp_path, strict=False)


@pytest.mark.parametrize("settings", [{"size": 0}, {"limit": 0}, {"size": "128"}])
def test_sizes_and_limits_are_checked(tmp_path, settings):
    with pytest.raises(ValueError, match="expected a whole number of at least 1"):
        ImageMaskFolder(tmp_path, **settings)
