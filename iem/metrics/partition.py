"""How well a partition of a picture into regions agrees with the true one, whatever the regions are called.

All scores are read off one table: how many pixels each predicted region shares with each true one. Regions carry no
names, so each score finds for itself which of them belong together.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from jaxtyping import Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torchmetrics import Metric

from iem.checks import check_number
from iem.metrics.confusion import ratio
from iem.metrics.contingency import MOST_LABELS, Contingency, Labels, contingency

LabelBatch = Int[Tensor, "*b h w"] | Sequence[Labels]  #: one picture, several, or several of different sizes


def adjusted_rand_index(table: Contingency) -> float:
    """Agreement on pairs of pixels, corrected for chance: 1 for equal partitions, 0 on average for unrelated ones.

    Equation (Hubert and Arabie, "Comparing partitions", 1985, eq. 5), with ``n_ij`` the table, ``a_i`` and ``b_j`` its
    sums and ``n`` the pixels::

        S = sum_ij C(n_ij, 2),    A = sum_i C(a_i, 2),    B = sum_j C(b_j, 2),    E = A B / C(n, 2)
        ARI = (S - E) / ((A + B) / 2 - E)

    Where this is 0/0 both partitions are the same, all one region or all single pixels: 1, as scikit-learn has it. One
    region where there should be several, or the reverse, is 0. NaN without a pixel.

    >>> truth = torch.tensor([[0, 0, 1, 1]])
    >>> adjusted_rand_index(contingency(1 - truth, truth)), adjusted_rand_index(contingency(0 * truth, truth))
    (1.0, 0.0)
    """
    n = table.pixels
    if n.numel() == 0:
        return float("nan")
    # Python's whole numbers: products of pairs of pixels are beyond 64 bits.
    S, A, B, N = (_pairs(counts) for counts in (n, n.sum(1), n.sum(0), n.sum()))
    numerator, denominator = 2 * (S * N - A * B), (A + B) * N - 2 * A * B
    return numerator / denominator if denominator else 1.0


def best_match_iou(table: Contingency, *, background: int | None = None) -> float:
    """Mean over the true regions of the IoU with their partners, paired one to one so that it is largest.

    The pairing is found by ``scipy.optimize.linear_sum_assignment`` (the Hungarian method, Kuhn 1955). A true region
    without a partner counts 0; surplus predicted regions cost nothing by themselves. NaN without a true region.

    Args:
        table: of ``contingency``.
        background: label of a true region that is not scored and takes no partner; None scores them all.

    >>> table = contingency(torch.tensor([[0, 0, 1, 1]]), torch.tensor([[0, 0, 0, 1]]))
    >>> round(best_match_iou(table), 4), best_match_iou(table, background=0)
    (0.5833, 0.5)
    """
    scored = table.true_regions != (-1 if background is None else background)
    pairs = table.iou()[:, scored]
    if pairs.shape[1] == 0:
        return float("nan")
    rows, columns = linear_sum_assignment(pairs.cpu().numpy(), maximize=True)
    return float(pairs[rows, columns].sum()) / pairs.shape[1]


def covering(table: Contingency) -> float:
    """How well the predicted regions cover the true ones, large regions weighing more.

    Equation (Arbelaez, Maire, Fowlkes and Malik, "Contour detection and hierarchical image segmentation", TPAMI 2011,
    eq. 8), over the true regions R and predicted ones R'::

        C = 1/N sum_R |R| max_R' |R and R'| / |R or R'|

    One predicted region may cover several true ones. NaN without a pixel.

    >>> round(covering(contingency(torch.tensor([[0, 0, 1, 1]]), torch.tensor([[0, 0, 0, 1]]))), 4)
    0.625
    """
    if table.pixels.numel() == 0:
        return float("nan")
    return float((table.iou().amax(0) * table.pixels.sum(0)).sum() / table.pixels.sum())


@dataclass(frozen=True)
class PartitionScores:
    """How well one picture's regions agree with the true ones; scores are NaN where they are undefined.

    Attributes:
        adjusted_rand_index: from about -0.5 to 1, 0 by chance.
        best_match_iou: in [0, 1].
        covering: in [0, 1].
        regions: how many were predicted.
        true_regions: how many there are.
    """

    adjusted_rand_index: float
    best_match_iou: float
    covering: float
    regions: int
    true_regions: int


def partition_scores(
    labels: Labels, truth: Labels, *, ignore: Tensor | None = None, background: int | None = None
) -> PartitionScores:
    """All scores of one picture from one count of its pixels.

    Args:
        labels: whole numbers ``[h, w]`` from 0 to 65535.
        truth: the same.
        ignore: ``[h, w]`` or ``[1, 1, h, w]`` in [0, 1]; pixels above one half are left out.
        background: see ``best_match_iou``.

    Raises:
        TypeError: labels that are not whole numbers.
        ValueError: what ``contingency`` raises.

    >>> scores = partition_scores(torch.tensor([[1, 1, 0, 0]]), torch.tensor([[0, 0, 1, 1]]))
    >>> scores.adjusted_rand_index, scores.covering, scores.regions
    (1.0, 1.0, 2)
    """
    table = contingency(labels, truth, ignore=ignore)
    matched = best_match_iou(table, background=background)
    return PartitionScores(adjusted_rand_index(table), matched, covering(table), *table.pixels.shape)


class PictureMean(Metric, ABC):
    """Mean over pictures of a score of two partitions; pictures where it is undefined are left out, none gives NaN."""

    full_state_update = False
    is_differentiable = False
    higher_is_better = True

    _UNITS_PER_ONE = 2**40

    def __init__(self, *, rule: int = 0, **metric: Any) -> None:
        super().__init__(**metric)
        # MetricCollection lets metrics with equal states share them for good; another score has other names, and the
        # same score by another rule another state.
        self._names = tuple(f"{type(self).__name__}_{state}" for state in ("units", "defined", "rule"))
        for name, start, reduce in zip(self._names, (0, 0, rule), ("sum", "sum", "max"), strict=True):
            self.add_state(name, torch.tensor(start), dist_reduce_fx=reduce)

    @abstractmethod
    def score(self, table: Contingency) -> float:
        """The score of one picture; NaN where it is undefined."""

    @property
    def update_called(self) -> bool:
        """Always true: without pictures the answer is NaN, which says it; torchmetrics would warn on top."""
        return True

    def update(self, labels: LabelBatch, truth: LabelBatch, ignore: Tensor | Sequence[Tensor] | None = None) -> None:
        """Add pictures.

        Args:
            labels: ``[h, w]``, ``[b, h, w]``, or a list of ``[h, w]`` of any sizes; whole numbers from 0 to 65535.
            truth: in the same form.
            ignore: one mask ``[1, h, w]`` per picture, together ``[b, 1, h, w]``, or a list; see ``contingency``.
        """
        predicted, true = _pictures(labels), _pictures(truth)
        void: Sequence[Tensor | None] = [None] * len(true) if ignore is None else _pictures(ignore)
        if not len(predicted) == len(true) == len(void):
            raise ValueError(
                "labels: expected as many pictures of labels, of truth and of ignore, "
                f"got {len(predicted)}, {len(true)} and {len(void)}; give one of each per picture"
            )
        triples = zip(predicted, true, void, strict=True)
        scores = torch.tensor([self.score(contingency(p, t, ignore=v)) for p, t, v in triples], dtype=torch.float64)
        # Sums of whole numbers are exact in any order and on any number of processes, and every device has them.
        units = (scores.nan_to_num(0) * self._UNITS_PER_ONE).round().long().sum()
        for name, more in zip(self._names, (units, (~scores.isnan()).sum()), strict=False):
            setattr(self, name, getattr(self, name) + more.to(self.device))

    def compute(self) -> Tensor:
        """The mean, between the score's own limits."""
        return ratio(getattr(self, self._names[0]), getattr(self, self._names[1])) / self._UNITS_PER_ONE


