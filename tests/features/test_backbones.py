"""Backbones: the layer that was cut off, put back on, gives the network's own answer."""

import numpy as np
import pytest
import torch
from PIL import Image

from air_core.errors import FeatureError
from air_core.features import BACKBONES, extract_features, get_backbone
from air_core.features import libraries as libraries_module
from air_core.images import load_rgb
from air_core.quarantine import content_digest

HEADS = {
    "alexnet-fc6": ("alexnet", lambda network: network.classifier[3:]),
    "alexnet-fc7": ("alexnet", lambda network: network.classifier[6]),
    "resnet18": ("resnet18", lambda network: network.fc),
    "resnet50": ("resnet50", lambda network: network.fc),
    "convnext-tiny": ("convnext_tiny", lambda network: network.classifier[2]),
    "vit-b-16": ("vit_b_16", lambda network: network.heads),
    "swin-t": ("swin_t", lambda network: network.head),
}


def test_every_backbone_with_a_head_is_tested_here():
    assert set(BACKBONES) == {"efficientnet-lite0", *HEADS}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(HEADS))
def test_torchvision_backbones_load_local_weights(name, tmp_path):
    from torchvision import models

    torch.manual_seed(0)
    model, head_of = HEADS[name]
    network = getattr(models, model)()
    weights = tmp_path / "weights.pth"
    torch.save(network.state_dict(), weights)
    spec = get_backbone(name)
    module, _ = spec.build(weights)
    batch = torch.rand(2, 3, spec.input_size, spec.input_size)
    with torch.inference_mode():
        features = module(batch)
        network.eval()
        expected = network(batch)
    assert features.shape == (2, spec.dim)
    if name.startswith(("alexnet", "resnet")):
        assert features.min() >= 0
    with torch.inference_mode():
        torch.testing.assert_close(head_of(network)(features), expected)


def test_timm_networks_take_the_weights_of_a_file(tmp_path):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    network = timm.create_model("test_resnet", pretrained=False).eval()
    torch.save(network.state_dict(), tmp_path / "w.pth")
    spec = get_backbone("timm:test_resnet")
    module, _ = spec.build(tmp_path / "w.pth")
    batch = torch.rand(2, 3, spec.input_size, spec.input_size)
    with torch.inference_mode():
        features = module(batch)
        torch.testing.assert_close(
            network.get_classifier()(features), network(batch), rtol=1e-4, atol=1e-5
        )
    assert features.shape == (2, spec.dim)
    with pytest.raises(FeatureError, match="nonsense"):
        get_backbone("timm:nonsense")


def test_open_clip_takes_the_image_tower_out_of_a_file(tmp_path, monkeypatch):
    open_clip = pytest.importorskip("open_clip")
    tiny = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
        "text_cfg": {"context_length": 8, "vocab_size": 50, "width": 64, "heads": 1, "layers": 1},
    }
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny", tiny)
    torch.manual_seed(0)
    network = open_clip.create_model("tiny").eval()
    torch.save(network.state_dict(), tmp_path / "w.pth")
    spec = get_backbone("open_clip:tiny")
    assert (spec.dim, spec.input_size) == (16, 32)
    module, _ = spec.build(tmp_path / "w.pth")
    batch = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(module(batch), network.encode_image(batch))
    with pytest.raises(FeatureError, match="TAG"):
        spec.build()
    with pytest.raises(FeatureError, match="nonsense"):
        get_backbone("open_clip:nonsense/x")


def onnx_file(path, *, batch="n", side=8, channels=3, pooled=False):
    """Doubles each channel by a 1×1 convolution: features are twice the mean of the colours."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper, numpy_helper

    eye = 2 * np.eye(channels, dtype=np.float32)[:, :, None, None]
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
    if pooled:
        nodes.append(helper.make_node("GlobalAveragePool", ["y"], ["g"]))
        nodes.append(helper.make_node("Flatten", ["g"], ["f"]))
    end = "f" if pooled else "y"
    graph = helper.make_graph(
        nodes,
        "double",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, channels, side, side])],
        [helper.make_tensor_value_info(end, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(eye, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(("batch", "pooled"), [("n", False), ("n", True), (2, True)])
def test_an_onnx_file_is_a_backbone(tmp_path, batch, pooled):
    spec = get_backbone(f"onnx:{onnx_file(tmp_path / 'm.onnx', batch=batch, pooled=pooled)}")
    files = []
    for i in range(3):
        Image.new("RGB", (9, 5), (80 * i, 10, 255)).save(tmp_path / f"{i}.png")
        files.append(tmp_path / f"{i}.png")
    got = extract_features(
        files,
        [content_digest(file) for file in files],
        tmp_path / "f",
        spec=spec,
        load=load_rgb,
        device="cpu",
    ).array
    colours = np.array([[80 * i, 10, 255] for i in range(3)]) / 255
    np.testing.assert_allclose(got, 2 * (colours - spec.mean) / spec.std, rtol=1e-4)


def test_onnx_files_that_are_none_or_of_other_shapes_are_refused(tmp_path):
    pytest.importorskip("onnxruntime")
    (tmp_path / "bad.onnx").write_bytes(b"nonsense")
    with pytest.raises(FeatureError, match="Expected a network in bad"):
        get_backbone(f"onnx:{tmp_path / 'bad.onnx'}")
    with pytest.raises(FeatureError, match="found none"):
        get_backbone(f"onnx:{tmp_path / 'absent.onnx'}")
    with pytest.raises(FeatureError, match="channels first"):
        get_backbone(f"onnx:{onnx_file(tmp_path / 'm.onnx', channels=4)}")
    with pytest.raises(FeatureError, match="Only the batch"):
        get_backbone(f"onnx:{onnx_file(tmp_path / 'm.onnx', side='s')}")


def test_a_library_that_is_missing_is_named_with_its_extra(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(libraries_module.importlib, "import_module", missing)
    with pytest.raises(FeatureError, match="timm") as caught:
        get_backbone("timm:resnet18")
    assert "air-audit[timm]" in str(caught.value.hint)
