"""Region maps: the identity with the score, and that a map lies over its own part of the image."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import nn

from air_core.errors import FeatureError
from air_core.features import extract, get_backbone, regions
from air_core.features.regions import RegionMaps


def features_of(spec, image):
    module, _ = spec.build()
    batch = torch.from_numpy(extract.prepare(image, spec)[None])
    return extract.forward(module, batch, spec).numpy()[0]


def noise(seed=0, size=(90, 60)):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def lite0():
    return get_backbone("efficientnet-lite0")


@pytest.fixture(scope="module")
def maps(lite0):
    return RegionMaps(lite0)


def test_the_mean_of_the_map_plus_the_bias_is_the_score(lite0, maps):
    rng = np.random.default_rng(1)
    coef, bias = rng.normal(size=(1280, 5)), rng.normal(size=5)
    image = noise()
    x = features_of(lite0, image)
    found = maps.of_class("a", lambda: image, x, coef)
    assert found.shape == (5, 7, 7)
    np.testing.assert_allclose(found.mean(axis=(1, 2)) + bias, x @ coef + bias, rtol=1e-4)


def test_it_is_the_class_activation_map(lite0, maps):
    image = noise(2)
    x = features_of(lite0, image)
    module, _ = lite0.build()
    batch = extract.normalise(torch.from_numpy(extract.prepare(image, lite0)[None]), lite0)
    with torch.inference_mode():
        last = module.network.extract_features(batch)[0].numpy()
    w = np.random.default_rng(3).normal(size=(1280, 1))
    expected = np.einsum("k,khw->hw", w[:, 0], last)
    np.testing.assert_allclose(
        maps.of_class("b", lambda: image, x, w)[0], expected, rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("corner", [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_what_is_in_a_corner_of_the_image_is_in_that_corner_of_the_map(lite0, maps, corner):
    plain = Image.new("RGB", (300, 200), "grey")
    image = plain.copy()
    x0, y0 = corner[0] * 150, corner[1] * 100
    disc = (x0 + 45, y0 + 20, x0 + 105, y0 + 80)
    ImageDraw.Draw(image).ellipse(disc, fill="orange", outline="black", width=4)
    # Weights that speak for what the disc adds.
    x, without = features_of(lite0, image), features_of(lite0, plain)
    w = np.maximum(x - without, 0)[:, None]
    share = maps.of_class(f"disc {corner}", lambda: image, x, w)[0]
    share = share - maps.of_class("plain", lambda: plain, without, w)[0]
    halves = share.reshape(7, 7)
    quarters = {
        (0, 0): halves[:3, :3], (1, 0): halves[:3, 4:],
        (0, 1): halves[4:, :3], (1, 1): halves[4:, 4:],
    }  # fmt: skip
    assert max(quarters, key=lambda c: quarters[c].sum()) == corner


class Tiny(nn.Module):
    """Two maps, rectified layers above them: as AlexNet's fc7 in small."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 2, 4, stride=4)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 5))

    def forward(self, images):
        return torch.relu(self.head(torch.relu(self.conv(images))))


@pytest.fixture
def tiny(lite0):
    return replace(
        lite0, name="tiny", title="Tiny", dim=5, input_size=8, maps="conv",
        assemble=lambda state: Tiny(), default_weights=lambda: {"a": torch.zeros(1)},
    )  # fmt: skip


def test_without_pooling_it_is_activation_times_gradient(tiny):
    image, w = noise(4), np.random.default_rng(5).normal(size=(5, 1))
    x = features_of(tiny, image)
    found = RegionMaps(tiny).of_class("a", lambda: image, x, w)[0]
    module = Tiny().eval().requires_grad_(False)
    batch = extract.normalise(torch.from_numpy(extract.prepare(image, tiny)[None]), tiny)
    maps = module.conv(batch)

    def score(values):
        return float((torch.relu(module.head(torch.relu(values))) @ torch.tensor(w).float()).sum())

    for h, v in np.ndindex(2, 2):
        share = 0.0
        for k in range(2):
            step = torch.zeros_like(maps)
            step[0, k, h, v] = 1e-3
            share += float(maps[0, k, h, v]) * (score(maps + step) - score(maps - step)) / 2e-3
        assert found[h, v] == pytest.approx(4 * share, abs=2e-3)


def test_an_image_is_run_once_and_the_oldest_is_forgotten(tiny, monkeypatch):
    monkeypatch.setattr(regions, "REMEMBERED", 2)
    image, w = noise(), np.ones((5, 1))
    x, maps, loaded = features_of(tiny, image), RegionMaps(tiny), []

    def ask(key):
        maps.of_class(key, lambda: loaded.append(key) or image, x, w)

    for key in ("a", "b", "a", "c", "a", "b"):
        ask(key)
    assert loaded == ["a", "b", "c", "b"]


def test_features_of_another_picture_or_other_weights_are_noticed(tiny):
    image = noise()
    x = features_of(tiny, image) + 1
    with pytest.raises(FeatureError, match="not those of the picture"):
        RegionMaps(tiny).of_class("a", lambda: image, x, np.ones((5, 1)))


def test_a_backbone_without_maps_says_so(tiny):
    with pytest.raises(FeatureError, match="Tiny keeps no maps"):
        RegionMaps(replace(tiny, maps=None))


def test_every_backbone_of_ours_names_its_maps():
    from torchvision.models import alexnet, resnet50

    networks = {"alexnet-fc7": alexnet(), "resnet50": resnet50()}
    for name, network in networks.items():
        spec = replace(get_backbone(name), default_weights=network.state_dict)
        image = noise()
        x = features_of(spec, image)
        found = RegionMaps(spec).of_class("a", lambda image=image: image, x, np.ones((spec.dim, 1)))
        assert found.shape == {"alexnet-fc7": (1, 6, 6), "resnet50": (1, 7, 7)}[name]
        if name == "resnet50":
            np.testing.assert_allclose(found.mean(), x.sum(), rtol=1e-3)
