import io

import cv2
import numpy as np
import pytest
import skimage.io
import torch
from PIL import Image

from iem.images import ImageError, read_labels, write_labels


def some_labels(most=65535, height=37, width=53):
    labels = torch.randint(0, most + 1, (height, width), generator=torch.Generator().manual_seed(0))
    labels[0, :2] = torch.tensor([0, most])
    return labels


def encoded(values, format_="PNG", **options):
    buffer = io.BytesIO()
    picture = values if isinstance(values, Image.Image) else Image.fromarray(values)
    picture.save(buffer, format_, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.uint16, torch.int32, torch.int64])
def test_labels_come_back(tmp_path, dtype):
    labels = some_labels(min(65535, torch.iinfo(dtype).max))
    write_labels(tmp_path / "deep/labels.png", labels.to(dtype))
    back = read_labels(tmp_path / "deep/labels.png")
    assert back.dtype == torch.int64
    assert torch.equal(back, labels)


def test_other_programs_read_the_same(tmp_path):
    labels = some_labels()
    write_labels(tmp_path / "labels.png", labels)
    for read in (lambda path: cv2.imread(path, cv2.IMREAD_UNCHANGED), skimage.io.imread):
        values = read(str(tmp_path / "labels.png"))
        assert values.dtype == np.uint16
        assert np.array_equal(values, labels.numpy())


def test_the_file_is_sixteen_bits_of_grey_whatever_the_labels(tmp_path):
    write_labels(tmp_path / "labels.png", torch.tensor([[0, 1]]))
    header = (tmp_path / "labels.png").read_bytes()[16:26]
    assert header == (2).to_bytes(4, "big") + (1).to_bytes(4, "big") + bytes([16, 0])


def test_a_view_that_is_not_contiguous(tmp_path):
    labels = some_labels().T
    write_labels(tmp_path / "labels.png", labels)
    assert torch.equal(read_labels(tmp_path / "labels.png"), labels)


def test_label_maps_of_other_programs():
    values = np.array([[0, 1, 2], [255, 7, 7]], np.uint8)
    assert read_labels(encoded(values)).tolist() == values.tolist()
    assert read_labels(encoded(values.astype(np.uint16) * 257, "TIFF")).tolist() == (values.astype(int) * 257).tolist()
    assert read_labels(encoded(values.astype(np.int32) * 257, "TIFF")).tolist() == (values.astype(int) * 257).tolist()
    coloured = Image.fromarray(values).convert("L")
    coloured.putpalette([level for index in range(256) for level in (index, 255 - index, 9)])
    assert coloured.mode == "P"
    assert read_labels(encoded(coloured)).tolist() == values.tolist()
    assert read_labels(encoded(Image.fromarray(values > 5))).tolist() == [[0, 0, 0], [1, 1, 1]]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (encoded(np.zeros((4, 4, 3), np.uint8)), "the channels R, G, B, a label map one whole number per pixel"),
        (encoded(np.zeros((4, 4, 4), np.uint8)), "the channels R, G, B, A"),
        (encoded(Image.new("LA", (4, 4))), "the channels L, A"),
        (encoded(np.zeros((4, 4), np.float32), "TIFF"), "decimal numbers"),
        (encoded(np.full((4, 4), -1, np.int32), "TIFF"), "labels go from 0 to 65535, these from -1 to -1"),
        (encoded(np.full((4, 4), 70000, np.int32), "TIFF"), "these from 70000 to 70000"),
        (encoded(np.zeros((4, 4), np.uint8), "JPEG"), "JPEG is no format for label maps"),
        (encoded(np.zeros((64, 64), np.uint16))[:60], "truncated"),
        (b"", "empty"),
    ],
)
def test_what_is_no_label_map_is_named(data, words):
    with pytest.raises(ImageError, match=words) as caught:
        read_labels(data)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_written(tmp_path):
    path = tmp_path / "labels.png"
    with pytest.raises(ValueError, match=r"labels: expected values from 0 to 65535, got -1 to 3; number them anew"):
        write_labels(path, torch.tensor([[-1, 3]]))
    with pytest.raises(ValueError, match=r"from 0 to 65535, got 0 to 65536"):
        write_labels(path, torch.tensor([[0, 65536]]))
    with pytest.raises(ValueError, match=r"expected shape \[h, w\], got \[1, 4, 4\]"):
        write_labels(path, torch.zeros(1, 4, 4).long())
    with pytest.raises(ValueError, match=r"expected shape \[h, w\], got \[0, 4\]"):
        write_labels(path, torch.zeros(0, 4).long())
    for wrong in (torch.zeros(4, 4), torch.zeros(4, 4).bool()):
        with pytest.raises(TypeError, match=r"labels: expected whole numbers, got torch\.(float32|bool)"):
            write_labels(path, wrong)
    with pytest.raises(TypeError, match=r"expected a torch\.Tensor, got ndarray"):
        write_labels(path, np.zeros((4, 4), int))
    with pytest.raises(ImageError, match=r"end the name in \.png"):
        write_labels(tmp_path / "labels.jpg", torch.zeros(4, 4).long())
    assert list(tmp_path.iterdir()) == []


def test_inputs_and_earlier_files_are_safe(tmp_path):
    path = tmp_path / "labels.png"
    write_labels(path, torch.tensor([[3]]))
    with pytest.raises(ImageError, match="overwrite the input"):
        write_labels(path, torch.tensor([[4]]), protect=[path])
    assert read_labels(path).tolist() == [[3]]
    write_labels(path, torch.tensor([[5]]))
    assert read_labels(path).tolist() == [[5]]
    assert [entry.name for entry in tmp_path.iterdir()] == ["labels.png"]


def test_the_limit_on_pixels_holds(tmp_path):
    write_labels(tmp_path / "labels.png", torch.zeros(20, 20).long())
    with pytest.raises(ImageError, match="more than the limit"):
        read_labels(tmp_path / "labels.png", max_pixels=100)
