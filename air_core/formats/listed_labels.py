"""Labels as documents hold them, a list for each image, and as the texts of a listing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from air_core.dataset import stable_item_ids, tags_of, tags_text
from air_core.formats.base import CleanItem, CleanLabels, ReadOptions
from air_core.formats.image_paths import kept_paths

T = TypeVar("T")

Labels = Sequence[str] | None
"""What a document says of an image; None where it says nothing."""


def is_multilabel(found: Iterable[Labels], options: ReadOptions) -> bool:
    """Whether any image has two labels, or the user named a separator to say so."""
    return options.separator is not None or any(len(set(labels or ())) > 1 for labels in found)


def label_text(labels: Labels, *, multilabel: bool) -> str | None:
    """Labels of one image as :class:`air_core.formats.Listing` wants them.

    Examples
    --------
    >>> label_text(["cat"], multilabel=False), label_text(["sea", "cat"], multilabel=True)
    ('cat', '["cat", "sea"]')
    """
    if labels is None:
        return None
    if multilabel:
        return tags_text(labels)
    return labels[0] if labels else None


def labels_in(text: str | None, *, multilabel: bool) -> list[str]:
    """The labels in a text of a listing."""
    if multilabel:
        return list(tags_of(text))
    return [] if text is None else [text]


def class_order(known: Iterable[str], used: Iterable[str]) -> tuple[str, ...]:
    """Classes in the document's order, then those that only images name, sorted."""
    return tuple(dict.fromkeys([*known, *sorted(set(used))]))


def still_listed(
    entries: Sequence[T], clean: CleanLabels
) -> list[tuple[T, str, CleanItem | None, bool]]:
    """What a reader listed, in its order, beside what became of it.

    Returns
    -------
    list of (entry, path, CleanItem or None, bool)
        The item, or None for an image that was not audited; whether it was excluded.
    """
    items: Mapping[str, CleanItem] = {item.item_id: item for item in clean.items}
    paths = kept_paths(clean.originals)
    ids = stable_item_ids(paths).tolist()
    return [
        (entry, path, items.get(item_id), item_id in clean.excluded)
        for entry, path, item_id in zip(entries, paths, ids, strict=True)
    ]
