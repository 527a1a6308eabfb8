"""What the estimators make of labels with gaps, and of input that they cannot use."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from air_core.errors import SolverError
from air_core.solver import SolverConfig, sadmm
from air_core.solver.classifier import AIRClassifier
from air_core.solver.multilabel import AIRMultilabelClassifier
from air_core.solver.validation import NegativeFeaturesWarning
from tests.solver.problems import noisy_blobs

BOTH = [AIRClassifier, AIRMultilabelClassifier]
NAMES = np.array(["ant", "bee", "cat", "dog", "emu"])


@pytest.mark.parametrize(
    ("labels", "missing"),
    [
        (NAMES[:3], ""),
        (NAMES[:3], None),
        (NAMES[:3].astype(object), np.nan),
        (np.array([0, 1, 2]), -1),
        (np.array([5, 9, 7]), 0),
        (np.array([0, 1, 2], dtype=object), np.nan),
    ],
)
def test_rows_without_a_label(labels, missing):
    x, y, _ = noisy_blobs(90, 16, 3)
    given = labels[y]
    hidden = np.arange(90) % 5 == 0
    if missing is not None:
        given[hidden] = None if given.dtype == object else missing
    model = AIRClassifier(
        strength="paper", lambda_scale=1, epochs=20, batch_size=30, missing_label=missing
    )
    scores = model.fit(x, given).audit_scores(x, given)
    assert sorted(model.classes_) == sorted(labels)
    assert np.isnan(scores.activation).sum() == (0 if missing is None else hidden.sum())
    assert (np.isnan(scores.margin) == np.isnan(scores.activation)).all()
    assert np.isfinite(model.activations_).all()
    assert (model.predict(x)[hidden] == labels[y][hidden]).mean() > 0.8
    codes = np.searchsorted(model.classes_, labels)[y]
    if missing is not None:
        codes[hidden] = -1
    config = SolverConfig(lambda_scale=1, epochs=20, batch_size=30)
    beneath = sadmm(x, codes, n_classes=3, config=config, dtype=torch.float64)
    assert np.array_equal(model.coef_, beneath.coef.T)


def test_a_pandas_column_with_gaps_and_names():
    x, y, _ = noisy_blobs(60, 4, 3)
    frame = pd.DataFrame(x, columns=list("abcd"))
    given = pd.Series(NAMES[y]).astype("category")
    given[::6] = None
    model = AIRClassifier(lambda_scale=1, epochs=5, missing_label=np.nan).fit(frame, given)
    assert model.feature_names_in_.tolist() == list("abcd")
    assert model.classes_.tolist() == ["ant", "bee", "cat"]
    assert np.isnan(model.audit_scores(frame, given).margin[::6]).all()


def test_minus_one_is_a_class_unless_told_otherwise():
    x, y, _ = noisy_blobs(60, 16, 3)
    assert AIRClassifier(epochs=2).fit(x, y - 1).classes_.tolist() == [-1, 0, 1]
    assert AIRClassifier(epochs=2, missing_label=-1).fit(x, y - 1).classes_.tolist() == [0, 1]


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda x, y: (sparse.csr_array(x), y), TypeError, "dense data is required"),
        (lambda x, y: (np.where(x == x.max(), np.nan, x), y), ValueError, "NaN"),
        (lambda x, y: (np.where(x == x.max(), np.inf, x), y), ValueError, "infinity"),
        (lambda x, y: (x * 0, y), SolverError, "not all zero"),
        (lambda x, y: (x, y * 0), SolverError, "two classes among the labels, got 1"),
        (lambda x, y: (x, y[:-1]), ValueError, "inconsistent"),
        (lambda x, y: (x, y + 0.5), ValueError, "continuous"),
        (lambda x, y: (x, np.where(y == 0, np.nan, y)), ValueError, "NaN"),
        (lambda x, y: (x, np.where(y == 0, None, NAMES[y])), SolverError, "missing_label"),
        (lambda x, y: (x, None), ValueError, "y"),
        (lambda x, y: (x[:1], y[:1]), ValueError, "1 sample"),
    ],
)
def test_bad_input_is_refused_in_plain_words(kind, change, error, says):
    x, y, _ = noisy_blobs(40, 8, 3)
    with pytest.raises(error, match=says):
        kind().fit(*change(x, y))


def test_no_label_at_all_is_refused():
    x, y, _ = noisy_blobs(40, 8, 3)
    with pytest.raises(SolverError, match="two classes among the labels, got 0"):
        AIRClassifier(missing_label=-1).fit(x, y * 0 - 1)


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ({"solver": "newton"}, SolverError),
        ({"solver": "exact", "lambda_scale": 0}, SolverError),
        ({"strength": "full"}, SolverError),
        ({"group": "pixel"}, SolverError),
        ({"epochs": 0}, SolverError),
        ({"device": "abacus"}, SolverError),
    ],
)
def test_bad_settings_are_refused(setting, error):
    x, y, _ = noisy_blobs(40, 8, 3)
    with pytest.raises(error, match=str(list(setting)[-1])):
        AIRClassifier(**setting).fit(x, y)


@pytest.mark.parametrize("solver", ["sadmm", "exact"])
def test_a_class_with_one_image_constant_rows_and_small_batches(solver):
    x, y, _ = noisy_blobs(40, 8, 3)
    y[y == 2] = 1
    y[0] = 2  # the only one
    x[1] = 0
    x[2] = 1
    x[:, 3] = 0
    model = AIRClassifier(solver=solver, lambda_scale=1, batch_size=1000, epochs=10).fit(x, y)
    assert model.classes_.tolist() == [0, 1, 2]
    assert np.isfinite(model.coef_).all()
    assert (model.activations_[1] == 0).all()  # an image without features activates nothing
    assert (model.coef_[:, 3] == 0).all()
    scores = model.audit_scores(x, y)
    assert scores.activation[1] == 0
    assert np.isfinite(scores).all()
    assert model.predict_proba(x).sum(axis=1) == pytest.approx(1)


def test_negative_features_warn_but_work():
    x, y, _ = noisy_blobs(60, 16, 3)
    with pytest.warns(NegativeFeaturesWarning, match="ignores signs"):
        model = AIRClassifier(lambda_scale=1).fit(x - x.mean(axis=0), y)
    assert model.score(x - x.mean(axis=0), y) > 0.8
