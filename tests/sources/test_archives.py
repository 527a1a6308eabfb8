from __future__ import annotations

import contextlib
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from air_core.errors import Cancelled, SourceError
from air_core.progress import silent
from air_core.sources import archives
from air_core.sources.archives import Limits, sole_folder, unpack

Files = dict[str, bytes]
Pack = Callable[[Path, Files], Path]


def zipped(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            # Not writestr(name): it would mend the name.
            info = zipfile.ZipInfo("x")
            info.filename = name
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return path


def tarred(path: Path, files: Files) -> Path:
    mode = {".gz": "w:gz", ".tgz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2"}.get(path.suffix, "w")
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


ENDINGS = [".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"]


def packed(path: Path, files: Files) -> Path:
    return (zipped if path.suffix == ".zip" else tarred)(path, files)


def below(folder: Path) -> Files:
    found = (f for f in sorted(folder.rglob("*")) if f.is_file())
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in found}


@pytest.mark.parametrize("ending", ENDINGS)
def test_everything_inside_comes_out(tmp_path: Path, ending: str) -> None:
    files = {"cat/1.png": b"one", "cat/déjà vu.png": b"", "dog\\2.png": b"two" * 1000}
    archive = packed(tmp_path / f"a{ending}", files)
    assert unpack(archive, tmp_path / "out", silent) == ()
    assert below(tmp_path / "out") == {n.replace("\\", "/"): d for n, d in files.items()}


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
@pytest.mark.parametrize(
    "name",
    [
        "../evil.png",
        "a/../../evil.png",
        "/evil.png",
        "..\\evil.png",
        "C:/evil.png",
        "C:\\evil.png",
        "a/..",
        "..",
    ],
)
def test_entries_that_leave_the_folder_are_left_out(tmp_path: Path, ending: str, name: str) -> None:
    inner = tmp_path / "in"
    inner.mkdir()
    archive = packed(inner / f"a{ending}", {name: b"x", "good.png": b"y"})
    ((left_out, reason),) = unpack(archive, inner / "out", silent)
    assert left_out == name
    assert "leads out" in reason
    assert below(inner / "out") == {"good.png": b"y"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]


def test_links_and_devices_are_left_out_and_nothing_follows_them(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as tar:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        tar.addfile(link)
        inside = tarfile.TarInfo("out/evil.png")
        inside.size = 1
        tar.addfile(inside, io.BytesIO(b"x"))
        pipe = tarfile.TarInfo("pipe")
        pipe.type = tarfile.FIFOTYPE
        tar.addfile(pipe)
    left_out = dict(unpack(archive, tmp_path / "to", silent))
    assert set(left_out) == {"out", "pipe"}
    assert below(tmp_path / "to") == {"out/evil.png": b"x"}
    assert not list(secret.iterdir())


def test_a_symlink_in_a_zip_is_left_out(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        info = zipfile.ZipInfo("link.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(info, "/etc/passwd")
        opened.writestr("good.png", b"y")
    assert [name for name, _ in unpack(archive, tmp_path / "out", silent)] == ["link.png"]
    assert below(tmp_path / "out") == {"good.png": b"y"}


def test_hard_links_become_copies_of_what_the_archive_holds(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        info = tarfile.TarInfo("a.png")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"one"))
        for name, target in [("b.png", "a.png"), ("c.png", "../../../etc/passwd"), ("d", "gone")]:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.LNKTYPE, target
            tar.addfile(link)
    assert {name for name, _ in unpack(archive, tmp_path / "out", silent)} == {"c.png", "d"}
    assert below(tmp_path / "out") == {"a.png": b"one", "b.png": b"one"}
    assert (tmp_path / "out" / "b.png").stat().st_nlink == 1


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_a_bomb_is_refused_and_leaves_nothing(tmp_path: Path, ending: str) -> None:
    archive = packed(tmp_path / f"a{ending}", {"a.png": b"\0" * (4 << 20)})
    tight = Limits(ratio_floor=1 << 20)
    with pytest.raises(SourceError, match="unfolds"):
        unpack(archive, tmp_path / "out", silent, tight)
    assert not (tmp_path / "out").exists()
    with pytest.raises(SourceError, match="unfolds to more than 2,097,152"):
        unpack(archive, tmp_path / "out", silent, Limits(total=2 << 20))
    assert unpack(archive, tmp_path / "out", silent) == ()


def test_the_size_that_a_zip_claims_does_not_count(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"a.png": b"\0" * (4 << 20)})
    data = archive.read_bytes().replace((4 << 20).to_bytes(4, "little"), b"\x01\0\0\0")
    archive.write_bytes(data)
    left_out = unpack(archive, tmp_path / "out", silent, Limits(ratio_floor=1 << 20))
    assert sum(map(len, below(tmp_path / "out").values())) <= 1
    assert left_out or below(tmp_path / "out")


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {f"{n}.png": b"" for n in range(5)})
    with pytest.raises(SourceError, match="at most 4 entries"):
        unpack(archive, tmp_path / "out", silent, Limits(entries=4))


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.9])
def test_a_damaged_archive_says_so(tmp_path: Path, ending: str, keep: float) -> None:
    whole = packed(tmp_path / f"a{ending}", {"a.png": os.urandom(50_000), "b.png": b"y" * 9999})
    data = whole.read_bytes()
    whole.write_bytes(data[: keep if isinstance(keep, int) else int(len(data) * keep)])
    with contextlib.suppress(SourceError):
        left_out = unpack(whole, tmp_path / "out", silent)
        assert left_out or below(tmp_path / "out").keys() == {"a.png", "b.png"}


