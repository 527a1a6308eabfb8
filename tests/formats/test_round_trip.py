"""What holds for any names, labels, quoting and encodings, with the formats' own readers as judges.

Each property runs on 1,000 examples.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from air_core.dataset import tags_text
from air_core.errors import ExportError
from air_core.formats import FILE_FORMATS, FOLDER_FORMATS, CleanItem, CleanLabels, ReadOptions
from air_core.formats.columns import KNOWN_NAMES, plain
from tests.conftest import EXAMPLES
from tests.formats.rewriting import decided, fresh

many = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

SPICE = st.text(st.sampled_from("ab ,;|\"'\n\r\t=+-@[]{}\\é\u05d0\u2028\U0001d11e7"), max_size=6)
ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
TEXTS = SPICE | ANY
NAMES = TEXTS.filter(bool)
LABELS = st.none() | NAMES
TAGS = st.none() | st.lists(NAMES, max_size=4).map(tags_text)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def rows_of(data: st.DataObject, labels: st.SearchStrategy[Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = data.draw(
        st.lists(st.tuples(NAMES, labels), min_size=1, max_size=6)
    )
    return found


def edits(
    data: st.DataObject, count: int, labels: st.SearchStrategy[Any]
) -> tuple[dict[int, Any], set[int]]:
    """New labels and exclusions, by row."""
    row = st.integers(0, count - 1)
    changes = data.draw(st.dictionaries(row, labels, max_size=count))
    return changes, data.draw(st.sets(row, max_size=count))


@pytest.mark.parametrize("name", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("multilabel", [False, True])
@many
@given(data=st.data())
def test_composed_files_read_back(
    folder: Path, name: str, multilabel: bool, data: st.DataObject
) -> None:
    rows = rows_of(data, TAGS if multilabel else LABELS)
    chosen, file = FILE_FORMATS[name], folder / f"x.{name}"
    file.write_bytes(chosen.compose(fresh(folder, rows, multilabel=multilabel)))
    listing = chosen.read(file, ReadOptions())
    assert list(zip(listing.paths, listing.labels, strict=True)) == rows
    assert listing.rejected == ()
    assert listing.multilabel == (multilabel and any(label for _, label in rows))


@st.composite
def delimited(draw: st.DrawFn, labels: st.SearchStrategy[str]) -> tuple[list[list[str]], Any]:
    """A table with a header, and how to write it."""
    cells = st.tuples(TEXTS, NAMES, TEXTS, labels)
    rows = draw(st.lists(cells, min_size=1, max_size=6))
    # The csv module leaves line ends of another kind than its own unquoted unless it quotes all.
    style = draw(st.sampled_from([(csv.QUOTE_ALL, "\n"), (csv.QUOTE_MINIMAL, "\r\n")]))
    delimiter = draw(st.sampled_from(",;\t|"))
    return [["id", "path", "note", "label"], *map(list, rows)], (style, delimiter)


def delimited_bytes(table: list[list[str]], how: Any, encoding: str) -> bytes:
    (quoting, end), delimiter = how
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(table)
    return file.getvalue().encode(encoding)


@many
@given(made=delimited(SPICE | ANY), encoding=ENCODINGS, data=st.data())
def test_only_the_cells_decided_on_differ_in_delimited_text(
    folder: Path, made: tuple[list[list[str]], Any], encoding: str, data: st.DataObject
) -> None:
    table, how = made
    before, file = delimited_bytes(table, how, encoding), folder / "x.csv"
    file.write_bytes(before)
    listing = FILE_FORMATS["csv"].read(file, ReadOptions())
    assume(not listing.multilabel)  # a label that is a JSON list says so
    assert listing.paths == tuple(row[1] for row in table[1:])
    assert listing.labels == tuple(row[3] or None for row in table[1:])
    assert FILE_FORMATS["csv"].compose(decided(listing)) == before
    changes, gone = edits(data, len(table) - 1, NAMES)
    after = FILE_FORMATS["csv"].compose(decided(listing, changes, gone)).decode(encoding)
    for row, label in changes.items():
        table[row + 1][3] = label
    kept = [row for number, row in enumerate(table) if number - 1 not in gone]
    assert list(csv.reader(io.StringIO(after, newline=""), delimiter=how[1])) == kept


@many
@given(
    made=delimited(SPICE | st.lists(SPICE).map(json.dumps)),
    separator=st.sampled_from([None, ";", "|", ",", ", ", " ", "é"]),
    data=st.data(),
)
def test_tags_in_delimited_text_read_back_and_other_cells_stay(
    folder: Path, made: tuple[list[list[str]], Any], separator: str | None, data: st.DataObject
) -> None:
    table, how = made
    table[1][3] = table[1][3] if separator else '["sea"]'
    before, file = delimited_bytes(table, how, "utf-8"), folder / "x.csv"
    file.write_bytes(before)
    options = ReadOptions(separator=separator)
    listing = FILE_FORMATS["csv"].read(file, options)
    assert listing.multilabel
    assert FILE_FORMATS["csv"].compose(decided(listing)) == before
    changes, _ = edits(data, len(table) - 1, st.lists(NAMES, max_size=3).map(tags_text))
    # Once a file has no list left, nothing says that it holds tags.
    changes.pop(0, None)
    file.write_bytes(FILE_FORMATS["csv"].compose(decided(listing, changes)))
    again = FILE_FORMATS["csv"].read(file, options)
    expected = [changes.get(n, label) for n, label in enumerate(listing.labels)]
    assert list(again.labels) == expected
    found = csv.reader(io.StringIO(file.read_bytes().decode(), newline=""), delimiter=how[1])
    rows = list(found)
    assert [row[:3] for row in rows] == [row[:3] for row in table]
    same = [n for n in range(1, len(table)) if n - 1 not in changes]
    assert [rows[n][3] for n in same] == [table[n][3] for n in same]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
OTHER_KEYS = TEXTS.filter(lambda key: plain(key) not in KNOWN_NAMES)


@st.composite
def lines(draw: st.DrawFn, labels: st.SearchStrategy[Any]) -> tuple[list[dict[str, Any]], str]:
    """Objects in any order of keys, and their text in any style."""
    objects, text = [], ""
    for _ in range(draw(st.integers(1, 4))):
        item = draw(st.dictionaries(OTHER_KEYS, JSON, max_size=3))
        item["path"] = draw(NAMES)
        label = draw(labels)
        if label is not None or draw(st.booleans()):
            item["label"] = label
        item = dict(draw(st.permutations(list(item.items()))))
        style: Mapping[str, Any] = {
            "ensure_ascii": draw(st.booleans()),
            "separators": draw(st.sampled_from([(",", ":"), (", ", ": "), (" , ", " :\t")])),
        }
        text += json.dumps(item, **style) + draw(st.sampled_from(["\n", "\r\n", "\n\n"]))
        objects.append(item)
    objects[0].setdefault("label", None)
    return objects, text if "label" in text else json.dumps(
        {"path": "a", "label": "b"}
    ) + "\n" + text


def bare(text: str) -> list[Any]:
    """Objects with numbers as they are written and the order of keys."""
    kinds: Mapping[str, Any] = {"parse_int": repr, "parse_float": repr, "parse_constant": repr}
    found = [json.loads(line, **kinds) for line in text.split("\n") if line.strip()]
    return [list(item.items()) for item in found]


@many
@given(
    made=lines(st.none() | NAMES | st.lists(NAMES, max_size=3)), encoding=ENCODINGS, data=st.data()
)
def test_only_the_values_decided_on_differ_in_json_lines(
    folder: Path, made: tuple[list[dict[str, Any]], str], encoding: str, data: st.DataObject
) -> None:
    jsonl, file, text = FILE_FORMATS["jsonl"], folder / "x.jsonl", made[1]
    file.write_bytes(text.encode(encoding))
    listing = jsonl.read(file, ReadOptions())
    assert listing.rejected == ()
    before = bare(text)
    assert listing.paths == tuple(dict(item)["path"] for item in before)
    assert jsonl.compose(decided(listing)) == file.read_bytes()
    labels = st.lists(NAMES, max_size=3).map(tags_text) if listing.multilabel else NAMES
    changes, gone = edits(data, len(before), labels)
    changes = {row: x for row, x in changes.items() if x != listing.labels[row]}
    after = jsonl.compose(decided(listing, changes, gone)).decode(encoding)
    file.write_bytes(after.encode(encoding))
    expected = []
    for row, item in enumerate(before):
        if row in changes:
            new: Any = json.loads(changes[row]) if listing.multilabel else changes[row]
            item = list((dict(item) | {"label": new}).items())
        if row not in gone:
            expected.append(item)

    def normal(items: list[Any]) -> list[Any]:
        """Tags in any order, one tag as a text or a list."""
        tags = {
            n: sorted({*([v] if isinstance(v, str) else v)})
            for n, v in ((n, dict(item).get("label")) for n, item in enumerate(items))
            if v is not None and listing.multilabel
        }
        return [
            [(k, tags.get(n, v) if k == "label" else v) for k, v in item]
            for n, item in enumerate(items)
        ]

    assert normal(bare(after)) == normal(expected)


@many
@given(data=st.data(), multilabel=st.booleans(), size=st.integers(1, 3))
def test_only_the_cells_decided_on_differ_in_parquet(
    folder: Path, data: st.DataObject, multilabel: bool, size: int
) -> None:
    one = st.none() | NAMES
    rows = rows_of(data, st.none() | st.lists(NAMES, max_size=3) if multilabel else one)
    table = pa.table(
        {
            "note": [{"n": n} for n in range(len(rows))],
            "path": [path for path, _ in rows],
            "label": pa.array(
                [x for _, x in rows], pa.list_(pa.string()) if multilabel else pa.string()
            ),
        }
    ).replace_schema_metadata({"mine": "kept"})
    file, parquet = folder / "x.parquet", FILE_FORMATS["parquet"]
    pq.write_table(table, file, row_group_size=size)
    listing = parquet.read(file, ReadOptions())
    assert listing.paths == tuple(path for path, _ in rows)
    assert parquet.compose(decided(listing)) == file.read_bytes()
    new = st.lists(NAMES, max_size=3).map(tags_text) if multilabel else NAMES
    changes, gone = edits(data, len(rows), new)
    changes = {row: x for row, x in changes.items() if x != listing.labels[row]}
    after = pq.read_table(io.BytesIO(parquet.compose(decided(listing, changes, gone))))
    wanted = table.to_pylist()
    for row, label in changes.items():
        wanted[row]["label"] = json.loads(label) if multilabel else label
    found = after.to_pylist()
    wanted = [row for number, row in enumerate(wanted) if number not in gone]
    if multilabel:
        for row in [*found, *wanted]:
            row["label"] = row["label"] and sorted(row["label"])
    assert found == wanted
    assert after.schema.equals(pq.read_schema(file), check_metadata=True)


@pytest.mark.parametrize("name", ["imagefolder", "yolo-cls", "hf-imagefolder"])
@many
@given(rows=st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=5))
def test_images_in_folders_keep_their_labels(
    tmp_path: Path, name: str, rows: list[tuple[str, str]]
) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir(exist_ok=True)
    items = []
    for number, (path, label) in enumerate(rows):
        file = source / f"{number}.png"
        file.write_bytes(b"%d" % number)
        inner = path.replace("/", "_") + ".png"
        assume(len(inner.encode()) < 200)
        items.append(CleanItem(f"{number:016x}", inner, file, label, label))
    classes = tuple(sorted({label for _, label in rows} | {"none of them"}))
    clean = CleanLabels(tuple(items), classes, frozenset(), {}, ReadOptions())
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    try:
        FOLDER_FORMATS[name].fill(out, clean)
    except ExportError:
        return  # a class that cannot be a folder; which ones is tested with the folders
    listing = FOLDER_FORMATS[name].read(out, ReadOptions())
    assert listing.class_names == classes
    found = {
        (listing.root / path).read_bytes(): label
        for path, label in zip(listing.paths, listing.labels, strict=True)
    }
    assert found == {b"%d" % n: label for n, (_, label) in enumerate(rows)}
