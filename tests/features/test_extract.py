"""Extraction: what is computed, what is kept, what survives a kill or a bad file."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from air_core.errors import Cancelled, FeatureError, SourceError
from air_core.features import extract as extract_module
from air_core.features import extract_features, get_backbone, resolve_device
from air_core.features.backbones import BackboneSpec, read_state_dict
from air_core.features.cache import FeatureCache
from air_core.features.network import forward, prepare
from air_core.quarantine import content_digest


class Pool(nn.Module):
    """The mean of each colour channel, times a weight: small, exact, and non-negative."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale
        self.images_seen = 0

    def forward(self, x):
        self.images_seen += int((x.amax(dim=(1, 2, 3)) > 0).sum())  # padding is black
        return x.mean(dim=(2, 3)) * self.scale


@pytest.fixture
def spec():
    return BackboneSpec(
        name="pool",
        title="Pool",
        dim=3,
        input_size=8,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        assemble=lambda state: Pool(state["scale"]),
        default_weights=lambda: {"scale": torch.tensor(2.0)},
    )


def load(path):
    try:
        return Image.open(path).convert("RGB")
    except OSError as error:
        raise SourceError(f"Expected an image, got {path.name}.") from error


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(70):
        Image.new("RGB", (9, 5), (i, 2 * i, 255 - i)).save(folder / f"{i:02}.png")
    files = sorted(folder.iterdir())
    return files, [content_digest(f) for f in files]


def run(images, folder, spec, **options):
    files, digests = images
    return extract_features(files, digests, folder, spec=spec, load=load, device="cpu", **options)


def counting(spec):
    """The spec with one module kept, so that a test can see how much it computed."""
    module = Pool(torch.tensor(2.0))
    return replace(spec, assemble=lambda state: module), module


def test_rows_follow_the_files(images, tmp_path, spec):
    got = run(images, tmp_path / "f", spec)
    expected = [[2 * i / 255, 4 * i / 255, 2 * (255 - i) / 255] for i in range(70)]
    np.testing.assert_allclose(got.array, expected, rtol=1e-5)
    assert not got.array.flags.writeable


def test_second_run_computes_nothing_and_order_belongs_to_the_caller(images, tmp_path, spec):
    first = run(images, tmp_path / "f", spec)
    spec, module = counting(spec)
    files, digests = images
    again = run((files[::-1], digests[::-1]), tmp_path / "f", spec)
    assert module.images_seen == 0
    np.testing.assert_array_equal(again.array, first.array[::-1])
    assert again.digest != first.digest


def test_only_new_images_are_computed(images, tmp_path, spec):
    files, digests = images
    run((files[:60], digests[:60]), tmp_path / "f", spec)
    spec, module = counting(spec)
    run(images, tmp_path / "f", spec)
    assert module.images_seen == 10


@pytest.mark.parametrize("shard_size", [32, 512])
@pytest.mark.parametrize("how", [Cancelled("Stopped on request."), KeyboardInterrupt()])
def test_stopping_keeps_what_was_computed(images, tmp_path, spec, monkeypatch, shard_size, how):
    monkeypatch.setattr(extract_module, "SHARD_SIZE", shard_size)

    def stop(done, total, note):
        if done >= 64:
            raise how

    with pytest.raises(type(how)):
        run(images, tmp_path / "f", spec, progress=stop)
    spec, module = counting(spec)
    got = run(images, tmp_path / "f", spec)
    assert module.images_seen == 70 - 64
    assert got.array.shape == (70, 3)


def test_other_weights_or_preprocessing_do_not_share_a_cache(images, tmp_path, spec):
    run(images, tmp_path / "f", spec)
    weights = tmp_path / "w.pth"
    torch.save({"scale": torch.tensor(3.0)}, weights)
    other = run(images, tmp_path / "f", spec, weights=weights)
    assert other.array[1, 0] == pytest.approx(3 / 255)
    smaller, module = counting(replace(spec, input_size=4))
    run(images, tmp_path / "f", smaller)
    assert module.images_seen == 70


