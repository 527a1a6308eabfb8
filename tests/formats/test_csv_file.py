from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from air_core.dataset import stable_item_ids
from air_core.errors import SourceError
from air_core.formats import FILE_FORMATS, CleanItem, CleanLabels, Listing, ReadOptions

CSV = FILE_FORMATS["csv"]
NONE = ReadOptions()


def read(folder: Path, data: bytes | str, options: ReadOptions = NONE) -> Listing:
    folder.mkdir(exist_ok=True)
    file = folder / "labels.csv"
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return CSV.read(file, options)


def clean(
    listing: Listing, changes: dict[int, str | None], excluded: tuple[int, ...] = ()
) -> CleanLabels:
    """What decisions on the n-th listed items leave to export."""
    ids = stable_item_ids(listing.paths).tolist()
    items = [
        CleanItem(ids[n], path, Path(path), given, changes.get(n, given))
        for n, (path, given) in enumerate(zip(listing.paths, listing.labels, strict=True))
    ]
    return CleanLabels(
        items=tuple(item for n, item in enumerate(items) if n not in excluded),
        class_names=listing.class_names,
        excluded={ids[n] for n in excluded},
        originals=listing.originals,
        options=NONE,
    )


def exported(
    folder: Path,
    data: bytes | str,
    changes: dict[int, str | None],
    excluded: tuple[int, ...] = (),
) -> bytes:
    return CSV.compose(clean(read(folder, data), changes, excluded))


def refusal(folder: Path, data: bytes | str, options: ReadOptions = NONE) -> str:
    with pytest.raises(SourceError) as caught:
        read(folder, data, options)
    return str(caught.value)


def test_rows_become_paths_and_labels_as_they_are(tmp_path: Path) -> None:
    text = (
        "path,label\n007.png,007\nb.png,true\nc.png,=1+1\nd.png,\n"
        '"e, f.png","two\nlines"\ng.png, spaced \n'
    )
    listing = read(tmp_path, text)
    assert listing.paths == ("007.png", "b.png", "c.png", "d.png", "e, f.png", "g.png")
    assert listing.labels == ("007", "true", "=1+1", None, "two\nlines", " spaced ")
    assert listing.class_names == tuple(sorted(x for x in listing.labels if x is not None))
    assert listing.root == tmp_path
    assert listing.rejected == ()


@pytest.mark.parametrize("path", ["path", "Path", "file_name", "filepath", "image", "Image Path"])
@pytest.mark.parametrize("label", ["label", "CLASS", "category", "target", "given_label"])
def test_usual_column_names_are_found(tmp_path: Path, path: str, label: str) -> None:
    listing = read(tmp_path, f"id,{label},{path}\n1,cat,a.png\n")
    assert (listing.paths, listing.labels) == (("a.png",), ("cat",))
    assert (listing.path_column, listing.label_column) == (path, label)


def test_unclear_columns_say_what_there_is_and_how_to_choose(tmp_path: Path) -> None:
    message = refusal(tmp_path, "path,label,category\na.png,cat,x\n")
    assert "'label' and 'category'" in message
    assert "columns are 'path', 'label', 'category'" in message
    assert "--label-column" in message
    message = refusal(tmp_path, "uri,label\na.png,cat\n")
    assert "image paths" in message
    assert "'uri', 'label'" in message
    assert "--path-column" in message


