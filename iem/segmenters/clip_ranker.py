"""How well words describe pictures, as CLIP sees it."""

from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, Protocol, final

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from iem.checks import check_image, check_number
from iem.interfaces import Image, Scores
from iem.segmenters.networks import PerDevice, check_source, inference, load, load_tokenizer, tokens

# Of what CLIP was trained on.
_MEAN, _STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
_WANTED = "clip-vit-base-patch16"


class Ranker(Protocol):
    """Says how well words describe pictures: ``(crops, text) -> scores``, larger is better."""

    def __call__(self, crops: Image, text: str) -> Scores:
        """One score for each of ``[n, 3, side, side]`` in [0, 1], comparable with each other."""
        ...


@final
@dataclass(frozen=True)
class CLIPRanker:
    """The cosine between CLIP's vector of a picture and that of a text (Radford et al., ICML 2021, arXiv 2103.00020).

    What fits is at about 0.2 to 0.35 with the published weights, which are under the MIT licence; a difference of 0.01
    counts, for CLIP itself multiplies cosines by 100 before it compares them. The network is loaded at the first call,
    once per device. Nothing is downloaded. On a GPU it computes in half precision.

    Args:
        model: a folder that ``save_pretrained`` wrote, with both towers and the tokenizer, or a name that ``iem models
            get`` has fetched.
        template: what CLIP reads, with ``{}`` where the text goes.
        batch: how many pictures it looks at at a time: more need more memory.
        device: where the network runs, such as "cuda"; None: where the pictures are.

    Raises:
        ValueError: no such folder, a template without ``{}``; at the first call, weights that are not here, or of
            another kind, or a text that is too long.
        ImportError: the extra ``features`` is not installed.

    >>> CLIPRanker(template="a photo")
    Traceback (most recent call last):
    ...
    ValueError: template: expected a text with {} where the words go, once, got 'a photo'; write 'a photo of {}'
    """

    model: Path | str = _WANTED
    _: KW_ONLY
    template: str = "a photo of {}"
    batch: int = 32
    device: str | None = None
    _networks: PerDevice = field(default_factory=PerDevice, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_source(self.model, "ranker", "CLIPRanker")
        if not isinstance(self.template, str) or self.template.count("{}") != 1:
            raise ValueError(
                f"template: expected a text with {{}} where the words go, once, got {self.template!r}; "
                "write 'a photo of {}'"
            )
        check_number(self.batch, "batch", low=1, integer=True)

    def load(self, device: torch.device | str = "cpu") -> None:
        """Load the network now, so that what is wrong with it is known before any other work.

        Args:
            device: of the pictures to come.
        """
        self._parts(torch.device(device))

    def check(self, text: str, device: torch.device | str = "cpu") -> None:
        """Require that CLIP can read the text to its end.

        Raises:
            ValueError: a longer one.
        """
        network, tokenizer = self._parts(torch.device(device))
        self._tokens(network, tokenizer, text)

    def __call__(self, crops: Image, text: str) -> Scores:
        """The cosine, ``[n]``, of ``[n, 3, h, w]`` in [0, 1] with the text; what is not square is squeezed."""
        check_image(crops, "crops")
        if not len(crops):
            return crops.new_zeros(0)
        network, tokenizer = self._parts(crops.device)
        with inference(network.device):
            # In transformers before 5 these are the vectors themselves.
            words = _pooled(network.get_text_features(**self._tokens(network, tokenizer, text)))
            found = [
                _pooled(network.get_image_features(pixel_values=self._seen(some, network)))
                for some in crops.split(self.batch)
            ]
        pictures = F.normalize(torch.cat(found).float(), dim=1)
        return (pictures @ F.normalize(words.float(), dim=1)[0]).to(crops)

    def _tokens(self, network: Any, tokenizer: Any, text: str) -> dict[str, torch.Tensor]:
        longest = int(network.config.text_config.max_position_embeddings)
        cut = tokens(tokenizer, [self.template.replace("{}", text)], longest, network.device)
        return {name: cut[name] for name in ("input_ids", "attention_mask")}

    def _seen(self, crops: Image, network: Any) -> Image:
        side = int(network.config.vision_config.image_size)
        pixels = crops.to(network.device, torch.float32)
        if tuple(pixels.shape[2:]) != (side, side):
            pixels = F.interpolate(pixels, size=(side, side), mode="bicubic", antialias=True).clamp(0, 1)
        mean, std = (pixels.new_tensor(values)[:, None, None] for values in (_MEAN, _STD))
        return (pixels - mean) / std

    def _parts(self, device: torch.device) -> tuple[Any, Any]:
        device = device if self.device is None else torch.device(self.device)
        made: tuple[Any, Any] = self._networks.get(device, self._load)
        return made

    def _load(self, device: torch.device) -> tuple[Any, Any]:
        network = load(self.model, "ranker", device, kinds={"clip": "CLIP"}, wanted=_WANTED, architecture="CLIPModel")
        return network, load_tokenizer(self.model, "ranker", "CLIP")


def _pooled(output: Any) -> Any:
    return getattr(output, "pooler_output", output)
