"""Formats in which labelled images come and go: one module each, found here by name."""

from __future__ import annotations

from pathlib import Path

from air_core.errors import ExportError, SourceError
from air_core.formats.base import (
    Accompanied,
    CleanItem,
    CleanLabels,
    FileFormat,
    FolderFormat,
    Listing,
    ReadOptions,
    Review,
    Suggestion,
)
from air_core.formats.cifar import Cifar
from air_core.formats.coco_cls import CocoClassification
from air_core.formats.csv_file import DelimitedText
from air_core.formats.cvat_images import CvatImages
from air_core.formats.datumaro import Datumaro
from air_core.formats.fiftyone import FiftyOne
from air_core.formats.hf_imagefolder import HuggingFaceImageFolder
from air_core.formats.hf_parquet import HuggingFaceParquet
from air_core.formats.imagefolder import ImageFolder
from air_core.formats.imagenet_txt import ImageNetText
from air_core.formats.jsonl import JsonLines
from air_core.formats.label_studio import LabelStudioCsv, LabelStudioJson, LabelStudioMin
from air_core.formats.mnist import Mnist
from air_core.formats.nus_wide import NusWide
from air_core.formats.parquet import Parquet
from air_core.formats.webdataset import WebDataset
from air_core.formats.yolo_cls import YoloClassification

__all__ = [
    "CLASS_FOLDERS",
    "FILE_FORMATS",
    "FOLDER_FORMATS",
    "FORMAT_TITLES",
    "SUGGESTING",
    "Accompanied",
    "CleanItem",
    "CleanLabels",
    "FileFormat",
    "FolderFormat",
    "Listing",
    "ReadOptions",
    "Review",
    "Suggestion",
    "find_format",
    "get_format",
]

# In the order in which they are asked whether a source is theirs: the particular first, those
# that take almost any folder last.
_FILES: tuple[FileFormat, ...] = (
    DelimitedText("csv", "CSV (path and label columns)", ".csv", ","),
    DelimitedText("tsv", "TSV (path and label columns)", ".tsv", "\t"),
    JsonLines(),
    Parquet(),
    CocoClassification(),
    CvatImages(),
    LabelStudioJson(),
    LabelStudioMin(),
    LabelStudioCsv(),
)
_FOLDERS: tuple[FolderFormat, ...] = (
    Datumaro(),
    FiftyOne(),
    HuggingFaceImageFolder(),
    HuggingFaceParquet(),
    YoloClassification(),
    WebDataset(),
    ImageNetText(),
    Cifar(),
    Mnist(),
    NusWide(),
    ImageFolder(),
)
_ORDER = (
    *("cifar", "mnist"),
    "hf-imagefolder",
    *("label-studio", "label-studio-min", "label-studio-csv"),
    *("csv", "tsv", "jsonl", "parquet"),
    *("fiftyone", "coco-cls", "datumaro", "cvat-images"),
    *("imagenet-txt", "nus-wide", "webdataset"),
    *("yolo-cls", "hf-parquet", "imagefolder"),
)

FILE_FORMATS: dict[str, FileFormat] = {known.name: known for known in _FILES}
"""Formats that are one file, by name."""

FOLDER_FORMATS: dict[str, FolderFormat] = {known.name: known for known in _FOLDERS}
"""Formats that are a folder with images in it, by name."""

CLASS_FOLDERS = ("imagefolder", "yolo-cls", "hf-imagefolder")
"""Formats whose labels are the names of folders, at least if nothing else names them."""

SUGGESTING = ("label-studio",)
"""Formats with a place for what a detector suggests."""

FORMAT_TITLES: dict[str, str] = {
    name: known.title for name, known in {**FILE_FORMATS, **FOLDER_FORMATS}.items()
}
"""What to call each format in front of people, by name."""


def get_format(name: str) -> FileFormat | FolderFormat:
    """The format of that name.

    Raises
    ------
    ExportError
        For an unknown name.
    """
    found = FILE_FORMATS.get(name) or FOLDER_FORMATS.get(name)
    if found is None:
        raise ExportError(f"Expected a format among {', '.join(FORMAT_TITLES)}, got {name!r}.")
    return found


def find_format(source: Path, name: str | None, options: ReadOptions) -> FileFormat | FolderFormat:
    """The format to read a source with: the one named, else the first that claims it.

    A label file in a folder goes before class folders, since images beside a label file
    usually lie in a folder of their own.

    Raises
    ------
    SourceError
        If nothing is there or no format claims it.
    """
    for path in filter(None, (source, options.labels)):
        if not path.exists():
            raise SourceError(f"Expected a file or folder at {path}, got nothing.")
    known: dict[str, FileFormat | FolderFormat] = {**FILE_FORMATS, **FOLDER_FORMATS}
    if name is not None:
        if name not in known:
            raise SourceError(f"Expected a format among {', '.join(known)}, got {name!r}.")
        return known[name]
    for candidate in (known[name] for name in _ORDER):
        if candidate.claims(source, options):
            return candidate
    raise SourceError(
        f"Expected a source in one of the formats {', '.join(_ORDER)}, got {source}.",
        hint="Open a label file itself, call it labels.csv or name it with --labels, or choose "
        "with --format.",
    )
