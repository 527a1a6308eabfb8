"""Cells of CSV and TSV files that are more than text: tags, and what a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from air_core.errors import ExportError
from air_core.formats import FILE_FORMATS, CleanItem, CleanLabels, ReadOptions
from tests.formats.test_csv_file import CSV, NONE, clean, exported, read, refusal

FORMULAS = ("=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "＝1", "＋1", "－1", "＠x")
FORMULAS_START = tuple(text[0] for text in FORMULAS)


@pytest.mark.parametrize("name", ["csv", "tsv"])
def test_formulas_in_composed_files_do_not_run_and_read_back(tmp_path: Path, name: str) -> None:
    labels = (*FORMULAS, "'=1+1", "'x", '["a"]', "plain", None)
    rows = [(f"{'-' * (n % 2)}{n}.png", label) for n, label in enumerate(labels)]
    items = tuple(CleanItem(str(n), p, Path(p), x, x) for n, (p, x) in enumerate(rows))
    chosen = FILE_FORMATS[name]
    data = chosen.compose(CleanLabels(items, (), frozenset(), {}, NONE))
    table = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=chosen.delimiter)  # type: ignore[attr-defined]
    assert not [cell for row in table for cell in row if cell.startswith(FORMULAS_START)]
    file = tmp_path / f"out.{name}"
    file.write_bytes(data)
    listing = chosen.read(file, NONE)
    assert list(zip(listing.paths, listing.labels, strict=True)) == rows
    assert not listing.multilabel


def test_formulas_in_the_users_own_file_stay(tmp_path: Path) -> None:
    text = "path,label\na.png,=1+1\nb.png,'=1+1\nc.png,-1\n"
    listing = read(tmp_path, text)
    assert listing.labels == ("=1+1", "'=1+1", "-1")
    assert exported(tmp_path, text, {}) == text.encode()
    assert exported(tmp_path, text, {2: "=1+1"}) == text.replace("-1", "=1+1").encode()


def test_a_file_that_we_composed_can_be_the_source_again(tmp_path: Path) -> None:
    text = "path,label,apostrophe_added\na.png,'=1,label\n'-b.png,cat,path\nc.png,cat,\n"
    listing = read(tmp_path, text)
    assert list(zip(listing.paths, listing.labels, strict=True)) == [
        *(("a.png", "=1"), ("-b.png", "cat"), ("c.png", "cat")),
    ]
    assert exported(tmp_path, text, {}) == text.encode()
    assert exported(tmp_path, text, {0: "cat", 1: "=1", 2: "=1"}).decode() == (
        "path,label,apostrophe_added\na.png,cat,\n'-b.png,'=1,path;label\nc.png,'=1,label\n"
    )


def test_a_nul_character_has_no_place_in_delimited_text() -> None:
    item = CleanItem("1", "a.png", Path("a.png"), "a\0b", "a\0b")
    with pytest.raises(ExportError, match="NUL"):
        CSV.compose(CleanLabels((item,), (), frozenset(), {}, NONE))


def test_a_separator_makes_cells_tags(tmp_path: Path) -> None:
    text = 'path,tags\na.png,sea; dog\nb.png,\nc.png,[]\nd.png,"[""a;b""]"\n'
    options = ReadOptions(separator=";")
    listing = read(tmp_path, text, options)
    assert listing.labels == ('["dog", "sea"]', None, "[]", '["a;b"]')
    assert (listing.multilabel, listing.separator) == (True, ";")
    assert listing.class_names == ("a;b", "dog", "sea")
    decided = replace(
        clean(listing, {0: '["a;b", "dog"]', 1: "[]", 2: '["dog", "sea"]'}),
        options=options,
        multilabel=True,
    )
    assert CSV.compose(decided).decode().splitlines() == [
        "path,tags",
        'a.png,"[""dog"", ""a;b""]"',
        "b.png,[]",
        "c.png,dog;sea",
        'd.png,"[""a;b""]"',
    ]


def test_json_lists_are_tags_without_being_asked(tmp_path: Path) -> None:
    text = 'path,labels\na.png,"[7,10]"\nb.png,[]\nc.png,\nd.png,[7]\n'
    listing = read(tmp_path, text)
    assert listing.labels == ('["10", "7"]', "[]", None, '["7"]')
    assert listing.class_names == ("7", "10")
    decided = replace(clean(listing, {0: '["7"]', 1: '["10"]'}), multilabel=True)
    expected = text.replace('"[7,10]"', '"[7]"').replace("b.png,[]", "b.png,[10]")
    assert CSV.compose(decided).decode() == expected


def test_one_list_of_texts_will_do_but_a_class_may_be_called_like_a_list(tmp_path: Path) -> None:
    assert read(tmp_path, "path,label\na.png,[1]\nb.png,cat\n").labels == ("[1]", "cat")
    text = 'path,label\na.png,"[""sea"", ""sky""]"\nb.png,cat\nc.png,[1]\n'
    assert read(tmp_path, text).labels == ('["sea", "sky"]', '["cat"]', '["1"]')


def test_a_separator_that_nobody_named_is_pointed_out(tmp_path: Path) -> None:
    listing = read(tmp_path, "path,label\na.png,cat|dog\nb.png,dog\n")
    assert listing.labels == ("cat|dog", "dog")
    assert "--separator '|'" in listing.notes[0]
    listing = read(tmp_path, "path,label\na.png,cat|dog\n", ReadOptions(separator=";"))
    assert "No label holds the separator ';'" in listing.notes[0]
    assert "at least one character" in refusal(
        tmp_path, "path,label\na.png,x\n", ReadOptions(separator="")
    )


def test_a_separator_stays_with_what_is_composed() -> None:
    rows = [("a.png", '["a", "b;c"]'), ("b.png", '["a", "b"]')]
    items = tuple(CleanItem(path, path, Path(path), x, x) for path, x in rows)
    options = ReadOptions(separator=";")
    data = CSV.compose(CleanLabels(items, (), frozenset(), {}, options, multilabel=True))
    assert data.decode() == 'path,label\na.png,"[""a"", ""b;c""]"\nb.png,a;b\n'
