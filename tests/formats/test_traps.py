"""What trips other tools, taken the whole way from a source to an export."""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest
from torchvision.datasets import ImageFolder
from typer.testing import CliRunner

from air_core.cli import app
from air_core.errors import SourceError
from air_core.formats import FILE_FORMATS, ReadOptions
from air_core.labels import Decision
from air_core.sources import archives
from air_core.workspace import Workspace
from tests.conftest import PaintImage
from tests.formats.audits import contents, decide, round_trip, rows
from tests.formats.rewriting import fresh

TWINS = "path,label\na/1.png,cat\nb/1.png,dog\n"


def labelled(folder: Path, paint: PaintImage, text: str | bytes, *names: str) -> Path:
    """Images of different colours and a label file beside them."""
    for number, name in enumerate(names):
        paint(folder / name, (number * 20 % 256, 90, 0))
    file = folder / "labels.csv"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def table(names: dict[str, str]) -> str:
    """Paths and labels as the csv module writes them."""
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows([("path", "label"), *names.items()])
    return file.getvalue()


def test_a_class_without_images_does_not_shift_the_others(
    folder_source: Path, tmp_path: Path, paint: PaintImage
) -> None:
    paint(folder_source / "emu" / "1.png", "white")
    before = ImageFolder(folder_source)
    out = round_trip(folder_source, tmp_path / "x", {"dog/1.png": "emu"})
    after = ImageFolder(out, allow_empty=True)
    assert after.class_to_idx == before.class_to_idx == {"cat": 0, "dog": 1, "emu": 2}
    assert sorted(label for _, label in after.samples) == [0, 0, 2, 2]
    assert Workspace.create(tmp_path / "ws", out).dataset.class_names == ("cat", "dog", "emu")


def test_files_of_one_name_in_two_folders_stay_apart(tmp_path: Path, paint: PaintImage) -> None:
    source = labelled(tmp_path / "in", paint, TWINS, "a/1.png", "b/1.png")
    out = round_trip(source, tmp_path / "x", {"b/1.png": "cat"})
    assert out.read_text() == TWINS.replace("dog", "cat")
    images = {data for name, data in contents(tmp_path / "in").items() if name.endswith("png")}
    audit = Workspace.open(tmp_path / "x" / "audit")
    for name in ("imagefolder", "yolo-cls", "hf-imagefolder"):
        audit.export(name, tmp_path / name)
        found = contents(tmp_path / name)
        assert images == {data for path, data in found.items() if path.endswith("png")}, name


def test_images_without_a_label_stay_without(tmp_path: Path, paint: PaintImage) -> None:
    text = "path,label\na.png,\nb.png,cat\nc.png,\n"
    source = labelled(tmp_path / "in", paint, text, "a.png", "b.png", "c.png")
    assert round_trip(source, tmp_path / "x").read_text() == text
    audit = decide(Workspace.open(tmp_path / "x" / "audit"), {"c.png": "cat"})
    for name, missing in (("jsonl", 0), ("parquet", 0), ("imagefolder", 1)):
        out = tmp_path / f"out.{name}"
        assert audit.export(name, out).unlabelled == missing
        expected = {"a.png": None, "b.png": "cat", "c.png": "cat"}
        if not missing:
            shutil.copytree(tmp_path / "in", tmp_path / name)
            (tmp_path / name / "labels.csv").unlink()
            moved = out.rename(tmp_path / name / out.name)
            assert rows(Workspace.create(tmp_path / f"{name}.ws", moved)) == expected


STRANGE = (
    *(
        "a,b.png",
        'say "x".png',
        "two\nlines.png",
        " spaced .png",
        "tab\there.png",
        "semi;colon.png",
    ),
    *("é\u0301 ß 漢字.png", "שלום.png", "\u202egnp.exe.png", "=1+1.png", "-x.png", "'q'.png"),
    *("50%.png", "#1.png", "[1].png", "{}.png", "a&b<c>.png", "\u2028.png", "𝄞.png"),
)


@pytest.mark.parametrize("name", ["csv", "tsv", "jsonl", "parquet"])
def test_strange_names_come_through(tmp_path: Path, paint: PaintImage, name: str) -> None:
    names = {path: path.removesuffix(".png") for path in STRANGE}
    source = labelled(tmp_path / "in", paint, table(names), *names)
    audit = Workspace.create(tmp_path / "ws", source)
    assert rows(audit) == names
    assert audit.quarantined == ()
    assert round_trip(source, tmp_path / "x").read_bytes() == source.read_bytes()
    audit.export(name, source.parent / f"out.{name}")
    again = source.parent / f"out.{name}"
    assert rows(Workspace.create(tmp_path / "again", again)) == names
    # Our own composed file is a source like any other: the same bytes, and one cell changed.
    assert round_trip(again, tmp_path / "y").read_bytes() == again.read_bytes()
    changed = round_trip(again, tmp_path / "z", {"a,b.png": "=1+1"})
    shutil.copy(changed, again)
    assert rows(Workspace.create(tmp_path / "last", again)) == names | {"a,b.png": "=1+1"}


