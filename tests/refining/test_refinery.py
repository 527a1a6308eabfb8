"""The training: what it finds, that a stop changes nothing, and whose labels it believes."""

import numpy as np
import pytest
import torch
from torch import nn

from air_core.errors import Cancelled, SolverError
from air_core.features.inner import InnerMaps
from air_core.refining import Known, RefineConfig, refine

CPU = torch.device("cpu")
N, CLASSES = 120, 3
TRUTH = np.arange(N) % CLASSES
WRONG = np.arange(0, N, 10)
# λ_g is a multiple of 1/p: with 8 features the default would leave nothing of the top layer.
CONFIG = RefineConfig(
    rounds=2, epochs=3, views=2, batch_size=16, rate=0.01, top_rate=0.05, lambda_scale=0.05, seed=1
)


@pytest.fixture(scope="module")
def inner(tmp_path_factory):
    """Maps of 6 × 4 × 4 in which two channels light up for each class."""
    folder = tmp_path_factory.mktemp("inner")
    rng = np.random.default_rng(0)
    for view in range(2):
        maps = rng.normal(0, 0.3, (N, 4, 4, 6))
        maps[np.arange(N), :, :, TRUTH] += 1
        maps[np.arange(N), :, :, TRUTH + 3] += 1
        bits = torch.from_numpy(maps).to(torch.bfloat16).view(torch.int16).numpy()
        np.save(folder / f"view{view}-000000.npy", bits)
    return InnerMaps(folder, N, 2, (6, 4, 4))


@pytest.fixture(scope="module")
def above():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
                         nn.Flatten())  # fmt: skip


def noisy():
    labels = TRUTH.copy()
    labels[WRONG] = (labels[WRONG] + 1) % CLASSES
    return labels


def known(labels=None, settled=(), given=None):
    labels = noisy() if labels is None else labels
    looked_at = np.zeros(N, dtype=bool)
    looked_at[list(settled)] = True
    return Known(noisy() if given is None else given, labels, looked_at, CLASSES)


def train(inner, above, folder, what=None, *, config=CONFIG, key="a", **options):
    return refine(
        inner, above, what or known(), p=8, config=config, device=CPU,
        checkpoint=folder / "checkpoint", key=key, **options,
    )  # fmt: skip


def same(first, second):
    return all(
        np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True)
        for name in ("features", "probabilities", "margins", "coef", "intercept")
    )


def stop_after(images):
    def progress(done, total, note):
        if done >= images:
            raise Cancelled("stop")

    return progress


def test_wrong_labels_come_first_and_features_are_the_top_layers(inner, above, tmp_path):
    before = [parameter.clone() for parameter in above.parameters()]
    found = train(inner, above, tmp_path)
    assert set(np.argsort(found.margins)[: len(WRONG)]) == set(WRONG)
    assert (found.probabilities.argmax(axis=1) == TRUTH).mean() > 0.95
    assert found.features.min() >= 0
    scores = found.features @ found.coef + found.intercept
    assert (scores.argmax(axis=1) == TRUTH).mean() > 0.95
    assert len(found.history) == 6
    assert all(torch.equal(a, b) for a, b in zip(before, above.parameters(), strict=True))


@pytest.mark.parametrize("images", [1, N + 40, 3 * N, 5 * N - 10])
def test_stopped_and_resumed_is_the_same_as_unbroken(inner, above, tmp_path, images):
    (tmp_path / "other").mkdir()
    whole = train(inner, above, tmp_path / "other")
    with pytest.raises(Cancelled):
        train(inner, above, tmp_path, progress=stop_after(images))
    seen = []
    resumed = train(inner, above, tmp_path, progress=lambda done, *_: seen.append(done))
    assert min(seen) > (images - 1) // N * N  # finished epochs are not trained again
    assert same(whole, resumed)


def test_another_seed_is_another_result_and_the_same_one_is_not(inner, above, tmp_path):
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
    first, second = (train(inner, above, folder) for folder in folders[:2])
    assert same(first, second)
    other = RefineConfig(**CONFIG.as_dict() | {"seed": 2})
    assert not same(first, train(inner, above, folders[2], config=other))


def test_a_checkpoint_of_another_training_or_a_damaged_one_is_not_taken_up(inner, above, tmp_path):
    (tmp_path / "other").mkdir()
    whole = train(inner, above, tmp_path / "other")
    with pytest.raises(Cancelled):
        train(inner, above, tmp_path, key="b", progress=stop_after(N + 1))
    assert same(train(inner, above, tmp_path), whole)
    (tmp_path / "checkpoint").write_bytes(b"\x80\x04 no archive")
    assert same(train(inner, above, tmp_path), whole)


def test_unlabelled_images_are_not_learnt_from_but_have_an_opinion(inner, above, tmp_path):
    labels = noisy()
    labels[TRUTH == 2] = np.where(np.arange(N)[TRUTH == 2] < 60, -1, labels[TRUTH == 2])
    unlabelled = labels == -1
    found = train(inner, above, tmp_path, known(labels, given=labels))
    assert np.isnan(found.margins[unlabelled]).all()
    assert (found.probabilities[unlabelled].argmax(axis=1) == 2).mean() > 0.9


def test_what_a_person_settled_is_not_corrected():
    opinion = np.full((N, CLASSES), 1 / 3, dtype=np.float32)
    corrected = known(settled=[4]).corrected(opinion, trust=1.0)
    assert corrected[4].tolist() == np.eye(CLASSES)[noisy()[4]].tolist()
    assert corrected[5] == pytest.approx(opinion[5])


def test_reviewed_labels_teach(inner, above, tmp_path):
    (tmp_path / "other").mkdir()
    shuffled = np.random.default_rng(0).permutation(TRUTH)
    lost = train(inner, above, tmp_path, known(shuffled, given=shuffled))
    told = train(inner, above, tmp_path / "other", known(TRUTH, range(N), given=shuffled))
    wrong = shuffled != TRUTH

    def found(result):
        return (result.margins[wrong] < 0).mean()

    assert found(told) > 0.95 > found(lost)


def test_one_class_is_refused():
    with pytest.raises(SolverError, match="at least two classes to learn from, got 1"):
        known(np.zeros(N, dtype=np.intp))


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"trust": 2.0}, {"rate": float("nan")}])
def test_impossible_settings_are_named(wrong):
    with pytest.raises(SolverError, match=f"Expected {next(iter(wrong))}"):
        RefineConfig(**wrong)
