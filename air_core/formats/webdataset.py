"""WebDataset: tar shards in which files with the same stem make a sample."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path, PurePosixPath

from air_core.dataset import stable_item_ids
from air_core.entries import TARS, inner_path, shown
from air_core.errors import ExportError, SourceError
from air_core.formats.base import CleanItem, CleanLabels, Listing, ReadOptions
from air_core.formats.class_list import find_class_list, read_class_list, write_class_list
from air_core.formats.image_paths import copy_image, inner_parts
from air_core.formats.listed_labels import label_text, labels_in
from air_core.formats.sample_labels import LabelPlace, class_order, find_place
from air_core.formats.shards import MAX_IMAGE, Sample, Shard, Splice, copy_shard, drop_members
from air_core.formats.unpacked import Unpacked

CLASS_LISTS = ("classnames.txt", "classes.txt")
"""Where the names of the classes of ``.cls`` numbers stand, beside the shards."""

_SHARD_SAMPLES = 10_000
_PEEK = 64
_UNSAFE_IN_KEYS = re.compile(r"[.\x00-\x1f]")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A sample with an image; ``labels`` is None if it has no label, ``flaw`` says what is wrong.

    ``value`` is the label as the shard writes it: a text, a number or a list of them.
    """

    sample: Sample
    path: str
    value: object = None
    flaw: str = ""


class WebDataset:
    """The ``webdataset`` format.

    The label of a sample is its ``.cls`` member, or a value in its ``.json`` member; a list
    there says that images may have several. Numbers are class indices where ``classnames.txt``
    lies beside the shards.
    """

    name = "webdataset"
    title = "WebDataset (tar shards)"

    def claims(self, source: Path, options: ReadOptions) -> bool:
        """Whether a source is a shard or a folder with one."""
        return options.labels is None and any(map(is_shard, _shards(source, options)))

    def read(self, source: Path, options: ReadOptions) -> Listing:
        """List the samples with an image, and put the images where they can be looked at.

        Raises
        ------
        SourceError
            If there are no shards, or it is not clear which JSON value is the label.
        """
        shards = _shards(source, options)
        if not shards:
            raise SourceError(
                f"Expected tar shards in {source}, got none.",
                hint="Open the folder that holds them, or a shard itself.",
            )
        unpacked = Unpacked.of(options, "shards")
        names, originals = _class_names(source)
        place = find_place(_first_samples(shards), options.label_column, names)
        rejected: list[tuple[str, str]] = []
        paths, values = [], []
        for shard in shards:
            try:
                with Shard(shard) as opened:
                    for entry in _entries(opened, _inner(shard, source), place):
                        if not entry.flaw:
                            _put(unpacked, opened, entry)
                            paths.append(entry.path)
                            values.append(entry.value)
                        elif entry.path:
                            rejected.append((entry.path, entry.flaw))
            except SourceError as error:
                rejected.append((_inner(shard, source), str(error)))
        multilabel = options.separator is not None or any(isinstance(v, list) for v in values)
        named = [place.names_of(value) for value in values]
        return Listing(
            root=unpacked.root,
            paths=tuple(paths),
            labels=tuple(label_text(labels, multilabel=multilabel) for labels in named),
            class_names=class_order(names, named),
            rejected=tuple(rejected),
            originals=originals,
            label_column=place.key,
            separator=options.separator,
            multilabel=multilabel,
            without_copy=tuple(shards),
        )

    def fill(self, folder: Path, clean: CleanLabels) -> int:
        """Write shards: copies of the source's own with other labels, or new ones.

        Raises
        ------
        ExportError
            If the source is no longer as it was when it was opened.
        """
        if clean.source is not None:
            return _rewrite(folder, clean, clean.source)
        return _compose(folder, clean)


def is_shard(path: Path) -> bool:
    """Whether a file is a tar file of labelled samples, by its first few."""
    if not (path.name.lower().endswith(TARS) and path.is_file()):
        return False
    try:
        with Shard(path) as shard:
            return any(
                sample.image is not None and {"cls", "json"} & set(sample.members)
                for sample in islice(shard.samples(), _PEEK)
            )
    except SourceError:
        return False


def _shards(source: Path, options: ReadOptions) -> list[Path]:
    """The shards of a source: itself, or those in a folder and the folders in it."""
    if not source.is_dir():
        return [source]
    found = []
    for path in (*source.iterdir(), *source.glob("*/*")):
        hidden = any(part.startswith(".") for part in path.relative_to(source).parts)
        if path.name.lower().endswith(TARS) and path.is_file() and not hidden:
            found.append(path)
    # A source that was unpacked into the workspace lies in an ignored folder as a whole.
    ignored = [folder for folder in options.ignore if folder.is_relative_to(source)]
    return sorted(p for p in found if not any(p.is_relative_to(folder) for folder in ignored))


def _inner(shard: Path, source: Path) -> str:
    return shard.relative_to(source if source.is_dir() else source.parent).as_posix()


