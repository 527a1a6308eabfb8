"""Any number of tags an image: both solvers, the path, and the estimator."""

import numpy as np
import pytest
import torch
from scipy import sparse

from air_core.errors import SolverError
from air_core.metrics import auroc
from air_core.solver import SolverConfig, air_path, exact, sadmm
from air_core.solver.multilabel import AIRMultilabelClassifier


def tags_problem(seed=0):
    """Images with one or two of four tags; one present tag in ten is a lie."""
    rng = np.random.default_rng(seed)
    n, p, c = 300, 40, 4
    true = np.zeros((n, c))
    true[np.arange(n), rng.integers(0, c, n)] = 1
    true[rng.random((n, c)) < 0.15] = 1
    centres = np.abs(rng.normal(size=(c, p)))
    x = np.maximum(0, true @ centres + 0.5 * rng.normal(size=(n, p)))
    given = true.copy()
    lie = (true == 0) & (rng.random((n, c)) < 0.1)
    given[lie] = 1
    return x, given, lie


@pytest.mark.parametrize("solve", ["sadmm", "exact"])
def test_false_tags_are_least_supported(solve):
    x, given, lie = tags_problem()
    if solve == "sadmm":
        got = sadmm(x, given, config=SolverConfig(batch_size=64))
    else:
        got = exact(x, given, lambda_scale=2.0)
        assert got.converged
    scores = x @ got.coef + got.intercept
    present = given == 1
    assert auroc(scores[present], lie[present]) > 0.95
    assert auroc(got.activations[present], lie[present]) > 0.6


def test_tags_of_other_values_are_refused_by_the_solvers():
    x, given, _ = tags_problem()
    with pytest.raises(SolverError, match="0, 1 or NaN"):
        sadmm(x, given * 2)


def test_a_path_of_tags_suggests_tags():
    x, given, _ = tags_problem()
    path = air_path(x, given, count=3)
    point = path.points[-1]
    assert point.suggestions.shape == given.shape
    assert (point.suggestions == given).mean() > 0.8


def tagged(n=120, p=24, n_tags=3, seed=0):
    """Features in which every tag lights up its own part, and the tags, all combinations."""
    rng = np.random.default_rng(seed)
    tags = (rng.random((n, n_tags)) < 0.4).astype(int)
    pattern = np.kron(np.eye(n_tags), np.ones(p // n_tags))
    return np.maximum(0, tags @ pattern + 0.3 * rng.normal(size=(n, p))), tags


@pytest.mark.parametrize("solver", ["sadmm", "exact"])
@pytest.mark.parametrize("group", ["image_class", "image"])
def test_tags(solver, group):
    x, tags = tagged()
    model = AIRMultilabelClassifier(solver=solver, group=group, lambda_scale=0.5, batch_size=30)
    model.fit(x, tags)
    assert model.multilabel_
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.predict(x).shape == model.predict_proba(x).shape == (120, 3)
    assert (model.predict(x) == tags).mean() > 0.95
    assert model.score(x, tags) > 0.85
    assert model.activations_.shape == (120, 3)
    shown = model.fit(x, sparse.csr_array(tags))
    assert (shown.predict(x) == tags).mean() > 0.95


def test_a_wrong_tag_is_the_least_supported():
    x, tags = tagged()
    wrong = np.flatnonzero(tags.sum(axis=1) == 1)[:6]
    given = tags.copy()
    given[wrong, (tags[wrong].argmax(axis=1) + 1) % 3] = 1
    model = AIRMultilabelClassifier(lambda_scale=0.5, batch_size=30).fit(x, given)
    scores = model.audit_scores(x, given)
    is_wrong = np.isin(np.arange(120), wrong)
    some = given.any(axis=1)
    assert np.isnan(scores.activation[~some]).all()
    assert np.isfinite(scores.margin).all()
    assert auroc(scores.margin[some], is_wrong[some]) > 0.95
    assert auroc(scores.activation[some], is_wrong[some]) > 0.95
    with pytest.raises(SolverError, match=r"shape \(120, 3\)"):
        model.audit_scores(x, given[:, :2])


@pytest.mark.parametrize("missing", [-9, np.nan])
def test_unknown_tags_take_no_part(missing):
    x, tags = tagged()
    given = tags.astype(float)
    given[::4, 1] = missing
    model = AIRMultilabelClassifier(lambda_scale=0.5, batch_size=30, missing_label=missing)
    unknown = model.fit(x, given).coef_
    given[::4, 1] = np.nan
    config = SolverConfig(lambda_scale=0.5, batch_size=30)
    assert np.array_equal(unknown, sadmm(x, given, config=config, dtype=torch.float64).coef.T)
    assert (model.predict(x) == tags).mean() > 0.95


@pytest.mark.parametrize("bad", [np.full((120, 3), 2), np.full((120, 3), np.nan)])
def test_tags_of_other_values_are_refused(bad):
    with pytest.raises(SolverError, match="0 and 1"):
        AIRMultilabelClassifier().fit(tagged()[0], bad)
