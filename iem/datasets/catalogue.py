"""Where the data sets of the literature come from: addresses, sums, licences, sizes."""

from dataclasses import dataclass
from typing import final

from iem.checks import check_choice

_MEGA, _GIGA = 10**6, 10**9
_OXFORD = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102"
_CALTECH = "https://data.caltech.edu/records"
_HONG_KONG = "https://www.cse.cuhk.edu.hk/leojia/projects/hsaliency/data/ECSSD"
_DALIAN = "http://saliencydetection.net"
_REDO = "https://raw.githubusercontent.com/mickaelChen/ReDO/d6542528ca97c5c533694c4095ba003cb7a95d4c"

#: Not one of these publishers names a licence; what they say is research.
_RESEARCH = "none is stated: offered for research, the photographs belong to their owners"


@final
@dataclass(frozen=True)
class RemoteFile:
    """One file to download.

    Attributes:
        url: its official address.
        size: bytes, about; for the disk space and the time it takes.
        sum: ``"sha256:..."`` or ``"md5:..."`` of the file, None where nobody states one: then the sum of the first
            download is kept and later ones are compared with it.
        sum_from: who states the sum.
        verified: whether this project has computed the sum from the file itself.
        folder: where in the data set it belongs.
        unpack: whether it is an archive to unpack there.
    """

    url: str
    size: int
    sum: str | None = None
    sum_from: str = ""
    verified: bool = False
    folder: str = ""
    unpack: bool = True

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.url.partition("?")[0].rstrip("/").rpartition("/")[2]


@final
@dataclass(frozen=True)
class CatalogueEntry:
    """One data set.

    Attributes:
        name: as in ``dataset=NAME`` and ``iem data get NAME``.
        title: what it is, in one line.
        pictures: how many labelled pictures it holds.
        licence: what its publishers say about its use.
        homepage: where to read about it.
        files: what to download.
        note: what to know before.
    """

    name: str
    title: str
    pictures: int
    licence: str
    homepage: str
    files: tuple[RemoteFile, ...] = ()
    note: str = ""

    @property
    def size(self) -> int:
        """Bytes to download, about."""
        return sum(file.size for file in self.files)


#: The data sets that can be downloaded.
CATALOGUE: tuple[CatalogueEntry, ...] = (
    CatalogueEntry(
        "flowers",
        "Oxford Flowers-102 with segmentations (Nilsback & Zisserman 2008)",
        8_189,
        _RESEARCH,
        f"{_OXFORD}/",
        (
            RemoteFile(
                f"{_OXFORD}/102flowers.tgz",
                345 * _MEGA,
                "sha256:2d01ecc807db462958cfe3d92f57a8c252b4abd240eb955770201e45f783b246",
                "FluxML's Metalhead and others",
            ),
            RemoteFile(
                f"{_OXFORD}/102segmentations.tgz", 203 * _MEGA, "md5:51375996b6c4f367a4b9f4492d7ecef5", "a third party"
            ),
            RemoteFile(
                f"{_OXFORD}/setid.mat",
                15_000,
                "md5:a5357ecc9cb78c4bef273ce3793fc85c",
                "torchvision",
                unpack=False,
            ),
        ),
    ),
    CatalogueEntry(
        "cub",
        "Caltech-UCSD Birds-200-2011 with segmentations (Wah et al. 2011), split of ReDO",
        11_788,
        "non-commercial research and education only, the photographs belong to their owners; "
        "the file of the split: CC BY-NC 4.0 (ReDO)",
        "https://www.vision.caltech.edu/datasets/cub_200_2011/",
        (
            RemoteFile(
                f"{_CALTECH}/65de6-vp158/files/CUB_200_2011.tgz?download=1",
                1_150_585_339,
                "sha256:0c685df5597a8b24909f6a7c9db6d11e008733779a671760afef78feb49bf081",
                "torchvision's prototype data sets and others",
            ),
            RemoteFile(
                f"{_CALTECH}/w9d68-gec53/files/segmentations.tgz?download=1",
                39_272_883,
                "sha256:dc77f6cffea0cbe2e41d4201115c8f29a6320ecb04fffd2444f51b8066e4b84f",
                "torchvision's prototype data sets and others",
                folder="CUB_200_2011",
            ),
            RemoteFile(
                f"{_REDO}/datasplits/cub/train_val_test_split.txt",
                83_198,
                "sha256:7620961c0d472a9721d9f2e5541a6dba2a6009e21caadb3861c5c7b64270764c",
                "computed from the file",
                verified=True,
                folder="CUB_200_2011",
                unpack=False,
            ),
        ),
    ),
    CatalogueEntry(
        "lsun_car",
        "LSUN Car (Yu et al. 2015), an LMDB environment without masks",
        5_520_756,
        _RESEARCH,
        "https://www.yf.io/p/lsun",
        (RemoteFile("http://dl.yf.io/lsun/objects/car.zip", 173 * _GIGA),),
        "one archive of 173 GB, and as much again to unpack it; LSUN has no masks, make them with: "
        "iem data masks lsun_car",
    ),
    CatalogueEntry(
        "ecssd",
        "ECSSD, complex scenes with salient objects (Shi et al. 2016)",
        1_000,
        _RESEARCH,
        "https://www.cse.cuhk.edu.hk/leojia/projects/hsaliency/dataset.html",
        (
            RemoteFile(
                f"{_HONG_KONG}/images.zip",
                67_766_979,
                "sha256:7d5dce1a21c6d82e2f9617c00ad7eae2de5ded9320e8c59a01b4c731d210ea47",
                "a third party",
            ),
            RemoteFile(
                f"{_HONG_KONG}/ground_truth_mask.zip",
                1_571_109,
                "sha256:dc0a9f11f2adee2737d95b28f9567a0a5de33f78743447c097ceb4d42f281a31",
                "a third party",
            ),
        ),
    ),
    CatalogueEntry(
        "duts_te",
        "DUTS-TE, the test part of DUTS (Wang et al. 2017)",
        5_019,
        _RESEARCH,
        f"{_DALIAN}/duts/",
        (RemoteFile(f"{_DALIAN}/duts/download/DUTS-TE.zip", 139 * _MEGA),),
    ),
    CatalogueEntry(
        "dut_omron",
        "DUT-OMRON (Yang et al. 2013)",
        5_168,
        _RESEARCH,
        f"{_DALIAN}/dut-omron/",
        (
            RemoteFile(
                f"{_DALIAN}/dut-omron/download/DUT-OMRON-image.zip",
                111 * _MEGA,
                "md5:a8951db9297afacf78bc0e5079103cf1",
                "pysaliency",
            ),
            RemoteFile(f"{_DALIAN}/dut-omron/download/DUT-OMRON-gt-pixelwise.zip.zip", 9 * _MEGA),
        ),
    ),
)


def find_entry(name: str) -> CatalogueEntry:
    """The entry of a name; hyphens and capitals do not matter.

    Raises:
        ValueError: an unknown name.

    >>> find_entry("DUTS-TE").pictures
    5019
    """
    known = {entry.name: entry for entry in CATALOGUE}
    wanted = name.lower().replace("-", "_")
    check_choice(wanted if wanted in known else name, "data set", tuple(known))
    return known[wanted]
