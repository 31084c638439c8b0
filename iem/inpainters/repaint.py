"""RePaint: a DDPM of whole pictures, held to what is known."""

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, final

import torch

from iem.checks import check_number
from iem.inpainters.pipelines import check_extra, check_source, load_ddpm
from iem.inpainters.sampling import paint_one_by_one, working_size
from iem.interfaces import Image, Mask


@final
@dataclass(frozen=True)
class RePaint:
    """A network that was never shown a hole: a DDPM samples a picture whose known part is set anew at every step.

    Lugmayr et al., *RePaint: inpainting using denoising diffusion probabilistic models*, CVPR 2022 (arXiv 2201.09865),
    algorithm 1::

        x(t-1) = known * (picture with the noise of t-1) + hidden * (what the network makes of x(t))

    and every ``jump_length`` steps the sample goes as many steps back to more noise, so that hidden and known part grow
    together, until each such stretch was sampled ``jump_n_sample`` times. With the defaults, which are the paper's,
    that asks the network 2410 times a picture: minutes on a GPU, an hour or more on a CPU. Fewer steps and jumps are
    faster.

    The scheduler of diffusers scales the noise of the known part as the paper's equation 8a does (not as its algorithm
    1, line 5), and draws that noise once for the known and the hidden part. The paper's networks learned the variance,
    too; those that diffusers reads did not.

    Hidden pixels have no influence. Pictures are painted one by one, each with a generator of the same seed: a batch
    equals a loop. No gradient flows. A soft hole is painted as a hard one, then blended. The network is loaded at the
    first picture; nothing is downloaded.

    Args:
        model: a folder with a ``UNet2DModel`` of RGB pictures and its scheduler, or a name that ``iem models get`` has
            fetched. It paints what it was trained on: ``ddpm-celebahq-256`` knows faces.
        steps: of the sampler, without the jumps; a divisor of those that the network was trained with (often 1000).
        jump_length: steps between two jumps, and of each; with as many ``steps`` or fewer there are none.
        jump_n_sample: how often each stretch is sampled, 1 for no jumps.
        eta: 1 for the noise of DDPM, as in the paper; 0 for DDIM, without noise (default of diffusers' pipeline).
        seed: of all that is drawn.
        size: short side of the picture that the network sees, in pixels.
        device: where the network runs, such as "cuda" (in half precision); None: where the picture is.
        on_step: called with (step, steps) after each time the network was asked; what it raises ends the painting.

    Raises:
        ValueError: no such folder, a number out of its range; when painting, weights that are not here or do not fit.
        ImportError: the extra ``diffusion`` is not installed.

    >>> RePaint("./nowhere")
    Traceback (most recent call last):
    ...
    ValueError: model: expected a folder or a name of `iem models list`, found no folder ./nowhere; check the path
    """

    model: Path | str = "ddpm-celebahq-256"
    _: KW_ONLY
    steps: int = 250
    jump_length: int = 10
    jump_n_sample: int = 10
    eta: float = 1.0
    seed: int = 0
    size: int = 256
    device: str | None = None
    on_step: Callable[[int, int], None] | None = field(default=None, repr=False, compare=False)
    _networks: dict[str, tuple[Any, Any]] = field(default_factory=dict, init=False, repr=False, compare=False)

    differentiable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_source(self.model, "model")
        check_extra("RePaint")
        check_number(self.steps, "steps", low=1, integer=True)
        check_number(self.jump_length, "jump_length", low=1, integer=True)
        check_number(self.jump_n_sample, "jump_n_sample", low=1, integer=True)
        check_number(self.eta, "eta", low=0, high=1)
        check_number(self.seed, "seed", low=0, high=2**63 - 1, integer=True)
        check_number(self.size, "size", low=8, integer=True)

    def __getstate__(self) -> Mapping[str, Any]:
        """Copies load the network themselves."""
        return {**self.__dict__, "_networks": {}}

    def load(self, device: torch.device | str = "cpu") -> None:
        """Load the network now, so that what is wrong with it is known before any other work.

        Args:
            device: of the pictures to come.
        """
        self._network(torch.device(device))

    def __call__(self, image: Image, hole: Mask) -> Image:
        """Paint ``[b, 3, h, w]`` where ``hole`` is 1; a soft hole blends, an empty one asks no network."""

        def fit(size: tuple[int, int]) -> tuple[int, int]:
            halvings = len(self._network(image.device)[0].config.block_out_channels) - 1
            return working_size(size, self.size, 2**halvings)

        return paint_one_by_one(image, hole, self._sample, painter="RePaint", fit=fit)

    @torch.no_grad()
    def _sample(self, visible: Image, hidden: Mask) -> Image:
        """The sampler's picture."""
        unet, scheduler = self._network(visible.device)
        scheduler.set_timesteps(self.steps, self.jump_length, self.jump_n_sample)
        scheduler.eta = float(self.eta)
        generator = torch.Generator().manual_seed(self.seed)  # on the CPU: the same noise on every device
        keep = (1 - hidden).to(unet.device)
        known = (2 * visible.to(unet.device) - 1) * keep
        sample = torch.randn(visible.shape, generator=generator).to(unet.device)
        times = scheduler.timesteps.tolist()
        forward = [now < before for before, now in zip([times[0] + 1, *times], times, strict=False)]
        asked, last = 0, times[0]
        for time, towards_the_picture in zip(times, forward, strict=True):
            if towards_the_picture:
                noise = unet(sample.to(unet.dtype), time).sample.float()
                sample = scheduler.step(noise, time, sample, known, keep, generator).prev_sample
                asked += 1
                if self.on_step is not None:
                    self.on_step(asked, sum(forward))
            else:
                sample = scheduler.undo_step(sample, last, generator)
            last = time
        return (sample / 2 + 0.5).clamp(0, 1)

    def _network(self, device: torch.device) -> tuple[Any, Any]:
        device = device if self.device is None else torch.device(self.device)
        if str(device) not in self._networks:
            unet, scheduler = load_ddpm(self.model, device=device)
            trained = scheduler.config.num_train_timesteps
            if trained % self.steps:
                near = max(each for each in range(1, min(self.steps, trained) + 1) if trained % each == 0)
                raise ValueError(
                    f"steps: expected a divisor of the {trained} that the network was trained with, got {self.steps}; "
                    f"take {near}"
                )
            self._networks[str(device)] = unet, scheduler
        return self._networks[str(device)]
