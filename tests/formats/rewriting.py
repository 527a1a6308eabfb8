"""What decisions leave to export, made from a listing or from plain rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from air_core.dataset import stable_item_ids, tags_of
from air_core.formats import CleanItem, CleanLabels, Listing, ReadOptions

Change = Mapping[int, str | None]


def decided(
    listing: Listing,
    changes: Change | None = None,
    excluded: Iterable[int] = (),
    unaudited: Iterable[int] = (),
) -> CleanLabels:
    """Decisions on the n-th listed items; those unaudited are in neither set."""
    changes = changes or {}
    ids = stable_item_ids(listing.paths).tolist()
    gone = set(excluded)
    rows = zip(listing.paths, listing.labels, strict=True)
    return CleanLabels(
        items=tuple(
            CleanItem(ids[n], path, listing.root / path, given, changes.get(n, given))
            for n, (path, given) in enumerate(rows)
            if n not in gone | set(unaudited)
        ),
        class_names=listing.class_names,
        excluded={ids[n] for n in gone},
        originals=listing.originals,
        options=ReadOptions(
            path_column=listing.path_column,
            label_column=listing.label_column,
            separator=listing.separator,
        ),
        multilabel=listing.multilabel,
    )


def fresh(
    root: Path,
    rows: Sequence[tuple[str, str | None]],
    *,
    classes: Sequence[str] | None = None,
    multilabel: bool = False,
) -> CleanLabels:
    """Paths below a folder and their labels, as another format would hand them over."""
    used = [x for _, label in rows for x in (tags_of(label) if multilabel else [label]) if x]
    ids = stable_item_ids(path for path, _ in rows).tolist()
    return CleanLabels(
        items=tuple(
            CleanItem(item_id, path, root / path, label, label)
            for item_id, (path, label) in zip(ids, rows, strict=True)
        ),
        class_names=tuple(classes if classes is not None else sorted(set(used))),
        excluded=set(),
        originals={},
        options=ReadOptions(),
        multilabel=multilabel,
    )


def rows_of(listing: Listing) -> list[tuple[str, str | None]]:
    """Paths and labels of a listing."""
    return list(zip(listing.paths, listing.labels, strict=True))
