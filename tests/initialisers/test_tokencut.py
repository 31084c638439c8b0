import numpy as np
import pytest
import scipy.linalg
import torch
from references.pictures import smooth
from scipy import ndimage

from iem.features import RGB, Lab, Stack, Texture, Whitening
from iem.initialisers import Square, TokenCut


class Given:
    """A map of tokens whatever the picture is, which must be of another size; remembers what it was shown."""

    def __init__(self, tokens: torch.Tensor) -> None:
        self.tokens = tokens
        self.size: tuple[int, ...] = ()

    def __call__(self, image):
        self.size = tuple(image.shape[2:])
        return self.tokens.to(image)


def directions(labels: list[list[int]]) -> Given:
    """One direction per number, at right angles."""
    return Given(torch.nn.functional.one_hot(torch.tensor(labels)).movedim(-1, 0)[None].float())


def published(tokens: torch.Tensor, tau: float, epsilon: float) -> np.ndarray:
    """TokenCut's object_discovery.py, step by step, for one map [c, h, w]."""
    dims = tuple(tokens.shape[1:])
    unit = tokens.flatten(1).double().numpy()
    unit = unit / np.linalg.norm(unit, axis=0)
    affinity = np.where(unit.T @ unit > tau, 1.0, epsilon)
    degrees = np.diag(affinity.sum(1))
    vector = scipy.linalg.eigh(degrees - affinity, degrees, subset_by_index=[1, 2])[1][:, 0]
    part = vector > vector.mean()
    seed = np.abs(vector).argmax()
    if not part[seed]:
        part = ~part
    labels, _ = ndimage.label(part.reshape(dims))
    return labels == labels.flat[seed]


def iou(mask: torch.Tensor, truth: torch.Tensor) -> float:
    return float(((mask > 0.5) & (truth > 0.5)).sum() / ((mask > 0.5) | (truth > 0.5)).sum())


def blob(
    height: int, width: int, share: float, colour: tuple[float, ...] = (0.8, 0.25, 0.2)
) -> tuple[torch.Tensor, ...]:
    """A red disc, or an ellipse, of about that share of a grey picture, both a little grainy; and its mask."""
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    truth = (rows.square() + columns.square() < 4 / np.pi * share).float()[None, None]
    image = torch.where(truth > 0, torch.tensor([0.8, 0.25, 0.2]).view(1, 3, 1, 1), torch.tensor(0.45))
    grain = torch.rand(image.shape, generator=torch.Generator().manual_seed(0))
    return (image + 0.06 * (grain - 0.5)).clamp(0, 1), truth


@pytest.mark.parametrize("solver", ["lanczos", "dense"])
def test_the_published_program_finds_the_same(solver):
    for seed in range(12):
        tokens = smooth(seed, 1, 5, 14, 17, scale=5) - 0.5
        mask = TokenCut(Given(tokens), tau=0.3, patch=1, solver=solver)(torch.rand(1, 3, 14, 17, dtype=torch.float64))
        assert (mask[0, 0].numpy() == published(tokens[0], 0.3, 1e-5)).all()


def test_a_random_transformer_finds_a_coloured_blob(tmp_path):
    pytest.importorskip("transformers")
    from references.tiny_models import tiny_vit

    from iem.features import DINO

    image, truth = blob(192, 192, 0.2)
    for seed in range(3):
        features = DINO(tiny_vit(tmp_path / str(seed), positions=False, seed=seed))
        assert iou(TokenCut(features)(image), truth) >= 0.9
    small, small_truth = blob(48, 48, 0.2)
    assert iou(TokenCut(features, size=192)(small), small_truth) >= 0.9


def test_an_object_of_seventy_per_cent_is_found():
    image, truth = blob(96, 120, 0.7)
    learning_free = Whitening(Stack([Lab(), Texture(3)]))
    assert 0.65 < truth.mean() < 0.75
    assert iou(TokenCut(learning_free, patch=4, side="frame")(image), truth) > 0.9
    assert iou(TokenCut(learning_free, patch=4, side="frame", position=1.5)(image), truth) > 0.9


def test_the_side_of_the_largest_entry_and_the_side_within_the_frame():
    """Of two plain parts the smaller has the larger entries: what is published takes it, wherever it lies."""
    ring = [[1] * 10, *([[1, *[0] * 8, 1]] * 8), [1] * 10]
    image = torch.zeros(1, 3, 20, 20)
    inside = torch.zeros(1, 1, 20, 20)
    inside[..., 2:18, 2:18] = 1
    assert (TokenCut(directions(ring))(image) == 1 - inside).all()
    assert (TokenCut(directions(ring), side="frame")(image) == inside).all()


def test_only_the_piece_with_the_seed_and_corners_do_not_connect():
    labels = torch.zeros(8, 8, dtype=torch.long)
    labels[1:3, 1:3] = 1
    labels[3, 3] = 1  # touches the square at a corner
    labels[6, 6] = 1
    mask = TokenCut(directions(labels.tolist()))(torch.zeros(1, 3, 16, 16))
    assert mask.sum() == 4 * 4
    assert mask[0, 0, 2:6, 2:6].all()


