"""Every code block of the README and the docs is run, in order, as a reader would type it."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from air_core import cli
from tests.shapes import make_source

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def blocks(page, language):
    return [text for name, text in BLOCK.findall(page.read_text("utf-8")) if name == language]


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A folder as the texts assume it: ``photos`` by class, ``decisions.csv``, ``tagged.csv``."""
    source = make_source(tmp_path / "made").parent
    for line in (source / "labels.csv").read_text().splitlines()[1:]:
        path, label = line.split(",")
        (tmp_path / "photos" / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(source / path, tmp_path / "photos" / label)
    name = next((tmp_path / "photos" / "circle").iterdir()).name
    (tmp_path / "decisions.csv").write_text(
        f"path,action,label,reason\ncircle/{name},relabel,square,corners\n"
    )
    tagged = [f"photos/{f.parent.name}/{f.name}" for f in sorted(tmp_path.glob("photos/*/*"))]
    rows = [
        f"{path},{Path(path).parent.name}{';dark' * (n % 3 == 0)}\n"
        for n, path in enumerate(tagged)
    ]
    (tmp_path / "tagged.csv").write_text("path,label\n" + "".join(rows))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_line(line, monkeypatch):
    words = shlex.split(line)
    if words[0] == "make":
        # The targets run this very suite or download gigabytes: that they exist and expand is
        # checked here, that they work by whoever runs them.
        command = ["make", "--dry-run", "--directory", str(ROOT), *words[1:]]
        subprocess.run(command, capture_output=True, check=True)
        return
    assert words[0] == "air-audit", line
    if words[1] == "ui":
        words.append("--help")  # the browser tests start the real server
    monkeypatch.setattr(sys, "argv", words)
    code = 0
    try:
        cli.main()
    except SystemExit as stop:
        code = stop.code or 0
    assert code == 0, line


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_shell_blocks_run(page, reader, monkeypatch):
    for block in blocks(page, "bash"):
        for line in block.splitlines():
            run_line(line, monkeypatch)


@pytest.mark.slow
def test_python_blocks_run(reader, capsys):
    ran = 0
    for page in PAGES:
        for block in blocks(page, "python"):
            exec(compile(block, str(page), "exec"), {})
            ran += 1
    assert ran
    assert "changed=1" in capsys.readouterr().out
    assert (reader / "cleaned.csv").is_file()


def test_the_readmes_python_stays_within_ten_lines():
    (block,) = blocks(ROOT / "README.md", "python")
    assert len([line for line in block.splitlines() if line.strip()]) <= 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_exist(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        assert "://" in target or (page.parent / target).exists(), target