def _class_names(source: Path) -> tuple[tuple[str, ...], dict[str, bytes]]:
    file = find_class_list(source if source.is_dir() else source.parent, CLASS_LISTS)
    if file is None:
        return (), {}
    data = file.read_bytes()
    return read_class_list(data, file.name), {file.name: data}


def _first_samples(shards: Sequence[Path]) -> Iterator[Sample]:
    for path in shards:
        try:
            with Shard(path) as shard:
                yield from islice(shard.samples("json"), _PEEK)
                return
        except SourceError:
            continue


def _entries(shard: Shard, name: str, place: LabelPlace) -> Iterator[_Entry]:
    """The samples of a shard that have an image; one without a path is of no interest."""
    seen: set[str] = set()
    for sample in shard.samples(place.extension):
        image = sample.image
        if image is None:
            continue
        path = f"{name}/{shown(image.info.name)}"
        try:
            path = f"{name}/{inner_path(image.info.name)}"
            if path in seen:
                raise SourceError("It is in the shard twice.", hint="Give it a key of its own.")
            if sample.flaw or image.info.size > MAX_IMAGE:
                raise SourceError(sample.flaw or f"It has {image.info.size:,} bytes.")
            seen.add(path)
            yield _Entry(sample, path, place.value_of(sample))
        except SourceError as error:
            yield _Entry(sample, path, flaw=str(error))


def _put(unpacked: Unpacked, shard: Shard, entry: _Entry) -> None:
    image = entry.sample.image
    assert image is not None  # entries have one
    unpacked.put(entry.path, shard.path, lambda: shard.read(image))


def _rewrite(folder: Path, clean: CleanLabels, source: Path) -> int:
    names, _ = _class_names(source)
    place = find_place((), clean.options.label_column or "cls", names)
    place.numeric = _is_numeric(clean, names)
    for file, data in clean.originals.items():
        (folder / file).write_bytes(data)
    changed = {item.item_id: item for item in clean.items if item.label != item.given_label}
    missing = {item.item_id for item in clean.items} | set(clean.excluded)
    shards = _shards(source, clean.options)
    for path in shards:
        target = folder / _inner(path, source)
        splices: list[Splice] = []
        try:
            with Shard(path) as shard:
                for entry in _entries(shard, _inner(path, source), place):
                    if entry.flaw:
                        continue
                    (item_id,) = stable_item_ids([entry.path]).tolist()
                    missing.discard(item_id)
                    if item_id in clean.excluded:
                        splices += drop_members(entry.sample)
                    elif item_id in changed:
                        labels = _new_labels(changed[item_id], clean)
                        splices += place.relabel(entry.sample, labels, multilabel=clean.multilabel)
        except SourceError as error:
            if splices:
                raise ExportError(f"{path} cannot be read to its end. {error}") from error
        if splices:
            target.parent.mkdir(parents=True, exist_ok=True)
            copy_shard(path, target, splices)
        else:
            copy_image(path, target)
    if missing:
        raise ExportError(
            f"Expected the shards of {source} as they were when they were opened, got none with "
            f"{len(missing)} of the images.",
            hint="Put them back, or open the source again with the same workspace.",
        )
    return len(clean.items)


def _is_numeric(clean: CleanLabels, names: Sequence[str]) -> bool:
    return bool(names) or all(re.fullmatch(r"-?[0-9]+", name) for name in clean.class_names)


def _new_labels(item: CleanItem, clean: CleanLabels) -> list[str] | None:
    return None if item.label is None else labels_in(item.label, multilabel=clean.multilabel)


def _compose(folder: Path, clean: CleanLabels) -> int:
    (folder / CLASS_LISTS[0]).write_bytes(write_class_list(clean.class_names))
    index = {name: n for n, name in enumerate(clean.class_names)}
    taken: set[str] = set()
    for start in range(0, len(clean.items), _SHARD_SAMPLES):
        number = start // _SHARD_SAMPLES
        with tarfile.open(folder / f"shard-{number:06}.tar", "w", format=tarfile.PAX_FORMAT) as tar:
            for item in clean.items[start : start + _SHARD_SAMPLES]:
                key = _key(item, taken)
                tar.add(item.file, f"{key}{item.file.suffix.lower()}", recursive=False)
                labels = _new_labels(item, clean)
                if labels is None:
                    continue
                if clean.multilabel:
                    data = json.dumps({"labels": labels}, ensure_ascii=False).encode()
                    _add(tar, f"{key}.json", data)
                else:
                    _add(tar, f"{key}.cls", str(index[labels[0]]).encode())
    return len(clean.items)


def _key(item: CleanItem, taken: set[str]) -> str:
    """A key from the item's path: no dots, which would end it."""
    path = PurePosixPath(*inner_parts(item.path))
    key = _UNSAFE_IN_KEYS.sub("_", str(path.with_suffix("")))
    while key.casefold() in taken:
        key += f"-{item.item_id}"
    taken.add(key.casefold())
    return key


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, BytesIO(data))
