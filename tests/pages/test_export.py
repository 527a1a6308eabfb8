"""The export page: empty, the diff, the file, the archive."""

from __future__ import annotations

import time
import zipfile

import pytest
from streamlit.testing.v1 import AppTest

from air_core.errors import Cancelled, ExportError
from air_core.formats import FILE_FORMATS, FORMAT_TITLES
from air_core.labels import Decision
from air_core.progress import silent
from air_core.reviewers import assign_queue
from air_core.workspace import Workspace
from pages import resources
from pages.components import archive
from pages.components.archive import archived_state, build_zip
from pages.components.changes import matching, pairs, preview
from pages.jobs import registry

PAGE = "../../pages/export.py"


def run(page: AppTest | None = None) -> AppTest:
    page = (AppTest.from_file(PAGE, default_timeout=30) if page is None else page).run()
    assert not page.exception
    return page


@pytest.fixture
def decided(audited) -> Workspace:
    """One image of each action."""
    workspace = Workspace.open(audited)
    items, names = workspace.dataset.item_ids, workspace.dataset.class_names
    actions = ({"action": "relabel", "label": names[3]}, {"action": "keep"},
               {"action": "exclude"}, {"action": "unsure"})  # fmt: skip
    made = [Decision(str(items[i]), **action) for i, action in enumerate(actions)]
    workspace.decide(made, reviewer="ana")
    return workspace


def test_without_a_workspace_it_says_what_to_do(nothing_open):
    assert run().subheader[0].value == "No workspace is open"


def test_before_any_decision_there_is_nothing_to_export(audited):
    page = run()
    assert [button.label for button in page.button] == ["Review the most suspicious images"]
    assert not page.get("download_button")


def test_the_preview_is_what_changes_and_all_on_demand(decided):
    page = run()
    assert {m.label: m.value for m in page.metric} == {
        "Images": "40", "Relabelled": "1", "Left out": "1", "Kept": "1", "Unsure": "1",
    }  # fmt: skip
    counted, changes = (table.value for table in page.dataframe)
    assert changes["final"].tolist() == [decided.dataset.class_names[3], "left out"]
    assert changes["reviewer"].tolist() == ["ana", "ana"]
    assert counted["images"].tolist() == [1, 1]
    page.toggle[0].set_value(True).run()
    shown = page.dataframe[1].value["action"].tolist()
    assert shown == ["Relabel", "Keep", "Leave out", "Unsure"]
    assert len(page.get("download_button")) == 4
    page.text_input[0].set_value("LEFT").run()
    assert page.dataframe[1].value["final"].tolist() == ["left out"]
    assert "1 of 4 images" in " ".join(caption.value for caption in page.caption)


def test_what_explains_the_export_is_offered_with_it(decided):
    offered = [button.proto.label for button in run().get("download_button")]
    assert offered == [
        "Download the labels (labels.csv)",
        "What changed (changes.csv)",
        "The log of decisions (audit.jsonl)",
        "The report (report.html)",
    ]


def test_where_reviewers_differ_one_has_to_choose_and_sees_what_it_means(decided):
    item, names = str(decided.dataset.item_ids[9]), decided.dataset.class_names
    assign_queue(decided.dataset, decided.labels, [item], ["ben", "cem"], top=1, each=2, by="lea")
    for who, label in (("ben", names[1]), ("cem", names[2])):
        decided.decide([Decision(item, "relabel", label=label)], reviewer=who)
    page = run()
    assert "Choose whose decision counts" in page.info[0].value
    assert not page.get("download_button")
    page.selectbox[0].set_value("latest").run()
    assert names[2] in page.dataframe[1].value["final"].tolist()
    page.selectbox[0].set_value("majority").run()
    assert not page.get("download_button")
    assert "Tick the box" in page.info[0].value
    assert "--" not in page.info[0].value
    page.checkbox[0].check().run()
    assert not page.exception
    assert names[2] not in page.dataframe[1].value["final"].tolist()
    assert len(page.get("download_button")) == 4


def test_an_undone_decision_leaves_the_preview(decided):
    decided.labels.undo(decided.labels.history()[0].event_id, reviewer="ana")
    left = preview(decided.reviews(), decided.reviewed(), "ana")
    assert left["action"].tolist() == ["keep", "exclude", "unsure"]


def test_changes_are_counted_by_pair_and_found_by_text_and_pair(decided):
    items, names = decided.dataset.item_ids, decided.dataset.class_names
    more = [Decision(str(items[n]), "relabel", label=names[3], reason="Blurred") for n in (4, 8)]
    decided.decide(more, reviewer="ben")
    changes = preview(decided.reviews(), decided.reviewed(), "ana")
    counted = pairs(changes)
    given = changes["given"][0]
    assert counted.iloc[0].tolist() == [given, names[3], 3]
    assert counted["images"].sum() == len(changes) == 6
    assert len(matching(changes, "", {(given, names[3])})) == 3
    assert matching(changes, "blurred", set())["reviewer"].tolist() == ["ben", "ben"]
    assert matching(changes, "blurred", {(given, "left out")}).empty


