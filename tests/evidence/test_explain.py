"""The evidence on one image of a real audit."""

import numpy as np
import pytest

from air_core import pipeline
from air_core.dataset import Dataset, index_tags, stable_item_ids
from air_core.evidence import CosineIndex, TopLayer, explain, summary
from air_core.evidence.words import text
from air_core.fitting import latest_fit
from air_core.labels import Decision
from tests.shapes import CLASSES, WRONG, make_source


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evidence")
    workspace = pipeline.open_source(make_source(folder / "source"), folder / "ws")
    pipeline.extract(workspace, device="cpu")
    pipeline.fit(workspace, device="cpu", strength="paper", settings={"epochs": 4})
    pipeline.fit_svm(workspace)
    return workspace


class Path:
    """A λ_g path of three values with made-up numbers."""

    def __init__(self, n):
        rng = np.random.default_rng(0)
        self.scales = np.array([20.0, 10.0, 5.0])
        self.activations, self.margins = rng.random((2, 3, n)).astype(np.float32)
        self.coef = np.arange(3.0)[:, None, None] * np.ones((2, 4))
        self.intercept = np.arange(3.0)[:, None] * np.ones(4)


def ask(workspace, row, model="air", **options):
    features = pipeline.current_features(workspace).array
    fit = latest_fit(workspace, model)
    options = {
        "index": CosineIndex(features),
        "decisions": {},
        "rankings": {name: pipeline.rank(workspace, name) for name in FITTED},
        "fit": fit,
    } | options
    return explain(workspace.dataset, row, features, TopLayer.of(fit), **options)


WRONG_ROW = 3
FITTED = [name for name in pipeline.DETECTORS if not name.startswith("refined")]


def test_a_wrong_label_stands_against_its_neighbours_and_the_model(audited):
    found = ask(audited, WRONG_ROW)
    dataset = audited.dataset
    assert found.item_id == dataset.item_ids[WRONG_ROW]
    assert found.given == (dataset.class_names.index(WRONG["images/03.png"]),)
    assert found.suggested == (CLASSES.index("circle"),)
    agreeing = [n for n in found.neighbours if n.relation == "suggested"]
    assert len(found.neighbours) == 10
    assert len(agreeing) >= 6
    assert found.item_id not in [n.item_id for n in found.neighbours]
    said = text(summary(found, dataset.class_names))
    assert said.startswith(f"Labelled square. {len(agreeing)} of 10 neighbours are labelled circle")
    assert "; the model would say circle with " in said


@pytest.mark.parametrize("model", ["air", "svm"])
def test_activation_and_probability_are_those_that_the_fit_stored(audited, model):
    fit = latest_fit(audited, model)
    for row in (0, WRONG_ROW, 20):
        found = ask(audited, row, model)
        assert [c.activation for c in found.classes] == sorted(
            (c.activation for c in found.classes), reverse=True
        )
        own = next(c for c in found.classes if c.given)
        assert own.activation == pytest.approx(float(fit.activations[row]), rel=1e-4)
        for c in found.classes:
            assert c.probability == pytest.approx(float(fit.probabilities[row, c.index]), rel=1e-3)
        assert found.suggested == (int(fit.probabilities[row].argmax()),)


def test_each_detector_says_what_its_ranking_says(audited):
    opinions = ask(audited, WRONG_ROW).opinions
    assert [o.detector for o in opinions] == FITTED
    for opinion in opinions:
        ranking = pipeline.rank(audited, opinion.detector)
        assert opinion.score == ranking.scores[WRONG_ROW]
        assert opinion.rank == ranking.ranks[WRONG_ROW]
        assert opinion.of == 36
        assert opinion.flagged == ranking.flagged[WRONG_ROW]


def test_curves_over_epochs_and_over_the_path(audited):
    fit, path = latest_fit(audited, "air"), Path(36)
    found = ask(audited, WRONG_ROW, path=path)
    assert found.epochs.x.tolist() == [1, 2, 4]
    np.testing.assert_allclose(found.epochs.values, fit.epoch_activations[:, WRONG_ROW])
    alike = audited.dataset.given_labels == audited.dataset.given_labels[WRONG_ROW]
    np.testing.assert_allclose(
        found.epochs.middle, np.median(fit.epoch_activations[:, alike], axis=1), rtol=1e-6
    )
    assert (found.epochs.low <= found.epochs.high).all()
    for curve, values in (
        (found.path_activation, path.activations),
        (found.path_margin, path.margins),
    ):
        assert curve.x.tolist() == [5, 10, 20]
        np.testing.assert_array_equal(curve.values, values[::-1, WRONG_ROW])
        np.testing.assert_allclose(
            curve.high, np.quantile(values[::-1][:, alike], 0.75, axis=1), rtol=1e-6
        )
    without = ask(audited, WRONG_ROW, "svm")
    assert without.epochs is None
    assert without.path_margin is None


