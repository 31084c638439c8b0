import json

import pytest
import torch

from iem.images import read
from iem.segnet import teach, teacher_mask

SETTINGS = {"preset": "bright"}


def counting(teacher, asked):
    def ask(image):
        asked.append(len(image))
        return teacher(image)

    return ask


def test_truth_is_never_read(squares, teacher, tmp_path):
    with pytest.raises(AssertionError, match="looked at the truth"):
        _ = squares[0].truth  # the guard works
    assert len(teach(squares, range(8), teacher, folder=tmp_path, settings=SETTINGS, size=16)) == 8


def test_masks_are_the_teachers(squares, teacher, tmp_path):
    lessons = teach(squares, [0, 3, 6], teacher, folder=tmp_path, settings=SETTINGS, size=16, batch_size=2)
    assert lessons.names == ("picture0", "picture3", "picture6")
    for row, index in enumerate([0, 3, 6]):
        image = squares[index].image
        solution = teacher(image)
        assert torch.equal(lessons.masks[row], (solution.mask[0] * 255).byte())
        assert torch.equal(lessons.images[row], (image[0] * 255).round().byte())
        assert lessons.scores[row].item() == pytest.approx(float(solution.score[0]))
        assert torch.equal(read(tmp_path / f"picture{index}.png").image[:, :1], solution.mask)


def test_what_is_there_is_not_made_again(squares, teacher, tmp_path):
    asked = []
    first = teach(squares, range(8), counting(teacher, asked), folder=tmp_path, settings=SETTINGS, size=16)
    assert sum(asked) == 8
    (tmp_path / "picture2.json").unlink()  # killed before its record was written
    (tmp_path / "picture3.png").write_bytes((tmp_path / "picture3.png").read_bytes()[:-9])  # damaged
    second = teach(squares, range(8), counting(teacher, asked), folder=tmp_path, settings=SETTINGS, size=16)
    assert sum(asked) == 10
    assert second.fingerprint == first.fingerprint
    teach(squares, range(8), counting(teacher, asked), folder=tmp_path, settings={"preset": "other"}, size=16)
    assert sum(asked) == 18


def test_another_picture_under_the_same_name(squares, teacher, tmp_path):
    teach(squares, range(8), teacher, folder=tmp_path, settings=SETTINGS, size=16)
    image = squares[0].image
    assert teacher_mask(tmp_path, "picture0", image, SETTINGS) is not None
    assert teacher_mask(tmp_path, "picture0", image.flip(3), SETTINGS) is None
    assert json.loads((tmp_path / "picture0.json").read_text())["status"] == "converged"


def test_fingerprint_is_of_the_content(lessons):
    assert lessons[[0, 1]].fingerprint == lessons[[0, 1]].fingerprint
    assert lessons[[0, 1]].fingerprint != lessons[[1, 0]].fingerprint
    changed = lessons[[0, 1]]
    changed.masks[0, 0, 0, 0] ^= 255
    assert changed.fingerprint != lessons[[0, 1]].fingerprint


def test_no_pictures(squares, teacher, tmp_path):
    with pytest.raises(ValueError, match="expected pictures to learn from, got none"):
        teach(squares, [], teacher, folder=tmp_path, settings=SETTINGS)