def test_one_damaged_entry_of_a_zip_is_left_out(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as opened:
        opened.writestr("a.png", b"A" * 100)
        opened.writestr("b.png", b"B" * 100)
    archive.write_bytes(archive.read_bytes().replace(b"A" * 100, b"A" * 99 + b"X"))
    ((name, reason),) = unpack(archive, tmp_path / "out", silent)
    assert (name, below(tmp_path / "out")) == ("a.png", {"b.png": b"B" * 100})
    assert "damaged" in reason


def test_a_zip_that_points_before_its_start_says_so(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"a.png": b"x" * 100})
    data = bytearray(archive.read_bytes())
    offset = data.index(b"PK\x05\x06") + 16
    data[offset : offset + 4] = b"\xff\xff\0\0"
    archive.write_bytes(data)
    with contextlib.suppress(SourceError):
        assert unpack(archive, tmp_path / "out", silent)


def test_an_encrypted_zip_says_so(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"a.png": b"x"})
    data = bytearray(archive.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    with pytest.raises(SourceError, match="without password"):
        unpack(archive, tmp_path / "out", silent)


def test_names_in_each_others_way_are_left_out(tmp_path: Path) -> None:
    archive = tarred(tmp_path / "a.tar", {"a": b"x", "a/b": b"y", "c" * 300: b"z", "d": b"w"})
    assert len(unpack(archive, tmp_path / "out", silent)) == 2
    assert below(tmp_path / "out") == {"a": b"x", "d": b"w"}


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_a_broken_run_goes_on_and_a_second_one_writes_nothing(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{n}.png": b"%d" % n * 100 for n in range(6)}
    archive = packed(tmp_path / f"a{ending}", files)
    calls = 0

    def stop(done: int, total: int, note: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        unpack(archive, tmp_path / "out", stop)
    before = {
        name: (tmp_path / "out" / name).stat().st_mtime_ns for name in below(tmp_path / "out")
    }
    assert len(before) == 3

    def refuse_to_compare(*_: object, **__: object) -> bool:
        raise AssertionError("a file that was there was unpacked again")

    monkeypatch.setattr(archives.filecmp, "cmp", refuse_to_compare)
    unpack(archive, tmp_path / "out", silent)
    assert below(tmp_path / "out") == files
    for name, time in before.items():
        assert (tmp_path / "out" / name).stat().st_mtime_ns == time

    def refuse(archive: Path) -> object:
        raise AssertionError("an unchanged archive was opened")

    monkeypatch.setattr(archives, "entries", refuse)
    assert unpack(archive, tmp_path / "out", silent) == ()


@pytest.mark.parametrize("ending", [".zip", ".tar"])
def test_a_changed_archive_is_followed_file_by_file(tmp_path: Path, ending: str) -> None:
    archive = packed(tmp_path / f"a{ending}", {"same.png": b"1", "new.png": b"2", "gone/x": b"3"})
    unpack(archive, tmp_path / "out", silent)
    time = (tmp_path / "out" / "same.png").stat().st_mtime_ns
    packed(archive, {"same.png": b"1", "new.png": b"X"})
    os.utime(archive, ns=(1, 1))
    unpack(archive, tmp_path / "out", silent)
    assert below(tmp_path / "out") == {"same.png": b"1", "new.png": b"X"}
    assert (tmp_path / "out" / "same.png").stat().st_mtime_ns == time
    assert not (tmp_path / "out" / "gone").exists()


def test_the_last_of_two_entries_with_one_name_counts(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as tar:
        for data in (b"old", b"new"):
            info = tarfile.TarInfo("a.png")
            info.size = 3
            tar.addfile(info, io.BytesIO(data))
    unpack(archive, tmp_path / "out", silent)
    assert below(tmp_path / "out") == {"a.png": b"new"}


def test_a_folder_round_everything_is_looked_through(tmp_path: Path) -> None:
    for name in ("set/data/cat/1.png", "set/data/dog/1.png", "set/.DS_Store"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert sole_folder(tmp_path) == tmp_path / "set" / "data"
    assert sole_folder(tmp_path / "set" / "data") == tmp_path / "set" / "data"


def test_a_single_class_is_not_looked_through(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    for name in ("1.png", "Thumbs.db", ".hidden"):
        (tmp_path / "cat" / name).touch()
    assert sole_folder(tmp_path) == tmp_path
    (tmp_path / "cat" / "labels.csv").touch()
    assert sole_folder(tmp_path) == tmp_path / "cat"
