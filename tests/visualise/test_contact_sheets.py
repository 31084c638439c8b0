import pytest
import torch

from iem.visualise import contact_sheet


def plain(h, w, *colour):
    return torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, h, w)


def test_every_picture_has_the_same_height_and_its_own_shape():
    red, blue = plain(30, 60, 1.0, 0.0, 0.0), plain(200, 100, 0.0, 0.0, 1.0)
    sheet = contact_sheet([[red, blue], [blue, red]], height=40, margin=10)[0]
    # Both columns are as wide as their widest picture, the red one: 80 pixels.
    assert sheet.shape == (3, 10 + 2 * (40 + 10), 10 + 2 * (80 + 10))
    is_red = (sheet[0] > 0.9) & (sheet[2] < 0.1)
    is_blue = (sheet[2] > 0.9) & (sheet[0] < 0.1)
    assert is_red.sum() == 2 * 40 * 80
    assert is_blue.sum() == 2 * 40 * 20
    assert is_red[10:50, 10:90].all()
    assert is_blue[10:50, 130:150].all()  # centred in its column
    assert is_red[60:100, 100:180].all()


def test_labels_stand_above_their_columns():
    tile = plain(64, 64, 0.2, 0.5, 0.8)
    bare = contact_sheet([[tile, tile]], height=64, margin=8)
    sheet = contact_sheet([[tile, tile]], labels=["photo", ""], height=64, margin=8)[0]
    head = sheet.shape[1] - bare.shape[2]
    assert head >= 10
    ink = (sheet[:, :head] < 0.5).all(0)
    assert 20 < ink[:, 8:72].sum() < 1000
    assert ink[:, 72:].sum() == 0  # the second is empty
    columns = ink.any(0).nonzero().flatten()
    assert abs((columns[0] + columns[-1]) / 2 - 40) < 3  # centred over a picture from 8 to 72
    assert torch.equal(sheet[:, head:], bare[0])


def test_a_label_never_leaves_its_column():
    tile = plain(64, 64, 0.2, 0.5, 0.8)
    sheet = contact_sheet([[tile, tile]], labels=["a very long label " * 5, ""], height=64, margin=8)[0]
    ink = (sheet[:, :15] < 0.5).all(0)
    assert ink.sum() > 20
    assert ink[:, :7].sum() == ink[:, 73:].sum() == 0


def test_wrong_input_is_named():
    tile = plain(8, 8, 0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="rows: expected at least one picture, got none"):
        contact_sheet([[], []])
    with pytest.raises(ValueError, match=r"labels: expected one per column \(2\), got 1"):
        contact_sheet([[tile, tile]], labels=["photo"])
    with pytest.raises(ValueError, match=r"rows\[0\]\[1\]: expected one picture, got a batch of 2"):
        contact_sheet([[tile, torch.zeros(2, 3, 8, 8)]])
