"""AIR with the face of a scikit-learn classifier."""

from __future__ import annotations

import warnings
from typing import Any, Literal, NamedTuple, Self, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from air_core.errors import SolverError
from air_core.solver.config import Group, SolverConfig, SolverResult, Update
from air_core.solver.exact import exact
from air_core.solver.sadmm import sadmm
from air_core.solver.strength import adapt
from air_core.solver.targets import split_labels
from air_core.solver.tuning import Trial

Solver = Literal["sadmm", "exact"]
Strength = Literal["auto", "paper"]
Floats = NDArray[np.float64]

_DTYPES = (np.float32, np.float64)
_NO_LABEL = -1
_SADMM = (
    *("lambda_scale", "lambda_1", "group", "update"),
    *("rho", "rho_max", "beta", "batch_size", "epochs"),
)


class AuditScores(NamedTuple):
    """How well each row's given label is supported; low is suspicious.

    Attributes
    ----------
    activation : ndarray of shape (n,)
        ``‖x_i ∘ w_c‖`` in the given label's class c (the paper's score), ≥ 0.
    margin : ndarray of shape (n,)
        Probability of the given label minus that of the best other class, in [−1, 1].
    """

    activation: Floats
    margin: Floats


class SuppressedWarning(UserWarning):
    """λ_g is so large that the last step leaves no image active in any class (Eq. 6)."""


class AIRClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Linear classifier that finds out which labels not to believe (Eqs. 1–3).

    Minimises ``Σ_i CE(W x_i + b, y_i) + λ1‖W‖² + λ_g Σ_g ‖x_i ∘ w_c‖``, on features that are
    expected not to be negative (negative ones warn: what they mean is ``NegativeFeaturesWarning``).

    Parameters
    ----------
    solver : {"sadmm", "exact"}
        The paper's stochastic ADMM, or the certified optimum.
    strength : {"auto", "paper"}
        For ``"sadmm"``. ``"auto"`` chooses ρ, ρ_max and the stopping epoch (``epochs`` at most) on
        a held-out split of the given labels, see :func:`~air_core.solver.tuning.tune`, and keeps
        λ_g at λ_max/20 at most, where λ_max is the least that silences everything. Sets too
        small to hold rows out of keep the settings as given. ``"paper"`` takes all settings as
        given; their defaults are the paper's.
    lambda_scale : float
        λ_g as a multiple of 1/p, with p features. The exact solver needs more than 0.
    lambda_1, group
        See :class:`~air_core.solver.SolverConfig`.
    update, rho, rho_max, beta, batch_size, epochs
        For ``"sadmm"``, see :class:`~air_core.solver.SolverConfig`. A ``batch_size`` larger than
        the number of rows means all rows.
    tolerance, max_evaluations
        For ``"exact"``, see :func:`~air_core.solver.exact.exact`.
    missing_label : scalar, optional
        Rows of ``y`` that hold it have no label: the fit is that of the others, and they get
        activations all the same. NaN stands for None and pandas' NA too. By default every value is
        a label, −1 included.
    device : str
        A torch device.
    random_state : int, RandomState instance or None
        Decides the order of the images.

    Attributes
    ----------
    coef_ : ndarray of shape (C, p)
        Weights for the features as given. Two classes have two rows, as each has activations.
    intercept_ : ndarray of shape (C,)
    classes_ : ndarray of shape (C,)
    activations_ : ndarray of shape (n, C)
        ``‖x_i ∘ w_c‖`` of the training rows.
    history_ : tuple of dict
        One record per epoch, or per check of the duality gap.
    converged_ : bool
    stop_reason_ : str
    strength_ : str
        How the settings were chosen, in words.
    trials_ : tuple of Trial
        What was tried for it, with the accuracy on held-out given labels after every epoch; see
        :class:`~air_core.solver.tuning.Trial`.
    config_ : SolverConfig
        The settings that were used; for ``"sadmm"``.
    n_iter_ : int
        Epochs, or evaluations of the objective.
    lambda_g_ : float
        λ_g as it was used.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (p,)
        Only if X had names, all of them strings.

    Notes
    -----
    Features of dtype float64 are computed with in float64, all others in float32.

    Examples
    --------
    >>> X = [[2.0, 0.1], [1.8, 0.0], [0.1, 2.1], [0.0, 1.9], [0.1, 2.0]]
    >>> given = ["cat", "cat", "dog", "dog", "cat"]
    >>> model = AIRClassifier(solver="exact", lambda_scale=0.1).fit(X, given)
    >>> model.predict(X).tolist()
    ['cat', 'cat', 'dog', 'dog', 'dog']
    >>> int(model.audit_scores(X, given).margin.argmin())
    4
    """

    def __init__(
        self,
        *,
        solver: Solver = "sadmm",
        strength: Strength = "auto",
        lambda_scale: float = 10.0,
        lambda_1: float = 1e-6,
        group: Group = "image_class",
        update: Update = "all",
        rho: float = 10.0,
        rho_max: float = 100.0,
        beta: float = 1.1,
        batch_size: int = 256,
        epochs: int = 50,
        tolerance: float = 1e-4,
        max_evaluations: int = 3000,
        missing_label: Any = None,
        device: str = "cpu",
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.solver = solver
        self.strength = strength
        self.lambda_scale = lambda_scale
        self.lambda_1 = lambda_1
        self.group = group
        self.update = update
        self.rho = rho
        self.rho_max = rho_max
        self.beta = beta
        self.batch_size = batch_size
        self.epochs = epochs
        self.tolerance = tolerance
        self.max_evaluations = max_evaluations
        self.missing_label = missing_label
        self.device = device
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the weights to the given labels.

        Parameters
        ----------
        X : array of shape (n, p)
            Dense, finite features.
        y : array of shape (n,)
            Strings, integers or booleans; ``missing_label`` where there is none.

        Raises
        ------
        ValueError
            For NaN or infinity, shapes that do not match, continuous targets, fewer than two
            classes with a label, features that are all zero (:class:`SolverError`), or settings
            out of range (:class:`SolverError`).
        TypeError
            For sparse features.
        """
        # scikit-learn has its own words for y=None; any other y is read below.
        unread = None if y is None else "no_validation"
        features = validate_data(self, X, unread, dtype=_DTYPES, ensure_min_samples=2)
        targets = self._read_targets(y)
        check_consistent_length(features, targets)
        result = self._solve(features, targets)
        self._warn(result)
        self.coef_ = np.ascontiguousarray(result.coef.T)
        self.intercept_ = result.intercept
        self.activations_ = result.activations
        self.history_ = result.history
        self.converged_ = result.converged
        self.stop_reason_ = result.stop_reason
        self.n_iter_ = int(result.history[-1].get("evaluations", len(result.history)))
        self.lambda_g_ = result.lambda_g
        return self

    def decision_function(self, X: ArrayLike) -> Floats:
        """Scores ``W x + b``.

        Returns
        -------
        ndarray of shape (n, C), or (n,) for two classes
            With two classes, the score of ``classes_[1]`` minus that of ``classes_[0]``.
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if self._is_binary() else scores

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Probability of every class, shape (n, C).

        AIR shrinks probabilities towards each other: read them as an order, not as a frequency.
        """
        return self._probabilities(self._scores(X))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of every row, shape (n,)."""
        scores = self._scores(X)
        predicted: NDArray[Any] = self.classes_[scores.argmax(axis=1)]
        return predicted

    def activations(self, X: ArrayLike) -> Floats:
        """Activation of every row in every class, ``‖x_i ∘ w_c‖``, shape (n, C)."""
        features = self._features(X).astype(np.float64, copy=False)
        active: Floats = np.sqrt(np.square(features) @ np.square(self.coef_.T, dtype=np.float64))
        return active

    def audit_scores(self, X: ArrayLike, y: ArrayLike) -> AuditScores:
        """How well the model supports the given label of every row.

        Parameters
        ----------
        X : array of shape (n, p)
        y : array of shape (n,)

        Returns
        -------
        AuditScores
            NaN where ``y`` is the missing label.

        Raises
        ------
        ValueError
            For labels that were not there in ``fit``.
        """
        active, probability = self.activations(X), self.predict_proba(X)
        labels, missing = split_labels(y, self.missing_label)
        check_consistent_length(active, missing)
        unseen = set(labels.tolist()) - set(self.classes_.tolist())
        if unseen:
            raise SolverError(f"Expected labels seen in fit, got {sorted(unseen)[:3]}.")
        rows = np.flatnonzero(~missing)
        codes = np.searchsorted(self.classes_, labels)
        activation, margin = np.full((2, len(active)), np.nan)
        activation[rows] = active[rows, codes]
        others = probability[rows]
        others[np.arange(len(rows)), codes] = -np.inf
        margin[rows] = probability[rows, codes] - others.max(axis=1)
        return AuditScores(activation, margin)

    def _read_targets(self, y: ArrayLike) -> NDArray[Any]:
        """Class indices for a solver, −1 for none; sets ``classes_``."""
        labels, missing = split_labels(y, self.missing_label)
        codes = np.full(len(missing), _NO_LABEL)
        self.classes_, codes[~missing] = np.unique(labels, return_inverse=True)
        return codes

    def _solve(self, features: NDArray[Any], targets: NDArray[Any]) -> SolverResult:
        for name, choices in (("solver", get_args(Solver)), ("strength", get_args(Strength))):
            if getattr(self, name) not in choices:
                raise SolverError(
                    f"Expected {name} among {', '.join(choices)}, got {getattr(self, name)!r}."
                )
        try:
            device = torch.device(self.device)
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError) as error:
            raise SolverError(
                f"Expected a torch device that exists here, got {self.device!r}."
            ) from error
        double = features.dtype == np.float64 and device.type != "mps"  # which has no float64
        setting: dict[str, Any] = {
            "n_classes": len(self.classes_),
            "device": device,
            "dtype": torch.float64 if double else torch.float32,
        }
        self.strength_ = "the settings as given"
        self.trials_: tuple[Trial, ...] = ()
        if self.solver == "exact":
            names = ("lambda_scale", "lambda_1", "group", "tolerance", "max_evaluations")
            return exact(features, targets, **self._given(names), **setting)
        self.config_ = SolverConfig(**self._given(_SADMM), seed=self._seed())
        if self.strength == "auto":
            tuning = adapt(features, targets, self.config_, **setting)
            self.config_, self.strength_ = tuning.config, tuning.reason
            self.trials_ = tuning.trials
        return sadmm(features, targets, config=self.config_, **setting)

    def _given(self, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: getattr(self, name) for name in names}

    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _warn(self, result: SolverResult) -> None:
        if not np.nan_to_num(result.last_activations).any():
            warnings.warn(
                f"λ_g = {result.lambda_g:.3g} suppresses every image in the end, so what is left "
                f"of the weights means little. Lower lambda_scale: λ_g = lambda_scale / p is large "
                f"for p = {len(result.coef)}.",
                SuppressedWarning,
                stacklevel=3,
            )
        if self.solver == "exact" and not result.converged:
            warnings.warn(
                f"The exact solver has not converged: {result.stop_reason}.",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _features(self, X: ArrayLike) -> NDArray[Any]:
        check_is_fitted(self)
        features: NDArray[Any] = validate_data(self, X, reset=False, dtype=_DTYPES)
        return features

    def _scores(self, X: ArrayLike) -> Floats:
        scores: Floats = (self._features(X) @ self.coef_.T + self.intercept_).astype(np.float64)
        return scores

    def _is_binary(self) -> bool:
        return len(self.classes_) == 2

    def _probabilities(self, scores: Floats) -> Floats:
        probabilities: Floats = softmax(scores, axis=1)
        return probabilities
