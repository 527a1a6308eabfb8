"""The command line as a user types it: what it prints, what it writes, how it fails."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.main import get_command

from air_core import cli, pipeline
from air_core.rank_export import COLUMNS
from air_core.workspace import Workspace
from tests.shapes import WRONG, make_source

TRUE = {"images/03.png": "circle", "images/14.png": "stripes"}


@pytest.fixture
def air(monkeypatch, capsys):
    """Run a command in this process: (exit code, standard output, standard error)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["air-audit", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code or 0
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def audited_once(tmp_path_factory):
    """A folder with ``source`` and ``ws``, audited; and another with the same to restore it."""
    home = tmp_path_factory.mktemp("cli")
    source, folder = make_source(home / "live" / "source"), home / "live" / "ws"
    opened = pipeline.open_source(source, folder)
    pipeline.audit(opened, device="cpu")
    opened.close()
    shutil.copytree(home / "live", home / "kept")
    return home


@pytest.fixture
def audited(audited_once):
    """Source and workspace, where they always were: a workspace knows the place of its source."""
    live = audited_once / "live"
    shutil.rmtree(live)
    shutil.copytree(audited_once / "kept", live)
    return live / "source" / "labels.csv", live / "ws"


def test_open_extract_and_fit_say_what_they_did(tmp_path, air):
    source, folder = make_source(tmp_path / "source"), tmp_path / "ws"
    assert "36 images, 3 classes" in air("open", source, "--workspace", folder)[1]
    assert "features from efficientnet-lite0" in air("extract", folder, "--device", "cpu")[1]
    code, printed, _ = air("fit", folder, "--device", "cpu")
    assert code == 0
    assert "10/p" in printed


def read_csv(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_rank_finds_the_wrong_labels_and_suggests_the_right_ones(audited, air, tmp_path):
    _, folder = audited
    ranked = tmp_path / "ranked.csv"
    assert air("rank", folder, "--out", ranked)[0] == 0
    rows = read_csv(ranked)
    assert tuple(rows[0]) == COLUMNS
    assert {row["path"] for row in rows[:2]} == set(WRONG)
    assert [int(row["rank"]) for row in rows] == list(range(1, 37))
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores)
    assert 0 <= scores[0] < 0.5 < scores[-1] <= 1
    suggested = {row["path"]: row["suggested_label"] for row in rows[:2]}
    assert suggested == TRUE
    # Also where the label is right: what it should be if it were not, and that it hardly is.
    assert all(row["suggested_label"] != row["given_label"] for row in rows)
    assert float(rows[-1]["confidence"]) < 0.5 < float(rows[0]["confidence"])


@pytest.mark.parametrize("model", ["air", "svm"])
@pytest.mark.parametrize("score", ["margin", "activation"])
def test_every_detector_ranks(audited, air, tmp_path, model, score):
    ranked = tmp_path / "ranked.csv"
    code, _, _ = air(
        "rank", audited[1], "--detector", model, "--score", score, "--top", 5, "--out", ranked
    )
    assert code == 0
    rows = read_csv(ranked)
    assert [row["detector"] for row in rows] == [f"{model}-{score}"] * 5


def test_decisions_history_undo_and_a_lossless_export(audited, air, tmp_path):
    source, folder = audited
    decisions = tmp_path / "decisions.csv"
    decisions.write_text(
        "path,action,label,reason\n"
        "images/03.png,relabel,circle,round\n"
        "images/04.png,keep,,\n"
        "images/05.png,exclude,,blurred\n"
        "images/99.png,keep,,\n"
        "images/06.png,relabel,hexagon,\n"
        "images/07.png,shrug,,\n"
    )
    code, printed, _ = air("apply", folder, decisions, "--reviewer", "ana")
    assert code == 1
    assert "3 decisions recorded, 3 rows not applied" in printed
    for row, what in ((5, "images/99.png"), (6, "hexagon"), (7, "shrug")):
        assert any(f"row {row}:" in line and what in line for line in printed.splitlines())

    events = json.loads(air("history", folder, "--json")[1])
    assert [(e["path"], e["action"], e["reviewer"]) for e in events] == [
        ("images/03.png", "relabel", "ana"),
        ("images/04.png", "keep", "ana"),
        ("images/05.png", "exclude", "ana"),
    ]
    cleaned = tmp_path / "cleaned.csv"
    assert air("export", folder, "--format", "csv", "--out", cleaned)[0] == 0
    before = source.read_text().splitlines()
    expected = [line for line in before if "05.png" not in line]
    expected[expected.index("images/03.png,square")] = "images/03.png,circle"
    assert cleaned.read_text().splitlines() == expected

    for event in events:
        assert air("undo", folder, event["event_id"], "--reviewer", "ben")[0] == 0
    assert air("export", folder, "--format", "csv", "--out", cleaned)[0] == 0
    assert cleaned.read_bytes() == source.read_bytes()
    assert "undo of 1" in air("history", folder)[1]
    code, _, error = air("undo", folder, events[0]["event_id"])
    assert code == 1
    assert "already undone by ben" in error


def test_export_as_image_folder(audited, air, tmp_path):
    out = tmp_path / "clean"
    assert air("export", audited[1], "--format", "imagefolder", "--out", out)[0] == 0
    assert sorted(p.name for p in out.iterdir()) == ["circle", "square", "stripes"]
    assert sum(1 for p in out.rglob("*.png")) == 36


def test_a_second_fit_with_the_same_settings_is_the_first_one(audited, air):
    def run_ids():
        return sorted(p.name for p in (audited[1] / "runs").iterdir() if p.is_dir())

    before = run_ids()
    assert air("fit", audited[1])[0] == 0
    assert run_ids() == before
    assert air("fit", audited[1], "--lambda-g", 0.5, "--epochs", 3)[0] == 0
    assert len(run_ids()) == len(before) + 1
    run = json.loads((audited[1] / "runs" / run_ids()[-1] / "run.json").read_text())
    assert run["lambda_g"] == pytest.approx(0.5)
    assert run["settings"]["epochs"] == 3
    assert run["settings"]["seed"] == 0
    assert run["versions"]["torch"]
    assert run["feature_digest"]


def test_a_detector_not_yet_run_is_run_and_learns_from_decisions(audited, air, tmp_path):
    folder, ranked = audited[1], tmp_path / "ranked.csv"
    for how in ([], ["--reviewed"]):
        assert air("rank", folder, "--detector", "knn", *how, "--out", ranked)[0] == 0
        rows = read_csv(ranked)
        assert {row["detector"] for row in rows} == {"knn"}
    worst = rows[0]["path"]
    decisions = tmp_path / "decisions.csv"
    decisions.write_text(f"path,action,label,reason\n{worst},exclude,,\n")
    assert air("apply", folder, decisions, "--reviewer", "ana")[0] == 0
    assert air("rank", folder, "--detector", "knn", "--reviewed", "--out", ranked)[0] == 0
    runs = sorted((folder / "runs").glob("*-detector.knn-*"))
    assert len(runs) == 3  # as given, reviewed before and after the decision
    assert air("rank", folder, "--detector", "knn", "--given", "--out", ranked)[0] == 0
    assert len(sorted((folder / "runs").glob("*-detector.knn-*"))) == 3


def test_the_default_is_the_consensus_and_an_export_asks_no_detector(
    audited, air, tmp_path, monkeypatch
):
    folder, ranked = audited[1], tmp_path / "ranked.csv"

    def asked():
        return len(sorted((folder / "runs").glob("*-detector.consensus-*")))

    for number in range(2):
        out = tmp_path / f"labels{number}.csv"
        assert air("export", folder, "--format", "csv", "--out", out)[0] == 0
        assert asked() == number  # none yet; then the one that was ranked by
        assert air("rank", folder, "--out", ranked, "--overwrite")[0] == 0
        assert {row["detector"] for row in read_csv(ranked)} == {"consensus"}
    workspace = Workspace.open(folder)
    assert pipeline.ranking_made(workspace).detector == "consensus"
    # What an older recipe said is not read as what this one would say.
    with monkeypatch.context() as newer:
        newer.setattr("air_core.fitting.stored.RECIPE", 1_000_000)
        assert pipeline.ranking_made(workspace).detector == "air-margin"
    # What it said of other features is no ranking by these.
    np.save(tmp_path / "own.npy", np.eye(len(workspace.dataset), 8, dtype=np.float32))
    pipeline.bring_features(workspace, tmp_path / "own.npy")
    assert pipeline.ranking_made(workspace).detector == "air-margin"


def test_detectors_are_listed_with_what_they_compute(air):
    printed = air("detectors")[1]
    assert "consensus" in printed
    assert "Feng" in printed


def test_a_ranking_replaces_only_a_ranking(audited, air, tmp_path):
    source, folder = audited
    air("undo", folder, 1)  # the log exists now
    for victim in (source, folder / "workspace.json", source.parent / "images/00.png"):
        before = victim.read_bytes()
        code, _, error = air("rank", folder, "--out", victim)
        assert code == 1
        assert "no other file is overwritten" in error
        assert victim.read_bytes() == before
    assert air("rank", folder, "--out", tmp_path)[0] == 1
    for _ in range(2):
        assert air("rank", folder, "--out", tmp_path / "ranked.csv")[0] == 0


def test_a_changed_source_is_not_ranked_by_the_old_model(audited, air):
    source, folder = audited
    text = source.read_text()
    (source.parent / "images/35.png").rename(source.parent / "images/99.png")
    source.write_text(text.replace("images/35.png", "images/99.png"))
    assert air("open", source, "--workspace", folder)[0] == 0
    assert "air-audit extract" in air("rank", folder)[2]
    assert "air-audit fit" in air("rank", folder, "--detector", "air")[2]
    assert "air-audit extract" in air("fit", folder)[2]
    assert air("extract", folder, "--device", "cpu")[0] == 0
    assert air("fit", folder)[0] == 0
    assert air("rank", folder)[0] == 0

    lines = source.read_text().splitlines()
    source.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    assert air("open", source, "--workspace", folder)[0] == 0
    assert "air-audit extract" in air("rank", folder)[2]
    assert "air-audit fit" in air("rank", folder, "--detector", "air")[2]


def test_changed_labels_need_a_new_fit(audited, air):
    source, folder = audited
    source.write_text(source.read_text().replace("images/00.png,circle", "images/00.png,square"))
    assert air("open", source, "--workspace", folder)[0] == 0
    assert "air-audit fit" in air("rank", folder, "--detector", "air")[2]


def test_decisions_come_in_any_spreadsheets_csv_and_only_once(audited, air, tmp_path):
    _, folder = audited
    decisions = tmp_path / "decisions.csv"
    decisions.write_bytes(
        "path;action;label;reason\r\n"
        "images/03.png;relabel;circle;\r\n"
        "images/04.png;keep;;;;surplus\r\n"
        "images/05.png;keep\r\n".encode("utf-16")
    )
    code, printed, _ = air("apply", folder, decisions, "--reviewer", "ana")
    assert code == 1
    assert "2 decisions recorded, 1 rows not applied" in printed
    assert "row 3: Expected as many cells as columns" in printed
    assert "0 decisions recorded" in air("apply", folder, decisions, "--reviewer", "ana")[1]
    assert len(json.loads(air("history", folder, "--json")[1])) == 2
    assert (
        "Expected the columns"
        in air("apply", folder, folder / "workspace.json", "--reviewer", "a")[2]
    )


def test_ctrl_c_says_that_work_is_kept(audited, air, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "extract", interrupted)
    code, _, error = air("extract", audited[1])
    assert code == 130
    assert "the same command continues" in error


def test_bad_images_are_listed_and_stop_nothing(tmp_path, air):
    source = make_source(tmp_path / "source").parent
    classes = tmp_path / "classes"
    for number, path in enumerate(sorted((source / "images").iterdir())):
        folder = classes / ("a" if number % 3 else "b")
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / path.name)
    whole = classes / "a" / "whole.jpg"
    Image.effect_noise((200, 200), 50).convert("RGB").save(whole)
    (classes / "a" / "cut.jpg").write_bytes(whole.read_bytes()[:5000])
    (classes / "b" / "text.png").write_text("not an image")
    (classes / "b" / "empty.png").touch()
    Image.new("1", (25_000, 25_000)).save(classes / "b" / "huge.png")
    folder = tmp_path / "ws"
    code, printed, _ = air("open", classes, "--workspace", folder)
    assert code == 0
    assert "37 images, 2 classes, 0 unlabelled, 4 quarantined" in printed
    reasons = {"a/cut.jpg": "cut short", "b/text.png": "text", "b/empty.png": "empty"}
    for path, reason in (reasons | {"b/huge.png": "megapixels"}).items():
        assert any(path in line and reason in line for line in printed.splitlines())
    for command in ("extract", "fit", "rank"):
        assert air(command, folder)[0] == 0


