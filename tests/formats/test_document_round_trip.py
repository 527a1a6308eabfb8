"""What holds for any names, labels and styles of writing in the formats that are documents.

Each property runs on 1,000 examples.
"""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from air_core.dataset import tags_text
from air_core.formats import FILE_FORMATS, FOLDER_FORMATS, CleanLabels, Listing, ReadOptions
from tests.conftest import EXAMPLES
from tests.formats.rewriting import decided, fresh

many = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

SPICE = st.sampled_from(list("ab ,;|\"'\n\r\t=+-@[]{}<>&\\é\u05d0\u2028\U0001d11e7"))
# XML has no other control characters, nor these two.
FIT = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
NAMES = st.text(SPICE | FIT, min_size=1, max_size=4)
FILES = st.text(st.sampled_from("ab .'é\u05d0=&,;#%"), min_size=1, max_size=5).map(
    lambda name: f"x{name}y.png"
)
STYLES: Any = st.fixed_dictionaries(
    {"indent": st.sampled_from([None, 1, "\t"]), "ensure_ascii": st.booleans()}
)
DOCUMENTS = ["coco-cls", "cvat-images", "label-studio", "label-studio-min", "label-studio-csv"]
FOLDERS = {"fiftyone": "labels.json", "datumaro": "annotations/default.json"}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "picture.png"
    Image.new("RGB", (2, 2)).save(file)
    return file


class Disk:
    """Writes labels in one format, and reads them again with the same options."""

    def __init__(self, name: str, picture: Path, many: bool) -> None:
        self.name = name
        self.picture = picture
        columns = {"path_column": "image", "label_column": "choice"} if "studio" in name else {}
        self.options = ReadOptions(separator=";" if many else None, **columns)
        self.data = b""
        self.style: dict[str, Any] | None = None

    def write(self, clean: CleanLabels) -> Listing:
        """Write, and read back; JSON that is composed anew is restyled before."""
        if self.name in FOLDERS:
            return self._write_folder(clean)
        chosen = FILE_FORMATS[self.name]
        file = self.picture.parent / f"labels{chosen.suffix}"
        self.data = self._styled(chosen.compose(clean), clean)
        file.write_bytes(self.data)
        return chosen.read(file, self.options)

    def _write_folder(self, clean: CleanLabels) -> Listing:
        chosen = FOLDER_FORMATS[self.name]
        folder = self.picture.parent / uuid.uuid4().hex
        folder.mkdir()
        try:
            items = tuple(replace(item, file=self.picture) for item in clean.items)
            chosen.fill(folder, replace(clean, items=items))
            file = folder / FOLDERS[self.name]
            self.data = self._styled(file.read_bytes(), clean)
            file.write_bytes(self.data)
            return chosen.read(folder, self.options)
        finally:
            shutil.rmtree(folder)

    def _styled(self, data: bytes, clean: CleanLabels) -> bytes:
        if clean.originals or self.style is None or data[:1] not in (b"{", b"["):
            return data
        return json.dumps(json.loads(data), **self.style).encode()


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("name", [*DOCUMENTS, *FOLDERS])
@many
@given(st.data())
def test_labels_come_back_and_decisions_change_nothing_else(
    picture: Path, name: str, many: bool, data: st.DataObject
) -> None:
    disk = Disk(name, picture, many)
    disk.style = data.draw(st.none() | STYLES)
    paths = data.draw(st.lists(FILES if name in FOLDERS else NAMES, min_size=1, max_size=3))
    if many:
        unlabelled = name in ("fiftyone", "label-studio", "label-studio-min", "label-studio-csv")
        lists = st.lists(NAMES, max_size=3).map(tags_text)
        labels: Any = st.none() | lists if unlabelled else lists
    else:
        labels = st.none() | NAMES
    texts = [data.draw(labels) for _ in paths]
    clean = fresh(picture.parent, list(zip(paths, texts, strict=True)), multilabel=many)
    listing = disk.write(clean)
    assert list(listing.labels) == texts
    assert set(listing.class_names) == set(clean.class_names)
    if name not in FOLDERS:
        assert list(listing.paths) == paths
    before = disk.data
    assert disk.write(decided(listing)).labels == listing.labels
    assert disk.data == before

    gone = data.draw(st.sets(st.integers(0, len(paths) - 1), max_size=len(paths) - 1))
    changes = data.draw(
        st.dictionaries(st.integers(0, len(paths) - 1), labels.filter(lambda x: x is not None))
    )
    after = disk.write(decided(listing, changes, gone))
    expected = [changes.get(n, text) for n, text in enumerate(texts) if n not in gone]
    assert list(after.labels) == expected
    assert list(after.paths) == [p for n, p in enumerate(listing.paths) if n not in gone]

    if many or name == "cvat-images":
        return
    # One label can be put back where it was, and then all is as before.
    disk.write(decided(listing, changes))
    changed = disk.data
    source = replace(listing, labels=tuple(changes.get(n, x) for n, x in enumerate(texts)))
    originals = {**listing.originals, next(iter(listing.originals)): changed}
    back = {n: texts[n] for n in changes if texts[n] is not None}
    disk.write(decided(replace(source, originals=originals), back))
    if len(back) == len(changes) and name != "label-studio-csv":
        known = set(clean.class_names)
        assert without_new(json.loads(disk.data), known) == json.loads(before)


def without_new(content: Any, known: set[str]) -> Any:
    """The document without classes that decisions have added at the end."""
    if isinstance(content, dict) and isinstance(content.get("categories"), list):
        kept = [c for c in content["categories"] if c["name"] in known]
        return {**content, "categories": kept}
    if isinstance(content, dict) and isinstance(content.get("categories"), dict):
        label = content["categories"]["label"]
        label["labels"] = [c for c in label["labels"] if c["name"] in known]
    return content
