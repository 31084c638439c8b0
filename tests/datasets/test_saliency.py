import pytest
import torch
from references import dataset_trees as trees

from iem.datasets import DatasetError, Saliency

OFFICIAL = {
    "ecssd": ("images", "ground_truth_mask"),
    "duts_te": ("DUTS-TE-Image", "DUTS-TE-Mask"),
    "dut_omron": ("DUT-OMRON-image", "pixelwiseGT-new-PNG"),
}


@pytest.mark.parametrize("name", OFFICIAL)
def test_official_layouts(tmp_path, name):
    pictures, masks = OFFICIAL[name]
    trees.salient(tmp_path, pictures, masks)
    dataset = Saliency(tmp_path, name=name)
    assert dataset.names == ("0000", "0001", "0002")
    assert torch.equal(dataset[0].truth[0, 0], torch.from_numpy(trees.disc(30, 40)).float() / 255)
    assert dataset.protocol.polarity == "fixed"
    assert Saliency(tmp_path, name=name, protocol="paper")[0].image.shape == (1, 3, 128, 128)


@pytest.mark.parametrize(("pictures", "masks"), [("img", "gt"), ("images", "masks"), ("Images", "GT")])
def test_usual_names(tmp_path, pictures, masks):
    trees.salient(tmp_path / "DUTS-TE", pictures, masks)
    assert len(Saliency(tmp_path, name="duts_te", limit=2)) == 2


def test_what_macos_leaves_is_no_picture(tmp_path):
    trees.salient(tmp_path)
    (tmp_path / "images" / "._0001.jpg").write_bytes(b"")
    assert len(Saliency(tmp_path)) == 3


def test_problems(tmp_path):
    trees.salient(tmp_path, count=5)
    (tmp_path / "images/0000.jpg").unlink()
    (tmp_path / "ground_truth_mask/0001.png").unlink()
    trees.save(tmp_path / "ground_truth_mask/0002.png", trees.disc(30, 40, white=0))
    found = {each.name: each.reason for each in Saliency(tmp_path, strict=False).problems}
    assert found == {
        "0000": "ground_truth_mask/0000.png has no picture",
        "0001": "no mask; expected ground_truth_mask/0001.png",
        "0002": "the mask is all background; nothing can be measured",
    }
    assert "0002" in Saliency(tmp_path, strict=False, verify=False).names


def test_another_layout(tmp_path):
    (tmp_path / "pics").mkdir()
    with pytest.raises(
        DatasetError, match=r"expected the folders images and ground_truth_mask in .*, found the folders"
    ):
        Saliency(tmp_path)
    with pytest.raises(DatasetError, match="found no such folder"):
        Saliency(tmp_path / "nothing")
    with pytest.raises(ValueError, match="expected one of ecssd"):
        Saliency(tmp_path, name="hku_is")
