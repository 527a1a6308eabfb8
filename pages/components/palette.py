"""Colours that people with any colour vision can tell apart.

The first classes get Okabe and Ito's palette (Color Universal Design, 2008) without black, which
a dark theme would swallow; the next get Paul Tol's *muted* hues that differ from those. Beyond
these no palette can stay distinguishable: hues then walk the golden angle in two lightnesses, and
the legend, the hover label and the shape of a mark say the rest.
"""

from __future__ import annotations

import colorsys

OKABE_ITO = {
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
}
"""Okabe and Ito's colours but black."""

NEUTRAL = "#8C8C8C"
"""Unknown, unlabelled, not reviewed: readable on white and on near-black."""

AGREES, DISAGREES = OKABE_ITO["blue"], OKABE_ITO["vermillion"]
"""The paper's blue and red (Figure 4) in their colour-blind-safe form."""

DECISIONS = {
    "none": NEUTRAL,
    "keep": OKABE_ITO["blue"],
    "relabel": OKABE_ITO["orange"],
    "exclude": OKABE_ITO["vermillion"],
    "unsure": OKABE_ITO["purple"],
}
"""What a reviewer decided → colour."""

SCORE_RAMP = ("#3B0F5C", "#8C2369", "#D14A4A", "#F28B3C", "#F7CF7A")
"""One way from dark to light, so that it reads without colour too. What stands out, such as the
worst score, gets the end farther from the background."""

_MUTED = (
    "#AA4499", "#44AA99", "#999933", "#CC6677", "#7B6FD0", "#117733", "#882255", "#DDCC77",
)  # fmt: skip
_GOLDEN = 0.6180339887498949


def class_colours(count: int) -> list[str]:
    """Colours for ``count`` classes, in class order; the same class always gets the same one.

    Parameters
    ----------
    count : int
        How many classes there are.

    Returns
    -------
    list of str
        ``#RRGGBB``; distinct.

    Examples
    --------
    >>> class_colours(2)
    ['#0072B2', '#E69F00']
    >>> len(set(class_colours(200)))
    200
    """
    order = ("blue", "orange", "green", "purple", "sky", "vermillion", "yellow")
    colours = [OKABE_ITO[name] for name in order] + list(_MUTED)
    for extra in range(count - len(colours)):
        hue, lightness = (0.11 + extra * _GOLDEN) % 1.0, (0.42, 0.66)[extra % 2]
        rgb = colorsys.hls_to_rgb(hue, lightness, 0.55)
        colours.append("#" + "".join(f"{round(255 * part):02X}" for part in rgb))
    return colours[:count]