def test_strange_names_as_folders(tmp_path: Path, paint: PaintImage) -> None:
    names = [n for n in STRANGE if not set(n) & set("\n\t\u2028")]
    classes = [name.removesuffix(".png").rstrip() for name in names]
    for number, (name, label) in enumerate(zip(names, classes, strict=True)):
        paint(tmp_path / "in" / label / name, (number, 0, 0))
    out = round_trip(tmp_path / "in", tmp_path / "x")
    assert contents(out) == contents(tmp_path / "in")
    assert ImageFolder(out).classes == sorted(classes)


@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet", "hf-imagefolder", "hf-parquet"])
def test_several_labels_an_image(tmp_path: Path, paint: PaintImage, name: str) -> None:
    text = 'path,label\na.png,"sea; a,b"\nb.png,[]\nc.png,\nd.png,sea\n'
    source = labelled(tmp_path / "in", paint, text, "a.png", "b.png", "c.png", "d.png")
    assert round_trip(source, tmp_path / "x", separator=";").read_text() == text
    changes = {"a.png": '["sea"]', "c.png": '["a,b", "sea"]'}
    out = round_trip(source, tmp_path / "y", changes, separator=";")
    assert out.read_text() == 'path,label\na.png,"sea"\nb.png,[]\nc.png,"a,b;sea"\nd.png,sea\n'
    audit = Workspace.open(tmp_path / "y" / "audit")
    made = tmp_path / "in" / f"out.{name}"
    folder = name.startswith("hf")
    made = tmp_path / "out" if folder else made
    audit.export(name, made)
    options = {"separator": ";"} if name == "csv" else {}
    again = Workspace.create(tmp_path / "again", made, **options)
    assert again.info.format == name
    assert again.info.multilabel
    assert list(rows(again).values()) == ['["sea"]', "[]", '["a,b", "sea"]', '["sea"]']


TYPED = ("007", "7", "7.0", "1e3", "true", "FALSE", "null", "None", "NaN", "2024-01-01", "=1+1")


