"""The messages that wrong input meets, word for word, and the value types."""

import dataclasses
import math

import pytest
import torch

from iem import checks
from iem.interfaces import Progress, Sample, Solution, Status


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (torch.zeros(3, 8, 9), ValueError, "image: expected shape [b, 3, h, w], got [3, 8, 9]; add a batch axis with"),
        (torch.zeros(1, 8, 9, 3), ValueError, "image: expected shape [b, 3, h, w], got [1, 8, 9, 3]; convert to RGB"),
        (torch.zeros(1, 4, 8, 9), ValueError, "image: expected shape [b, 3, h, w], got [1, 4, 8, 9]; convert to RGB"),
        (torch.zeros(8, 9), ValueError, "image: expected shape [b, 3, h, w], got [8, 9]; convert to RGB"),
        (
            torch.zeros(1, 3, 8, 9, dtype=torch.uint8),
            TypeError,
            "image: expected a floating-point tensor, got torch.ui",
        ),
        (
            torch.zeros(1, 3, 8, 9).numpy(),
            TypeError,
            "image: expected a torch.Tensor, got ndarray; use iem.images.read",
        ),
        ("cat.png", TypeError, "image: expected a torch.Tensor, got str; use iem.images.read for files"),
        (None, TypeError, "image: expected a torch.Tensor, got NoneType"),
    ],
)
def test_images(image, error, message):
    with pytest.raises(error) as caught:
        checks.check_image(image)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (5, 3, 8, 9), (0, 3, 8, 9)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_right_images_pass(shape, dtype):
    checks.check_image(torch.zeros(shape, dtype=dtype))


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (torch.zeros(8, 9), ValueError, "hole: expected shape [b, k, h, w], got [8, 9]; give batch and channel axes"),
        (torch.zeros(2, 1, 8, 9), ValueError, "hole: expected shape [1, k, 8, 9], got [2, 1, 8, 9]; resize it to the"),
        (torch.zeros(1, 1, 9, 8), ValueError, "hole: expected shape [1, k, 8, 9], got [1, 1, 9, 8]; resize it to the"),
        (
            torch.zeros(1, 1, 8, 9).double(),
            TypeError,
            "hole: expected torch.float32 like the picture, got torch.float64",
        ),
        (torch.zeros(1, 1, 8, 9).bool(), TypeError, "hole: expected a floating-point tensor, got torch.bool; convert"),
    ],
)
def test_masks(mask, error, message):
    with pytest.raises(error) as caught:
        checks.check_mask(mask, like=torch.zeros(1, 3, 8, 9), name="hole")
    assert str(caught.value).startswith(message)


def test_right_masks_pass():
    for regions in (1, 2, 7):
        checks.check_mask(torch.zeros(2, regions, 8, 9), like=torch.zeros(2, 3, 8, 9))
    checks.check_mask(torch.zeros(2, 1, 8, 9).double())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.0, 255.0], "image: expected values in [0, 1], got [0, 255]; divide by 255 if they are 8-bit"),
        ([-0.5, 1.0], "image: expected values in [0, 1], got [-0.5, 1]; clamp or rescale them"),
        ([0.0, 1.01], "image: expected values in [0, 1], got [0, 1.01]; clamp or rescale them"),
        ([0.0, math.nan], "image: expected finite values, got NaN or infinity; clean the input first"),
        ([0.0, math.inf], "image: expected finite values, got NaN or infinity; clean the input first"),
        ([], "image: expected at least one value, got an empty tensor of shape [0]"),
    ],
)
def test_ranges(values, message):
    with pytest.raises(ValueError, match=r"^image: ") as caught:
        checks.check_range(torch.tensor(values), 0, 1, "image")
    assert str(caught.value) == message


def test_the_ends_of_a_range_belong_to_it():
    checks.check_range(torch.tensor([0.0, 1.0]), 0, 1, "image")


@pytest.mark.parametrize(
    ("value", "limits", "message"),
    [
        (math.nan, {}, "n: expected a finite number, got nan"),
        ("3", {}, "n: expected a finite number, got '3'"),
        (None, {}, "n: expected a finite number, got None"),
        (True, {}, "n: expected a finite number, got True"),
        (2.0, {"integer": True}, "n: expected a whole number, got 2.0"),
        (4, {"odd": True, "low": 1}, "n: expected an odd whole number of at least 1, got 4"),
        (3.0, {"odd": True}, "n: expected an odd whole number, got 3.0"),
        (10, {"low": 0, "high": 9, "integer": True}, "n: expected a whole number from 0 to 9, got 10"),
        (0.7, {"high": 0.5}, "n: expected a finite number of at most 0.5, got 0.7"),
        (-1, {"low": 0}, "n: expected a finite number of at least 0, got -1"),
    ],
)
def test_numbers(value, limits, message):
    with pytest.raises(ValueError, match=r"^n: ") as caught:
        checks.check_number(value, "n", **limits)
    assert str(caught.value) == message


@pytest.mark.parametrize(("value", "limits"), [(0, {"low": 0}), (9, {"high": 9, "odd": True}), (-2.5, {})])
def test_right_numbers_pass(value, limits):
    checks.check_number(value, "n", **limits)


def test_choices():
    checks.check_choice("open", "frame", ("open", "closed"))
    for wrong in ("Open", None, 1):
        with pytest.raises(ValueError, match=r"^frame: expected one of open, closed, got "):
            checks.check_choice(wrong, "frame", ("open", "closed"))


def test_a_status_prints_as_its_word():
    assert [str(status) for status in Status] == [status.value for status in Status]
    assert f"{Status.MAX_STEPS}" == "max_steps"
    assert Status("cycling") is Status.CYCLING


@pytest.mark.parametrize("kind", [Solution, Progress, Sample])
def test_value_types_are_frozen(kind):
    assert kind.__dataclass_params__.frozen
    assert all(field.type is not None for field in dataclasses.fields(kind))


def test_shapes_are_checked_while_tests_run():
    """The safety net itself: a mask where an image belongs does not pass."""
    with pytest.raises(TypeError, match="type"):
        Sample(name="a", image=torch.zeros(1, 1, 4, 4), truth=torch.zeros(1, 1, 4, 4))