def test_neighbours_count_with_the_labels_in_force(audited):
    before = ask(audited, WRONG_ROW).neighbours
    first, second = before[0].item_id, before[1].item_id
    try:
        audited.decide(
            [Decision(first, "relabel", "stripes"), Decision(second, "exclude")], reviewer="ana"
        )
        after = ask(audited, WRONG_ROW, decisions=audited.reviewed()).neighbours
    finally:
        audited.labels.undo_last("ana")
    changed = next(n for n in after if n.item_id == first)
    assert changed.labels == (audited.dataset.class_names.index("stripes"),)
    assert changed.given == before[0].given
    assert (changed.relation, changed.reviewed) == ("other", "relabel")
    assert second not in [n.item_id for n in after]
    assert len(after) == 10


@pytest.mark.parametrize(
    ("scale", "expected"), [(20, 0), (10, 1), (5, 2), (10 * 2**0.5, 0.5), (99, 0), (1, 2)]
)
def test_a_layer_between_two_values_of_the_path(scale, expected):
    layer = TopLayer.along(Path(3), scale)
    np.testing.assert_allclose(layer.coef, np.full((2, 4), expected))
    np.testing.assert_allclose(layer.intercept, np.full(4, expected))


def some_dataset(given, tags=None, names=("ape", "bee", "cow")):
    n = len(given)
    paths = tuple(f"{i}.png" for i in range(n))
    return Dataset(
        item_ids=stable_item_ids(paths),
        paths=paths,
        files=paths,
        given_labels=np.array(given, dtype=np.intp),
        class_names=names,
        digests=("same", "same", *map(str, range(2, n))),
        tags=tags,
    )


def ask_arrays(dataset, row, features, coef, **options):
    layer = TopLayer(coef, np.zeros(coef.shape[1]))
    options = {"index": CosineIndex(features), "decisions": {}, "rankings": {}} | options
    return explain(dataset, row, features, layer, **options)


def test_an_image_without_a_label_still_has_neighbours_that_have_one():
    features = np.array([[1, 0], [1, 0], [1, 0.2], [0, 1]], np.float32)
    dataset = some_dataset([-1, -1, 1, 2])
    found = ask_arrays(dataset, 0, features, np.array([[0, 3.0, 0], [0, 0, 3.0]]))
    assert found.given == ()
    assert [n.labels for n in found.neighbours] == [(1,), (2,)]
    assert text(summary(found, dataset.class_names)) == (
        "Not labelled. 1 of 2 neighbours is labelled bee; the model would say bee with 91 %."
    )


def test_a_copy_of_the_same_picture_is_named():
    features = np.array([[1, 0], [1, 0], [1, 0.2], [0, 1]], np.float32)
    found = ask_arrays(some_dataset([0, 1, 1, 2]), 0, features, np.eye(2, 3))
    assert [n.same_picture for n in found.neighbours] == [True, False, False]


def test_of_many_classes_the_first_eight_and_those_that_matter():
    rng = np.random.default_rng(0)
    names = tuple(f"class {i}" for i in range(150))
    coef = rng.random((4, 150)) + np.linspace(3, 0, 150)
    found = ask_arrays(some_dataset([149, 0], names=names), 0, np.ones((2, 4), np.float32), coef)
    assert len(found.classes) == 9
    assert found.classes[-1].given
    assert found.classes[-1].index == 149


def test_tags_each_on_its_own():
    names = ("dog", "sea", "ship")
    tags = index_tags(['["dog", "sea"]', '["sea"]', '["sea", "ship"]', None], names)
    dataset = some_dataset([-1] * 4, tags, names)
    features = np.array([[1, 1], [1, 0.9], [0.9, 1], [1, 1]], np.float32)
    coef = np.array([[-4.0, 3.0, 1.0], [0.0, 0.0, 1.0]])
    found = ask_arrays(dataset, 0, features, coef)
    assert (found.given, found.suggested) == ((0, 1), (1, 2))
    assert {n.labels for n in found.neighbours} == {(1,), (1, 2)}
    assert [n.relation for n in sorted(found.neighbours, key=lambda n: len(n.labels))] == [
        "other",
        "suggested",
    ]
    assert text(summary(found, names, tags=True)) == (
        "Tagged dog and sea. The model would add ship (88 %) and take away dog (98 %). "
        "Of 2 neighbours 1 has ship and none have dog."
    )
