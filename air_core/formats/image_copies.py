"""Copies of images in an exported folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from air_core.formats.base import CleanItem
from air_core.formats.image_paths import copy_image, inner_parts


class ImageCopies:
    """Puts images into a folder, each file once, under names that stay inside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: dict[str, tuple[Path, str]] = {}

    def add(self, item: CleanItem, path: str | None = None) -> str:
        """Copy the image of an item and return its name, relative to the folder.

        Parameters
        ----------
        item : CleanItem
            Whose image to copy.
        path : str, optional
            The name to give it; the item's path by default. One that is taken by another image
            gets the item's id added.
        """
        name = PurePosixPath(*inner_parts(path or item.path))
        # Names that differ in case only are one name on many disks.
        while True:
            file, there = self._taken.get(str(name).casefold(), (None, ""))
            if file == item.file:
                return there
            if file is None:
                break
            name = name.with_name(f"{name.stem}-{item.item_id}{name.suffix}")
        self._taken[str(name).casefold()] = (item.file, str(name))
        copy_image(item.file, self._folder / name)
        return str(name)
