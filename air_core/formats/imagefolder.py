"""torchvision's ImageFolder: one folder a class, images anywhere below it."""

from __future__ import annotations

from pathlib import Path

from air_core.errors import SourceError
from air_core.formats.base import CleanLabels, Listing, ReadOptions
from air_core.formats.class_folders import (
    Walk,
    check_one_label,
    copy_into_classes,
    is_image,
    make_class_folders,
    place_in_class,
)


class ImageFolder:
    """The ``imagefolder`` format."""

    name = "imagefolder"
    title = "Image folder (one sub-folder a class)"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether a folder has a sub-folder with an image in it."""
        if options.labels is not None or not source.is_dir():
            return False
        walk = Walk(source.resolve(), options.ignore)
        return any(any(walk.images(folder)) for folder in walk.folders(walk.root))

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List images by class folder.

        Raises
        ------
        SourceError
            If the source is no folder or has no class folders.
        """
        if not source.is_dir():
            raise SourceError(f"Expected a folder of class folders, got the file {source}.")
        walk = Walk(source.resolve(), options.ignore)
        classes = walk.folders(walk.root)
        if not classes:
            raise SourceError(
                f"Expected one sub-folder a class in {source}, got none.",
                hint="Sort the images into class folders, or name a label file with --labels.",
            )
        paths, labels = [], []
        for folder in classes:
            for file in walk.images(folder):
                paths.append(file.relative_to(walk.root).as_posix())
                labels.append(folder.name)
        for file in sorted(walk.root.iterdir()):
            if file.is_file() and is_image(file):
                walk.reject(file, "It lies in no class folder. Move it into one.")
        notes = (f"{walk.others} files that are no images were passed over.",)
        return Listing(
            root=walk.root,
            paths=tuple(paths),
            labels=tuple(labels),
            class_names=tuple(folder.name for folder in classes),
            rejected=tuple(walk.rejected),
            notes=notes if walk.others else (),
        )

    def fill(self, folder: Path, clean: CleanLabels) -> int:
        """Put a copy of each labelled image below its class.

        The path below the class stays as it was. A class without images keeps its folder and so
        its index; torchvision then wants ``allow_empty=True``.

        Raises
        ------
        ExportError
            If the images have tags, or a class name cannot be a folder name here.
        """
        check_one_label(clean)
        make_class_folders(folder, clean.class_names)
        items = [item for item in clean.items if item.label is not None]
        return len(copy_into_classes(folder, items, map(place_in_class, items)))
