from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from air_core.errors import SourceError
from air_core.formats import FILE_FORMATS, Listing, ReadOptions
from tests.conftest import PaintImage
from tests.formats.audits import round_trip
from tests.formats.interop import foreign
from tests.formats.rewriting import decided, fresh

JSONL = FILE_FORMATS["jsonl"]
NONE = ReadOptions()


def read(folder: Path, data: str | bytes, options: ReadOptions = NONE) -> Listing:
    file = folder / "labels.jsonl"
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return JSONL.read(file, options)


def exported(
    folder: Path,
    data: str | bytes,
    changes: Mapping[int, str | None],
    excluded: tuple[int, ...] = (),
    options: ReadOptions = NONE,
) -> bytes:
    clean = decided(read(folder, data, options), changes, excluded)
    return JSONL.compose(replace(clean, options=options))


LINES = (
    '{"path":"a.png","label":"cat","n":1.0e5}\r\n'
    "\n"
    '{ "n" : {"label": "x"}, "label" : "dog" , "path" : "b.png" }\n'
    '{"path": "c.png"}\n'
    '{"label": null, "path": "d.png", "label": "cat"}'
)


def test_lines_become_paths_and_labels(tmp_path: Path) -> None:
    listing = read(tmp_path, LINES)
    assert listing.paths == ("a.png", "b.png", "c.png", "d.png")
    assert listing.labels == ("cat", "dog", None, "cat")
    assert (listing.path_column, listing.label_column) == ("path", "label")
    assert not listing.multilabel


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_only_the_values_decided_on_differ(tmp_path: Path, encoding: str) -> None:
    data = LINES.encode(encoding)
    assert exported(tmp_path, data, {}) == data
    after = exported(tmp_path, data, {0: 'é"', 1: "cat", 2: "dog", 3: "dog"}).decode(encoding)
    assert after == (
        '{"path":"a.png","label":"é\\"","n":1.0e5}\r\n'
        "\n"
        '{ "n" : {"label": "x"}, "label" : "cat" , "path" : "b.png" }\n'
        '{"path": "c.png", "label": "dog"}\n'
        '{"label": null, "path": "d.png", "label": "dog"}'
    )


def test_excluded_lines_go_as_a_whole(tmp_path: Path) -> None:
    lines = LINES.splitlines(keepends=True)
    assert exported(tmp_path, LINES, {}, excluded=(0, 2)).decode() == lines[1] + lines[2] + lines[4]


def test_numbers_stay_numbers_and_texts_texts(tmp_path: Path) -> None:
    data = (
        '{"path": "a", "label": 7}\n{"path": "b", "label": "007"}\n'
        '{"path": "c", "label": true}\n{"path": "d", "label": 1.50}\n'
    )
    assert read(tmp_path, data).labels == ("7", "007", "true", "1.50")
    after = exported(tmp_path, data, {0: "007", 1: "7", 2: "1.50", 3: "true"}).decode()
    assert after == (
        '{"path": "a", "label": "007"}\n{"path": "b", "label": 7}\n'
        '{"path": "c", "label": 1.50}\n{"path": "d", "label": true}\n'
    )


def test_arrays_are_tags(tmp_path: Path) -> None:
    data = '{"path":"a","tags":["sea",7]}\n{"path":"b","tags":[]}\n{"path":"c"}\n'
    listing = read(tmp_path, data)
    assert listing.labels == ('["7", "sea"]', "[]", None)
    assert (listing.multilabel, listing.label_column) == (True, "tags")
    after = exported(tmp_path, data, {0: '["7", "é"]', 1: '["sea"]', 2: '["7"]'})
    assert after.decode() == (
        '{"path":"a","tags":[7,"é"]}\n{"path":"b","tags":["sea"]}\n{"path":"c","tags":[7]}\n'
    )


