from pathlib import Path

import pytest
import torch

from epipose import InputError
from epipose.io.model_files import ModelDescription
from epipose.models.small import SmallNet
from epipose.models.volumetric import VolumetricNet
from epipose.pose.skeletons import load_skeleton
from epipose.training.model_files import model_bytes
from epipose.training.starting import start_from

BODY, COCO = load_skeleton("body21"), load_skeleton("coco17")


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SmallNet]:
    torch.manual_seed(1)
    net = SmallNet(len(BODY)).eval()
    with torch.no_grad():
        for weights in net.parameters():
            weights.copy_(weights.half().float())
    file = tmp_path_factory.mktemp("start") / "body.onnx"
    file.write_bytes(model_bytes(net, ModelDescription("body", "crop", BODY, net.size, 1.25)))
    return file, net


def test_the_joints_that_both_know_are_found_as_before(taught: tuple[Path, SmallNet]) -> None:
    file, before = taught
    fewer = BODY.subset(tuple(reversed(COCO.joint_names)))
    net = SmallNet(len(fewer))
    assert start_from(net, fewer, file) == 17
    pictures = torch.rand(2, 3, 160, 160)
    columns = [BODY.index(joint) for joint in fewer.joint_names]
    with torch.inference_mode():
        ours, theirs = net.eval()(pictures), before(pictures)
    torch.testing.assert_close(ours.positions, theirs.positions[:, columns])
    assert not torch.allclose(ours.positions, theirs.positions[:, :17])


def test_joints_that_only_the_new_one_knows_stay_as_they_are(taught: tuple[Path, SmallNet], tmp_path: Path) -> None:
    net, coco = SmallNet(len(COCO)), tmp_path / "coco.onnx"
    start_from(net, COCO, taught[0])
    coco.write_bytes(model_bytes(net, ModelDescription("coco", "crop", COCO, net.size, 1.25)))
    wider = SmallNet(len(BODY))
    own = wider.planes.detach().clone()
    assert start_from(wider, BODY, coco) == 17
    torch.testing.assert_close(wider.planes[BODY.index("thorax")].detach(), own[BODY.index("thorax")])
    torch.testing.assert_close(wider.planes[BODY.index("nose")].detach(), taught[1].planes[BODY.index("nose")].detach())


def test_other_architectures_are_refused(taught: tuple[Path, SmallNet]) -> None:
    with pytest.raises(InputError, match=r"body\.onnx is of another architecture, it has no trunk\.conv1"):
        start_from(VolumetricNet(21, depth=18), BODY, taught[0])
    with pytest.raises(InputError, match="knows none of the joints"):
        start_from(SmallNet(2), BODY.subset(("nose", "thorax")).__class__("x", ("a", "b"), (None, "a"), ()), taught[0])
