"""AIR for any number of tags an image, with the face of a scikit-learn classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.utils.validation import check_is_fitted

from air_core.errors import SolverError
from air_core.solver.classifier import AIRClassifier, AuditScores, Floats
from air_core.solver.targets import as_dense, read_tags


class AIRMultilabelClassifier(AIRClassifier):
    """AIR for images with any number of tags: a sigmoid loss for each tag.

    A ``y`` of shape (n, C) holds 1 for a tag that is there and 0 for one that is not;
    ``missing_label`` marks what nobody knows, entry by entry. A ``y`` with one label a row, shape
    (n,) or (n, 1), is fitted with a softmax as :class:`AIRClassifier` does.

    Parameters and attributes are those of :class:`AIRClassifier`; with tags ``classes_`` is
    0 … C−1, ``predict`` returns 0 and 1 of shape (n, C), ``predict_proba`` and
    ``decision_function`` have shape (n, C) too, and ``score`` is the share of rows with every tag
    right.

    Attributes
    ----------
    multilabel_ : bool
        Whether ``y`` held tags.

    Examples
    --------
    >>> X = [[2.0, 0.1, 0.0], [1.8, 0.0, 0.1], [0.1, 2.1, 1.0], [0.0, 1.9, 1.1], [1.9, 2.0, 0.0]]
    >>> y = [[1, 0], [1, 0], [0, 1], [0, 1], [1, 1]]
    >>> AIRMultilabelClassifier(solver="exact", lambda_scale=1).fit(X, y).predict(X).tolist()
    [[1, 0], [1, 0], [0, 1], [0, 1], [1, 1]]
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Tags of shape (n, C), those with a probability over one half; or classes, shape (n,)."""
        check_is_fitted(self)
        if self.multilabel_:
            return (self._scores(X) > 0).astype(np.int64)
        return super().predict(X)

    def audit_scores(self, X: ArrayLike, y: ArrayLike) -> AuditScores:
        """As :meth:`AIRClassifier.audit_scores`; with tags, of the tag most in doubt.

        The activation is the least over the given tags, NaN without one. The margin is the least
        agreement over all known tags: ``2 P(tag) − 1`` where given, ``1 − 2 P(tag)`` where not.
        For single tags read :meth:`activations` and ``predict_proba``.
        """
        check_is_fitted(self)
        if not self.multilabel_:
            return super().audit_scores(X, y)
        active, probability = self.activations(X), self.predict_proba(X)
        tags = read_tags(y, self.missing_label)
        given, known = tags == 1, ~np.isnan(tags)
        if given.shape != active.shape:
            raise SolverError(f"Expected tags of shape {active.shape}, got {given.shape}.")
        signed = 2 * probability - 1
        lowest = np.where(given, active, np.inf).min(axis=1)
        least = np.where(known, np.where(given, signed, -signed), np.inf).min(axis=1)
        return AuditScores(
            np.where(given.any(axis=1), lowest, np.nan),
            np.where(known.any(axis=1), least, np.nan),
        )

    def _read_targets(self, y: ArrayLike) -> NDArray[Any]:
        array = as_dense(y)
        self.multilabel_ = array.ndim == 2 and array.shape[1] > 1
        if not self.multilabel_:
            return super()._read_targets(y)
        tags = read_tags(array, self.missing_label)
        self.classes_ = np.arange(tags.shape[1])
        return tags

    def _is_binary(self) -> bool:
        return not self.multilabel_ and super()._is_binary()

    def _probabilities(self, scores: Floats) -> Floats:
        if not self.multilabel_:
            return super()._probabilities(scores)
        probabilities: Floats = expit(scores)
        return probabilities
