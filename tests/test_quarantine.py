from __future__ import annotations

from pathlib import Path

import pytest

from air_core.errors import SourceError
from air_core.quarantine import content_digest, locate


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.png").write_bytes(b"a")
    (tmp_path / "secret.png").write_bytes(b"s")
    return folder.resolve()


def refusal(root: Path, path: str) -> str:
    with pytest.raises(SourceError) as caught:
        locate(root, path)
    return str(caught.value)


def test_paths_inside_are_found(root: Path) -> None:
    expected = root / "sub" / "a.png"
    assert locate(root, "sub/a.png") == expected
    assert locate(root, "./sub/../sub/a.png") == expected
    assert locate(root, str(expected)) == expected
    assert locate(root, "sub\\a.png") == expected


def test_paths_that_leave_the_folder_are_refused(root: Path, tmp_path: Path) -> None:
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "way").symlink_to(tmp_path, target_is_directory=True)
    for path in (
        "../secret.png",
        "sub/../../secret.png",
        str(tmp_path / "secret.png"),
        "link.png",
        "way/secret.png",
        "..\\secret.png",
        "/etc/passwd",
    ):
        assert "outside the folder" in refusal(root, path), path


def test_a_link_inside_the_folder_is_fine(root: Path) -> None:
    (root / "link.png").symlink_to("sub/a.png")
    assert locate(root, "link.png").read_bytes() == b"a"


def test_unusable_paths_say_why(root: Path) -> None:
    (root / "loop.png").symlink_to("loop.png")
    (root / "dangling.png").symlink_to("nothing.png")
    assert "missing" in refusal(root, "absent.png")
    assert "missing" in refusal(root, "dangling.png")
    assert "link" in refusal(root, "loop.png")
    assert "empty" in refusal(root, "")
    assert "NUL" in refusal(root, "a\0.png")
    assert "cannot be opened" in refusal(root, "x" * 300)


def test_the_digest_follows_the_content_only(root: Path) -> None:
    first = content_digest(root / "sub" / "a.png")
    (root / "b.png").write_bytes(b"a")
    (root / "c.png").write_bytes(b"c")
    assert content_digest(root / "b.png") == first
    assert content_digest(root / "c.png") != first
    assert len(first) == 32