def test_errors_are_one_line_and_exit_codes_tell_which_kind(tmp_path, air):
    code, printed, error = air("rank", tmp_path / "nowhere")
    assert (code, printed) == (1, "")
    assert error.startswith("error: Expected a workspace in")
    assert error.count("\n") == 1
    assert air("rank")[0] == 2
    assert air("rank", tmp_path, "--top", "many")[0] == 2
    assert air("no-such-command")[0] == 2
    assert air("ui", "--port", 99_999)[0] == 2
    assert air("fit", tmp_path, "--lambda-g", -1)[0] == 2
    assert air("fit", tmp_path, "--epochs", 0)[0] == 2


def test_steps_out_of_order_say_what_to_run(tmp_path, air):
    folder = tmp_path / "ws"
    air("open", make_source(tmp_path / "source"), "--workspace", folder)
    assert "air-audit extract" in air("fit", folder)[2]
    assert "air-audit extract" in air("rank", folder)[2]
    assert "air-audit fit" in air("rank", folder, "--detector", "air")[2]
    code, _, error = air("rank", folder, "--detector", "crystal-ball")
    assert code == 1
    assert "svm-activation" in error


def test_debug_shows_where_an_error_arose(tmp_path, air):
    code, _, error = air("rank", tmp_path, "--debug")
    assert code == 1
    assert "Traceback" in error


def test_every_command_and_option_has_help():
    for name, command in get_command(cli.app).commands.items():
        assert command.help, name
        for parameter in command.params:
            if parameter.name not in {"help"}:
                assert parameter.help, f"{name} {parameter.name}"


def test_importing_the_package_loads_nothing_heavy():
    heavy = "('torch', 'umap', 'sqlalchemy', 'streamlit')"
    code = f"import sys, air_core; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_demo_reaches_its_figures(tmp_path, air):
    workspace = Path(os.environ.get("AIR_AUDIT_TEST_DEMO", tmp_path / "demo"))
    code, printed, _ = air("demo", "--no-ui", "--workspace", workspace)
    assert code == 0
    summary = json.loads(printed.splitlines()[-1])
    assert (summary["images"], summary["classes"]) == (1200, 10)
    assert summary["auroc"] >= 0.97
    assert summary["precision_at_k"] >= 0.75
    assert summary["air_activation_auroc"] > summary["svm_activation_auroc"]
    assert set(summary["seconds"]) == {"open", "extract", "fit", "fit_svm", "rank"}
