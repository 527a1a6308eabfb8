from __future__ import annotations

import fcntl
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from air_core import scan
from air_core.dataset import UNLABELLED
from air_core.errors import Cancelled, DecisionError, SourceError, WorkspaceError
from air_core.labels import Decision
from air_core.workspace import Workspace
from tests.conftest import PaintImage
from tests.test_images import png_header


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def ids(workspace: Workspace) -> dict[str, str]:
    return dict(zip(workspace.dataset.paths, workspace.dataset.item_ids.tolist(), strict=True))


@pytest.fixture
def workspace(csv_source: Path, tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws", csv_source)


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(image: Image.Image) -> Image.Image:
        raise AssertionError("an image was decoded")

    monkeypatch.setattr(scan, "decode_rgb", refuse)


def test_a_csv_becomes_a_workspace(workspace: Workspace, csv_source: Path) -> None:
    dataset = workspace.dataset
    assert dataset.paths == ("images/a.png", "images/b.png", "images/c.png", "images/d.png")
    assert dataset.class_names == ("cat", "dog", "emu")
    assert dataset.given_labels.tolist() == [0, 1, 0, 2]
    assert dataset.files[1] == csv_source / "images" / "b.png"
    assert len(set(dataset.digests)) == 4
    assert workspace.quarantined == ()
    info = workspace.info
    assert (info.source, info.format) == (str(csv_source), "csv")
    assert (info.path_column, info.label_column) == ("path", "label")
    assert info.labels_file == str(csv_source / "labels.csv")


def test_class_folders_become_a_workspace(folder_source: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", folder_source)
    assert workspace.dataset.paths == ("cat/1.png", "cat/deep/2.png", "dog/1.png")
    assert workspace.dataset.given_labels.tolist() == [0, 0, 1]
    assert (workspace.info.format, workspace.info.labels_file) == ("imagefolder", None)


def test_opening_again_gives_the_same_and_decodes_nothing(
    workspace: Workspace, no_decoding: None
) -> None:
    again = Workspace.open(workspace.root)
    assert again.dataset.item_ids.tolist() == workspace.dataset.item_ids.tolist()
    assert again.dataset.paths == workspace.dataset.paths
    assert again.dataset.digests == workspace.dataset.digests
    assert list(again.dataset.files) == list(workspace.dataset.files)
    assert again.info == workspace.info


def test_thumbnails_and_pictures(workspace: Workspace, csv_source: Path) -> None:
    item = ids(workspace)["images/c.png"]
    assert opened(workspace.thumbnail(item)).getpixel((0, 0)) == (80, 0, 0)
    Image.new("RGB", (3000, 300), "white").save(csv_source / "images" / "c.png")
    assert opened(workspace.picture(item)).size == (1024, 102)
    assert opened(workspace.picture(item, max_side=100)).size == (100, 10)
    assert opened(workspace.thumbnail(item)).size == (8, 8)
    with pytest.raises(SourceError, match="got id 'nope'"):
        workspace.thumbnail("nope")


def test_a_picture_that_became_a_link_out_is_not_opened(
    workspace: Workspace, csv_source: Path, tmp_path: Path, paint: PaintImage
) -> None:
    secret = paint(tmp_path / "secret.png")
    (csv_source / "images" / "a.png").unlink()
    (csv_source / "images" / "a.png").symlink_to(secret)
    with pytest.raises(SourceError, match="outside"):
        workspace.picture(ids(workspace)["images/a.png"])


def test_bad_files_are_set_aside_and_the_rest_goes_on(folder_source: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG")
    cats = folder_source / "cat"
    (cats / "cut.jpg").write_bytes(buffer.getvalue()[:1000])
    (cats / "text.png").write_text("hello")
    (cats / "zero.png").touch()
    (cats / "huge.png").write_bytes(png_header(25_000, 25_000))
    (cats / "really-a-jpeg.png").write_bytes(buffer.getvalue())
    workspace = Workspace.create(tmp_path / "ws", folder_source)
    assert len(workspace.dataset) == 3
    reasons = {bad.path: bad.reason for bad in workspace.quarantined}
    assert reasons.keys() == {
        f"cat/{name}" for name in ("cut.jpg", "text.png", "zero.png", "huge.png")
    } | {"cat/really-a-jpeg.png"}
    assert "cut short" in reasons["cat/cut.jpg"]
    assert "text" in reasons["cat/text.png"]
    assert "0 bytes" in reasons["cat/zero.png"]
    assert "625 megapixels" in reasons["cat/huge.png"]
    assert "Rename it to really-a-jpeg.jpg" in reasons["cat/really-a-jpeg.png"]
    assert Workspace.open(workspace.root).quarantined == workspace.quarantined


def test_listed_paths_that_cannot_be_used_are_set_aside(
    csv_source: Path, tmp_path: Path, paint: PaintImage
) -> None:
    paint(tmp_path / "outside.png")
    with (csv_source / "labels.csv").open("a") as file:
        file.write(f"../outside.png,cat\n{tmp_path}/outside.png,cat\nimages/none.png,cat\nshort\n")
    workspace = Workspace.create(tmp_path / "ws", csv_source)
    reasons = {bad.path: bad.reason for bad in workspace.quarantined}
    assert "Row 9" in reasons["short"]
    assert "outside the folder" in reasons["../outside.png"]
    assert "outside the folder" in reasons[f"{tmp_path}/outside.png"]
    assert "missing" in reasons["images/none.png"]
    assert len(workspace.dataset) == 4
    assert workspace.export_bytes() == (csv_source / "labels.csv").read_bytes()


def test_ids_do_not_change_when_an_image_leaves_quarantine(
    csv_source: Path, tmp_path: Path, paint: PaintImage
) -> None:
    (csv_source / "labels.csv").write_text("path,label\nimages/a.png,cat\nimages/a.png,dog\n")
    (csv_source / "images" / "a.png").rename(csv_source / "kept.png")
    paint(csv_source / "images" / "e.png")
    with (csv_source / "labels.csv").open("a") as file:
        file.write("images/e.png,emu\n")
    first = Workspace.create(tmp_path / "ws", csv_source)
    (csv_source / "kept.png").rename(csv_source / "images" / "a.png")
    second = Workspace.create(tmp_path / "ws", csv_source)
    assert [len(first.quarantined), len(second.quarantined)] == [2, 0]
    assert second.dataset.item_ids[2] == first.dataset.item_ids[0]
    assert len(set(second.dataset.item_ids.tolist())) == 3


def test_importing_again_is_quick_and_keeps_decisions(
    workspace: Workspace, csv_source: Path, no_decoding: None
) -> None:
    workspace.decide([Decision(ids(workspace)["images/a.png"], "exclude")], reviewer="ana")
    again = Workspace.create(workspace.root, csv_source)
    assert again.excluded().tolist() == [True, False, False, False]
    assert again.info == workspace.info


def test_importing_again_takes_in_new_and_changed_files(
    workspace: Workspace, csv_source: Path, paint: PaintImage
) -> None:
    paint(csv_source / "images" / "b.png", "white", size=(9, 9))
    paint(csv_source / "images" / "new.png")
    labels = csv_source / "labels.csv"
    labels.write_text(labels.read_text().replace("d.png,emu", "d.png,owl") + "images/new.png,cat\n")
    again = Workspace.create(workspace.root, csv_source)
    assert again.dataset.class_names == ("cat", "dog", "owl")
    assert again.dataset.paths[-1] == "images/new.png"
    assert opened(again.thumbnail(ids(again)["images/b.png"])).size == (9, 9)
    assert opened(again.thumbnail(ids(again)["images/c.png"])).getpixel((0, 0)) == (80, 0, 0)
    assert again.export_bytes() == labels.read_bytes()
    assert len(list(again.root.glob("original-*"))) == 1


def test_a_class_that_a_decision_needs_stays(workspace: Workspace, csv_source: Path) -> None:
    item = ids(workspace)["images/a.png"]
    workspace.decide([Decision(item, "relabel", label="emu")], reviewer="ana")
    labels = csv_source / "labels.csv"
    labels.write_text(labels.read_text().replace("d.png,emu", "d.png,cat"))
    again = Workspace.create(workspace.root, csv_source)
    assert again.dataset.class_names == ("cat", "dog", "emu")
    assert again.current_labels().tolist() == [2, 1, 0, 0]


def test_an_import_that_was_stopped_goes_on(csv_source: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int, note: str) -> None:
        if done == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        Workspace.create(tmp_path / "ws", csv_source, progress=stop)
    with pytest.raises(WorkspaceError, match="air-audit open"):
        Workspace.open(tmp_path / "ws")
    calls: list[int] = []
    workspace = Workspace.create(
        tmp_path / "ws", csv_source, progress=lambda done, *_: calls.append(done)
    )
    assert calls == [1, 2, 3, 4]
    assert len(workspace.dataset) == 4
    assert not (workspace.root / "import.journal").exists()


def test_another_source_needs_another_workspace(
    workspace: Workspace, folder_source: Path, csv_source: Path
) -> None:
    with pytest.raises(WorkspaceError, match=r"Choose another workspace folder\."):
        Workspace.create(workspace.root, folder_source)
    with pytest.raises(WorkspaceError, match="label column label, not path"):
        Workspace.create(workspace.root, csv_source, label_column="path")
    assert len(Workspace.open(workspace.root).dataset) == 4


def test_choices_are_remembered(csv_source: Path, tmp_path: Path) -> None:
    labels = csv_source / "labels.csv"
    rows = labels.read_text().splitlines()
    labels.write_text("\n".join(["path,label,category", *(f"{row},x" for row in rows[1:])]))
    with pytest.raises(SourceError, match="--label-column"):
        Workspace.create(tmp_path / "ws", csv_source)
    Workspace.create(tmp_path / "ws", csv_source, label_column="category")
    assert Workspace.create(tmp_path / "ws", csv_source).dataset.class_names == ("x",)


def test_a_label_file_elsewhere(folder_source: Path, tmp_path: Path) -> None:
    labels = tmp_path / "mine.csv"
    labels.write_text("file,class\ncat/1.png,dog\ndog/1.png,\n")
    workspace = Workspace.create(tmp_path / "ws", folder_source, labels=labels)
    assert workspace.dataset.paths == ("cat/1.png", "dog/1.png")
    assert workspace.dataset.given_labels.tolist() == [0, UNLABELLED]


def test_sources_that_hold_nothing_usable_say_so(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    labels = tmp_path / "s" / "labels.csv"
    labels.write_text("path,label\n")
    with pytest.raises(SourceError, match=r"Expected images in .* got none"):
        Workspace.create(tmp_path / "ws", labels)
    labels.write_text("path,label\na.png,cat\nb.png,dog\n")
    with pytest.raises(SourceError, match=r"all 2 are unusable\. a.png: The file is missing"):
        Workspace.create(tmp_path / "ws", labels)
    with pytest.raises(SourceError, match="got nothing"):
        Workspace.create(tmp_path / "ws", tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"labels\.csv"):
        Workspace.create(tmp_path / "ws", tmp_path / "empty")
    with pytest.raises(SourceError, match=r"among csv, tsv, .*, got 'jpeg'"):
        Workspace.create(tmp_path / "ws", labels, format="jpeg")


def test_a_workspace_inside_the_source(csv_source: Path, folder_source: Path) -> None:
    for source in (csv_source, folder_source):
        first = Workspace.create(source / "audit", source)
        again = Workspace.create(source / "audit", source)
        assert again.dataset.paths == first.dataset.paths
        assert "audit" not in again.dataset.class_names


def test_a_workspace_is_never_the_folder_of_the_source(
    csv_source: Path, folder_source: Path
) -> None:
    for source, folder in (
        (folder_source, folder_source),
        (folder_source, folder_source / "cat" / ".."),
        (csv_source, csv_source),
        (csv_source / "labels.csv", csv_source),
    ):
        before = sorted(folder.rglob("*"))
        with pytest.raises(WorkspaceError, match=r"apart from the source.*for instance .*audit"):
            Workspace.create(folder, source)
        assert sorted(folder.rglob("*")) == before


def test_a_lost_pack_of_thumbnails_is_mended_by_opening_again(
    workspace: Workspace, csv_source: Path
) -> None:
    before = {item: workspace.thumbnail(item) for item in ids(workspace).values()}
    (workspace.root / "thumbnails.pack").unlink()
    again = Workspace.create(workspace.root, csv_source)
    assert {item: again.thumbnail(item) for item in ids(again).values()} == before


def test_an_unfinished_workspace_inside_the_source_is_no_class(folder_source: Path) -> None:
    (folder_source / "audit").mkdir()
    workspace = Workspace.create(folder_source / "audit", folder_source)
    assert workspace.dataset.class_names == ("cat", "dog")


def test_a_workspace_that_cannot_be_read_says_what_to_do(workspace: Workspace) -> None:
    manifest = workspace.root / "workspace.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "version": 2}))
    with pytest.raises(WorkspaceError, match="Install a newer air-audit"):
        Workspace.open(workspace.root)
    for damaged in ("{", "[]", json.dumps({"version": 1}), json.dumps({**content, "info": {}})):
        manifest.write_text(damaged)
        with pytest.raises(WorkspaceError, match=r"copy labels\.sqlite"):
            Workspace.open(workspace.root)
    manifest.write_text(json.dumps({**content, "import_id": "another"}))
    with pytest.raises(WorkspaceError, match="an import was interrupted"):
        Workspace.open(workspace.root)
    manifest.write_text(json.dumps(content))
    (workspace.root / "items.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(WorkspaceError, match=r"items\.parquet cannot be read"):
        Workspace.open(workspace.root)
    with pytest.raises(WorkspaceError, match="Expected a workspace"):
        Workspace.open(workspace.root / "absent")


def test_one_import_at_a_time(workspace: Workspace, csv_source: Path) -> None:
    with (workspace.root / "import.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(WorkspaceError, match="Another import"):
            Workspace.create(workspace.root, csv_source)


def test_decisions_change_labels_and_undo_restores_them(workspace: Workspace) -> None:
    item = ids(workspace)
    a, b, c, d = (item[f"images/{name}.png"] for name in "abcd")
    events = workspace.decide(
        [
            Decision(a, "relabel", label="emu"),
            Decision(b, "exclude"),
            Decision(c, "keep"),
            Decision(d, "unsure"),
        ],
        reviewer="ana",
        operation_id="tab:1",
    )
    assert [(e.old_label, e.new_label) for e in events] == [
        ("cat", "emu"),
        ("dog", None),
        ("cat", "cat"),
        ("emu", "emu"),
    ]
    assert workspace.current_labels().tolist() == [2, 1, 0, 2]
    assert workspace.excluded().tolist() == [False, True, False, False]
    assert workspace.reviewed() == {event.item_id: event for event in events}
    workspace.labels.undo_last("ana")
    assert workspace.current_labels().tolist() == [0, 1, 0, 2]
    assert not workspace.excluded().any()
    assert workspace.reviewed() == {}
    assert workspace.dataset.given_labels.tolist() == [0, 1, 0, 2]


def test_a_later_keep_takes_a_relabel_back(workspace: Workspace) -> None:
    item = ids(workspace)["images/a.png"]
    workspace.decide([Decision(item, "relabel", label="dog")], reviewer="ana")
    (event,) = workspace.decide([Decision(item, "keep")], reviewer="bob")
    assert (event.old_label, event.new_label) == ("dog", "cat")
    assert workspace.current_labels()[0] == 0


def test_impossible_decisions_are_refused_as_a_whole(workspace: Workspace) -> None:
    item = ids(workspace)["images/a.png"]
    with pytest.raises(DecisionError, match="classes cat, dog, emu, got 'cow'"):
        workspace.decide(
            [Decision(item, "keep"), Decision(item, "relabel", label="cow")], reviewer="ana"
        )
    with pytest.raises(DecisionError, match="got id 'nope'"):
        workspace.decide([Decision("nope", "keep")], reviewer="ana")
    assert workspace.labels.history() == []


def test_the_folders_of_later_steps_exist(workspace: Workspace) -> None:
    for path in (workspace.features_dir, workspace.runs_dir, workspace.projections_dir):
        assert path.is_dir()
        assert path.parent == workspace.root


def test_a_read_only_place_is_said(csv_source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkspaceError, match="Check the free space and permissions"):
        Workspace.create(tmp_path / "file" / "ws", csv_source)


def test_opening_loads_no_database_and_no_network() -> None:
    program = (
        "import sys, air_core.workspace\n"
        "print(sorted({'sqlalchemy', 'torch', 'streamlit', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "[]"
