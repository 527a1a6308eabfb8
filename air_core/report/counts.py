"""What a report counts: changes, classes before and after, who did what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from air_core.changes import changes
from air_core.dataset import Dataset, tags_of
from air_core.labels.models import LabelEvent
from air_core.reviewers import LEFT_OUT, Reviews

NO_LABEL = "no label"
MATRIX_CLASSES = 16
BALANCE_CLASSES = 40


@dataclass(frozen=True, slots=True)
class Matrix:
    """Images by given and final label, for the classes with the most changes.

    ``counts[i][j]`` are those given ``rows[i]`` that end as ``columns[j]``; ``of`` is how many
    classes there are in all, and ``largest`` the largest count off the diagonal.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    of: int
    largest: int


@dataclass(frozen=True, slots=True)
class Balance:
    """Images of one class, or with one tag, before and after."""

    name: str
    given: int
    gained: int
    lost: int

    @property
    def final(self) -> int:
        """How many after."""
        return self.given + self.gained - self.lost


@dataclass(frozen=True, slots=True)
class ReviewerCounts:
    """What one reviewer has done; verdicts are those not taken back."""

    name: str
    actions: Mapping[str, int]
    adjudications: int
    undos: int
    first: str
    last: str


def named(dataset: Dataset, label: str | None) -> tuple[str, ...]:
    """The classes in a label text; ``no label`` is one of a kind."""
    if label is None:
        return (NO_LABEL,)
    return tags_of(label) if dataset.multilabel else (label,)


def moves(
    dataset: Dataset, decisions: Mapping[str, LabelEvent]
) -> list[tuple[int, str | None, str | None, LabelEvent]]:
    """Row, given label, final label and decision of each change."""
    return [
        (row, dataset.given_text(row), event.new_label, event)
        for row, event in changes(dataset, decisions)
    ]


def matrix(dataset: Dataset, decisions: Mapping[str, LabelEvent]) -> Matrix | None:
    """Given against final label; None for tags, of which an image has several."""
    if dataset.multilabel:
        return None
    pairs: Counter[tuple[str, str]] = Counter()
    changed: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    given = Counter(dataset.given_text(row) or NO_LABEL for row in range(len(dataset)))
    for _, before, after, event in moves(dataset, decisions):
        end = LEFT_OUT if event.action == "exclude" else after or NO_LABEL
        pairs[before or NO_LABEL, end] += 1
        changed.update({before or NO_LABEL, end})
        moved[before or NO_LABEL] += 1
    for name, count in given.items():
        pairs[name, name] = count - moved[name]
    kept = [n for n, _ in changed.most_common() if n not in (LEFT_OUT, NO_LABEL)]
    shown = set(kept[:MATRIX_CLASSES])
    if len(dataset.class_names) <= MATRIX_CLASSES:
        shown = set(dataset.class_names)
    classes = [name for name in dataset.class_names if name in shown]
    rows = (*classes, *([NO_LABEL] if given[NO_LABEL] else []))
    columns = (*rows, *([LEFT_OUT] if changed[LEFT_OUT] else []))
    counts = tuple(tuple(pairs[a, b] for b in columns) for a in rows)
    off = [pairs[a, b] for a in rows for b in columns if a != b]
    return Matrix(rows, columns, counts, len(dataset.class_names), max(off, default=0))


def top_moves(
    dataset: Dataset, decisions: Mapping[str, LabelEvent], count: int = 20
) -> list[tuple[str, str, int]]:
    """The most frequent changes: from, to, images."""
    found: Counter[tuple[str, str]] = Counter()
    for _, before, after, event in moves(dataset, decisions):
        end = LEFT_OUT if event.action == "exclude" else dataset.shown(after) or NO_LABEL
        found[dataset.shown(before) or NO_LABEL, end] += 1
    return [(a, b, n) for (a, b), n in found.most_common(count)]


def balance(dataset: Dataset, decisions: Mapping[str, LabelEvent]) -> list[Balance]:
    """Images of each class before and after, in the order of the source's classes."""
    given: Counter[str] = Counter()
    for row in range(len(dataset)):
        given.update(named(dataset, dataset.given_text(row)))
    gained: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for _, before, after, event in moves(dataset, decisions):
        had = set(named(dataset, before))
        has = set() if event.action == "exclude" else set(named(dataset, after))
        lost.update(had - has)
        gained.update(has - had)
    names = [*dataset.class_names, *([NO_LABEL] if given[NO_LABEL] else [])]
    return [Balance(name, given[name], gained[name], lost[name]) for name in names]


def most_changed(found: Sequence[Balance], count: int = BALANCE_CLASSES) -> list[Balance]:
    """The classes that changed most, in their own order."""
    if len(found) <= count:
        return list(found)
    order = sorted(found, key=lambda entry: -(entry.gained + entry.lost))
    chosen = {entry.name for entry in order[:count]}
    return [entry for entry in found if entry.name in chosen]


def by_reviewer(reviews: Reviews) -> list[ReviewerCounts]:
    """What each reviewer has done, the busiest first."""
    actions: dict[str, Counter[str]] = {}
    undos: Counter[str] = Counter()
    settled = Counter(who for by in reviews.verdicts.adjudications.values() for who in by)
    times: dict[str, list[str]] = {}
    for verdicts in reviews.verdicts.reviews.values():
        for event in verdicts.values():
            actions.setdefault(event.reviewer, Counter())[event.action] += 1
    for event in reviews.history:
        times.setdefault(event.reviewer, []).append(event.created_at)
        undos[event.reviewer] += event.undoes is not None
    found = [
        ReviewerCounts(
            name, actions.get(name, Counter()), settled[name], undos[name], when[0], when[-1]
        )
        for name, when in times.items()
    ]
    return sorted(found, key=lambda entry: (-sum(entry.actions.values()), entry.name))
