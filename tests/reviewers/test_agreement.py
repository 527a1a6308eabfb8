from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa

from air_core.dataset import tags_text
from air_core.reviewers import LEFT_OUT, Outcome
from air_core.reviewers.agreement import Votes, pairs, together

CAT, DOG, GONE = Outcome("cat"), Outcome("dog"), Outcome(None, excluded=True)


def votes_of(*columns: list[Outcome | None]) -> tuple[Votes, dict[str, str | None]]:
    """One list a reviewer (ana, bob, …); None where they did not judge."""
    names = ("ana", "bob", "cem", "dan")
    votes = {}
    for row, cells in enumerate(zip(*columns, strict=True)):
        made = zip(names, cells, strict=False)
        votes[f"i{row}"] = {who: cell for who, cell in made if cell is not None}
    return votes, dict.fromkeys(votes, "cat")


def test_cohens_kappa_by_hand() -> None:
    # 20 both cat, 15 both dog, 5 and 10 apart: observed 0.7, by chance 0.5 (Cohen's own 2 x 2).
    ana = [CAT] * 25 + [DOG] * 25
    bob = [CAT] * 20 + [DOG] * 5 + [CAT] * 10 + [DOG] * 15
    (pair,) = pairs(*votes_of(ana, bob))
    assert (pair.reviewers, pair.items, pair.raters) == (("ana", "bob"), 50, 2)
    assert pair.same == pytest.approx(0.7)
    assert pair.kappa == pytest.approx(0.4)
    # The given label is cat throughout, so that whether it is wrong is the same question.
    assert pair.wrong == pytest.approx(0.4)
    assert pair.by_class == {"cat": pytest.approx(0.4), "dog": pytest.approx(0.4)}


def test_it_is_what_another_implementation_says() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=200)
    kinds = [CAT, DOG, GONE]
    seen = [np.where(rng.random(200) < 0.7, truth, rng.integers(3, size=200)) for _ in range(2)]
    (pair,) = pairs(*votes_of(*([kinds[k] for k in column] for column in seen)))
    table = np.zeros((3, 3))
    np.add.at(table, (seen[0], seen[1]), 1)
    assert pair.kappa == pytest.approx(cohens_kappa(table).kappa)
    gone = np.zeros((2, 2))
    np.add.at(gone, ((seen[0] == 2).astype(int), (seen[1] == 2).astype(int)), 1)
    assert pair.by_class[LEFT_OUT] == pytest.approx(cohens_kappa(gone).kappa)


def test_fleiss_kappa_takes_the_items_with_the_most_frequent_number_of_verdicts() -> None:
    ana = [CAT, CAT, DOG, DOG, CAT, CAT]
    bob = [CAT, DOG, DOG, DOG, CAT, CAT]
    cem = [CAT, CAT, DOG, CAT, None, None]
    votes, given = votes_of(ana, bob, cem)
    del votes["i5"]
    found = together(votes, given)
    assert found is not None
    assert (found.items, found.raters, found.reviewers) == (4, 3, ("ana", "bob", "cem"))
    assert found.kappa == pytest.approx(fleiss_kappa([[3, 0], [2, 1], [0, 3], [1, 2]]))
    assert found.same == pytest.approx((1 + 1 / 3 + 1 + 1 / 3) / 4)


def test_one_reviewer_agrees_with_nobody() -> None:
    votes, given = votes_of([CAT, DOG])
    assert pairs(votes, given) == ()
    assert together(votes, given) is None


def test_kappa_is_undefined_where_everybody_says_the_same() -> None:
    votes, given = votes_of([CAT, CAT], [CAT, CAT])
    (pair,) = pairs(votes, given)
    assert (pair.same, pair.kappa, pair.wrong, pair.by_class) == (1, None, None, {"cat": None})
    found = together(votes, given)
    assert found is not None
    assert found.kappa is None


def test_tags_are_compared_one_by_one() -> None:
    both, sea = Outcome(tags_text(["dog", "sea"])), Outcome(tags_text(["sea"]))
    none = Outcome(tags_text([]))
    ana, bob = [both, both, sea, none], [both, sea, sea, none]
    votes, _ = votes_of(ana, bob)
    (pair,) = pairs(votes, dict.fromkeys(votes, tags_text([])), multilabel=True)
    assert pair.by_class["sea"] == pytest.approx(1)
    assert pair.by_class["dog"] == pytest.approx(0.5)
    assert pair.same == pytest.approx(0.75)
