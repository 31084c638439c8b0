"""The table of published weights: what there is, under which terms, and where.

Sums and the sizes of single files are those that public sources state, None stands for what none of them does. The
sizes of repositories are about: four bytes for each parameter of the network.
"""

import difflib

from iem.weights.checkpoint import PICKLE, Checkpoint

_APACHE, _RAIL = "Apache-2.0", "CreativeML Open RAIL-M (commercial use allowed, some uses excluded)"
_DRIVE = "https://drive.google.com/file/d"
_NON_COMMERCIAL = "CC BY-NC 4.0, non-commercial"
_DEEPFILL_NOTE = (
    "made from the weights of github.com/JiahuiYu/generative_inpainting, whose licence this is, by "
    "github.com/nipponjo/deepfillv2-pytorch, which states none"
)
_VIT = ("config.json", "model.safetensors|pytorch_model.bin")
_TOKENIZER = ("tokenizer/vocab.json", "tokenizer/merges.txt", "tokenizer/tokenizer_config.json?",
              "tokenizer/special_tokens_map.json?")  # fmt: skip
_STABLE_DIFFUSION = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    *_TOKENIZER,
    "text_encoder/config.json",
    "text_encoder/model.safetensors|text_encoder/pytorch_model.bin",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors|unet/diffusion_pytorch_model.bin",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors|vae/diffusion_pytorch_model.bin",
)
_DIFFUSER = ("config.json", "scheduler_config.json?", "diffusion_pytorch_model.safetensors|diffusion_pytorch_model.bin")
_WORDS = ("vocab.json?", "merges.txt?", "vocab.txt?", "tokenizer.json?", "tokenizer_config.json?",
          "special_tokens_map.json?", "preprocessor_config.json?")  # fmt: skip