def test_an_image_gone_bad_does_not_cost_the_others(images, tmp_path, spec):
    files, digests = images
    files[3].write_bytes(b"gone")
    with pytest.raises(FeatureError, match=r"1 are not: 03\.png"):
        run(images, tmp_path / "f", spec)
    spec, module = counting(spec)
    run((files[:3] + files[4:], digests[:3] + digests[4:]), tmp_path / "f", spec)
    assert module.images_seen == 0


def test_an_image_that_changed_is_not_filed_under_its_old_content(images, tmp_path, spec):
    files, _ = images
    original = files[0].read_bytes()
    files[0].write_bytes(files[9].read_bytes())
    with pytest.raises(FeatureError, match="changed since it was imported"):
        run(images, tmp_path / "f", spec)
    files[0].write_bytes(original)
    got = run(images, tmp_path / "f", spec)
    np.testing.assert_allclose(got.array[0], [0, 0, 2], atol=1e-6)


def test_a_shard_that_fails_midway_is_not_there(tmp_path, monkeypatch):
    cache = FeatureCache(tmp_path, backbone="pool", fingerprint="f", dim=3)

    def full_disk(file, rows, **options):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        cache.add_shard(["a"], np.zeros((1, 3), np.float32))
    assert cache.known() == set()
    assert not list(cache.folder.glob("*.npy"))


def test_lite0_sees_images_as_it_was_trained_to(images):
    """(pixel − 127) / 128 of the whole image at 224 × 224, in RGB order."""
    spec = get_backbone("efficientnet-lite0")
    seen = {}

    class Look(nn.Module):
        def forward(self, x):
            seen["x"] = x
            return x.mean(dim=(2, 3))

    picture = Image.new("RGB", (30, 10), (255, 127, 0))
    batch = torch.from_numpy(prepare(picture, spec))[None]
    forward(Look(), batch, spec)
    assert seen["x"].shape == (1, 3, 224, 224)
    np.testing.assert_allclose(seen["x"][0, :, 100, 100], [1.0, 0.0, -127 / 128], atol=1e-5)


def test_default_backbone_is_offline_and_non_negative(images, tmp_path):
    files, digests = images
    got = run((files[:4], digests[:4]), tmp_path / "f", get_backbone("efficientnet-lite0"))
    assert got.array.shape == (4, 1280)
    assert got.array.min() >= 0
    assert np.ptp(got.array, axis=0).max() > 0


def test_folding_batch_norm_changes_nothing():
    from efficientnet_lite_pytorch import EfficientNet

    spec = get_backbone("efficientnet-lite0")
    state = spec.default_weights()
    plain = EfficientNet.from_name("efficientnet-lite0")
    plain.load_state_dict(state)
    plain.eval()
    batch = torch.rand(2, 3, 224, 224)
    with torch.inference_mode():
        expected = plain.extract_features(batch).mean(dim=(2, 3))
        got = spec.build()[0](batch)
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-4)


class _Trap:
    def __reduce__(self):
        return (Path.touch, (Path("/tmp/air-audit-trap"),))


def test_weights_that_carry_code_are_refused(tmp_path):
    file = tmp_path / "evil.pth"
    torch.save({"x": _Trap()}, file)
    trap = Path("/tmp/air-audit-trap")
    trap.unlink(missing_ok=True)
    with pytest.raises(FeatureError, match="state dict"):
        read_state_dict(file)
    file.write_bytes(pickle.dumps(_Trap()))
    with pytest.raises(FeatureError, match="state dict"):
        read_state_dict(file)
    assert not trap.exists()


def test_weights_of_another_network_are_refused(tmp_path):
    file = tmp_path / "w.pth"
    torch.save({"layer.weight": torch.zeros(2, 2)}, file)
    with pytest.raises(FeatureError, match="does not fit"):
        get_backbone("resnet50").build(file)
    with pytest.raises(FeatureError, match="found none"):
        get_backbone("resnet50").build(tmp_path / "absent.pth")


def test_unknown_names_list_what_exists():
    with pytest.raises(FeatureError, match="efficientnet-lite0"):
        get_backbone("vgg")
    with pytest.raises(FeatureError, match="--device auto"):
        resolve_device("warp9")
