"""Stable Diffusion as an inpainter."""

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, final

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from iem.checks import check_number
from iem.inpainters.harmonic import Harmonic
from iem.inpainters.pipelines import check_extra, check_length, check_source, check_text, load_stable_diffusion
from iem.inpainters.sampling import paint_one_by_one, working_size
from iem.interfaces import Image, Mask

_GRID = 8
_GREY = 0.5  #: what a network that was trained to fill holes sees in them


@final
@dataclass(frozen=True)
class StableDiffusion:
    """Stable Diffusion, the variant that was trained to fill holes, or any other.

    Rombach et al., *High-resolution image synthesis with latent diffusion models*, CVPR 2022; the sampler is DDIM
    (Song et al., ICLR 2021), whichever the folder names. What kind of network a folder holds, its UNet's input says:

    * 9 channels (``stable-diffusion-inpainting``): latents, the hole, and the latents of the picture with a grey hole.
    * 4 channels (Stable Diffusion itself): after each step the known part is set to the picture's own latents with as
      much noise as is left (Avrahami et al., *Blended latent diffusion*, SIGGRAPH 2023).

    Hidden pixels have no influence. With ``strength`` below 1, what is sampled starts from the picture, as usual, but
    with a harmonic fill of the known pixels in the hole: the less the strength, the closer to that the result.

    A latent that covers a hidden pixel is hidden, so that thin holes are not lost (usual: its first pixel decides).
    Known pixels come back as they were, which the pipeline of diffusers does not do. Pictures are painted one by one,
    each with a generator of the same seed: a batch equals a loop. No gradient flows. A soft hole is painted as a hard
    one, then blended. Networks are loaded at the first picture; nothing is downloaded.

    Args:
        model: a folder that diffusers can read, or a name that ``iem models get`` has fetched.
        prompt: what the hole should show.
        negative_prompt: what it should not show.
        steps: of the sampler; ``int(steps * strength)`` of them are run.
        guidance: of the prompt, away from the negative one; 1 or less for none, at half the cost, as with two prompts
            that are the same.
        strength: of the noise to start from, 1 for nothing else.
        eta: 0 for a deterministic sampler, 1 for one with as much noise as DDPM.
        seed: of all that is drawn.
        size: short side of the picture that the networks see, in pixels.
        device: where the networks run, such as "cuda" (in half precision, waiting in main memory for their turn); None:
            where the picture is.
        on_step: called with (step, steps) after each step; what it raises ends the painting.

    Raises:
        ValueError: no such folder, a number out of its range; when painting, weights that are not here or do not fit.
        ImportError: the extra ``diffusion`` is not installed.

    >>> StableDiffusion("./nowhere")
    Traceback (most recent call last):
    ...
    ValueError: model: expected a folder or a name of `iem models list`, found no folder ./nowhere; check the path
    """

    model: Path | str = "stable-diffusion-inpainting"
    _: KW_ONLY
    prompt: str = ""
    negative_prompt: str = ""
    steps: int = 50
    guidance: float = 7.5
    strength: float = 1.0
    eta: float = 0.0
    seed: int = 0
    size: int = 512
    device: str | None = None
    on_step: Callable[[int, int], None] | None = field(default=None, repr=False, compare=False)
    _pipelines: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    differentiable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_source(self.model, "model")
        check_extra("StableDiffusion")
        check_text(self.prompt, "prompt")
        check_text(self.negative_prompt, "negative_prompt")
        check_number(self.steps, "steps", low=1, high=1000, integer=True)
        check_number(self.guidance, "guidance", low=0)
        check_number(self.strength, "strength", low=0, high=1)
        check_number(self.eta, "eta", low=0, high=1)
        check_number(self.seed, "seed", low=0, high=2**63 - 1, integer=True)
        check_number(self.size, "size", low=_GRID, integer=True)
        if not self._steps_run():
            raise ValueError(
                f"strength: expected at least one step of {self.steps}, got {self.strength:g}, which leaves none; "
                f"take {1 / self.steps:.2g} or more"
            )

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
        return paint_one_by_one(image, hole, self._sample, painter="StableDiffusion", fit=fit)

    @torch.no_grad()
    def _sample(self, visible: Image, hidden: Mask) -> Image:
        """The sampler's picture."""
        pipeline = self._pipeline(visible.device)
        check_length(pipeline, self.prompt, "prompt")
        check_length(pipeline, self.negative_prompt, "negative_prompt")
        device, dtype = pipeline._execution_device, pipeline.unet.dtype
        generator = torch.Generator().manual_seed(self.seed)  # on the CPU: the same noise on every device
        grey = visible + _GREY * hidden
        # Of a network for inpainting that starts from noise, the pipeline does not look at the picture itself.
        unseen = self.strength == 1 and pipeline.unet.config.in_channels != 4
        filled = grey if unseen or bool(hidden.all()) else Harmonic()(visible, hidden)
        encoded = pipeline.vae.encode((2 * grey - 1).to(device, dtype)).latent_dist
        total = self._steps_run()
        guidance = 0.0 if self.prompt == self.negative_prompt else float(self.guidance)  # the same, at half the cost

        def after_step(_: Any, step: int, __: Any, ___: Any) -> dict[str, Any]:
            if self.on_step is not None:
                self.on_step(step + 1, total)
            return {}

        answer: Image = pipeline(
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            image=filled.clamp(0, 1),
            mask_image=_in_latents(hidden, pipeline.vae_scale_factor),
            masked_image_latents=encoded.sample(generator) * pipeline.vae.config.scaling_factor,
            height=visible.shape[2],
            width=visible.shape[3],
            strength=float(self.strength),
            num_inference_steps=self.steps,
            guidance_scale=guidance,
            eta=float(self.eta),
            generator=generator,
            output_type="pt",
            callback_on_step_end=after_step,
        ).images
        return answer.float()

    def _steps_run(self) -> int:
        return int(self.steps * self.strength)

    def _pipeline(self, device: torch.device) -> Any:
        device = device if self.device is None else torch.device(self.device)
        if str(device) not in self._pipelines:
            self._pipelines[str(device)] = load_stable_diffusion(self.model, device=device)
        return self._pipelines[str(device)]


def _in_latents(hidden: Mask, scale: int) -> Mask:
    """1 in every block of pixels, of one latent each, that holds a hidden one."""
    return F.interpolate(F.max_pool2d(hidden, scale), scale_factor=scale, mode="nearest")