_TABLE = (
    Checkpoint(
        "big-lama",
        "painter lama: LaMa, the authors' best network, trained on Places",
        _APACHE,
        "file",
        "https://huggingface.co/smartywu/big-lama/resolve/main/big-lama.zip",
        size=381_428_720,
        format="zip with a checkpoint of Lightning (410 MB, pickle)",
        file="best.ckpt",
        member="big-lama/models/best.ckpt",
        sha256="fccb7adffd53ec0974ee5503c3731c2c2f1e7e07856fd9228cdcc0b46fd5d423",
        sha256_from="several public repositories that pin it",
        archive_sha256="f1b358ca24093b93a106183b98a3dea6e8ed09f3b43ea7251eb2c81e7b4575f6",
        note="the mirror that the authors' README names",
    ),
    Checkpoint(
        "big-lama-torchscript",
        "painter lama: the same network as TorchScript",
        _APACHE,
        "file",
        "https://github.com/Sanster/models/releases/download/add_big_lama/big-lama.pt",
        size=205_669_692,
        format="TorchScript",
        file="big-lama.pt",
        sha256="344c77bbcb158f17dd143070d1e789f38a66c04202311ae3a258ef66667a9ea9",
        sha256_from="several public repositories that pin it",
        note="converted by the author of IOPaint; TorchScript can run code: use no other file of that name unchecked",
    ),
    Checkpoint(
        "deepfillv2-places2",
        "painter deepfill: DeepFillv2, trained on Places2",
        _NON_COMMERCIAL,
        "page",
        f"{_DRIVE}/1L63oBNVgz7xSb_3hGbUdkYW1IuRgMkCa/view",
        format=PICKLE,
        file="states_pt_places2.pth",
        needs_agreement=True,
        note=_DEEPFILL_NOTE,
    ),
    Checkpoint(
        "deepfillv2-celebahq",
        "painter deepfill: DeepFillv2 for faces, trained on CelebA-HQ",
        _NON_COMMERCIAL,
        "page",
        f"{_DRIVE}/17oJ1dJ9O3hkl2pnl8l2PtNVf2WhSDtB7/view",
        format=PICKLE,
        file="states_pt_celebahq.pth",
        needs_agreement=True,
        note=_DEEPFILL_NOTE,
    ),
    Checkpoint(
        "mat-places512",
        "painter external: MAT for large holes, trained on Places at 512 pixels",
        _NON_COMMERCIAL,
        "file",
        "https://github.com/Sanster/models/releases/download/add_mat/Places_512_FullData_G.pth",
        format=PICKLE,
        file="Places_512_FullData_G.pth",
        needs_agreement=True,
        note="github.com/fenglinglwb/MAT says: for research only; weights alone, the network has to be given as a "
        "function or as TorchScript, see painter external",
    ),
    Checkpoint(
        "stable-diffusion-inpainting",
        "painter stable_diffusion: Stable Diffusion 1.5 for inpainting",
        _RAIL,
        "hub",
        "stable-diffusion-v1-5/stable-diffusion-inpainting",
        size=4_265_000_000,
        format="folder of diffusers",
        files=_STABLE_DIFFUSION,
        note="a mirror: the first publisher has withdrawn it",
    ),
    Checkpoint(
        "stable-diffusion-v1-5",
        "painter controlnet: Stable Diffusion 1.5, the base",
        _RAIL,
        "hub",
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        size=4_265_000_000,
        format="folder of diffusers",
        files=_STABLE_DIFFUSION,
        note="a mirror: the first publisher has withdrawn it",
    ),
    Checkpoint(
        "controlnet-inpaint",
        "painter controlnet: ControlNet 1.1 for inpainting with Stable Diffusion 1.5",
        _RAIL,
        "hub",
        "lllyasviel/control_v11p_sd15_inpaint",
        size=1_445_000_000,
        format="folder of diffusers",
        files=_DIFFUSER,
    ),
    Checkpoint(
        "ddpm-celebahq-256",
        "painter repaint: a diffusion model of faces at 256 pixels",
        _APACHE,
        "hub",
        "google/ddpm-ema-celebahq-256",
        size=455_000_000,
        format="folder of diffusers",
        files=_DIFFUSER,
        note="the pictures that it was trained on, CelebA-HQ, are for non-commercial research",
    ),
    Checkpoint(
        "dino-vits16",
        "features dino, initialiser tokencut: DINO, small, patches of 16 pixels",
        _APACHE,
        "hub",
        "facebook/dino-vits16",
        size=87_000_000,
        format="folder of transformers",
        files=_VIT,
    ),
    Checkpoint(
        "dino-vits8",
        "features dino: DINO, small, patches of 8 pixels",
        _APACHE,
        "hub",
        "facebook/dino-vits8",
        size=87_000_000,
        format="folder of transformers",
        files=_VIT,
    ),
    Checkpoint(
        "dino-vitb8",
        "features dino: DINO, base, patches of 8 pixels (PaintSeg's)",
        _APACHE,
        "hub",
        "facebook/dino-vitb8",
        size=343_000_000,
        format="folder of transformers",
        files=_VIT,
    ),
    Checkpoint(
        "dinov2-small",
        "features dino: DINOv2, small, patches of 14 pixels",
        _APACHE,
        "hub",
        "facebook/dinov2-small",
        size=88_000_000,
        format="folder of transformers",
        files=_VIT,
    ),
    Checkpoint(
        "dinov2-base",
        "features dino: DINOv2, base, patches of 14 pixels",
        _APACHE,
        "hub",
        "facebook/dinov2-base",
        size=346_000_000,
        format="folder of transformers",
        files=_VIT,
    ),
    Checkpoint(
        "dinov3-vits16",
        "features dino: DINOv3, small, patches of 16 pixels",
        "Meta's DINOv3 licence, to be accepted on the hub",
        "hub",
        "facebook/dinov3-vits16-pretrain-lvd1689m",
        size=86_000_000,
        format="folder of transformers",
        files=_VIT,
        needs_agreement=True,
        gated=True,
    ),
    Checkpoint(
        "clip-vit-base-patch16",
        "features clip, segmenter segclip: CLIP, base, patches of 16 pixels",
        "MIT",
        "hub",
        "openai/clip-vit-base-patch16",
        size=598_000_000,
        format="folder of transformers",
        files=(*_VIT, *_WORDS),
    ),
    Checkpoint(
        "sam-vit-base",
        "segmenters sam, grounded_sam, segclip: Segment Anything, base",
        _APACHE,
        "hub",
        "facebook/sam-vit-base",
        size=375_000_000,
        format="folder of transformers",
        files=_VIT,
    ),
    Checkpoint(
        "sam-hq-vit-base",
        "segmenter sam_hq: Segment Anything in High Quality, base",
        "none stated on its page; the authors' repository github.com/SysCV/sam-hq is under Apache-2.0",
        "hub",
        "syscv-community/sam-hq-vit-base",
        size=379_000_000,
        format="folder of transformers",
        files=_VIT,
        note="converted by the team of transformers",
    ),
    Checkpoint(
        "mask2former-swin-tiny",
        "segmenter mask2former: Mask2Former for instances of COCO's 80 kinds, Swin-T",
        _NON_COMMERCIAL,
        "hub",
        "facebook/mask2former-swin-tiny-coco-instance",
        size=190_000_000,
        format="folder of transformers",
        files=_VIT,
        needs_agreement=True,
        note="the licence is that of the authors' MODEL_ZOO.md; their code is under the MIT licence",
    ),
    Checkpoint(
        "clipseg",
        "segmenter clipseg: CLIPSeg, refined",
        f"{_APACHE} on its page; the authors' repository excludes the weights from its MIT licence",
        "hub",
        "CIDAS/clipseg-rd64-refined",
        size=610_000_000,
        format="folder of transformers",
        files=(*_VIT, *_WORDS),
    ),
    Checkpoint(
        "grounding-dino-tiny",
        "segmenter grounded_sam: Grounding DINO, tiny",
        _APACHE,
        "hub",
        "IDEA-Research/grounding-dino-tiny",
        size=689_000_000,
        format="folder of transformers",
        files=(*_VIT, *_WORDS),
    ),
)


def table() -> tuple[Checkpoint, ...]:
    """All entries, in the order in which they are listed.

    >>> [entry.name for entry in table()][:2]
    ['big-lama', 'big-lama-torchscript']
    """
    return _TABLE


def find(name: str) -> Checkpoint:
    """The entry of a name, or of a repository of the hub that the table lists.

    Raises:
        ValueError: there is none; the message names the nearest.

    >>> find("facebook/dino-vits16").name
    'dino-vits16'
    >>> find("biglama")
    Traceback (most recent call last):
    ...
    ValueError: expected a name of `iem models list`, got biglama; did you mean big-lama?
    """
    entry = lookup(name)
    if entry is None:
        near = difflib.get_close_matches(name, [each.name for each in table()], n=1)
        remedy = f"did you mean {near[0]}?" if near else "see `iem models list`"
        raise ValueError(f"expected a name of `iem models list`, got {name}; {remedy}")
    return entry


def lookup(name: str) -> Checkpoint | None:
    """As ``find``, None where there is none."""
    for entry in table():
        if name == entry.name or (entry.kind == "hub" and name == entry.address):
            return entry
    return None
