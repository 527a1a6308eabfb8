"""Ultralytics' layout for classification: one folder a split, in each one folder a class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from air_core.errors import SourceError
from air_core.formats.base import CleanItem, CleanLabels, Listing, ReadOptions
from air_core.formats.class_folders import (
    Walk,
    check_one_label,
    copy_into_classes,
    is_image,
    make_class_folders,
    place_in_class,
    shown_parts,
)

SPLITS = ("train", "val", "test")


class YoloClassification:
    """The ``yolo-cls`` format."""

    name = "yolo-cls"
    title = "YOLO classification (train, val and test, each with one sub-folder a class)"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether all folders are splits, ``train`` among them, with images in their folders."""
        if options.labels is not None or not source.is_dir():
            return False
        walk = Walk(source.resolve(), options.ignore)
        folders = walk.folders(walk.root)
        names = {folder.name for folder in folders}
        if "train" not in names or not names <= set(SPLITS):
            return False
        if any(is_image(file) for folder in folders for file in folder.iterdir()):
            return False
        classes = (folder for split in folders for folder in walk.folders(split))
        return any(any(walk.images(folder)) for folder in classes)

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List images by split and class folder.

        Raises
        ------
        SourceError
            If the source has no folder ``train`` with class folders.
        """
        if not source.is_dir():
            raise SourceError(f"Expected a folder with the folder train, got the file {source}.")
        walk = Walk(source.resolve(), options.ignore)
        splits = [walk.root / name for name in SPLITS if (walk.root / name).is_dir()]
        classes = [folder for split in splits for folder in walk.folders(split)]
        if not classes or splits[0].name != "train":
            raise SourceError(
                f"Expected the folder train in {source} with one sub-folder a class, got none.",
                hint="Sort the images into train/<class>, or choose --format imagefolder.",
            )
        paths, labels = [], []
        for folder in classes:
            for file in walk.images(folder):
                paths.append(file.relative_to(walk.root).as_posix())
                labels.append(folder.name)
        for file in _strays(walk.root, splits):
            walk.reject(file, "It lies in no class folder of a split. Move it into one.")
        notes = [f"{walk.others} files that are no images were passed over."]
        others = [f.name for f in walk.folders(walk.root) if f not in splits]
        if others:
            notes.append(f"Folders that are no split were passed over: {', '.join(others)}.")
        return Listing(
            root=walk.root,
            paths=tuple(paths),
            labels=tuple(labels),
            class_names=tuple(sorted({folder.name for folder in classes})),
            rejected=tuple(walk.rejected),
            notes=tuple(notes if walk.others else notes[1:]),
        )

    def fill(self, folder: Path, clean: CleanLabels) -> int:
        """Put a copy of each labelled image below its split and class.

        An image of another layout goes to ``train``. Every split gets a folder for every class,
        so that classes have the same index in each.

        Raises
        ------
        ExportError
            If the images have tags, or a class name cannot be a folder name here.
        """
        check_one_label(clean)
        items = [item for item in clean.items if item.label is not None]
        places = [_place(item) for item in items]
        for split in sorted({"train", *(place.parts[0] for place in places)}):
            make_class_folders(folder / split, clean.class_names)
        return len(copy_into_classes(folder, items, places))


def _strays(root: Path, splits: list[Path]) -> Iterator[Path]:
    for folder in (root, *splits):
        yield from sorted(f for f in folder.iterdir() if f.is_file() and is_image(f))


def _place(item: CleanItem) -> PurePosixPath:
    inner = shown_parts(item.path)
    if len(inner) < 2 or inner[0] not in SPLITS:
        return "train" / place_in_class(item)
    if len(inner) > 2 and inner[1] == item.given_label:
        inner = (inner[0], *inner[2:])
    return PurePosixPath(inner[0], item.label or "", *inner[1:])