@pytest.mark.parametrize("name", ["csv", "tsv", "jsonl", "parquet", "hf-imagefolder", "hf-parquet"])
def test_labels_that_look_like_something_else_stay_text(
    tmp_path: Path, paint: PaintImage, name: str
) -> None:
    names = {f"{number:02}.png": label for number, label in enumerate(TYPED)}
    source = labelled(tmp_path / "in", paint, table(names), *names)
    assert round_trip(source, tmp_path / "x").read_bytes() == source.read_bytes()
    audit = Workspace.create(tmp_path / "ws", source)
    made = tmp_path / "out" if name.startswith("hf") else tmp_path / "in" / f"out.{name}"
    audit.export(name, made)
    if name == "tsv":
        assert "\t'=1+1\t" in made.read_text()  # for people: a spreadsheet must not run it
    again = Workspace.create(tmp_path / "again", made)
    assert again.info.format == name
    assert list(rows(again).values()) == list(TYPED)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_marks_and_line_ends_stay(
    tmp_path: Path, paint: PaintImage, encoding: str, end: str
) -> None:
    text = end.join(("path,label", "é.png,kat", "b.png,dög", ""))
    source = labelled(tmp_path / "in", paint, text.encode(encoding), "é.png", "b.png")
    assert round_trip(source, tmp_path / "x").read_bytes() == text.encode(encoding)
    out = round_trip(source, tmp_path / "y", {"é.png": "dög"})
    assert out.read_bytes() == text.replace("kat", "dög").encode(encoding)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_same_image_twice_with_two_labels(tmp_path: Path, paint: PaintImage, kind: str) -> None:
    paint(tmp_path / "in" / "a.png")
    found = [("a.png", "cat"), ("a.png", "dog")]
    csv_text = "path,label\na.png,cat\na.png,dog\n"
    lines = "".join(json.dumps({"path": p, "label": x}) + "\n" for p, x in found)
    source = tmp_path / "in" / f"labels.{kind}"
    source.write_text(csv_text if kind == "csv" else lines)
    audit = Workspace.create(tmp_path / "ws", source)
    assert len(audit.dataset) == 2
    second = str(audit.dataset.item_ids[1])
    audit.decide([Decision(second, "relabel", label="cat")], reviewer="ana")
    out = tmp_path / f"out.{kind}"
    audit.export(kind, out)
    assert out.read_text() == source.read_text().replace("dog", "cat")
    assert audit.export("imagefolder", tmp_path / "folders").rows == 2
    assert len(contents(tmp_path / "folders")) == 2


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_paths_that_leave_the_folder_are_set_aside(
    tmp_path: Path, paint: PaintImage, kind: str
) -> None:
    paint(tmp_path / "secret.png")
    paint(tmp_path / "in" / "a.png")
    paint(tmp_path / "in" / "sub" / "b.png")
    (tmp_path / "in" / "link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "in" / "loop.png").symlink_to("loop.png")
    inside = str(tmp_path / "in" / "a.png")
    paths = {
        **{"a.png": "ok", "sub/../a.png": "ok", inside: "ok", "sub\\b.png": "ok"},
        **{f"/{inside}": "ok", f"/{inside}".replace("/", "\\"): "ok"},
        **{
            "../secret.png": "no",
            f"/{tmp_path}/secret.png": "no",
            str(tmp_path / "secret.png"): "no",
            "link.png": "no",
        },
        **{"loop.png": "no", "sub": "no", "/dev/zero": "no", "none.png": "no"},
    }
    source = labelled(tmp_path / "in", paint, table(paths))
    if kind != "csv":
        labels = tmp_path / "labels.csv"
        shutil.copy(source, labels)
        listing = FILE_FORMATS["csv"].read(source, ReadOptions())
        pairs = list(zip(listing.paths, listing.labels, strict=True))
        source.unlink()
        source = source.with_suffix(f".{kind}")
        source.write_bytes(FILE_FORMATS[kind].compose(fresh(tmp_path / "in", pairs)))
    audit = Workspace.create(tmp_path / "ws", source)
    assert set(rows(audit).values()) == {"ok"}
    assert {q.path for q in audit.quarantined} == {p for p, x in paths.items() if x == "no"}
    out = round_trip(source, tmp_path / "x")
    assert out.read_bytes() == source.read_bytes()
    before = contents(tmp_path / "in")
    for name in ("imagefolder", "yolo-cls", "hf-imagefolder"):
        audit.export(name, tmp_path / name)
        found = [n for n in contents(tmp_path / name) if n.endswith(".png")]
        # Where a metadata file names them, copies of one image may be one file.
        assert len(found) in ((6,) if name != "hf-imagefolder" else (3, 4))
    assert contents(tmp_path / "in") == before


def test_folders_that_link_to_themselves_end(
    folder_source: Path, tmp_path: Path, paint: PaintImage
) -> None:
    before = contents(folder_source)
    (folder_source / "cat" / "loop").symlink_to(folder_source, target_is_directory=True)
    out = round_trip(folder_source, tmp_path / "x")
    assert set(before.items()) <= set(contents(out).items())
    paint(tmp_path / "splits" / "train" / "cat" / "1.png")
    train = tmp_path / "splits" / "train"
    (train / "cat" / "up").symlink_to(train, target_is_directory=True)
    assert Workspace.create(tmp_path / "ws", tmp_path / "splits").info.format == "yolo-cls"


def test_archives_do_not_escape(tmp_path: Path, folder_source: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name, data in contents(folder_source).items():
            file.writestr(name, data)
        for name in ("../escaped.png", "/tmp/air-audit-escaped.png", "cat/../../escaped.png"):
            info = zipfile.ZipInfo("x")
            info.filename = name
            file.writestr(info, b"x")
    audit = Workspace.create(tmp_path / "ws", archive)
    assert sorted(rows(audit)) == ["cat/1.png", "cat/deep/2.png", "dog/1.png"]
    assert len(audit.quarantined) == 3
    assert list(tmp_path.rglob("escaped.png")) == []
    assert not Path("/tmp/air-audit-escaped.png").exists()
    audit.export("imagefolder", tmp_path / "out")
    assert contents(tmp_path / "out") == contents(folder_source)


def test_archives_do_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("cat/1.png", bytes(50_000_000))
    few = archives.Limits(ratio_floor=1 << 20)
    monkeypatch.setattr(archives, "Limits", lambda: few)
    with pytest.raises(SourceError, match="unfolds to more than"):
        Workspace.create(tmp_path / "ws", tmp_path / "bomb.zip")
    # What 250 times the archive comes to, and not what is in it.
    assert sum(len(data) for data in contents(tmp_path / "ws").values()) < 12_200_000


FORMS = (
    "csv",
    "tsv",
    "jsonl",
    "parquet",
    "imagefolder",
    "yolo-cls",
    "hf-imagefolder",
    "hf-parquet",
)


@pytest.mark.parametrize("name", FORMS)
def test_from_the_command_line_without_naming_a_format(
    csv_source: Path, tmp_path: Path, name: str
) -> None:
    made = tmp_path / "made" / (f"labels.{name}" if name in FORMS[:4] else "")
    Workspace.create(tmp_path / "first", csv_source).export(name, made)
    if made.is_file():
        shutil.copytree(csv_source / "images", made.parent / "images")
    for litter in ("audit.jsonl", "changes.csv"):
        (made.parent / litter).unlink(missing_ok=True)
        (made / litter).unlink(missing_ok=True) if made.is_dir() else None
    runner = CliRunner()
    workspace, out = str(tmp_path / "ws"), tmp_path / "out" / made.name
    opened = runner.invoke(app, ["open", str(made), "--workspace", workspace])
    assert opened.exit_code == 0, opened.output
    assert Workspace.open(workspace).info.format == name
    exported = runner.invoke(app, ["export", workspace, "--format", name, "--out", str(out)])
    assert exported.exit_code == 0, exported.output
    if made.is_file():
        assert out.read_bytes() == made.read_bytes()
    else:
        assert contents(out) == contents(made)
