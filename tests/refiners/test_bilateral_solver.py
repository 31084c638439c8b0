import numpy as np
import pytest
import torch
from references.pictures import hard_mask, noise, smooth
from scipy import ndimage

from iem.refiners import BilateralSolver

YUV = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


def dense(image: torch.Tensor, target: torch.Tensor, spatial: float, luma: float, chroma: float, lam: float):
    """The equations of the paper with whole matrices, vertex by vertex, solved exactly; and the number of vertices."""
    height, width = target.shape[2:]
    rgb = (image[0] * 255).round().permute(1, 2, 0).numpy()
    yuv = rgb @ YUV.T + [0, 128, 128]
    cells = [
        (int(x / spatial), int(y / spatial), int(yuv[y, x, 0] / luma), *(int(c / chroma) for c in yuv[y, x, 1:]))
        for y in range(height)
        for x in range(width)
    ]
    vertices = sorted(set(cells))
    splat = np.array([[cell == vertex for cell in cells] for vertex in vertices], dtype=float)
    apart = np.abs(np.array(vertices)[:, None] - np.array(vertices)[None]).sum(2)
    blur = (apart == 1) + 10.0 * (apart == 0)
    pixels = splat.sum(1)
    n = np.ones(len(vertices))
    for _ in range(10):
        n = np.sqrt(n * pixels / (blur @ n))
    m = n * (blur @ n)
    matrix = lam * (np.diag(m) - np.diag(n) @ blur @ np.diag(n)) + np.diag(0.999 * pixels)
    solved = np.linalg.solve(matrix, 0.999 * splat @ target.flatten().numpy())
    return (splat.T @ solved).reshape(height, width), len(vertices)


@pytest.mark.parametrize("sigmas", [(4, 40, 30), (6, 25, 60), (16, 16, 8)])
def test_the_equations_of_the_paper(sigmas):
    for seed in range(4):
        image, target = smooth(seed, 1, 3, 19, 26), noise(seed + 9, 1, 1, 19, 26)
        expected, count = dense(image, target, *sigmas, lam=8.0)
        assert count > 20
        exact = BilateralSolver(*sigmas, lam=8.0, iterations=1000, tolerance=1e-12)(image, target)
        np.testing.assert_allclose(exact[0, 0].numpy(), expected, atol=1e-8)
        few = BilateralSolver(*sigmas, lam=8.0)(image, target)
        np.testing.assert_allclose(few[0, 0].numpy(), expected, atol=0.02)


def test_a_coarse_mask_moves_to_the_edges_of_the_picture():
    rows, columns = torch.meshgrid(torch.arange(96.0), torch.arange(128.0), indexing="ij")
    truth = ((rows - 45).square() + (columns - 70).square() < 30**2)[None, None].double()
    image = 0.35 + 0.4 * truth * torch.tensor([1.0, 0.3, 0.1]).view(1, 3, 1, 1).double()
    image = (image + 0.05 * (noise(0, 1, 3, 96, 128) - 0.5)).clamp(0, 1)
    coarse = torch.nn.functional.interpolate(
        (torch.nn.functional.avg_pool2d(truth, 16) > 0.4).double(), scale_factor=16
    )

    def iou(mask: torch.Tensor) -> float:
        return float(((mask > 0.5) & (truth > 0.5)).sum() / ((mask > 0.5) | (truth > 0.5)).sum())

    assert iou(coarse) < 0.9
    assert iou(BilateralSolver()(image, coarse)) > 0.97
    binary = BilateralSolver(binary=True)(image, coarse)
    assert iou(binary) > 0.97
    assert ((binary == 0) | (binary == 1)).all()


def test_binary_fills_holes_and_keeps_the_largest_piece():
    image = smooth(0, 1, 3, 60, 80)
    image[..., :40] += 0.3
    image.clamp_(0, 1)
    target = hard_mask(3, 1, 60, 80)
    soft = BilateralSolver(sigma_spatial=4)(image, target)[0, 0].numpy()
    labels, count = ndimage.label(ndimage.binary_fill_holes(soft > 0.5))
    sizes = [int((labels == i).sum()) for i in range(1, count + 1)]
    binary = BilateralSolver(sigma_spatial=4, binary=True)(image, target)[0, 0].numpy()
    assert binary.sum() == max(sizes)
    assert ((binary > 0) <= (labels > 0)).all()


def test_an_object_that_covers_most_of_the_picture_is_not_exchanged_for_the_background():
    target = torch.zeros(1, 1, 60, 60)
    target[..., 5:56, 5:56] = 1
    image = 0.2 + 0.6 * target.expand(1, 3, 60, 60)
    assert target.mean() > 0.7
    assert (BilateralSolver(binary=True)(image, target) == target).all()


def test_a_picture_wider_than_the_published_keys_reach():
    """Beyond 255 cells in x the published program's keys meet those of the next row."""
    target = torch.zeros(1, 1, 6, 1400)
    target[..., 1100:, :] = 1
    target[..., 1300:] = 1
    image = 0.4 * torch.ones(1, 3, 6, 1400)
    image[..., 1310:] = 0.9
    mask = BilateralSolver(sigma_spatial=3, binary=True)(image, target)
    assert (mask[..., 1310:] == 1).all()
    assert mask[..., :1200].sum() == 0


def test_greys_lie_in_one_cell_of_chroma():
    image = (torch.arange(256) / 255).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    target = hard_mask(0, 1, 16, 16, dtype=torch.float32)
    solved = BilateralSolver(sigma_luma=300)(image, target)
    torch.testing.assert_close(solved, target.mean().expand_as(target))


def test_what_is_wrong_is_said(unchecked):
    plain = unchecked("iem.refiners").BilateralSolver
    with pytest.raises(ValueError, match=r"^image: expected finite values, got NaN or infinity; clean the input first"):
        plain()(torch.full((1, 3, 4, 4), torch.nan), torch.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match=r"^mask: expected values in \[0, 1\], got \[2, 2\]"):
        plain()(torch.zeros(1, 3, 4, 4), torch.full((1, 1, 4, 4), 2.0))
    for name, low in (("sigma_spatial", 0.5), ("sigma_luma", 0.5), ("sigma_chroma", 0.5), ("lam", 0)):
        with pytest.raises(ValueError, match=rf"^{name}: expected a finite number of at least {low}, got -3"):
            plain(**{name: -3})
    assert plain()(torch.zeros(0, 3, 4, 4), torch.zeros(0, 1, 4, 4)).shape == (0, 1, 4, 4)
