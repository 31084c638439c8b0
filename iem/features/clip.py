"""What CLIP's picture tower knows of a picture's patches."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, final

from iem.checks import check_choice, check_number
from iem.features.pretrained import Once, check_model, load_network
from iem.features.vision_transformer import PatchMap, VisionTransformer
from iem.interfaces import Image

_MEAN, _STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of what CLIP was trained on
_FACETS = ("key", "query", "value", "token", "projected")


@final
@dataclass(frozen=True)
class CLIP:
    """The frozen picture tower of CLIP (Radford et al., ICML 2021, arXiv 2103.00020): one vector per patch.

    A picture of any shape is brought to whole patches, antialiased, and normalised as CLIP wants it. Gradients flow to
    the picture, never to the weights. The network is loaded at the first call, onto the picture's device, and is no
    part of what is compared, printed or pickled. Nothing is downloaded: a name on the hub has to be fetched first, with
    ``iem models get NAME``. OpenAI's code and weights (``openai/clip-vit-base-patch16``, ``-patch32``,
    ``clip-vit-large-patch14``) are under the MIT licence.

    Args:
        model: a name of ``iem models list``, one on the Hugging Face hub, or a folder that ``save_pretrained`` wrote,
            with both towers or with the picture's alone.
        facet: "key", "query" or "value" of the last layer, all heads side by side; "token", what the last layer puts
            out, normalised as the class token is; "projected", that in the space which pictures share with words
            (though only the class token was trained to be there).
        size: bring the short side of every picture to so many pixels first, the long side within four times that. None
            keeps the picture's size: memory and time then grow with it, time with the square of its pixels.

    Raises:
        ValueError: no such folder; when first called, a name that is not fetched, another kind of
            network, or missing weights.
        ModuleNotFoundError: the extra ``features`` is not installed.

    >>> CLIP(facet="projected", size=224)  # nothing is loaded yet
    CLIP(model='openai/clip-vit-base-patch16', facet='projected', size=224)
    """

    model: str | Path = "openai/clip-vit-base-patch16"
    facet: Literal["key", "query", "value", "token", "projected"] = "token"
    size: int | None = None
    _network: Once = field(default_factory=Once, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", str(self.model))
        check_choice(self.facet, "facet", _FACETS)
        if self.size is not None:
            check_number(self.size, "size", low=1, integer=True)
        check_model(str(self.model), "CLIP")

    def __call__(self, image: Image) -> PatchMap:
        """``[b, c, h / patch, w / patch]``."""
        network: VisionTransformer = self._network.get(self._load)
        return network.features(image, self.facet, self.size)

    def _load(self) -> VisionTransformer:
        network = load_network(
            str(self.model),
            kinds={"clip": "CLIP", "clip_vision_model": "CLIP"},
            wanted="openai/clip-vit-base-patch16",
            architecture="CLIPVisionModelWithProjection",
            # A checkpoint of the tower alone has no way to the words, and needs none for the other facets.
            optional="pooler" if self.facet == "projected" else "visual_projection",
        )
        norm = network.vision_model.post_layernorm
        return VisionTransformer(
            network,
            patch=network.config.patch_size,
            prefix=1,
            mean=_MEAN,
            std=_STD,
            settings={"interpolate_pos_encoding": True},
            outputs={"token": norm, "projected": lambda tokens: network.visual_projection(norm(tokens))},
        )
