"""The two sets of names under which the weights of DeepFillv2 are published, and ours."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from iem.inpainters.deepfill.network import Convention, DeepFillNetwork

#: A name that only the PyTorch set has.
_MARK = "stage1.conv1.conv.weight"
#: The one entry that is no convolution, and always the same.
_FUSE = "stage2.contextual_attention.fuse_weight"

_STAGES: Mapping[Convention, Mapping[str, str]] = {
    "pytorch": {
        "coarse": """
            stage1.conv1
            stage1.down_block1.conv1_downsample stage1.down_block1.conv2
            stage1.down_block2.conv1_downsample stage1.down_block2.conv2
            stage1.conv_bn1 stage1.conv_bn2 stage1.conv_bn3 stage1.conv_bn4 stage1.conv_bn5 stage1.conv_bn6
            stage1.conv_bn7
            stage1.up_block1.conv1_upsample.conv stage1.up_block1.conv2
            stage1.up_block2.conv1_upsample.conv stage1.up_block2.conv2 stage1.conv_to_rgb
        """,
        "imagine": """
            stage2.conv_conv1
            stage2.conv_down_block1.conv1_downsample stage2.conv_down_block1.conv2
            stage2.conv_down_block2.conv1_downsample stage2.conv_down_block2.conv2
            stage2.conv_conv_bn1 stage2.conv_conv_bn2 stage2.conv_conv_bn3 stage2.conv_conv_bn4 stage2.conv_conv_bn5
        """,
        "before_attention": """
            stage2.ca_conv1
            stage2.ca_down_block1.conv1_downsample stage2.ca_down_block1.conv2
            stage2.ca_down_block2.conv1_downsample stage2.ca_down_block2.conv2 stage2.ca_conv_bn1
        """,
        "after_attention": "stage2.ca_conv_bn4 stage2.ca_conv_bn5",
        "unite": """
            stage2.conv_bn6 stage2.conv_bn7
            stage2.up_block1.conv1_upsample.conv stage2.up_block1.conv2
            stage2.up_block2.conv1_upsample.conv stage2.up_block2.conv2 stage2.conv_to_rgb
        """,
    },
    "tensorflow": {
        "coarse": """
            conv1 conv2_downsample conv3 conv4_downsample conv5 conv6
            conv7_atrous conv8_atrous conv9_atrous conv10_atrous conv11 conv12
            conv13_upsample.conv conv14 conv15_upsample.conv conv16 conv17
        """,
        "imagine": """
            xconv1 xconv2_downsample xconv3 xconv4_downsample xconv5 xconv6
            xconv7_atrous xconv8_atrous xconv9_atrous xconv10_atrous
        """,
        "before_attention": "pmconv1 pmconv2_downsample pmconv3 pmconv4_downsample pmconv5 pmconv6",
        "after_attention": "pmconv9 pmconv10",
        "unite": """
            allconv11 allconv12 allconv13_upsample.conv allconv14 allconv15_upsample.conv allconv16 allconv17
        """,
    },
}


def from_published(state: Mapping[str, Tensor]) -> DeepFillNetwork:
    """The network with weights under either set of published names.

    Raises:
        ValueError: names or shapes are others.
    """
    convention: Convention = "pytorch" if _MARK in state else "tensorflow"
    names = dict(_names(convention))
    extra = {_FUSE} if convention == "pytorch" else set()
    different = set(state) ^ (set(names.values()) | extra)
    if different:
        raise ValueError(f"{len(different)} names are missing or unknown, such as {min(different)}")
    if convention == "pytorch" and not torch.equal(state[_FUSE].float(), torch.eye(3)[None, None]):
        raise ValueError(f"{_FUSE} is not the identity")
    network = DeepFillNetwork(state[names["coarse.0.conv.weight"]].shape[0], convention)
    for ours, value in network.state_dict().items():
        found = state[names[ours]]
        if found.shape != value.shape:
            raise ValueError(f"{names[ours]} has the shape {list(found.shape)}, not {list(value.shape)}")
        if not bool(found.isfinite().all()):
            raise ValueError(f"{names[ours]} holds NaN or infinity")
    network.load_state_dict({ours: state[published] for ours, published in names.items()})
    return network.eval().requires_grad_(False)


def to_published(network: DeepFillNetwork) -> dict[str, Tensor]:
    """The network's weights under the names of its convention.

    >>> len(to_published(DeepFillNetwork(4))), len(to_published(DeepFillNetwork(4, "tensorflow")))
    (85, 84)
    """
    state = network.state_dict()
    found = {published: state[ours] for ours, published in _names(network.convention)}
    return {**found, _FUSE: torch.eye(3)[None, None]} if network.convention == "pytorch" else found


def _names(convention: Convention) -> Iterator[tuple[str, str]]:
    """Pairs of our name and the published one."""
    for part, layers in _STAGES[convention].items():
        for index, layer in enumerate(layers.split()):
            for kind in ("weight", "bias"):
                yield f"{part}.{index}.conv.{kind}", f"{layer}.conv.{kind}"
