import pytest
import torch
from references.pictures import noise

from iem.features import RGB, Lab, Whitening
from iem.initialisers import Found, Square
from iem.initialisers.found import AttentiveFeatures, similarity_by_attention, similarity_by_frame


def published(keys: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
    """FOUND's similarity to its background seed, token by token: keys [heads, d, h, w], attention [heads, h, w]."""
    heads, _, height, width = keys.shape
    mean = attention.mean()
    sparse = [sum(float(a > mean) for a in attention[h].flatten()) / (height * width) for h in range(heads)]
    beta = [torch.log(torch.tensor((sum(sparse) + heads * 1e-10) / (q + 1e-10))) for q in sparse]
    places = [(i, j) for i in range(height) for j in range(width)]
    seed = min(places, key=lambda p: float(sum(beta[h] * attention[h][p] for h in range(heads))))
    vectors = {p: torch.cat([beta[h] * keys[h, :, p[0], p[1]] for h in range(heads)]) for p in places}
    similarity = torch.zeros(height, width, dtype=keys.dtype)
    for p in places:
        similarity[p] = torch.cosine_similarity(vectors[p], vectors[seed], dim=0)
    return similarity


class Attentive:
    def __init__(self, keys: torch.Tensor, attention: torch.Tensor) -> None:
        self.keys, self.attention = keys, attention

    def __call__(self, image):
        raise AssertionError("the attention was not asked for")

    def keys_and_attention(self, image):
        return self.keys.to(image), self.attention.to(image)


def test_seed_and_weights_are_the_published_ones():
    for seed in range(10):
        keys, attention = noise(seed, 3, 4, 5, 6) - 0.3, noise(seed + 50, 3, 5, 6) ** 3
        attention = attention * torch.tensor([0.2, 1.0, 3.0]).view(3, 1, 1)
        similarity = similarity_by_attention(keys.flatten(0, 1)[None], attention[None])
        torch.testing.assert_close(similarity, published(keys, attention))


def test_what_attends_is_asked_for_its_attention():
    keys, attention = noise(1, 1, 8, 5, 6) - 0.3, noise(2, 1, 2, 5, 6)
    features = Attentive(keys, attention)
    assert isinstance(features, AttentiveFeatures)
    image = torch.zeros(1, 3, 10, 12, dtype=torch.float64)
    mask = Found(features, threshold=0.3)(image)
    expected = published(keys[0].unflatten(0, (2, 4)), attention[0]) <= 0.3
    assert (mask[0, 0, ::2, ::2] == expected).all()


def test_dino_gives_both(tmp_path):
    pytest.importorskip("transformers")
    from references.tiny_models import tiny_vit

    from iem.features import DINO

    features = DINO(tiny_vit(tmp_path / "vit"))
    assert isinstance(features, AttentiveFeatures)
    assert not isinstance(RGB(), AttentiveFeatures)
    image = noise(0, 2, 3, 48, 64, dtype=torch.float32)
    mask = Found(features, threshold=0.9)(image)
    keys, attention = features.keys_and_attention(image[1:])
    expected = similarity_by_attention(keys.detach(), attention.detach()) <= 0.9
    assert 0 < expected.sum() < expected.numel()
    assert (mask[1, 0, ::8, ::8] == expected).all()


def test_without_attention_the_seed_is_the_token_most_like_the_frame():
    tokens = noise(3, 1, 4, 5, 6) - 0.4
    unit = tokens[0] / tokens[0].norm(dim=0)
    frame = [(i, j) for i in range(5) for j in range(6) if i in (0, 4) or j in (0, 5)]
    likeness = {p: sum(float(unit[:, p[0], p[1]] @ unit[:, q[0], q[1]]) for q in frame) for p in frame}
    seed = max(frame, key=likeness.__getitem__)
    expected = torch.einsum("chw,c->hw", unit, unit[:, seed[0], seed[1]])
    torch.testing.assert_close(similarity_by_frame(tokens), expected)


def test_several_objects_of_a_photograph_s_kind_are_found_without_weights():
    image = 0.5 + 0.1 * (noise(0, 1, 3, 64, 96) - 0.5)
    truth = torch.zeros(1, 1, 64, 96)
    truth[..., 12:36, 16:40] = 1
    truth[..., 28:52, 60:84] = 1
    image[:, 0] += 0.35 * truth[:, 0]
    mask = Found(Whitening(Lab()), threshold=0.0, patch=4)(image)
    assert ((mask > 0.5) & (truth > 0.5)).sum() / ((mask > 0.5) | (truth > 0.5)).sum() > 0.95


def test_without_two_sides_the_square():
    flat = torch.full((1, 3, 24, 32), 0.4)
    broken = flat.clone()
    broken[0, 1, 2, 2] = torch.inf
    for image in (flat, broken):
        assert (Found(RGB(), patch=4)(image) == Square()(image)).all()
    assert (Found(RGB(), patch=99)(flat) == Square()(flat)).all()
    both = torch.cat([broken, flat, noise(4, 1, 3, 24, 32, dtype=torch.float32)])
    alone = Found(RGB(-1.0, 1.0), patch=4)(both[2:])
    assert (Found(RGB(-1.0, 1.0), patch=4)(both)[2:] == alone).all()
    assert Found(RGB())(both[:0]).shape == (0, 1, 24, 32)


def test_what_is_wrong_is_said(unchecked):
    plain = unchecked("iem.initialisers.found")
    with pytest.raises(ValueError, match=r"^keys: expected \[1, a multiple of 2, h, w\] like the attention, got"):
        plain.similarity_by_attention(torch.ones(1, 3, 4, 4), torch.ones(1, 2, 4, 4))
    with pytest.raises(ValueError, match=r"^threshold: expected a finite number from -1 to 1, got 3"):
        plain.Found(RGB(), threshold=3.0)
