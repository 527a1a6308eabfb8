"""The confident joint of Northcutt, Jiang and Chuang (JAIR 2021)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]


def confident_joint(
    probabilities: NDArray[np.floating], labels: Labels, *, calibrate: bool = True
) -> Floats:
    """Count images by given and by confidently predicted label.

    ``t_j`` is the mean probability of class j among the images with that given label. An image
    counts as class j if its probability of j reaches ``t_j``, the largest such probability where
    several do, and not at all where none does.

    Parameters
    ----------
    probabilities : ndarray of shape (n, C)
        Out of sample.
    labels : ndarray of shape (n,)
        Given classes, none unlabelled.
    calibrate : bool
        Scale each row to the number of images with that given label.

    Returns
    -------
    ndarray of shape (C, C)
        Given label by row, true label by column.

    Examples
    --------
    >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.9, 0.1]])
    >>> confident_joint(p, np.array([0, 0, 1, 1]))
    array([[2., 0.],
           [1., 1.]])
    """
    classes = probabilities.shape[1]
    sizes = np.bincount(labels, minlength=classes)
    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    threshold = np.bincount(labels, own, classes) / np.maximum(sizes, 1)
    # A class without images can be nobody's true class: nothing was learnt about it.
    threshold[sizes == 0] = np.inf
    # What rounds to less than its own mean, as in a class of one image, still reaches it.
    reached = np.where(probabilities >= threshold * (1 - 1e-6), probabilities, -1.0)
    counted = reached.max(axis=1) >= 0
    cells = labels[counted] * classes + reached[counted].argmax(axis=1)
    found = np.bincount(cells, minlength=classes**2).reshape(classes, classes).astype(np.float64)
    if not calibrate:
        return found
    total = found.sum(axis=1)
    # Where no image of a class was counted, nothing speaks against its labels.
    found[np.arange(classes), np.arange(classes)] += (total == 0) * sizes
    return np.asarray(found * (sizes / np.maximum(found.sum(axis=1), 1))[:, None])
