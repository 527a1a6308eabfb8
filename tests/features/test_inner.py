"""Backbones in two parts: the parts in a row are the whole, and what is cached is the first."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from air_core.errors import Cancelled, FeatureError
from air_core.features import get_backbone
from air_core.features.backbones import BackboneSpec
from air_core.features.cut import cut_backbone
from air_core.features.depthwise import MatrixDepthwise, with_matrix_products
from air_core.features.inner import CHUNK, cache_inner_maps
from air_core.quarantine import content_digest

CPU = torch.device("cpu")


def tiny_spec():
    """Two convolutions to be cut between."""

    def assemble(state):
        module = nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        )  # fmt: skip
        module.load_state_dict(state)
        return module

    def weights():
        torch.manual_seed(0)
        first, second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)
        return {f"0.{k}": v for k, v in first.state_dict().items()} | {
            f"2.{k}": v for k, v in second.state_dict().items()
        }

    return BackboneSpec(
        name="tiny", title="Tiny", dim=5, input_size=16, mean=(0.5,) * 3, std=(0.5,) * 3,
        assemble=assemble, default_weights=weights, cut=lambda m: (m[:2], m[2:]),
    )  # fmt: skip


def random_resnet():
    from torchvision.models import resnet50

    torch.manual_seed(0)
    return resnet50().state_dict()


@pytest.mark.parametrize("name", ["efficientnet-lite0", "resnet50"])
def test_the_parts_in_a_row_are_the_backbone(name):
    spec = get_backbone(name)
    if spec.needs_download:
        spec = replace(spec, default_weights=random_resnet)
    cut = cut_backbone(spec, input_size=64)
    whole, _ = spec.build()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        maps = cut.below(images)
        torch.testing.assert_close(cut.above(maps), whole(images))
    assert tuple(maps.shape[1:]) == cut.shape


def test_a_backbone_without_a_cut_is_refused():
    with pytest.raises(FeatureError, match="trained from an inner layer on, got Tiny"):
        cut_backbone(replace(tiny_spec(), cut=None))


@pytest.mark.parametrize(("side", "stride", "kernel"), [(5, 1, 5), (10, 2, 5), (7, 1, 3)])
def test_a_depthwise_convolution_is_a_matrix_product(side, stride, kernel):
    conv = nn.Conv2d(6, 6, kernel, stride=stride, padding=kernel // 2, groups=6)
    product = with_matrix_products(nn.Sequential(conv))[0]
    assert isinstance(product, MatrixDepthwise)
    x = torch.randn(3, 6, side, side, requires_grad=True)
    found, wanted = product(x), conv(x)
    torch.testing.assert_close(found, wanted)
    towards = torch.randn_like(wanted)
    parameters = [x, conv.weight, conv.bias]
    for ours, theirs in zip(
        torch.autograd.grad((found * towards).sum(), parameters),
        torch.autograd.grad((wanted * towards).sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(CHUNK + 40):
        array = rng.integers(0, 256, (12, 20, 3), dtype=np.uint8)
        Image.fromarray(array).save(folder / f"{i:03}.png")
    files = sorted(folder.iterdir())
    return files, [content_digest(file) for file in files]


def cached(images, folder, **options):
    opened = []

    def load(path):
        opened.append(path)
        return Image.open(path).convert("RGB")

    settings = {"load": load, "views": 3, "device": CPU} | options
    return cache_inner_maps(cut_backbone(tiny_spec()), *images, folder, **settings), opened


def test_cached_maps_are_those_of_the_lower_part(images, tmp_path):
    inner, opened = cached(images, tmp_path / "inner")
    assert len(opened) == 3 * len(images[0])
    cut = cut_backbone(tiny_spec())
    rows = np.array([CHUNK + 3, 0])
    for view, turned in ((0, False), (1, True)):
        batch = []
        for row in rows:
            image = Image.open(images[0][row]).convert("RGB")
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if turned else image
            pixels = np.asarray(image.resize((16, 16), Image.Resampling.BICUBIC)).copy()
            batch.append(torch.from_numpy(pixels).permute(2, 0, 1) / 255 * 2 - 1)
        with torch.no_grad():
            wanted = cut.below(torch.stack(batch))
        found = inner.take(rows, view).float()
        torch.testing.assert_close(found, wanted, rtol=0.02, atol=0.02)  # bfloat16
    mixed = inner.take(rows, np.array([1, 0]))
    assert torch.equal(mixed[1], inner.take(rows, 0)[1])


def test_stopped_caching_goes_on_where_it_was(images, tmp_path):
    whole, _ = cached(images, tmp_path / "whole")

    def stop(done, total, note):
        if done > CHUNK + 64:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        cached(images, tmp_path / "inner", progress=stop)
    inner, opened = cached(images, tmp_path / "inner")
    assert len(opened) <= 3 * len(images[0]) - CHUNK
    rows = np.arange(len(images[0]))
    for view in range(3):
        assert torch.equal(inner.take(rows, view), whole.take(rows, view))
    assert cached(images, tmp_path / "inner")[1] == []


def test_an_image_that_changed_is_named(images, tmp_path):
    Image.new("RGB", (5, 5)).save(images[0][7])
    with pytest.raises(FeatureError, match=r"007\.png is not: It has changed"):
        cached(images, tmp_path / "inner")


def test_a_full_disk_is_said_before_the_work(images, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10))
    with pytest.raises(FeatureError, match="GB of free disk"):
        cached(images, tmp_path / "inner")