def test_features_of_pixels_are_averaged_over_patches_and_coarse_ones_taken_as_they_are():
    image = torch.full((1, 3, 24, 36), 0.3)
    image[:, :, 4:12, 8:20] = 0.9
    expected = (image[:, :1] > 0.5).float()
    assert (TokenCut(RGB(-1.0, 1.0), patch=4)(image) == expected).all()
    coarse = directions([[0] * 6, [0, 0, 1, 1, 0, 0], [0] * 6])
    mask = TokenCut(coarse, patch=2)(image)
    assert mask.sum() == 8 * 12
    assert mask[0, 0, 8:16, 12:24].all()


@pytest.mark.parametrize(("size", "shown"), [(None, (30, 40)), (60, (60, 80)), (15, (15, 20)), ((25, 24), (25, 24))])
def test_features_are_taken_at_the_size_asked_for(size, shown):
    features = directions([[0, 0], [0, 1]])
    assert TokenCut(features, size=size)(torch.zeros(1, 3, 30, 40)).shape == (1, 1, 30, 40)
    assert features.size == shown


@pytest.mark.parametrize("solver", ["lanczos", "dense"])
def test_without_a_cut_the_square(solver):
    image = torch.full((1, 3, 24, 32), 0.5)
    broken = image.clone()
    broken[0, 0, 3, 3] = torch.nan
    same, different = Given(torch.ones(1, 4, 9, 9)), directions(torch.arange(81).reshape(9, 9).tolist())
    opposite = Given(torch.zeros(1, 4, 9, 9))
    for features, picture in ((RGB(), image), (RGB(), broken), (same, image), (different, image), (opposite, image)):
        assert (TokenCut(features, patch=4, solver=solver)(picture) == Square()(picture)).all()
    assert (TokenCut(RGB(), patch=64)(image) == Square()(image)).all()  # a single token


def test_a_row_of_tokens_and_a_picture_smaller_than_its_tokens():
    row = directions([[0, 0, 0, 1, 1, 0, 0, 0]])
    for side in ("seed", "frame"):
        mask = TokenCut(row, side=side, position=0.5)(torch.zeros(1, 3, 5, 16))
        assert mask[..., 6:10].all()
        assert mask.sum() == 20
    dot = directions([[0] * 9] * 4 + [[0] * 3 + [1] + [0] * 5] + [[0] * 9] * 4)
    image = torch.rand(1, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    assert (TokenCut(dot)(image) == Square()(image)).all()  # the dot falls between the pixels


def test_groups_that_nothing_links():
    three = directions([[0] * 4, [0, 1, 1, 0], [0, 2, 2, 0], [0] * 4])
    mask = TokenCut(three)(torch.zeros(1, 3, 8, 8))
    assert mask[0, 0, 2:6, 2:6].any()
    assert not mask[0, 0, :2].any()


def test_a_broken_picture_does_not_touch_its_neighbours():
    images = torch.cat([blob(32, 32, 0.2)[0]] * 3)
    images[1] = torch.inf
    cut = TokenCut(RGB(-1.0, 1.0), patch=4, tau=0.8)
    together = cut(images)
    assert (together[1:2] == Square()(images[1:2])).all()
    assert (together[0] == together[2]).all()
    assert (together[:1] == cut(images[:1])).all()
    assert cut(images[:0]).shape == (0, 1, 32, 32)


def test_a_picture_that_wants_a_gradient_is_none_the_worse():
    image = blob(32, 32, 0.2)[0].requires_grad_()
    assert not TokenCut(RGB(-1.0, 1.0), patch=4)(image).requires_grad


def test_features_that_break_are_an_error():
    with pytest.raises(
        ValueError, match=r"^features: expected finite values for a finite picture, got NaN or infinity"
    ):
        TokenCut(Given(torch.full((1, 2, 3, 3), torch.nan)))(torch.zeros(1, 3, 9, 9))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tau": 2.0}, "tau: expected a finite number from -1 to 1, got 2"),
        ({"epsilon": 0.0}, "epsilon: expected a finite number from 1e-12 to 0.1, got 0"),
        ({"size": 0}, "size: expected a whole number of at least 1, got 0"),
        ({"size": (3, 4, 5)}, r"size: expected None, a short side, or a pair \(height, width\), got \(3, 4, 5\)"),
        ({"patch": 0}, "patch: expected a whole number of at least 1, got 0"),
        ({"side": "left"}, "side: expected one of seed, frame, got 'left'"),
        ({"position": -1.0}, "position: expected a finite number of at least 0, got -1"),
        ({"solver": "qr"}, "solver: expected one of lanczos, dense, got 'qr'"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message, unchecked):
    with pytest.raises(ValueError, match="^" + message):
        unchecked("iem.initialisers").TokenCut(RGB(), **settings)