@final
class AdjustedRandIndex(PictureMean):
    """Mean over pictures of ``adjusted_rand_index``: agreement of two partitions on pairs of pixels, chance is 0.

    Raises:
        TypeError: ``update`` was given labels that are not whole numbers.
        ValueError: ``update`` raises what ``contingency`` does.

    >>> metric = AdjustedRandIndex()
    >>> metric.update(torch.tensor([[[1, 1, 0, 0]]]), torch.tensor([[[0, 0, 1, 1]]]))
    >>> metric.compute().item()
    1.0
    """

    def score(self, table: Contingency) -> float:
        """Of one picture."""
        return adjusted_rand_index(table)


@final
class BestMatchIoU(PictureMean):
    """Mean over pictures of ``best_match_iou``: the IoU of true regions with their partners, paired one to one.

    Args:
        background: label of the true region that is not scored and takes no partner; None scores them all.
        metric: keywords of ``torchmetrics.Metric``.

    Raises:
        TypeError: ``update`` was given labels that are not whole numbers.
        ValueError: ``background`` is no label; ``update`` raises what ``contingency`` does.

    >>> metric = BestMatchIoU(background=0)
    >>> metric(torch.tensor([[1, 2, 0, 0]]), torch.tensor([[3, 3, 0, 0]])).item()
    0.5
    """

    def __init__(self, *, background: int | None = None, **metric: Any) -> None:
        if background is not None:
            check_number(background, "background", low=0, high=MOST_LABELS - 1, integer=True)
        super().__init__(rule=-1 if background is None else background, **metric)
        self.background = background

    def score(self, table: Contingency) -> float:
        """Of one picture."""
        return best_match_iou(table, background=self.background)


@final
class Covering(PictureMean):
    """Mean over pictures of ``covering``: of each true region, its best IoU with a predicted one, weighed by its size.

    Raises:
        TypeError: ``update`` was given labels that are not whole numbers.
        ValueError: ``update`` raises what ``contingency`` does.

    >>> Covering()(torch.tensor([[0, 0, 0, 0]]), torch.tensor([[0, 0, 1, 1]])).item()
    0.5
    """

    def score(self, table: Contingency) -> float:
        """Of one picture."""
        return covering(table)


def _pairs(counts: Tensor) -> int:
    """How many pairs of pixels lie in the same entry."""
    return int((counts * (counts - 1) // 2).sum())


def _pictures(maps: Tensor | Sequence[Tensor]) -> Sequence[Tensor]:
    return [maps] if isinstance(maps, Tensor) and maps.ndim == 2 else list(maps)
