"""Any bytes become a picture or an ``ImageError``, in any number of threads."""

import threading
import warnings

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from references.hostile_files import ACCEPTED, ANIMATED, DEEP, FLOATS, JPEG, NOISE, PNG, REFUSED, encoded

from iem.images import ImageError, read, read_mask


def test_threads_do_not_disturb_each_other():
    """Also not the filters of warnings, which are global in Python."""
    before = list(warnings.filters)
    outcomes = []

    def work(data):
        for _ in range(20):
            try:
                outcomes.append(read(data).image.shape)
            except ImageError as error:
                outcomes.append(error.reason)

    kinds = [PNG, JPEG[: len(JPEG) // 2], ACCEPTED["27-damaged-exif"][0], ACCEPTED["webp"][0]]
    threads = [threading.Thread(target=work, args=[kind]) for kind in kinds * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 160
    assert len(set(outcomes)) == 2
    assert list(warnings.filters) == before


SEEDS = [
    *(data for data, _ in REFUSED.values() if len(data) < 100_000),
    *(data for data, _, _ in ACCEPTED.values()),
    *ANIMATED.values(),
    encoded(Image.fromarray(DEEP), "TIFF"),
    encoded(Image.fromarray(FLOATS), "TIFF"),
    encoded(NOISE, "TIFF", compression="jpeg"),
    encoded(NOISE, "TIFF", compression="tiff_adobe_deflate"),
]


def only_pictures_or_image_errors(data):
    for reader in (read, read_mask):
        for allow_truncated in (False, True):
            try:
                values = reader(data, max_pixels=1_000_000, allow_truncated=allow_truncated)
            except ImageError:
                continue
            image = values if reader is read_mask else values.image
            assert torch.isfinite(image).all()
            assert image.min() >= 0
            assert image.max() <= 1


@given(st.binary(max_size=600))
@settings(max_examples=50, deadline=None)
def test_any_bytes(data):
    only_pictures_or_image_errors(data)


@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    early=st.booleans(),
    keep=st.floats(0.02, 1),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_damage(seed, changes, early, keep):
    """Bytes changed anywhere, or in the first 200, where the headers are; the end cut off."""
    data = bytearray(seed)
    for place, value in changes if data else []:
        data[int(place * (min(len(data), 200) if early else len(data)))] = value
    only_pictures_or_image_errors(bytes(data[: max(1, int(keep * len(data)))]))
