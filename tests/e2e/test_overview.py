"""The overview in a browser: open an upload, watch, cancel, go on, settle copies."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from air_core import facts, orders
from air_core.workspace import Workspace
from pages.recipes import FACTS
from tests.e2e.conftest import HOSTILE, settled

SHOTS = Path(__file__).parent / "screenshots"


@pytest.fixture
def photos(sample_audit: Path, tmp_path: Path) -> Path:
    """A zip of forty of the sample's images with their labels."""
    lines = (sample_audit / "labels.csv").read_text("utf-8").splitlines()[:41]
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as packed:
        packed.writestr("labels.csv", "\n".join(lines))
        for line in lines[1:]:
            packed.write(sample_audit / line.split(",")[0], line.split(",")[0])
        packed.writestr("images/broken.png", b"no image")
        packed.writestr("../outside.png", b"no way")
    return tmp_path / "photos.zip"


def test_an_upload_is_opened(start, page, photos, tmp_path, monkeypatch):
    monkeypatch.setenv("AIR_AUDIT_HOME", str(tmp_path / "home"))
    page.goto(start(None).url)
    page.get_by_role("tab", name="Upload").click()
    page.locator("input[type=file]").set_input_files(str(photos))
    page.get_by_role("button", name="Open the upload").click()
    page.get_by_text("What to do next").wait_for()
    assert page.get_by_text("40 images").first.is_visible()
    assert page.get_by_role("button", name="Start the audit").is_visible()
    assert not list(tmp_path.rglob("outside.png"))
    (workspace,) = [path for path in (tmp_path / "home").iterdir() if path.is_dir()]
    assert not list((workspace / "jobs").glob("*.json")), "nothing is left to do"


@pytest.fixture(scope="module")
def checked(sample_audit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checked") / "fashion"
    shutil.copytree(sample_audit / "audit", folder)
    workspace = Workspace.open(folder)
    facts.copies(workspace)
    workspace.close()
    # As a server leaves it that was stopped while it estimated the noise.
    orders.remember(folder, orders.Order(FACTS, "Estimating the noise, finding copies"))
    return folder


def test_work_goes_on_after_a_restart_and_leads_to_the_review(start, page, checked):
    page.goto(start(checked).url)
    page.get_by_text("cut off when the server stopped", exact=False).wait_for()
    page.get_by_role("button", name="Continue where it stopped").click()
    page.get_by_text("labels look wrong", exact=False).wait_for(timeout=90_000)
    assert not orders.unfinished(checked)
    page.locator(".js-plotly-plot").nth(1).wait_for()
    settled(page)
    assert page.evaluate("window.wasRun") is None
    # The name of a class is text in both charts.
    assert page.locator(".ytick", has_text=HOSTILE[:20]).count() == 2
    assert page.get_by_role("button", name="Open the map").is_visible()
    SHOTS.mkdir(exist_ok=True)
    for width, height in ((1440, 900), (1024, 768)):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(800)
            page.screenshot(path=SHOTS / f"overview-{width}-{scheme}.png")
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{width} pixels are enough"
    page.get_by_role("button", name="Review these images").click()
    page.wait_for_url("**/review")
    page.get_by_text("images unlike the others").first.wait_for()