def test_columns_can_be_chosen(tmp_path: Path) -> None:
    text = "path,label,category,uri\na.png,cat,x,b.png\n"
    listing = read(tmp_path, text, ReadOptions(path_column="uri", label_column="category"))
    assert (listing.paths, listing.labels) == (("b.png",), ("x",))
    assert "'nope'" in refusal(tmp_path, text, ReadOptions(label_column="nope"))
    assert "two columns" in refusal(
        tmp_path, "path,label\n", ReadOptions(path_column="label", label_column="label")
    )
    assert "'label', 'label'" in refusal(
        tmp_path, "path,label,label\n", ReadOptions(label_column="label")
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_first_row(tmp_path: Path, delimiter: str) -> None:
    other = ";" if delimiter == "," else ","
    text = f"path{delimiter}note{other} or so{delimiter}label\na.png{delimiter}x{delimiter}cat\n"
    listing = read(tmp_path, text)
    assert (listing.paths, listing.labels) == (("a.png",), ("cat",))


def test_spaces_after_delimiters_are_no_part_of_labels(tmp_path: Path) -> None:
    text = "path, label\na.png, cat\nb.png, dog\n"
    assert read(tmp_path, text).labels == ("cat", "dog")
    assert exported(tmp_path, text, {0: "dog"}) == b"path, label\na.png, dog\nb.png, dog\n"


def test_bad_rows_are_set_aside_with_their_number(tmp_path: Path) -> None:
    text = "path,label\na.png,cat\nb.png\n\nc,d.png,dog\n,dog\ne.png,emu,\n"
    listing = read(tmp_path, text)
    assert listing.paths == ("a.png", "e.png")
    reasons = dict(listing.rejected)
    assert reasons["b.png"] == "Row 3 has 1 of 2 cells. Complete it."
    assert reasons["c"].startswith("Row 5 has 3 cells for 2 columns.")
    assert reasons["row 6"] == "Row 6 has no path. Complete it."
    assert exported(tmp_path, text, {0: "dog"}) == text.replace("a.png,cat", "a.png,dog").encode()


def test_empty_files_and_headers_alone(tmp_path: Path) -> None:
    assert "got no rows" in refusal(tmp_path, "")
    assert "got no rows" in refusal(tmp_path, "\n\n")
    assert read(tmp_path, "path,label\n").paths == ()


SOURCES = {
    "plain": b"path,label\na.png,cat\nb.png,dog\n",
    "no final newline": b"path,label\na.png,cat\nb.png,dog",
    "crlf": b"path,label\r\na.png,cat\r\nb.png,dog\r\n",
    "cr": b"path,label\ra.png,cat\rb.png,dog\r",
    "mixed": b"path,label\r\na.png,cat\nb.png,dog\r",
    "blank lines": b"\npath,label\n\na.png,cat\n\n\nb.png,dog\n\n",
    "quoted": b'"path","label","n"\n"a.png","cat",1\n"b.png","dog",2\n',
    "half quoted": b'path,label,n\na.png,"cat",1\nb.png,dog,""\n',
    "newline in quotes": b'path,note,label\na.png,"x\r\ny",cat\nb.png,"""q""",dog\n',
    "bom": b"\xef\xbb\xbfpath,label\na.png,cat\nb.png,dog\n",
    "utf-16": "\ufeffpath,label\na.png,cat\nb.png,dog\n".encode("utf-16-le"),
    "utf-16-be": "\ufeffpath,label\na.png,cat\nb.png,dog\n".encode("utf-16-be"),
    "tabs": b"path\tlabel\na.png\tcat\nb.png\tdog\n",
    "unknown columns": b"id,path,  x ,label,\n1,a.png,,cat,\n2,b.png,=1+1,dog,\n",
}


@pytest.mark.parametrize("name", SOURCES)
def test_no_decisions_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    assert exported(tmp_path, SOURCES[name], {}) == SOURCES[name]


@pytest.mark.parametrize("name", SOURCES)
def test_a_decision_changes_its_cell_only(tmp_path: Path, name: str) -> None:
    wide = name.startswith("utf-16")
    encoding = {"utf-16": "utf-16-le", "utf-16-be": "utf-16-be"}[name] if wide else "utf-8"
    expected = SOURCES[name].replace("cat".encode(encoding), "émeu".encode(encoding))
    assert exported(tmp_path, SOURCES[name], {0: "émeu"}) == expected


def test_new_labels_are_quoted_where_they_have_to_be(tmp_path: Path) -> None:
    data = SOURCES["half quoted"]
    assert exported(tmp_path, data, {0: "emu", 1: "a,b"}) == (
        b'path,label,n\na.png,"emu",1\nb.png,"a,b",""\n'
    )


def test_excluded_rows_go_as_a_whole(tmp_path: Path) -> None:
    assert exported(tmp_path, SOURCES["newline in quotes"], {}, excluded=(0,)) == (
        b'path,note,label\nb.png,"""q""",dog\n'
    )
    assert exported(tmp_path, SOURCES["mixed"], {0: "emu"}, excluded=(1,)) == (
        b"path,label\r\na.png,emu\n"
    )


def test_an_unlabelled_row_can_get_a_label(tmp_path: Path) -> None:
    assert exported(tmp_path, "path,label\na.png,\n", {0: "cat"}) == b"path,label\na.png,cat\n"


def test_one_of_two_rows_with_the_same_path_can_be_changed(tmp_path: Path) -> None:
    text = "path,label\na.png,cat\na.png,dog\n"
    assert exported(tmp_path, text, {1: "emu"}) == b"path,label\na.png,cat\na.png,emu\n"


NAMES = st.text(st.sampled_from('ab ,;"\n\r\té=+\u05d0'), min_size=1, max_size=5)
DIALECTS = st.tuples(
    st.sampled_from(",;\t|"),
    # The csv module, which writes the files here, leaves line ends of another kind than its own
    # unquoted unless it quotes everything.
    st.sampled_from(
        [
            (csv.QUOTE_ALL, "\n"),
            (csv.QUOTE_ALL, "\r"),
            (csv.QUOTE_MINIMAL, "\r\n"),
        ]
    ),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)


@given(st.lists(st.tuples(NAMES, NAMES, NAMES), min_size=1, max_size=5), DIALECTS, st.data())
def test_any_file_round_trips_and_changes_in_one_cell(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, str]],
    dialect: tuple[str, tuple[int, str], str],
    data: st.DataObject,
) -> None:
    delimiter, (quoting, line_end), encoding = dialect
    folder = tmp_path_factory.getbasetemp() / "csv-property"
    table = [["path", "label", "other"], *map(list, rows)]

    def write(table: list[list[str]]) -> bytes:
        file = io.StringIO(newline="")
        csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=line_end).writerows(
            table
        )
        return file.getvalue().encode(encoding)

    before = write(table)
    assert read(folder, before).paths == tuple(row[0] for row in rows)
    assert exported(folder, before, {}) == before
    row = data.draw(st.integers(0, len(rows) - 1))
    new = data.draw(NAMES)
    table[row + 1][1] = new
    after = exported(folder, before, {row: new})
    decoded = list(csv.reader(io.StringIO(after.decode(encoding), newline=""), delimiter=delimiter))
    assert decoded == table


