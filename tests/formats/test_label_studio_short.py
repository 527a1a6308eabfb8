"""JSON-MIN and CSV, and what holds of all three exports of Label Studio."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from air_core.dataset import tags_text
from air_core.errors import ExportError, SourceError
from air_core.formats import FILE_FORMATS, CleanLabels, FileFormat, ReadOptions, Review, find_format
from air_core.formats.label_studio import LabelStudioJson
from air_core.formats.label_studio.choices import read_cell, write_cell
from air_core.workspace import Workspace
from tests.conftest import PaintImage
from tests.formats.label_studio_library import convert
from tests.formats.rewriting import decided, fresh, rows_of

FULL = cast(LabelStudioJson, FILE_FORMATS["label-studio"])
MIN = FILE_FORMATS["label-studio-min"]
CSV = FILE_FORMATS["label-studio-csv"]
NONE = ReadOptions()

# As Label Studio writes them, with more columns of its own and of the user.
RECORDS = """[
{
  "image": "pets/a.png",
  "note": "Dog",
  "id": 1,
  "choice": "Cat",
  "annotator": 3,
  "annotation_id": 11,
  "created_at": "2026-01-02T03:04:05Z",
  "updated_at": "2026-01-02T03:04:05Z",
  "lead_time": 1.50
},
{"image": "pets/a.png", "id": 1, "choice": {"choices": ["Cat", "Fur"]}, "annotator": "a@b.c",
 "annotation_id": 12, "lead_time": 2},
{"image": "pets/b.png", "id": 2, "annotator": 3, "annotation_id": 13, "lead_time": 2},
{"image": "pets/c.png", "id": 3, "annotator": null, "annotation_id": null, "lead_time": null}
]"""
ROWS = (
    '"agreement","annotation_id","annotator","choice","created_at","id","image","lead_time"\n'
    '0.50,11,"3","Cat","2026",1,"pets/a.png",1.5\n'
    ',12,"a@b.c","{""choices"": [""Cat"", ""Fur""]}","2026",1,"pets/a.png",2\n'
    ',13,"3","","2026",2,"pets/b.png",2\n'
    ',"","","","",3,"pets/c.png",""\n'
)
SOURCES = {"label-studio-min": RECORDS, "label-studio-csv": ROWS}


def write(folder: Path, chosen: FileFormat, text: str | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / f"project-1{chosen.suffix}"
    file.write_text(SOURCES[chosen.name] if text is None else text, encoding="utf-8", newline="")
    return file


def exported(
    chosen: FileFormat, file: Path, changes: Any = None, excluded: tuple[int, ...] = ()
) -> str:
    return chosen.compose(decided(chosen.read(file, NONE), changes, excluded)).decode()


@pytest.mark.parametrize("chosen", [MIN, CSV], ids=lambda f: f.name)
def test_every_row_is_an_item(tmp_path: Path, chosen: FileFormat) -> None:
    listing = chosen.read(write(tmp_path, chosen), NONE)
    assert rows_of(listing) == [
        ("pets/a.png", '["Cat"]'),
        ("pets/a.png", '["Cat", "Fur"]'),
        ("pets/b.png", "[]"),
        ("pets/c.png", None),
    ]
    assert (listing.path_column, listing.label_column) == ("image", "choice")
    single = SOURCES[chosen.name].replace('{"choices": ["Cat", "Fur"]}', '"Fur"')
    single = single.replace('"{""choices"": [""Cat"", ""Fur""]}"', "Fur")
    listing = chosen.read(write(tmp_path, chosen, single), NONE)
    assert listing.labels == ("Cat", "Fur", None, None)


@pytest.mark.parametrize("chosen", [MIN, CSV], ids=lambda f: f.name)
def test_no_decisions_give_the_same_bytes(tmp_path: Path, chosen: FileFormat) -> None:
    file = write(tmp_path, chosen)
    assert exported(chosen, file).encode() == file.read_bytes()


def test_a_decision_changes_its_cell_only(tmp_path: Path) -> None:
    file = write(tmp_path, MIN)
    assert exported(MIN, file, {0: '["Dog"]'}) == RECORDS.replace('"Cat",\n', '"Dog",\n')
    many = '"choice": {"choices": ["Dog", "Fur"]}, "annotator"'
    old = '"choice": {"choices": ["Cat", "Fur"]}, "annotator"'
    assert exported(MIN, file, {1: '["Dog", "Fur"]'}) == RECORDS.replace(old, many)
    none = RECORDS.replace(' "choice": {"choices": ["Cat", "Fur"]},', "")
    assert exported(MIN, file, {1: "[]"}) == none
    tail = '"annotation_id": 13, "lead_time": 2}'
    added = '"annotation_id": 13, "lead_time": 2, "choice": "Dog"}'
    assert exported(MIN, file, {2: '["Dog"]'}) == RECORDS.replace(tail, added)
    file = write(tmp_path, CSV)
    assert exported(CSV, file, {0: '["=1+1"]'}) == ROWS.replace('"Cat",', '"=1+1",')
    assert exported(CSV, file, {1: '["Dog"]'}) == ROWS.replace(
        '"{""choices"": [""Cat"", ""Fur""]}"', '"Dog"'
    )
    assert exported(CSV, file, {2: '["Dog"]'}) == ROWS.replace('13,"3",""', '13,"3","Dog"')


@pytest.mark.parametrize("chosen", [MIN, CSV], ids=lambda f: f.name)
def test_that_there_is_nothing_to_choose_can_be_said(tmp_path: Path, chosen: FileFormat) -> None:
    after = exported(chosen, write(tmp_path, chosen), {0: "[]", 3: "[]"})
    listing = chosen.read(write(tmp_path, chosen, after), NONE)
    assert listing.labels == ("[]", '["Cat", "Fur"]', "[]", "[]")


def test_excluded_rows_go_as_a_whole(tmp_path: Path) -> None:
    records = json.loads(exported(MIN, write(tmp_path, MIN), excluded=(0, 3)))
    assert records == json.loads(RECORDS)[1:3]
    rows = ROWS.splitlines(keepends=True)
    assert exported(CSV, write(tmp_path, CSV), excluded=(0, 3)) == rows[0] + rows[2] + rows[3]


def test_bad_rows_are_set_aside_and_kept(tmp_path: Path) -> None:
    bad = '7,{"image": 3},{"image": "x.png", "id": 1, "choice": 4, "annotator": 1}'
    text = RECORDS.replace("\n]", f",{bad}]")
    listing = MIN.read(write(tmp_path, MIN, text), NONE)
    assert len(listing.paths) == 4
    assert [shown for shown, _ in listing.rejected] == ["record 5", "record 6", "record 7"]
    assert bad in MIN.compose(decided(listing, {0: '["Dog"]'})).decode()
    short = ROWS + "1,2\n" + ',14,"","Cat","",4,"",""\n' + ',15,"","Cat","",4,"data:x",""\n'
    listing = CSV.read(write(tmp_path, CSV, short), NONE)
    assert listing.rejected[0] == ("row 6", "Row 6 has 2 of 8 cells. Correct it.")
    assert listing.rejected[1][0] == "row 8"
    assert exported(CSV, write(tmp_path, CSV, short), {0: '["Dog"]'}) == short.replace(
        '"Cat",', '"Dog",', 1
    )


@pytest.mark.parametrize(
    ("chosen", "text", "words"),
    [
        (CSV, "path,label\na.png,cat\n", "--format csv"),
        (CSV, "", "got none"),
        (CSV, ROWS.replace('"choice"', '"x","y"').replace('"Cat"', '"Cat",1'), "--label-column"),
        (MIN, '[{"data": {}}]', "--format label-studio"),
        (
            MIN,
            RECORDS.replace('"image"', '"where"').replace('"note": "Dog"', '"n": "a.png"'),
            "--path-column",
        ),
        (MIN, '[{"annotation_id":' + "[" * 100_000, "nested"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, chosen: FileFormat, text: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        chosen.read(write(tmp_path, chosen, text), NONE)


def test_a_folder_is_no_label_studio_csv(tmp_path: Path) -> None:
    assert not CSV.claims(tmp_path, NONE)
    with pytest.raises(SourceError, match="got the folder"):
        CSV.read(tmp_path, NONE)


def test_columns_can_be_chosen(tmp_path: Path) -> None:
    text = ROWS.replace('"agreement"', '"sure"').replace("0.50", "yes")
    file = write(tmp_path, CSV, text)
    assert CSV.read(file, NONE).label_column == "choice"
    listing = CSV.read(file, ReadOptions(label_column="sure"))
    assert listing.labels == ("yes", None, None, None)
    assert CSV.compose(decided(listing, {0: "no"})).decode() == text.replace("yes", "no")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings_stay(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(ROWS.encode(encoding))
    assert CSV.claims(file, NONE)
    after = CSV.compose(decided(CSV.read(file, NONE), {0: '["Hündin"]'}))
    assert after == ROWS.replace('"Cat",', '"Hündin",').encode(encoding)


def test_the_formats_are_told_apart(tmp_path: Path, paint: PaintImage) -> None:
    for name in "abc":
        paint(tmp_path / "in" / "pets" / f"{name}.png")
    for chosen in (MIN, CSV):
        file = write(tmp_path / "in", chosen)
        assert find_format(file, None, NONE) is chosen
        workspace = Workspace.create(tmp_path / chosen.name, file)
        assert workspace.info.format == chosen.name
        assert workspace.export_bytes() == file.read_bytes()
    plain = tmp_path / "plain.csv"
    plain.write_text("path,label\na.png,cat\n")
    assert find_format(plain, None, NONE).name == "csv"


def test_composed_tables_do_not_run_in_a_spreadsheet(tmp_path: Path) -> None:
    rows: list[tuple[str, str | None]] = [(f"{c}.png", f"{c}1+1") for c in "=+-@"]
    clean = fresh(tmp_path, [*rows, ("=x.png", "\tcat"), ("y.png", '["list"]')])
    review = Review("keep", "=evil()", "2026-01-02", "")
    clean = replace(clean, items=tuple(replace(item, review=review) for item in clean.items))
    text = CSV.compose(clean).decode()
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")]
    listing = CSV.read(write(tmp_path, CSV, text), NONE)
    assert rows_of(listing) == [(item.path, item.label) for item in clean.items]


CLASSES = ["z", "=1+1", "007", 'ä, ב\n"x"']
# Their CSV does not tell such texts from the JSON that they look like; ours does.
AMBIGUOUS = ['["a"]', '{"choices": ["b"]}']


@pytest.mark.slow
@pytest.mark.parametrize("many", [False, True])
def test_label_studios_own_converter_agrees(tmp_path: Path, many: bool) -> None:
    config = tmp_path / "label-studio-config.xml"
    jobs: list[tuple[Path, Path, str]] = []
    wanted: list[tuple[CleanLabels, FileFormat]] = []

    def add(clean: CleanLabels, chosen: FileFormat, format: str) -> Path:
        folder = tmp_path / str(len(jobs))
        folder.mkdir()
        tasks = folder / "tasks"
        tasks.write_bytes(FULL.compose(clean))
        jobs.append((tasks, folder, format))
        wanted.append((replace(clean, originals={}), chosen))
        return tasks

    for classes, formats in ((CLASSES, ("CSV", "TSV")), (CLASSES + AMBIGUOUS, ("JSON_MIN",))):
        rows: list[tuple[str, str | None]] = [
            (f"pets/{n} é.png", tags_text(classes[n : n + 2]) if many else label)
            for n, label in enumerate(classes)
        ]
        rows += [("pets/none.png", "[]" if many else "z"), ("pets/unseen.png", None)]
        clean = fresh(tmp_path, rows, classes=classes, multilabel=many)
        for format in formats:
            chosen = MIN if format == "JSON_MIN" else CSV
            tasks = add(clean, chosen, format)
            given = tasks.with_suffix(".json")
            given.write_bytes(tasks.read_bytes())
            new = tags_text(["z", "007"]) if many else "z"
            listing = replace(FULL.read(given, NONE), class_names=clean.class_names)
            add(decided(listing, {2: new}, excluded=(1,)), chosen, format)
    config.write_bytes(FULL.companions(clean)[config.name])
    convert(config, jobs)
    for (_, folder, _), (clean, chosen) in zip(jobs, wanted, strict=True):
        theirs = next(folder.glob("result.*"))
        listing = chosen.read(theirs, NONE)
        assert rows_of(listing) == [(item.path, item.label) for item in clean.items]
        assert chosen.compose(decided(listing)) == theirs.read_bytes()
        ours = folder / f"ours{chosen.suffix}"
        ours.write_bytes(chosen.compose(clean))
        assert labels_by_image(ours, chosen) == labels_by_image(theirs, chosen)


def labels_by_image(file: Path, chosen: FileFormat) -> dict[str, Any]:
    """What stands under ``choice``, read without our reader."""
    if chosen is MIN:
        records = json.loads(file.read_text(encoding="utf-8"))
        return {r["image"]: r.get("choice") for r in records}
    text = file.read_text(encoding="utf-8")
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    return {row["image"]: read_cell(row["choice"]) for row in rows}


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6) | st.sampled_from(
    ['["a"]', '{"choices": []}', "[]", "=1+1", "007", "\0", "\ufeff", "\r\n"]
)
PATHS = NAMES.filter(lambda name: name.strip("/"))


@given(st.lists(NAMES, max_size=3), st.booleans())
def test_any_labels_fit_into_a_cell(labels: list[str], guarded: bool) -> None:
    cell = write_cell(labels, guarded=guarded)
    assert (read_cell(cell) if cell else []) == labels
    assert "\0" not in cell
    assert not (guarded and cell.startswith(("=", "+", "-", "@", "\t", "\r")))


@pytest.mark.parametrize("chosen", [FULL, MIN, CSV], ids=lambda f: f.name)
@settings(max_examples=80)
@given(
    st.lists(st.tuples(PATHS, st.lists(NAMES, max_size=3)), min_size=1, max_size=4),
    st.booleans(),
    st.data(),
)
def test_any_labels_round_trip_and_change_in_one_place(
    tmp_path_factory: pytest.TempPathFactory,
    chosen: FileFormat,
    rows: list[tuple[str, list[str]]],
    many: bool,
    data: st.DataObject,
) -> None:
    file = tmp_path_factory.getbasetemp() / f"property{chosen.suffix}"
    options = ReadOptions(
        separator=";" if many else None, path_column="image", label_column="choice"
    )
    texts = [tags_text(tags) if many else (tags or [None])[0] for _, tags in rows]
    paths = [path for path, _ in rows]
    file.write_bytes(
        chosen.compose(fresh(file.parent, list(zip(paths, texts, strict=True)), multilabel=many))
    )
    listing = chosen.read(file, options)
    assert (list(listing.paths), list(listing.labels)) == (paths, texts)
    assert chosen.compose(decided(listing)) == file.read_bytes()
    row = data.draw(st.integers(0, len(rows) - 1))
    new = data.draw(st.lists(NAMES, min_size=1, max_size=2))
    texts[row] = tags_text(new) if many else new[0]
    file.write_bytes(chosen.compose(decided(listing, {row: texts[row]})))
    again = chosen.read(file, options)
    assert (list(again.paths), list(again.labels)) == (paths, texts)


def test_labels_that_an_encoding_lacks_are_named(tmp_path: Path) -> None:
    listing = CSV.read(write(tmp_path, CSV), NONE)
    with pytest.raises(ExportError, match="cannot be written as UTF-8"):
        CSV.compose(decided(listing, {0: '["\\ud800"]'}))
