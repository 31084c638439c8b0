"""DiffEdit: where the noise that a diffusion model sees depends on the words."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, final

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from iem.checks import check_number
from iem.images import resize
from iem.inpainters.pipelines import check_extra, check_length, check_source, check_text, load_stable_diffusion
from iem.inpainters.sampling import working_size
from iem.interfaces import Image, Prompt, Proposal, Segmenter
from iem.prompts import Points, Text
from iem.segmenters.key_points import Relevance, key_points
from iem.segmenters.networks import PerDevice, check_picture
from iem.segmenters.words import one_text

_GRID = 8


@final
@dataclass(frozen=True)
class DiffEdit:
    """DiffEdit's mask (Couairon et al., ICLR 2023, arXiv 2210.11427), by any Stable Diffusion 1.x.

    Noise is added to the picture's latents x, and the network is asked for it twice, once told what is in the picture
    and once what could be there instead; where the answers e differ, the words matter. Over n draws of noise::

        d = mean_n mean_channels |e(x_n, source) - e(x_n, target)|,    relevance = min(d / (clamp mean(d)), 1)

    each answer guided away from that to no words. What is relevant by more than ``threshold`` is the mask. The map has
    an eighth of the pixels along each side that the network sees, so thin things and exact edges are beyond it.

    With a ``segmenter`` for points, the map is cut higher, at ``key_threshold``, and what is left only says where to
    click: one key point in the middle of each piece, weak pieces left out, which a handful of draws is enough for.

    The network is loaded at the first picture; nothing is downloaded. The same seed draws the same noise on every
    device. Licences are told by ``iem models list``.

    Args:
        model: a folder that diffusers can read, or a name that ``iem models get`` has fetched.
        source: what the picture is said to show, with ``{}`` where the words go.
        target: what it is compared with: what could be there instead; nothing is anything.
        strength: how much noise, as a share of the sampler's ``steps``; 1 is nothing but noise.
        steps: of the sampler whose noise it is.
        guidance: of the words; 1 or less for none, at half the cost.
        draws: of noise.
        clamp: what is above so many means of the map counts as that much.
        threshold: of the map, from 0 to 1; of the mean, it is ``clamp`` times as much.
        segmenter: answers clicks, such as ``SAM()``; None for the map's own mask.
        key_threshold: as ``threshold``, for key points.
        key_points: at most.
        seed: of all that is drawn.
        size: short side of the picture that the networks see, in pixels.
        device: where the networks run, such as "cuda" (in half precision, waiting in main memory for their turn); None:
            where the picture is.
        on_step: called with (step, steps) after each draw; what it raises ends the search.

    Raises:
        ValueError: no such folder, a number out of its range; at the first picture, weights that are not here.
        ImportError: the extra ``diffusion`` is not installed.

    >>> DiffEdit(source="a street")
    Traceback (most recent call last):
    ...
    ValueError: source: expected a text with {} where the words go, once, got 'a street'; write '{}' for them alone
    """

    model: Path | str = "stable-diffusion-v1-5"
    _: KW_ONLY
    source: str = "{}"
    target: str = ""
    strength: float = 0.5
    steps: int = 50
    guidance: float = 7.5
    draws: int = 10
    clamp: float = 3.0
    threshold: float = 0.5
    segmenter: Segmenter | None = None
    key_threshold: float = 0.8
    key_points: int = 3
    seed: int = 0
    size: int = 512
    device: str | None = None
    on_step: Callable[[int, int], None] | None = field(default=None, repr=False, compare=False)
    _pipelines: PerDevice = field(default_factory=PerDevice, init=False, repr=False, compare=False)

    answers: ClassVar[tuple[type, ...]] = (Text,)

    def __post_init__(self) -> None:
        check_source(self.model, "model")
        check_extra("DiffEdit")
        check_text(self.source, "source")
        if self.source.count("{}") != 1:
            raise ValueError(
                f"source: expected a text with {{}} where the words go, once, got {self.source!r}; "
                "write '{}' for them alone"
            )
        check_text(self.target, "target")
        check_number(self.strength, "strength", low=0, high=1)
        check_number(self.steps, "steps", low=1, high=1000, integer=True)
        check_number(self.guidance, "guidance", low=0)
        check_number(self.draws, "draws", low=1, high=1000, integer=True)
        check_number(self.clamp, "clamp", low=0.01)
        check_number(self.threshold, "threshold", low=0, high=1)
        check_number(self.key_threshold, "key_threshold", low=0, high=1)
        check_number(self.key_points, "key_points", low=1, integer=True)
        check_number(self.seed, "seed", low=0, high=2**63 - 1, integer=True)
        check_number(self.size, "size", low=_GRID, integer=True)
        if not int(self.steps * self.strength):
            raise ValueError(
                f"strength: expected at least one step of {self.steps}, got {self.strength:g}, which leaves no noise; "
                f"take {1 / self.steps:.2g} or more"
            )
        answers = getattr(self.segmenter, "answers", ())
        if self.segmenter is not None and not (isinstance(answers, tuple) and Points in answers):
            raise ValueError(
                f"segmenter: expected one that answers points, got {type(self.segmenter).__name__}; give SAM() or "
                "PromptedIEM()"
            )

    def load(self, device: torch.device | str = "cpu") -> None:
        """Load the networks now, so that what is wrong with them is known before any other work.

        Args:
            device: of the pictures to come.
        """
        self._pipeline(torch.device(device))
        if (load := getattr(self.segmenter, "load", None)) is not None:
            load(device)

    def __call__(self, image: Image, prompts: Sequence[Prompt]) -> list[Proposal]:
        """The mask, scored by how much more relevant it is than the rest; with a ``segmenter``, its proposals.

        Args:
            image: ``[1, 3, h, w]`` in [0, 1].
            prompts: one ``Text``.

        Returns:
            One proposal with a hard mask, or none where nothing depends on the words.

        Raises:
            TypeError: not a floating-point tensor.
            ValueError: another shape, values outside [0, 1], no text or several, or one that is too long.
        """
        check_picture(image)
        text = one_text(prompts, "DiffEdit")
        found = self.relevance(image, text)
        size = (int(image.shape[2]), int(image.shape[3]))
        if self.segmenter is not None:
            points = key_points(found, size, threshold=self.key_threshold, most=self.key_points)
            return [] if points is None else self.segmenter(image, [points])
        fine = F.interpolate(found, size=size, mode="bilinear", align_corners=False)
        mask = (fine > self.threshold).to(image)
        if not bool(mask.any()):
            return []
        inside = float(fine[mask.cpu() > 0].mean())
        outside = float(fine[mask.cpu() == 0].mean()) if not bool(mask.all()) else inside
        return [Proposal(mask, inside - outside, text)]

    @torch.no_grad()
    def relevance(self, image: Image, text: str) -> Relevance:
        """How much the words matter, ``[1, 1, h / 8, w / 8]`` of the network's picture, in [0, 1]; on the CPU."""
        check_picture(image)
        pipeline = self._pipeline(image.device)
        source = self.source.replace("{}", text)
        check_length(pipeline, source, "text")
        check_length(pipeline, self.target, "target")
        size = working_size((int(image.shape[2]), int(image.shape[3])), self.size, _GRID)
        with _freed(pipeline):
            difference = self._difference(pipeline, resize(image.float(), size).clamp(0, 1), (source, self.target))
        mean = difference.mean()
        if not bool(difference.isfinite().all()):
            raise ValueError(
                f"model: expected finite predictions, got NaN or infinity from {self.model}; take other weights"
            )
        if float(mean) == 0:
            return torch.zeros_like(difference)
        return (difference / (self.clamp * mean)).clamp(max=1)

    def _difference(self, pipeline: Any, image: Image, texts: tuple[str, str]) -> Relevance:
        device, dtype = pipeline._execution_device, pipeline.unet.dtype
        guided = self.guidance > 1
        said = [pipeline.encode_prompt(text, device, 1, guided, negative_prompt="") for text in texts]
        # No words and the words, of the source and then of the target.
        words = torch.cat([each for positive, negative in said for each in ([negative] if guided else []) + [positive]])
        posterior = pipeline.vae.encode((2 * image - 1).to(device, dtype)).latent_dist
        shape = (self.draws, *posterior.mean.shape[1:])
        generator = torch.Generator().manual_seed(self.seed)  # on the CPU: the same noise on every device
        drawn, noise = (torch.randn(shape, generator=generator).to(device, dtype) for _ in range(2))
        latents = (posterior.mean + posterior.std * drawn) * pipeline.vae.config.scaling_factor
        pipeline.scheduler.set_timesteps(self.steps)
        time = pipeline.scheduler.timesteps[self.steps - int(self.steps * self.strength)]
        noisy = pipeline.scheduler.add_noise(latents, noise, time[None])
        total = torch.zeros(1, 1, *shape[2:])
        for draw, one in enumerate(noisy.split(1), 1):
            answers = pipeline.unet(
                one.expand(len(words), -1, -1, -1), time, encoder_hidden_states=words
            ).sample.float()
            if guided:
                without, told = answers[0::2], answers[1::2]
                answers = without + self.guidance * (told - without)
            total += (answers[:1] - answers[1:]).abs().mean(1, keepdim=True).cpu()
            if self.on_step is not None:
                self.on_step(draw, self.draws)
        return total / self.draws

    def _pipeline(self, device: torch.device) -> Any:
        device = device if self.device is None else torch.device(self.device)
        return self._pipelines.get(device, self._load)

    def _load(self, device: torch.device) -> Any:
        pipeline = load_stable_diffusion(self.model, device=device)
        channels = pipeline.unet.config.in_channels
        if channels != 4:
            raise ValueError(
                f"model: expected a UNet of 4 input channels, got {channels} in {self.model}; "
                "give Stable Diffusion itself, not its variant for inpainting"
            )
        return pipeline


@contextlib.contextmanager
def _freed(pipeline: Any) -> Iterator[None]:
    """Networks that wait in main memory go back there, however it ends."""
    try:
        yield
    finally:
        pipeline.maybe_free_model_hooks()
