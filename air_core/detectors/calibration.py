"""How sure to be of a suggestion, where no truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from air_core.noise.latent import fit_latent, gather

Floats = NDArray[np.float32]


def true_label_chances(left_out: Floats, targets: NDArray[Any]) -> Floats:
    """Chances (n, C) of the true label, with sharpness and noise found from given labels alone.

    Opinions say how likely each label is to be *given*. A hidden-label model
    (:func:`~air_core.noise.latent.fit_latent`) of opinions that have not seen an image's own label
    tells how much of their doubt is noise in the labels: its scale and biases sharpen the opinions
    to chances of what the label should be.

    Parameters
    ----------
    left_out : ndarray of shape (n, C)
        Probabilities of the given label, out of sample.
    targets : ndarray of shape (n,) or (n, C)
        Class indices, −1 unlabelled. With tags the opinions are returned as they are.
    """
    if targets.ndim == 2:
        return left_out
    labelled = targets >= 0
    fit = fit_latent(gather(left_out[labelled], targets[labelled]))
    logits = np.log(np.maximum(left_out.astype(np.float64), 1e-12))
    return np.asarray(softmax(fit.scale * logits + fit.bias, axis=1), dtype=np.float32)
