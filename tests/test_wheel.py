"""The built wheel alone, away from the checkout, has all that a user needs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BUNDLE = "air_core/_bundle/"


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_stands_alone(tmp_path):
    run(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, cwd=ROOT
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    needed = (
        *("app.py", "pages/main.py", "pages/components/grid/grid.html", "benchmarks/data.py"),
        "benchmarks/reproduce/page.html",
    )
    assert {BUNDLE + name for name in needed} <= names
    assert BUNDLE + ".streamlit/config.toml" in names
    assert sum(name.startswith(BUNDLE + "sample_data/images/") for name in names) == 1200
    assert not any(name.startswith(("pages/", "tests/", "sample_data/")) for name in names)

    site = tmp_path / "site"
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, wheel)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    alone = {"cwd": elsewhere, "env": {**os.environ, "PYTHONPATH": str(site)}}
    where = "from air_core import installation as i; print(i.app_root()); print(i.sample_source())"
    root, sample = run(sys.executable, "-c", where, **alone).split()
    assert Path(root).is_relative_to(site)
    opened = run(
        sys.executable, "-m", "air_core.cli", "open", sample, "--workspace", "audit", **alone
    )  # fmt: skip
    assert "1200 images, 10 classes, 0 unlabelled, 0 quarantined" in opened
    assert (elsewhere / "audit" / "workspace.json").is_file()
