"""The normalised cut of a picture's tokens: which of them are alike, and the eigenvector that parts them."""

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

from iem.checks import check_choice, check_number

Solver = Literal["lanczos", "dense"]
SOLVERS: tuple[Solver, ...] = ("lanczos", "dense")

#: Fewer tokens than this are decomposed densely in any case: Lanczos' iterations gain nothing on them.
_FEW = 64


def alike(tokens: Float[Tensor, "n c"], tau: float) -> Bool[Tensor, "n n"]:
    """Which tokens have a cosine similarity above ``tau``; a token of zeros is like no other.

    >>> alike(torch.tensor([[1.0, 0.0], [2.0, 0.1], [-1.0, 0.0]]), tau=0.2).int()
    tensor([[1, 1, 0],
            [1, 1, 0],
            [0, 0, 1]], dtype=torch.int32)
    """
    unit = F.normalize(tokens, dim=1)
    return unit @ unit.T > tau


def second_eigenvector(
    links: Bool[Tensor, "n n"], epsilon: float = 1e-5, solver: Solver = "lanczos"
) -> NDArray[np.float64]:
    """The eigenvector of the second smallest eigenvalue of the normalised cut, ``[n]``, of unit length.

    Equation (Shi and Malik, "Normalized cuts and image segmentation", TPAMI 2000, eq. 11)::

        (D - A) v = lambda D v,     A = 1 where there is a link, else epsilon,     D = diag(A 1)

    Both solvers decompose ``D^-1/2 A D^-1/2``, whose largest eigenvector, ``D^1/2 1``, is known. "lanczos" (ARPACK,
    from a fixed start) takes it away and asks for the next; it multiplies by A without ever building it, as ``epsilon``
    times the sum plus the links. The sign is such that the entry of the largest magnitude is positive.

    Args:
        links: symmetric, ``[n, n]``, n at least 2.
        epsilon: weight of what is not linked, above 0: the graph is always connected.
        solver: "lanczos", or "dense" for the reference.

    Raises:
        ValueError: fewer than two tokens, a matrix that is not square, an unknown solver.

    >>> links = torch.block_diag(torch.ones(3, 3), torch.ones(2, 2)).bool()
    >>> (second_eigenvector(links) > 0).astype(int)
    array([0, 0, 0, 1, 1])
    """
    check_number(epsilon, "epsilon", low=1e-12, high=1)
    check_choice(solver, "solver", SOLVERS)
    count = len(links)
    if links.ndim != 2 or links.shape[1] != count or count < 2:
        raise ValueError(f"links: expected a square matrix of at least 2 rows, got {list(links.shape)}; give [n, n]")
    # The multiplication is bound by memory, hence float32, in which zeros and ones are exact.
    weights = links.detach().to("cpu", torch.float32)
    root = np.sqrt(epsilon * count + (1 - epsilon) * weights.sum(1, dtype=torch.float64).numpy())
    scaled = _lanczos(weights, root, epsilon) if solver == "lanczos" and count >= _FEW else None
    vector: NDArray[np.float64] = (_dense(weights, root, epsilon) if scaled is None else scaled) / root
    vector /= np.linalg.norm(vector)
    return vector if vector[np.abs(vector).argmax()] > 0 else -vector


def _dense(weights: Tensor, root: NDArray[np.float64], epsilon: float) -> NDArray[np.float64]:
    affinity = np.where(weights.numpy() > 0, 1.0, epsilon) / np.outer(root, root)
    n = len(root)
    vector: NDArray[np.float64] = eigh(affinity, subset_by_index=[n - 2, n - 2])[1][:, 0]
    return vector


def _lanczos(weights: Tensor, root: NDArray[np.float64], epsilon: float) -> NDArray[np.float64] | None:
    """None if it does not converge, as where very many eigenvalues nearly coincide."""
    trivial = root / np.linalg.norm(root)

    def multiply(x: NDArray[np.float64]) -> NDArray[np.float64]:
        y = x.ravel() / root
        linked: NDArray[np.float64] = (weights @ torch.from_numpy(y).float()).double().numpy()
        product: NDArray[np.float64] = (epsilon * y.sum() + (1 - epsilon) * linked) / root
        return product - trivial * (trivial @ x.ravel())

    operator = LinearOperator((len(root), len(root)), matvec=multiply, dtype=np.float64)
    start = np.cos(np.arange(len(root)) * 2.4)  # neither constant nor periodic along the rows of a grid
    try:
        vector: NDArray[np.float64] = eigsh(operator, k=1, which="LA", v0=start, tol=1e-7, maxiter=50)[1][:, 0]
    except ArpackNoConvergence:
        return None
    return vector
