"""What is read before the first page is asked for."""

import subprocess
import sys

from pages import cached, resources, warm


def test_the_workspace_and_its_ranking_are_read(audited, monkeypatch):
    opened = []
    real = cached.rank
    monkeypatch.setattr(cached, "rank", lambda *asked: opened.append(asked[1]) or real(*asked))
    warm._read()
    assert opened == ["air-margin"]
    assert "path_order" in vars(resources.texts())


def test_without_a_workspace_or_with_a_damaged_one_the_page_has_its_say(
    nothing_open, tmp_path, monkeypatch
):
    warm._read()
    (tmp_path / "workspace.json").write_text("{")
    monkeypatch.setenv(resources.VARIABLE, str(tmp_path))
    warm._read()


def test_to_read_features_no_torch_is_loaded():
    program = (
        "import sys, air_core.pipeline\n"
        "from air_core.features import Features\n"
        "print(sorted({'torch', 'sklearn', 'scipy.stats'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
