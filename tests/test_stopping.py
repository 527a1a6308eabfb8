"""Errors left: the limits hold the truth as often as they say."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest, hypergeom

from air_core.dataset import Dataset, stable_item_ids
from air_core.labels import Decision, LabelStore
from air_core.reviewers import assign_sample
from air_core.stopping import Progress, errors_interval, review_progress, tail_rate

REPEATS = 4000


def significantly_below(hits: int, repeats: int, confidence: float) -> bool:
    """Whether so few hits cannot be chance."""
    return bool(binomtest(hits, repeats, confidence, alternative="less").pvalue < 1e-3)


@pytest.mark.parametrize("errors", [0, 3, 50, 400, 2000])
@pytest.mark.parametrize("sample", [30, 100, 300])
def test_a_random_sample_covers_the_truth(errors: int, sample: int) -> None:
    population, limits = 5000, cache(errors_interval)
    rng = np.random.default_rng([errors, sample])
    found = rng.hypergeometric(errors, population - errors, sample, size=REPEATS).tolist()
    intervals = [limits(population, sample, k) for k in found]
    hits = sum(low <= errors <= high for low, high in intervals)
    assert not significantly_below(hits, REPEATS, 0.95)
    assert hits == REPEATS or hits < 0.999 * REPEATS  # not so wide as to be of no use


def test_the_limits_are_where_the_tails_begin() -> None:
    low, high = errors_interval(1000, 100, 7)
    for inside, outside, tail in (
        (low, low - 1, lambda k: hypergeom.sf(6, 1000, k, 100)),
        (high, high + 1, lambda k: hypergeom.cdf(7, 1000, k, 100)),
    ):
        assert tail(inside) >= 0.025 > tail(outside)
    assert errors_interval(1000, 100, 7, unsure=3)[0] == low
    assert errors_interval(1000, 100, 7, unsure=3)[1] == errors_interval(1000, 100, 10)[1]


@pytest.mark.parametrize("separation", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("rate", [0.02, 0.2])
def test_the_tail_rate_is_no_less_than_the_truth(separation: float, rate: float) -> None:
    """A detector of any quality, down to none at all, read from the top."""
    rng, limit = np.random.default_rng(0), cache(tail_rate)
    population, reviewed, judged, hits = 3000, 300, 100, 0
    for _ in range(1000):
        wrong = rng.random(population) < rate
        suspicion = rng.normal(size=population) + separation * wrong
        order = wrong[np.argsort(-suspicion)]
        found = int(order[reviewed - judged : reviewed].sum())
        hits += order[reviewed:].sum() <= limit(population - reviewed, judged, found)[1]
    assert not significantly_below(hits, 1000, 0.95)


# -- the same from a log ---------------------------------------------------------------------------


def dataset_of(labels: Sequence[int]) -> Dataset:
    paths = tuple(f"{number}.png" for number in range(len(labels)))
    return Dataset(
        item_ids=stable_item_ids(paths),
        paths=paths,
        files=[Path(path) for path in paths],
        given_labels=np.array(labels, dtype=np.intp),
        class_names=("cat", "dog"),
        digests=paths,
    )


class Audit:
    """A hundred or so labelled images, some of them wrong, and a log."""

    def __init__(self, store: LabelStore, wrong: Sequence[bool], *, unlabelled: int = 0) -> None:
        self.store, self.wrong = store, wrong
        self.dataset = dataset_of([0] * len(wrong) + [-1] * unlabelled)
        self.items = self.dataset.item_ids.tolist()

    def judge(self, rows: Sequence[int]) -> None:
        """Say of each of these images what is true of it."""
        decisions = [
            Decision(self.items[row], "relabel", label="dog")
            if self.wrong[row]
            else Decision(self.items[row], "keep")
            for row in rows
        ]
        old = dict.fromkeys(self.items, "cat")
        self.store.record(decisions, reviewer="ana", old_labels=old)

    def sample(self, count: int, seed: int) -> list[int]:
        """Draw, and return the rows drawn."""
        made = assign_sample(self.dataset, self.store, ["ana"], count, by="ana", seed=seed)
        return [self.dataset.row_of(task.item_id) for task in made]

    def progress(self) -> Progress:
        return review_progress(self.dataset, self.store.history(), self.store.assignments())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LabelStore]:
    with closing(LabelStore(tmp_path / "labels.sqlite")) as opened:
        yield opened


def test_before_anything_is_reviewed_there_is_nothing_to_say(store: LabelStore) -> None:
    progress = Audit(store, [True] * 5, unlabelled=2).progress()
    assert (progress.images, progress.reviewed, progress.left) == (5, 0, None)
    assert progress.per_hundred is progress.per_hundred_last is None
    assert not progress.may_stop(1)


def test_errors_per_hundred_and_a_curve_that_flattens(store: LabelStore) -> None:
    audit = Audit(store, [row < 90 or row % 10 == 0 for row in range(400)])
    audit.judge(range(250))
    progress = audit.progress()
    assert (progress.reviewed, progress.errors) == (250, 106)
    assert progress.blocks == ((100, 91), (100, 10), (50, 5))
    assert progress.curve[0] == (1, 1)
    assert progress.curve[-1] == (250, 106)
    assert progress.per_hundred == pytest.approx(42.4)
    assert progress.per_hundred_last == pytest.approx(10)
    left = progress.left
    assert left is not None
    assert (left.estimator, left.sampled, left.found, left.left) == ("tail rate", 100, 10, 150)
    assert left.estimate == pytest.approx(15)
    assert (left.low, left.high) == (0, tail_rate(150, 100, 10)[1])


def test_a_random_sample_is_preferred_and_is_no_part_of_the_curve(store: LabelStore) -> None:
    audit = Audit(store, [row < 20 for row in range(200)], unlabelled=3)
    audit.judge(range(10))
    drawn = audit.sample(50, seed=0)
    audit.judge(drawn)
    found = sum(audit.wrong[row] for row in drawn)
    progress = audit.progress()
    assert len(progress.curve) == 10
    left = progress.left
    assert left is not None
    assert (left.estimator, left.sampled, left.found) == ("random sample", 50, found)
    assert left.left == 140
    assert left.estimate == pytest.approx(190 * found / 50 - found)
    assert (left.low, left.high) == tuple(
        limit - found for limit in errors_interval(190, 50, found)
    )


def test_what_is_found_after_the_draw_is_not_left(store: LabelStore) -> None:
    audit = Audit(store, [row < 20 for row in range(200)])
    drawn = audit.sample(60, seed=0)
    audit.judge(drawn)
    before = audit.progress().left
    audit.judge([row for row in range(20) if row not in drawn])
    after = audit.progress().left
    assert before is not None
    assert after is not None
    assert 0 < before.low <= before.high
    assert after.low == 0
    assert after.estimate == pytest.approx(max(0, before.estimate - 20 + before.found))
    audit.judge([row for row in range(20, 200) if row not in drawn])
    done = audit.progress()
    assert done.left is not None
    assert (done.left.high, done.left.left) == (0, 0)
    assert done.may_stop(0)


def test_a_sample_counts_as_far_as_it_was_judged_in_its_order(store: LabelStore) -> None:
    audit = Audit(store, [row < 50 for row in range(200)])
    drawn = audit.sample(40, seed=3)
    audit.judge([*drawn[:10], *drawn[20:40]])
    left = audit.progress().left
    assert left is not None
    assert left.sampled == 10
    # A newer sample does not count before it was judged; an older one that was, does.
    audit.judge(drawn[10:20])
    newer = audit.sample(40, seed=4)
    audit.judge(newer[:5])
    left = audit.progress().left
    assert left is not None
    assert left.sampled == 40
    audit.judge(newer[5:])
    left = audit.progress().left
    assert left is not None
    assert left.found == sum(audit.wrong[row] for row in newer)


def test_a_sample_of_other_images_does_not_count(store: LabelStore) -> None:
    audit = Audit(store, [False] * 100)
    audit.judge(audit.sample(10, seed=0))
    audit.dataset = dataset_of([0] * 120)
    left = audit.progress().left
    assert left is None  # nothing was reviewed in turn either


def test_what_is_taken_back_after_the_draw_may_all_be_wrong(store: LabelStore) -> None:
    audit = Audit(store, [False] * 100)
    audit.judge(range(20))
    audit.judge(audit.sample(80, seed=0))
    left = audit.progress().left
    assert left is not None
    assert (left.low, left.high, left.left) == (0, 0, 0)
    store.undo(1, reviewer="ana")
    left = audit.progress().left
    assert left is not None
    assert (left.low, left.high, left.left) == (0, 1, 1)


@pytest.mark.slow
def test_estimates_from_a_log_cover_the_truth(tmp_path: Path) -> None:
    """Review from the top, draw, judge, review on: as it is done."""
    rng, hits, repeats = np.random.default_rng(0), 0, 120
    LabelStore(tmp_path / "empty.sqlite").close()
    for number in range(repeats):
        wrong = rng.random(400) < 0.1
        order = np.argsort(-(rng.normal(size=400) + 1.5 * wrong)).tolist()
        file = shutil.copy(tmp_path / "empty.sqlite", tmp_path / f"{number}.sqlite")
        with closing(LabelStore(file)) as store:
            audit = Audit(store, wrong.tolist())
            audit.judge(order[:60])
            drawn = audit.sample(60, seed=number)
            audit.judge(drawn)
            later = [row for row in order[60:120] if row not in drawn]
            audit.judge(later)
            left = audit.progress().left
        assert left is not None
        assert left.estimator == "random sample"
        rest = set(range(400)) - {*order[:60], *drawn, *later}
        hits += left.low <= sum(wrong[row] for row in rest) <= left.high
    assert not significantly_below(hits, repeats, 0.95)