def test_texts_are_parted_where_a_separator_is_named(tmp_path: Path) -> None:
    data = '{"path": "a", "label": "sea|dog"}\n{"path": "b", "label": "dog"}\n'
    options = ReadOptions(separator="|")
    assert read(tmp_path, data, options).labels == ('["dog", "sea"]', '["dog"]')
    after = exported(tmp_path, data, {1: '["dog", "sea"]'}, options=options)
    assert after.decode() == data.replace('"dog"}', '"dog|sea"}')
    # An array is no text, whatever parts texts.
    data = data.replace('"dog"}', "[]}")
    after = exported(tmp_path, data, {1: '["dog", "sea"]'}, options=options)
    assert after.decode() == data.replace("[]}", '["dog", "sea"]}')
    # Nobody said that a text is a list, and JSON has lists of its own.
    assert read(tmp_path, '{"path": "a", "label": "[1]"}\n').labels == ("[1]",)


def test_a_file_in_ascii_stays_in_ascii(tmp_path: Path) -> None:
    data = '{"path": "\\u00e9", "label": "x"}\n{"path": "b", "label": ["y"]}\n'
    after = exported(tmp_path, data, {0: '["é", "𝄞"]'})
    assert after == data.replace('"x"', '["\\u00e9", "\\ud834\\udd1e"]').encode()


def test_bad_lines_are_set_aside_with_their_number(tmp_path: Path) -> None:
    bad = ("[1]", "{", '{"path": 7, "label": "x"}', '{"path": "b", "label": {"a": 1}}')
    more = ('{"path": "c", "label": "\\ud800"}', '{"path": "d"} x', "[" * 100_000, '{"a": 1,}')
    text = "\n".join(('{"path": "a", "label": "x"}', *bad, *more))
    listing = read(tmp_path, text)
    assert listing.paths == ("a",)
    reasons = dict(listing.rejected)
    assert reasons["7"] == "Line 4 has no text as 'path'. Complete it."
    assert "neither a text, a number nor a list" in reasons["b"]
    assert "lone surrogate" in reasons["c"]
    broken = [name for name, why in listing.rejected if why.startswith("It is no JSON object")]
    assert broken == ["line 2", "line 3", "line 7", "line 8", "line 9"]
    assert exported(tmp_path, text, {0: "y"}).decode() == text.replace('"x"', '"y"', 1)


def test_files_that_are_something_else(tmp_path: Path) -> None:
    for text in ("", "\n", "path,label\n", '[{"path": "a"}]'):
        with pytest.raises(SourceError, match="Expected a JSON object in each line"):
            read(tmp_path, text)
    with pytest.raises(SourceError, match=r"image paths in labels\.jsonl.*'uri', 'label'"):
        read(tmp_path, '{"uri": "a", "label": "x"}')
    assert read(tmp_path, '{"uri": "a", "label": "x"}', ReadOptions(path_column="uri")).paths == (
        "a",
    )


@pytest.mark.parametrize("multilabel", [False, True])
def test_composed_files_read_back(tmp_path: Path, multilabel: bool) -> None:
    rows = [("a\n.png", '["7", "x"]' if multilabel else "[1]"), ("é.png", None), ("c.png", "=1")]
    rows[2] = ("c.png", "[]") if multilabel else rows[2]
    data = JSONL.compose(fresh(tmp_path, rows, multilabel=multilabel))
    listing = read(tmp_path, data)
    assert list(zip(listing.paths, listing.labels, strict=True)) == rows


READ_BY_DATASETS = """
import json, sys
from datasets import load_dataset
d = load_dataset("json", data_files=sys.argv[1], split="train", cache_dir=sys.argv[2])
print(json.dumps([d["path"][:], d["label"][:]]))
"""


@pytest.mark.slow
def test_datasets_opens_our_lines(tmp_path: Path, paint: PaintImage) -> None:
    for name in ("a.png", "b.png"):
        paint(tmp_path / "in" / name)
    source = tmp_path / "in" / "labels.jsonl"
    source.write_text('{"path": "a.png", "label": ["x"]}\n{"path": "b.png", "label": ["y"]}\n')
    out = round_trip(source, tmp_path / "x", {"a.png": '["x", "y"]'})
    found = foreign(READ_BY_DATASETS, out, tmp_path / "cache")
    assert found == [["a.png", "b.png"], [["x", "y"], ["y"]]]
