"""The second eigenvector against the published decomposition of the whole matrix."""

import numpy as np
import pytest
import scipy.linalg
import torch

from iem.initialisers.normalised_cut import alike, second_eigenvector


def published(links: torch.Tensor, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors of (D - A) v = lambda D v, as TokenCut's program takes them."""
    affinity = np.where(links.numpy(), 1.0, epsilon)
    degrees = np.diag(affinity.sum(1))
    return scipy.linalg.eigh(degrees - affinity, degrees)


def random_graph(seed: int) -> torch.Tensor:
    """Tokens of a few directions with noise: dense and thin, connected and not."""
    generator = torch.Generator().manual_seed(seed)
    count = int(torch.randint(2, 260, (), generator=generator))
    centres = torch.randn(int(torch.randint(2, 6, (), generator=generator)), 8, generator=generator)
    member = torch.randint(len(centres), (count,), generator=generator)
    noise = float(torch.rand((), generator=generator))
    tokens = centres[member] + 2 * noise * torch.randn(count, 8, generator=generator)
    return alike(tokens, tau=0.1 + 0.6 * float(torch.rand((), generator=generator)))


@pytest.mark.parametrize("epsilon", [1e-5, 0.05])
@pytest.mark.parametrize("solver", ["lanczos", "dense"])
def test_many_graphs_agree_with_the_whole_decomposition(solver, epsilon):
    compared = 0
    for seed in range(60):
        links = random_graph(seed)
        values, vectors = published(links, epsilon)
        vector = second_eigenvector(links, epsilon, solver)
        if len(values) > 2 and values[2] - values[1] < 1e-3:
            # Two that nearly coincide have no eigenvector of their own, but their plane has the eigenvalue.
            affinity = np.where(links.numpy(), 1.0, epsilon)
            weight = affinity.sum(1)
            quotient = vector @ (np.diag(weight) - affinity) @ vector / (vector @ (weight * vector))
            assert quotient == pytest.approx(values[1], abs=1e-3)
            continue
        expected = vectors[:, 1] / np.linalg.norm(vectors[:, 1])
        assert min(np.abs(vector - expected).max(), np.abs(vector + expected).max()) < 1e-4
        compared += 1
    assert compared > 35


def test_grids_as_large_as_vit_s_16_makes_them():
    rows, columns = torch.meshgrid(torch.arange(30.0), torch.arange(40.0), indexing="ij")
    angle = rows / 30 + 0.5 * columns / 40 + 2 * (((rows - 12) ** 2 + (columns - 22) ** 2) < 60)
    links = alike(torch.stack([angle.cos(), angle.sin()], dim=-1).reshape(-1, 2), tau=0.9)
    expected = published(links, 1e-5)[1][:, 1]
    expected = expected / np.linalg.norm(expected) * np.sign(expected[np.abs(expected).argmax()])
    np.testing.assert_allclose(second_eigenvector(links), expected, atol=1e-4)


def test_groups_without_a_link_between_them_are_told_apart():
    links = torch.block_diag(torch.ones(50, 50), torch.ones(30, 30)).bool()
    vector = second_eigenvector(links)
    assert np.ptp(vector[:50]) < 1e-6
    assert np.ptp(vector[50:]) < 1e-6
    assert vector[0] * vector[-1] < 0
    assert vector[-1] > 0  # the largest magnitude, that of the smaller group, is positive


@pytest.mark.parametrize("count", [2, 70, 900])
def test_where_all_eigenvalues_coincide_there_is_still_an_answer(count):
    for links in (torch.ones(count, count), torch.eye(count)):
        vector = second_eigenvector(links.bool())
        assert np.isfinite(vector).all()
        assert np.linalg.norm(vector) == pytest.approx(1)


def test_the_same_graph_has_the_same_vector_to_the_last_bit():
    links = random_graph(3)
    assert (second_eigenvector(links) == second_eigenvector(links.clone())).all()


def test_tokens_of_zeros_are_like_none():
    assert alike(torch.zeros(2, 3), tau=0.0).sum() == 0


def test_what_is_wrong_is_said(unchecked):
    plain = unchecked("iem.initialisers.normalised_cut").second_eigenvector
    with pytest.raises(ValueError, match=r"^links: expected a square matrix of at least 2 rows, got \[3, 4\]"):
        plain(torch.ones(3, 4).bool())
    with pytest.raises(ValueError, match=r"^links: expected a square matrix of at least 2 rows, got \[1, 1\]"):
        plain(torch.ones(1, 1).bool())
    with pytest.raises(ValueError, match=r"^solver: expected one of lanczos, dense, got 'qr'"):
        plain(torch.ones(3, 3).bool(), solver="qr")
    with pytest.raises(ValueError, match=r"^epsilon: expected a finite number from 1e-12 to 1, got 0"):
        plain(torch.ones(3, 3).bool(), epsilon=0)
