"""One-dimensional k-means against trying everything."""

import numpy as np
import pytest
import torch
from references.painting_by_hand import best_clusters
from references.pictures import noise

from iem.optimisers.clustering import cluster_centres, nearest_centre


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("power", [1, 6])
@pytest.mark.parametrize("n", [3, 40, 3000])
def test_no_partition_is_cheaper(count, power, n):
    values = noise(n + power, n) ** power
    expected = best_clusters(values.numpy(), count)
    torch.testing.assert_close(cluster_centres(values, count), torch.tensor(expected), rtol=1e-9, atol=1e-12)


def test_far_away_and_many_equal_values():
    values = torch.cat([torch.full((70_000,), 0.0), 1e-3 * noise(1, 900), torch.tensor([50.0, 51.0])]).double()
    found = cluster_centres(values, 3)
    torch.testing.assert_close(found, torch.tensor(best_clusters(values.numpy(), 3)), rtol=1e-9, atol=1e-12)
    assert cluster_centres(torch.full((9,), 0.1), 3).tolist() == pytest.approx([0.1])
    assert cluster_centres(torch.tensor([1.0, 2.0, 2.0]), 3).tolist() == [1.0, 2.0]
    assert len(cluster_centres(torch.zeros(0), 2)) == 0


def test_labels_are_the_nearest_centres():
    values = noise(4, 500)
    centres = cluster_centres(values, 3)
    expected = np.abs(values.numpy()[:, None] - centres.numpy()).argmin(1)
    np.testing.assert_array_equal(nearest_centre(values, centres).numpy(), expected)