@pytest.mark.parametrize("name", ["csv", "tsv"])
def test_composed_files_read_back(tmp_path: Path, name: str) -> None:
    rows = [("a,b.png", "007"), ("c\td.png", 'e"f'), ("g.png", None)]
    items = tuple(
        CleanItem(str(n), path, Path(path), label, label) for n, (path, label) in enumerate(rows)
    )
    chosen = FILE_FORMATS[name]
    file = tmp_path / f"out.{name}"
    file.write_bytes(chosen.compose(CleanLabels(items, (), frozenset(), {}, NONE)))
    listing = chosen.read(file, NONE)
    assert list(zip(listing.paths, listing.labels, strict=True)) == rows


def test_the_label_file_of_a_folder_is_found(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label\na.png,cat\n")
    (tmp_path / "truth.csv").write_text("path,label\na.png,dog\n")
    assert CSV.read(tmp_path, NONE).labels == ("cat",)
    named = replace(NONE, labels=tmp_path / "truth.csv")
    assert CSV.read(tmp_path, named).labels == ("dog",)
    (tmp_path / "labels.tsv").write_text("path\tlabel\n")
    with pytest.raises(SourceError, match=r"labels\.csv and labels\.tsv"):
        CSV.read(tmp_path, NONE)


def test_paths_are_relative_to_the_folder_that_is_opened(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    file = tmp_path / "lists" / "my.csv"
    file.write_text("path,label\na.png,cat\n")
    assert CSV.read(file, NONE).root == tmp_path / "lists"
    assert CSV.read(tmp_path, ReadOptions(labels=file)).root == tmp_path
