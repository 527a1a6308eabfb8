"""The three formats that datumaro knows as well: it writes, we read, we write, it opens."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from air_core.dataset import tags_text
from air_core.formats import FILE_FORMATS, CleanLabels, Listing, ReadOptions, get_format
from tests.conftest import PaintImage
from tests.formats.datumaro_library import Row, read_with_datumaro, write_with_datumaro
from tests.formats.rewriting import decided, fresh

FORMATS = {"coco-cls": "coco_labels", "cvat-images": "cvat", "datumaro": "datumaro"}
"""What datumaro calls each."""
CLASSES = ["z", "=1+1", "007", 'ä, ב\n"x" <&>', "cat"]
NONE = ReadOptions()


def written(format: str, clean: CleanLabels, folder: Path, *, around: Path | None = None) -> Path:
    """Write labels as that format; a file takes the place of the one in a copy of ``around``."""
    if format not in FILE_FORMATS:
        folder.mkdir()
        get_format(format).fill(folder, clean)
        return folder
    data = FILE_FORMATS[format].compose(clean)
    if around is None:
        folder.mkdir()
        file = folder / f"x{FILE_FORMATS[format].suffix}"
    else:
        shutil.copytree(around, folder)
        (file,) = (f for f in folder.rglob("*") if f.suffix in (".xml", ".json"))
    file.write_bytes(data)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("format", FORMATS)
def test_what_datumaro_writes_is_read_and_what_we_write_datumaro_opens(
    tmp_path: Path, paint: PaintImage, format: str, many: bool
) -> None:
    second = "val" if format == "datumaro" else "train"
    rows: list[Row] = [
        ("train", "a", [1, 4] if many else [1]),
        ("train", "deep/b c", [2]),
        (second, "é &", [3]),
        (second, "none", []),
    ]
    image = paint(tmp_path / "image.png", size=(6, 9))
    folder = write_with_datumaro(tmp_path / "in", image, FORMATS[format], rows, CLASSES)
    listing = get_format(format).read(folder, NONE)
    assert listing.class_names == tuple(CLASSES)
    assert all((listing.root / path).is_file() for path in listing.paths)

    def reopened(clean: CleanLabels, name: str) -> dict[str, list[str]]:
        place = written(format, clean, tmp_path / name, around=folder)
        names, found = read_with_datumaro(place, FORMATS[format])
        assert names == CLASSES
        return {item: sorted(labels) for item, labels in found.items()}

    expected = {f"{s}/{name}": sorted(CLASSES[n] for n in labels) for s, name, labels in rows}
    assert reopened(decided(listing), "same") == expected
    row, gone = (
        next(n for n, path in enumerate(listing.paths) if part in path) for part in ("b c", "none")
    )
    changed = decided(listing, {row: tags_text(["cat", "z"]) if many else "z"}, excluded=[gone])
    expected["train/deep/b c"] = ["cat", "z"] if many else ["z"]
    del expected[f"{second}/none"]
    assert reopened(changed, "changed") == expected
    entries = [(item.path, item.label) for item in changed.items]
    anew = reopened(fresh(listing.root, entries, classes=CLASSES, multilabel=many), "anew")
    # A dataset of another format has no subsets, which are part of the names here.
    assert sorted(anew.values()) == sorted(expected.values())


ANY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
IN_XML = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n\r"),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=50, deadline=None)
@given(many=st.booleans(), data=st.data())
def test_any_labels_round_trip_and_change_in_one_place(
    tmp_path_factory: pytest.TempPathFactory, format: str, many: bool, data: st.DataObject
) -> None:
    folder, names = tmp_path_factory.mktemp("any"), IN_XML if format == "cvat-images" else ANY
    rows = data.draw(st.lists(st.lists(names, max_size=3), min_size=1, max_size=4))
    texts = [tags_text(tags) if many else (tags or [None])[0] for tags in rows]
    if format in FILE_FORMATS:
        paths = [data.draw(names) for _ in rows]
    else:
        Image.new("RGB", (4, 4)).save(folder / "0.png")
        paths = ["0.png"] * len(rows)

    def read(place: Path) -> Listing:
        source = next(place.iterdir()) if format in FILE_FORMATS else place
        return get_format(format).read(source, ReadOptions(separator=";" if many else None))

    clean = fresh(folder, list(zip(paths, texts, strict=True)), multilabel=many)
    listing = read(written(format, clean, folder / "1"))
    assert list(listing.labels) == texts
    assert listing.class_names == clean.class_names
    row = data.draw(st.integers(0, len(rows) - 1))
    new = data.draw(st.lists(names, min_size=1, max_size=2))
    texts[row] = tags_text(new) if many else new[0]
    again = read(written(format, decided(listing, {row: texts[row]}), folder / "2"))
    assert list(again.labels) == texts
    assert again.paths == listing.paths
    if format in FILE_FORMATS:
        assert list(again.paths) == paths