def test_what_a_reader_must_not_know_yet_is_not_shown(decided):
    item = str(decided.dataset.item_ids[9])
    assign_queue(decided.reviews(), decided.labels, [item], ["ben", "cem"], top=1, each=2, by="lea")
    decided.decide([Decision(item, "exclude")], reviewer="ben")
    decisions = decided.reviewed()
    assert len(preview(decided.reviews(), decisions, "cem")) == len(decisions) - 1
    assert len(preview(decided.reviews(), decisions, "ben")) == len(decisions)


def test_the_archive_is_built_in_the_background_and_then_offered(decided):
    page = run()
    page.selectbox[0].set_value("imagefolder").run()
    page.button[0].click().run()
    job = registry.find(decided.root.resolve(), "export")
    deadline = time.monotonic() + 20
    while job.live and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (job.state, job.error) == ("done", "")
    page = run(page)
    offered = page.get("download_button")
    # A run of the page, by the click itself, may take the file away before it was fetched.
    assert [button.proto.ignore_rerun for button in offered] == [True] * 4
    (made,) = (decided.root / "exports").iterdir()
    with zipfile.ZipFile(made) as packed:
        assert packed.testzip() is None
        pictures = [name for name in packed.namelist() if name.endswith(".png")]
    assert len(pictures) == 39


def test_labels_of_many_images_are_written_in_the_background(decided, monkeypatch):
    monkeypatch.setattr(archive, "LARGEST_AT_ONCE", 10)
    page = run()
    assert len(page.get("download_button")) == 3
    page.button[0].click().run()
    job = registry.find(decided.root.resolve(), "export")
    deadline = time.monotonic() + 20
    while job.live and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (job.state, job.error) == ("done", "")
    assert len(run(page).get("download_button")) == 4
    (made,) = (decided.root / "exports").iterdir()
    with zipfile.ZipFile(made) as packed:
        assert set(packed.namelist()) == {"labels.csv", "audit.jsonl", "changes.csv"}
        assert packed.read("labels.csv") == decided.export_bytes()


def test_an_archive_made_before_the_latest_decision_is_not_offered(decided):
    before = archived_state(decided)
    assert before == "event4"
    assert archived_state(decided, labels_by="majority") == "event4-majority-refuse"
    (decided.root / "exports").mkdir()
    moment = "20260101-000000.zip"
    for state in (before, f"{before}-majority-given"):
        (decided.root / "exports" / f"imagefolder-{state}-{moment}").write_bytes(b"zip")
    page = run()
    page.selectbox[0].set_value("imagefolder").run()
    offered = {button.proto.label.split()[1] for button in page.get("download_button")}
    assert f"imagefolder-{before}-{moment}" in offered
    assert not any("majority" in name for name in offered)
    decided.decide([Decision(str(decided.dataset.item_ids[8]), "exclude")], reviewer="ana")
    page = run(page)
    assert not any(".zip" in button.proto.label for button in page.get("download_button"))
    assert any("before the latest decisions" in text.value for text in page.caption)


def test_where_no_archive_can_be_written_it_says_so(decided):
    (decided.root / "exports").write_text("in the way")
    page = run()
    page.selectbox[0].set_value("imagefolder").run()
    page = page.button[0].click().run()
    assert "could not be written" in page.error[0].value
    assert not page.exception


def test_a_cancelled_archive_leaves_nothing_behind(decided, tmp_path):
    def cancel(done, total, note):
        if done:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        build_zip(decided, tmp_path / "out" / "labels.zip", cancel)
    assert not list((tmp_path / "out").glob("*"))
    build_zip(decided, tmp_path / "out" / "labels.zip", silent)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["labels.zip"]


@pytest.mark.parametrize("format", FORMAT_TITLES)
def test_what_the_page_hands_out_is_all_that_an_export_writes(decided, tmp_path, format):
    try:
        decided.export(format, tmp_path / "out" / "labels", ranking=resources.ranking())
    except ExportError:  # pictures of these sizes do not fit
        assert format in ("cifar", "mnist")
        return
    written = contents(tmp_path / "out")
    if format in FILE_FORMATS:
        files = resources.export_files(format)
        main = next(iter(files))
        handed = {("labels" if name == main else name): data for name, data in files.items()}
        explaining = {button.proto.label.split("(")[-1][:-1] for button in
                      run().get("download_button")}  # fmt: skip
        assert {"changes.csv", "audit.jsonl"} <= explaining
        assert handed == {
            k: v for k, v in written.items() if k not in ("changes.csv", "audit.jsonl")
        }
    else:
        build_zip(decided, tmp_path / "z.zip", silent, format=format, ranking=resources.ranking())
        with zipfile.ZipFile(tmp_path / "z.zip") as archive:
            handed = {n.replace("dataset/", "labels/", 1): archive.read(n)
                      for n in archive.namelist() if not n.endswith("/")}  # fmt: skip
        assert set(handed) == set(written)


def contents(folder):
    """Every file below a folder, by its path."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def test_a_source_that_was_edited_since_is_told(decided, source):
    before = source.read_bytes()
    try:
        source.write_bytes(before + b"99.png,disc\n")
        notes = [warning.value for warning in run().warning]
    finally:
        source.write_bytes(before)
    assert str(source) in notes[0]
    assert "open the source again" in notes[1]
