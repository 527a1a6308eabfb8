"""The estimators against scikit-learn's own checks, the solvers beneath, and awkward input."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from air_core.errors import SolverError
from air_core.metrics import auroc
from air_core.solver import SolverConfig, sadmm, tuning
from air_core.solver.classifier import AIRClassifier, SuppressedWarning
from air_core.solver.exact import exact
from air_core.solver.multilabel import AIRMultilabelClassifier
from tests.solver.problems import noisy_blobs

BOTH = [AIRClassifier, AIRMultilabelClassifier]
NAMES = np.array(["ant", "bee", "cat", "dog", "emu"])


# scikit-learn's data has negative features, and as few as one: 10/p then silences every image,
# which strength="auto" mends and the exact solver has to be told.
@pytest.mark.filterwarnings(
    "ignore::air_core.solver.validation.NegativeFeaturesWarning",
    "ignore::air_core.solver.classifier.SuppressedWarning",
)
@parametrize_with_checks(
    [kind() for kind in BOTH] + [kind(solver="exact", lambda_scale=0.1) for kind in BOTH]
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_sadmm_is_the_solver_beneath():
    x, y, _ = noisy_blobs(100, 32, 4)
    model = AIRClassifier(
        strength="paper", epochs=5, batch_size=20, rho_max=30, random_state=3
    ).fit(x, NAMES[y])
    config = SolverConfig(epochs=5, batch_size=20, rho_max=30, seed=3)
    beneath = sadmm(x, y, config=config, dtype=torch.float64)
    assert np.array_equal(model.coef_, beneath.coef.T)
    assert np.array_equal(model.activations_, beneath.activations)
    assert model.classes_.tolist() == ["ant", "bee", "cat", "dog"]
    assert model.lambda_g_ == 10 / 32
    assert model.n_iter_ == len(model.history_) == 5
    assert not model.converged_
    assert "5 epochs" in model.stop_reason_
    assert model.coef_.shape == (4, 32)
    assert model.intercept_.shape == (4,)
    np.testing.assert_allclose(model.activations(x), model.activations_, rtol=1e-6)


def test_exact_is_the_solver_beneath():
    x, y, _ = noisy_blobs(100, 32, 4)
    model = AIRClassifier(solver="exact", lambda_scale=3, group="image").fit(x, y)
    beneath = exact(x, y, lambda_scale=3, group="image", dtype=torch.float64)
    assert np.array_equal(model.coef_, beneath.coef.T)
    assert model.converged_
    assert "duality gap" in model.stop_reason_
    assert model.n_iter_ == beneath.history[-1]["evaluations"] > 1


def test_an_exact_fit_cut_short_says_so():
    x, y, _ = noisy_blobs(100, 32, 4)
    with pytest.warns(ConvergenceWarning, match="after 10 evaluations, the most allowed"):
        model = AIRClassifier(solver="exact", lambda_scale=3, max_evaluations=2).fit(x, y)
    assert not model.converged_


@pytest.fixture(scope="module")
def digits():
    """Written digits, three labels in ten wrong: p = 64, where 10/p is too much."""
    x, truth = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    rng = np.random.default_rng(0)
    flips = rng.random(1000) < 0.3
    given = np.where(flips, (truth[:1000] + rng.integers(1, 10, 1000)) % 10, truth[:1000])
    return x[:1000], given, x[1000:], truth[1000:]


def test_auto_adapts_where_the_papers_settings_underfit(digits):
    x, given, x_test, truth = digits
    paper = AIRClassifier(strength="paper").fit(x, given)
    auto = AIRClassifier().fit(x, given)
    assert paper.score(x_test, truth) < 0.75
    assert auto.score(x_test, truth) > 0.85
    assert auto.lambda_g_ < paper.lambda_g_ == 10 / 64
    assert paper.strength_ == "the settings as given"
    assert "held-out given labels" in auto.strength_
    assert "λ_g lowered" in auto.strength_
    assert auto.config_.rho_max < 100
    assert auto.n_iter_ == auto.config_.epochs <= 50
    assert paper.trials_ == ()
    assert len(auto.trials_) >= 2
    for trial in auto.trials_:
        left = trial.config.epochs + tuning._PATIENCE
        assert len(trial.accuracies) == len(trial.losses) == min(50, left)
        assert trial.loss == min(trial.losses) == trial.losses[trial.config.epochs - 1]
        assert trial.accuracy == trial.accuracies[trial.config.epochs - 1]


def test_auto_is_the_solver_at_the_settings_it_shows(digits):
    x, given = digits[:2]
    auto = AIRClassifier(epochs=5).fit(x, given)
    assert np.array_equal(auto.coef_, sadmm(x, given, config=auto.config_).coef.T)


def test_auto_keeps_the_settings_of_sets_too_small_to_hold_rows_out():
    x, y, _ = noisy_blobs(60, 16, 3)
    model = AIRClassifier(lambda_scale=0.1, epochs=7).fit(x, y)
    assert "too few images" in model.strength_
    assert model.config_ == SolverConfig(lambda_scale=0.1, epochs=7)


@pytest.mark.parametrize("solver", ["sadmm", "exact"])
def test_a_lambda_that_silences_everything_says_so(solver):
    x, y, _ = noisy_blobs(60, 16, 3)
    with pytest.warns(SuppressedWarning, match="p = 16"):
        AIRClassifier(solver=solver, strength="paper", lambda_scale=640, epochs=5).fit(x, y)


@pytest.mark.parametrize("solver", ["sadmm", "exact"])
def test_audit_scores_find_the_wrong_labels(solver):
    x, y, wrong = noisy_blobs(300, 64, 5, noise=0.3, seed=1)
    given = NAMES[y]
    model = AIRClassifier(solver=solver, lambda_scale=10)
    scores = model.fit(x, given).audit_scores(x, given)
    assert auroc(scores.activation, wrong) > 0.9
    assert auroc(scores.margin, wrong) > 0.95
    rows = np.arange(len(y))
    np.testing.assert_allclose(scores.activation, model.activations(x)[rows, y])
    probability = model.predict_proba(x)
    second = np.where(np.eye(5, dtype=bool)[y], -1, probability).max(axis=1)
    np.testing.assert_allclose(scores.margin, probability[rows, y] - second)
    assert ((scores.margin > 0) == (model.predict(x) == given)).all()


def test_audit_scores_of_labels_nobody_has_seen_are_refused():
    x, y, _ = noisy_blobs(60, 16, 3)
    model = AIRClassifier(epochs=2).fit(x, y)
    with pytest.raises(SolverError, match=r"seen in fit, got \[7\]"):
        model.audit_scores(x, np.where(y == 2, 7, y))
    with pytest.raises(ValueError, match="inconsistent"):
        model.audit_scores(x[:-1], y)
    with pytest.raises(NotFittedError):
        AIRClassifier().audit_scores(x, y)


def test_two_classes_decide_by_one_score_and_keep_two_rows():
    x, y, _ = noisy_blobs(60, 16, 2)
    model = AIRClassifier(lambda_scale=1, epochs=10).fit(x, NAMES[y])
    decision = model.decision_function(x)
    assert decision.shape == (60,)
    assert model.coef_.shape == (2, 16)
    assert (model.predict(x) == NAMES[(decision > 0).astype(int)]).all()
    np.testing.assert_allclose(model.predict_proba(x)[:, 1], 1 / (1 + np.exp(-decision)))


def test_grid_search_over_lambda_in_a_pipeline():
    x, y, _ = noisy_blobs(120, 16, 3, noise=0.2)
    model = AIRClassifier(strength="paper", epochs=20, batch_size=40)
    pipeline = make_pipeline(MinMaxScaler(), model)
    search = GridSearchCV(pipeline, {"airclassifier__lambda_scale": [0.1, 5.0]}, cv=3)
    search.fit(x, NAMES[y])
    assert search.best_params_ == {"airclassifier__lambda_scale": 0.1}
    low, high = search.cv_results_["mean_test_score"]
    assert low > high + 0.05
    assert search.best_estimator_[-1].lambda_g_ == 0.1 / 16


@pytest.mark.parametrize("kind", BOTH)
def test_last_step_after_a_scaler_that_hands_on_frames(kind):
    x, y, _ = noisy_blobs(60, 4, 3)
    frame = pd.DataFrame(x, columns=list("abcd"))
    pipeline = make_pipeline(MinMaxScaler(), kind(lambda_scale=1, epochs=5))
    pipeline.set_output(transform="pandas").fit(frame, y)
    assert pipeline[-1].feature_names_in_.tolist() == list("abcd")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # names that do not match would warn
        assert pipeline.predict(frame).shape == (60,)


@pytest.mark.parametrize("kind", BOTH)
def test_clone_keeps_the_settings_and_forgets_the_fit(kind):
    x, y, _ = noisy_blobs(60, 16, 3)
    model = kind(lambda_scale=3.0, missing_label=np.nan, epochs=4, random_state=7).fit(x, y)
    copy = clone(model)
    assert str(copy.get_params()) == str(model.get_params())
    assert not hasattr(copy, "coef_")
    assert np.array_equal(copy.fit(x, y).coef_, model.coef_)


def test_random_state_is_drawn_from_a_generator():
    x, y, _ = noisy_blobs(60, 16, 3)
    first, second = (
        AIRClassifier(epochs=2, batch_size=10, random_state=np.random.RandomState(1)).fit(x, y)
        for _ in range(2)
    )
    other = AIRClassifier(epochs=2, batch_size=10, random_state=None).fit(x, y)
    assert np.array_equal(first.coef_, second.coef_)
    assert not np.array_equal(first.coef_, other.coef_)


def test_precision_follows_the_features():
    x, y, _ = noisy_blobs(60, 16, 3)
    single = AIRClassifier(epochs=3).fit(x.astype(np.float32), y)
    double = AIRClassifier(epochs=3).fit(x, y)
    assert single.coef_.dtype == np.float32
    assert double.coef_.dtype == np.float64
    np.testing.assert_allclose(single.coef_, double.coef_, rtol=1e-3, atol=1e-5)
