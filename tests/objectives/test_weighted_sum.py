"""A sum is a sum, and its settings are checked."""

import pytest
import torch
from references.pictures import noise, soft_mask

from iem.inpainters import GaussianInpainter
from iem.objectives import Diversity, InpaintingError, WeightedSum

TERMS = {"error": InpaintingError(GaussianInpainter()), "diversity": Diversity()}


@pytest.mark.parametrize("regions", [1, 3])
def test_is_the_sum_of_its_terms(regions):
    image, mask = noise(1, 2, 3, 17, 23), soft_mask(2, 2, regions, 17, 23)
    both = WeightedSum(TERMS, {"diversity": -3.0, "error": 0.5})
    (error, error_slope), (spread, spread_slope) = (t.value_and_gradient(image, mask) for t in TERMS.values())
    expected = 0.5 * error - 3 * spread, 0.5 * error_slope - 3 * spread_slope
    torch.testing.assert_close(both.value_and_gradient(image, mask), expected)
    torch.testing.assert_close(both(image, mask), expected[0])
    torch.testing.assert_close(both.values(image, mask), {"error": error, "diversity": spread})


def test_adding_up_does_not_write_into_a_terms_gradient():
    image, mask = noise(1, 1, 3, 5, 5), soft_mask(2, 1, 1, 5, 5)
    kept = torch.ones_like(mask)

    class Same:
        def __call__(self, image, mask):
            return mask.sum((1, 2, 3))

        def value_and_gradient(self, image, mask):
            return self(image, mask), kept

        def prepare(self, image):
            return self

    _, gradient = WeightedSum({"a": Same(), "b": Same()}, {"a": 2.0, "b": 3.0}).value_and_gradient(image, mask)
    assert (gradient == 5).all()
    assert (kept == 1).all()


@pytest.mark.parametrize(
    ("terms", "weights", "message"),
    [
        (["error"], {"errror": 1.0}, "weights: expected one for each term (error), got errror"),
        (["error", "diversity"], {"error": 1.0}, "weights: expected one for each term (error, diversity), got error"),
        ([], {}, "weights: expected one for each term (there is none), got none"),
        (["error"], {"error": float("nan")}, "weight of error: expected a finite number, got nan"),
    ],
)
def test_wrong_weights_are_named(terms, weights, message, unchecked):
    with pytest.raises(ValueError, match=r"^weight") as caught:
        unchecked("iem.objectives").WeightedSum({name: TERMS[name] for name in terms}, weights)
    assert str(caught.value) == message
