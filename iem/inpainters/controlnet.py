"""Stable Diffusion that a ControlNet has taught to fill holes."""

import math
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, final

import kornia
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

from iem.checks import check_number
from iem.inpainters.pipelines import check_extra, check_length, check_source, check_text, load_controlnet
from iem.inpainters.sampling import paint_one_by_one, working_size
from iem.interfaces import Image, Mask

_GRID = 8
_GREY = 0.5  #: what the encoder sees in the hole


@final
@dataclass(frozen=True)
class ControlNet:
    """Stable Diffusion 1.5 with the ControlNet for inpainting, sampled as in Visionloop (J. Wan, 2023).

    Zhang et al., *Adding conditional control to text-to-image diffusion models*, ICCV 2023; the loop is that of
    ``gradio_inpaint.py`` in ControlNet-v1-1-nightly: the control picture is -1 in the hole, DDIM samples the latents,
    and before each of its steps the known part is set to the picture's own latents with as much noise.

    The defaults are those of ``visionloop.py`` (nJasow04/TokenCut). What differs from it:

    * Hidden pixels have no influence. The published program encodes the whole picture, and mixes its latents and
      pixels back in along the blurred border of the hole; here what it hides is grey to the encoder, and the border
      is blurred outwards only.
    * Known pixels come back as they were: the picture is composited with the hole itself, not with the blurred one.
    * Sides are rounded to a multiple of 8, not of 64, and the result is brought back to the picture's size.
    * ``prompt`` and ``added_prompt`` are joined by a comma if neither is empty (there, a leading comma remained).

    Pictures are painted one by one, each with a generator of the same seed: a batch equals a loop. No gradient flows.
    A soft hole is painted as a hard one, then blended. Networks are loaded at the first picture; nothing is downloaded.

    Args:
        base: Stable Diffusion 1.5: a folder, or a name that ``iem models get`` has fetched.
        controlnet: ``control_v11p_sd15_inpaint``, likewise.
        prompt: what the hole should show.
        added_prompt: appended to the prompt.
        negative_prompt: what it should not show.
        steps: of the DDIM sampler.
        guidance: of the prompt; 1 or less for none, at half the cost.
        conditioning_scale: of the ControlNet, ``strength`` in the published program.
        eta: 0 for a deterministic sampler, 1 for one with as much noise as DDPM.
        seed: of all that is drawn.
        size: short side of the picture that the networks see, in pixels.
        mask_blur: standard deviation of the hole's blurred border, in pixels of that picture.
        device: where the networks run, such as "cuda"; None: where the picture is.
        on_step: called with (step, steps) after each step; what it raises ends the painting.

    Raises:
        ValueError: no such folder, a number out of its range; when painting, weights that are not here or do not fit.
        ImportError: the extra ``diffusion`` is not installed.

    >>> ControlNet("./nowhere")
    Traceback (most recent call last):
    ...
    ValueError: base: expected a folder or a name of `iem models list`, found no folder ./nowhere; check the path
    """

    base: Path | str = "stable-diffusion-v1-5"
    controlnet: Path | str = "controlnet-inpaint"
    _: KW_ONLY
    prompt: str = ""
    added_prompt: str = "absolutely zero creativity, zero imagination"
    negative_prompt: str = ""
    steps: int = 50
    guidance: float = 7.0
    conditioning_scale: float = 1.0
    eta: float = 1.0
    seed: int = 12345
    size: int = 512
    mask_blur: float = 5.0
    device: str | None = None
    on_step: Callable[[int, int], None] | None = field(default=None, repr=False, compare=False)
    _pipelines: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    differentiable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_source(self.base, "base")
        check_source(self.controlnet, "controlnet")
        check_extra("ControlNet")
        for name in ("prompt", "added_prompt", "negative_prompt"):
            check_text(getattr(self, name), name)
        check_number(self.steps, "steps", low=1, high=1000, integer=True)
        check_number(self.guidance, "guidance", low=0)
        check_number(self.conditioning_scale, "conditioning_scale", low=0)
        check_number(self.eta, "eta", low=0, high=1)
        check_number(self.seed, "seed", low=0, high=2**63 - 1, integer=True)
        check_number(self.size, "size", low=_GRID, integer=True)
        check_number(self.mask_blur, "mask_blur", low=0, high=100)

    def __getstate__(self) -> Mapping[str, Any]:
        """Copies load the networks themselves."""
        return {**self.__dict__, "_pipelines": {}}

    def load(self, device: torch.device | str = "cpu") -> None:
        """Load the networks now, so that what is wrong with them is known before any other work.

        Args:
            device: of the pictures to come.
        """
        self._pipeline(torch.device(device))

    def __call__(self, image: Image, hole: Mask) -> Image:
        """Paint ``[b, 3, h, w]`` where ``hole`` is 1; a soft hole blends, an empty one asks no network."""
        fit = partial(working_size, short_side=self.size, grid=_GRID)
        return paint_one_by_one(image, hole, self._sample, painter="ControlNet", fit=fit)

    @torch.no_grad()
    def _sample(self, visible: Image, hidden: Mask) -> Image:
        """The sampler's picture."""
        image = visible + _GREY * hidden
        pipeline = self._pipeline(image.device)
        prompt = ", ".join(filter(None, (self.prompt, self.added_prompt)))
        check_length(pipeline, prompt, "prompt")
        check_length(pipeline, self.negative_prompt, "negative_prompt")
        guidance = 0.0 if prompt == self.negative_prompt else float(self.guidance)  # the same, at half the cost
        scheduler, device, dtype = pipeline.scheduler, pipeline._execution_device, pipeline.unet.dtype
        generator = torch.Generator().manual_seed(self.seed)  # on the CPU: the same noise on every device
        control = image.where(hidden == 0, -1.0)
        encoded = pipeline.vae.encode((2 * image - 1).to(device, dtype)).latent_dist
        latents = encoded.sample(generator) * pipeline.vae.config.scaling_factor
        free = self._latent_hole(hidden, latents).to(device, dtype)

        def noise() -> Tensor:
            return torch.randn(latents.shape, generator=generator).to(device, dtype)

        def keep_known(sampled: Tensor, time: Tensor) -> Tensor:
            known: Tensor = scheduler.add_noise(latents, noise(), time[None])
            return known * (1 - free) + sampled * free

        def after_step(_: Any, step: int, time: Any, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
            if self.on_step is not None:
                self.on_step(step + 1, self.steps)
            if step + 1 == len(scheduler.timesteps):
                return {}
            return {"latents": keep_known(tensors["latents"], scheduler.timesteps[step + 1])}

        scheduler.set_timesteps(self.steps, device=device)
        answer: Tensor = pipeline(
            prompt=prompt,
            negative_prompt=self.negative_prompt,
            image=control,
            latents=keep_known(noise(), scheduler.timesteps[0]),
            num_inference_steps=self.steps,
            guidance_scale=guidance,
            controlnet_conditioning_scale=float(self.conditioning_scale),
            eta=float(self.eta),
            generator=generator,
            output_type="pt",
            callback_on_step_end=after_step,
        ).images
        return answer.float()

    def _latent_hole(self, hidden: Mask, like: Tensor) -> Tensor:
        """1 wherever a latent covers a hidden pixel, falling off outside."""
        size = (int(like.shape[2]), int(like.shape[3]))
        whole = F.adaptive_max_pool2d(hidden, size)
        if self.mask_blur == 0:
            return whole
        taps = 2 * math.ceil(4 * self.mask_blur) + 1
        deviations = (float(self.mask_blur), float(self.mask_blur))
        blurred = kornia.filters.gaussian_blur2d(hidden, (taps, taps), deviations, border_type="replicate")
        return torch.maximum(whole, F.adaptive_avg_pool2d(blurred, size))

    def _pipeline(self, device: torch.device) -> Any:
        device = device if self.device is None else torch.device(self.device)
        if str(device) not in self._pipelines:
            self._pipelines[str(device)] = load_controlnet(self.base, self.controlnet, device=device)
        return self._pipelines[str(device)]
