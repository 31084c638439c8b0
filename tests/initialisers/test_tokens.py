import torch
from references.pictures import noise

from iem.features import RGB
from iem.initialisers.tokens import as_mask, token_grid


def test_tokens_are_the_means_of_their_patches():
    image = noise(0, 2, 3, 24, 16)
    tokens = token_grid(RGB()(image), image, patch=8)
    for row in range(3):
        for column in range(2):
            mean = image[:, :, row * 8 : row * 8 + 8, column * 8 : column * 8 + 8].mean((2, 3))
            torch.testing.assert_close(tokens[:, :, row, column], mean)


def test_nearness_of_the_frame_varies_as_much_as_is_said():
    image = noise(0, 2, 3, 40, 64)
    tokens = token_grid(image, image, patch=4, position=1.5)
    place = tokens[:, 3].flatten(1)
    torch.testing.assert_close(place.mean(1), torch.zeros(2).double())
    others = tokens[:, :3].flatten(2).var(2, correction=0).mean(1)
    torch.testing.assert_close(place.var(1, correction=0), 1.5**2 * others)
    assert (tokens[:, 3, 0] == tokens[:, 3].amax((1, 2))[:, None]).all()
    assert (tokens[:, 3, 5, 8] == tokens[:, 3].amin((1, 2))).all()


def test_nearness_of_the_frame_says_nothing_where_all_tokens_are_as_near():
    image = noise(0, 1, 3, 8, 8)
    assert (token_grid(image, image, patch=4, position=1.0)[:, 3] == 0).all()
    assert token_grid(image, image, patch=8, position=1.0).shape == (1, 4, 1, 1)


def test_a_mask_keeps_the_picture_s_type_and_is_never_full():
    image = torch.zeros(1, 3, 9, 12, dtype=torch.float64)
    assert as_mask(torch.tensor([[True, False]]), image).dtype == torch.float64
    assert 0 < as_mask(torch.ones(3, 4).bool(), image).mean() < 1
