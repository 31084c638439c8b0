"""MAT, as a network of the user's own."""

from iem.inpainters.external import External
from iem.inpainters.external_network import Source

MAT_NOTICE = "MAT (Li et al., CVPR 2022; github.com/fenglinglwb/MAT) is licensed CC BY-NC 4.0: not for commercial use."


def mat(source: Source, sha256: str | None = None, *, seed: int = 0, device: str | None = None) -> External:
    """MAT, for large holes: ``External`` with the conventions of that network.

    Li et al., *MAT: Mask-Aware Transformer for Large Hole Image Inpainting*, CVPR 2022 (arXiv 2203.15270). Its pictures
    are in [-1, 1] and 512 x 512, its mask is 1 where they are known, and what it paints is drawn at random. Its licence
    is CC BY-NC 4.0: not for commercial use.

    It is published as a pickle that needs the code of its repository, and no part of it is here. Put a file
    ``mat_painter.py`` into a clone of github.com/fenglinglwb/MAT, beside the pickle::

        import legacy
        import torch

        def load():
            with open("Places_512_FullData.pkl", "rb") as file:
                generator = legacy.load_network_pkl(file)["G_ema"].eval().requires_grad_(False)

            def paint(image, mask):
                generator.to(image.device)
                latent = torch.randn(1, generator.z_dim, device=image.device)
                label = torch.zeros(1, generator.c_dim, device=image.device)
                return generator(image, mask, latent, label, truncation_psi=1, noise_mode="const")

            return paint

    and give "MAT/mat_painter.py:load" as the source. The paths in it go by the folder you start from.

    Args:
        source: as of ``External``.
        sha256: refuse a file with another checksum.
        seed: another one, another painting.
        device: where it runs; None: where the picture is.
    """
    return External(
        source, sha256, hole_is=0, image_range=(-1, 1), size=512, seed=seed, device=device, notice=MAT_NOTICE
    )
