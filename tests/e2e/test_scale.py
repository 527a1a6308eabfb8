"""What ``air-audit bench scale`` does in the browser, on a workspace that is quickly made."""

import pytest

from air_core.bench import Report
from benchmarks import bench_scale

IMAGES = 2_000


@pytest.mark.slow
def test_every_step_is_measured(browser, tmp_path, monkeypatch):
    monkeypatch.setenv("AIR_AUDIT_HOME", str(tmp_path))
    found = bench_scale.scale_browser.measure(
        bench_scale._made(report := Report("scale", {}), IMAGES), browser
    )
    (made,) = report.tables["the workspace"]
    assert made["images"] == IMAGES
    assert made["gb_on_disk"] > 0
    took = [found[step] for step in ("open", "first_grid", "map", "lasso", "export", "export_file")]
    took += [change["ms"] for change in found["change"]]
    assert min(took) > 0
    assert len(found["change"]) == 22
    assert 0.05 < found["server_gib"] < 4
    assert all(0 < selected < IMAGES for selected in found["selected"])


@pytest.mark.slow
def test_the_steps_without_a_browser(tmp_path, monkeypatch):
    monkeypatch.setenv("AIR_AUDIT_HOME", str(tmp_path))
    monkeypatch.setattr(bench_scale, "SAMPLE", 300)
    monkeypatch.setattr(bench_scale, "PLACED", 200)
    report = Report("scale", {})
    bench_scale.run(report, None, only=("process", "maps"), images=IMAGES)
    steps = [row["step"] for row in report.tables["in one process, s"]]
    assert steps == ["open", "rank", "export"]
    maps = report.tables["maps: a sample laid out, the others placed among it"]
    assert {row["method"] for row in maps} == {"UMAP", "t-SNE"}
    assert all(row["placed"] == 200 and row["placed_a_second"] > 0 for row in maps)
