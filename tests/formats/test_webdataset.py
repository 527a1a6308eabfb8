from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from air_core.dataset import tags_text
from air_core.errors import ExportError, SourceError
from air_core.formats.webdataset import is_shard
from air_core.labels import Decision
from air_core.workspace import Workspace
from tests.formats.interop import foreign

LIBRARY = """
import json, sys, webdataset
found = []
for shard in sys.argv[1:]:
    for sample in webdataset.WebDataset(shard, shardshuffle=False, empty_check=False):
        found.append({k: v.decode("latin-1") if isinstance(v, bytes) else v
                      for k, v in sample.items() if not k.startswith("__") or k == "__key__"})
print(json.dumps(found))
"""
WRITER = """
import json, sys, webdataset
image, folder, kind = open(sys.argv[1], "rb").read(), sys.argv[2], sys.argv[3]
with webdataset.ShardWriter(folder + "/train-%04d.tar" + kind, maxcount=3, verbose=0) as sink:
    for n in range(7):
        sample = {"__key__": "sub/%03d" % n, "png": image}
        if sys.argv[4] == "cls":
            sample["cls"] = n % 3
        else:
            sample["json"] = {"id": n, "tags": [["sea"], [], ["dog", "sea"]][n % 3], "x": 1.50}
        sink.write(sample)
print("null")
"""


def picture(color: object = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), color).save(buffer, "PNG")  # type: ignore[arg-type]
    return buffer.getvalue()


def shard(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.uname = len(data), 1_600_000_000, "someone"
            archive.addfile(info, io.BytesIO(data))
    return path


def contents(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]


def given(workspace: Workspace) -> dict[str, str | None]:
    dataset = workspace.dataset
    return {path: dataset.given_text(row) for row, path in enumerate(dataset.paths)}


def relabel(workspace: Workspace, path: str, label: str) -> None:
    item = str(workspace.dataset.item_ids[workspace.dataset.paths.index(path)])
    workspace.decide([Decision(item, "relabel", label)], reviewer="ann")


def exclude(workspace: Workspace, path: str) -> None:
    item = str(workspace.dataset.item_ids[workspace.dataset.paths.index(path)])
    workspace.decide([Decision(item, "exclude")], reviewer="ann")


@pytest.fixture
def numbered(tmp_path: Path) -> Path:
    """Two shards with ``.cls`` numbers, class names and members that are no concern of ours."""
    folder = tmp_path / "set"
    first = {"__meta__/x.json": b"{}"}
    for n, label in enumerate((b"0", b" 2\n", b"1")):
        first |= {f"{n}.png": picture((n * 50, 0, 0)), f"{n}.cls": label, f"{n}.txt": b"note"}
    shard(folder / "a-0.tar", first)
    shard(folder / "a-1.tar", {"9.png": picture("blue"), "9.cls": b"0", "8.png": picture("lime")})
    (folder / "classnames.txt").write_text("cat\ndog\nemu\nyak\n")
    return folder


def test_samples_become_items(numbered: Path, tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "ws", numbered)
    assert made.info.format == "webdataset"
    assert given(made) == {
        "a-0.tar/0.png": "cat",
        "a-0.tar/1.png": "emu",
        "a-0.tar/2.png": "dog",
        "a-1.tar/9.png": "cat",
        "a-1.tar/8.png": None,
    }
    assert made.dataset.class_names == ("cat", "dog", "emu", "yak")
    assert made.quarantined == ()
    assert made.dataset.files[0].read_bytes() == picture((0, 0, 0))


def test_a_second_read_writes_no_image_and_a_changed_shard_is_followed(
    numbered: Path, tmp_path: Path
) -> None:
    made = Workspace.create(tmp_path / "ws", numbered)
    before = [f.stat() for f in made.dataset.files]
    again = Workspace.create(tmp_path / "ws", numbered)
    assert [f.stat() for f in again.dataset.files] == before
    shard(numbered / "a-1.tar", {"9.png": picture("red"), "9.cls": b"1"})
    os.utime(numbered / "a-1.tar", ns=(5, 5))
    changed = Workspace.create(tmp_path / "ws", numbered)
    assert given(changed)["a-1.tar/9.png"] == "dog"
    assert changed.dataset.files[3].read_bytes() == picture("red")


def test_without_decisions_every_byte_is_the_same(numbered: Path, tmp_path: Path) -> None:
    Workspace.create(tmp_path / "ws", numbered).export("webdataset", tmp_path / "out")
    for file in numbered.iterdir():
        assert (tmp_path / "out" / file.name).read_bytes() == file.read_bytes()


def test_a_relabel_changes_one_member_and_an_exclusion_removes_a_sample(
    numbered: Path, tmp_path: Path
) -> None:
    made = Workspace.create(tmp_path / "ws", numbered)
    relabel(made, "a-0.tar/1.png", "yak")
    relabel(made, "a-1.tar/8.png", "dog")
    exclude(made, "a-0.tar/0.png")
    made.export("webdataset", tmp_path / "out")
    old, new = contents(numbered / "a-0.tar"), contents(tmp_path / "out" / "a-0.tar")
    assert new == {
        name: b" 3\n" if name == "1.cls" else data
        for name, data in old.items()
        if not name.startswith("0.")
    }
    with tarfile.open(tmp_path / "out" / "a-0.tar") as archive:
        assert {(m.uname, m.mtime) for m in archive} == {("someone", 1_600_000_000)}
    assert contents(tmp_path / "out" / "a-1.tar") == {
        **contents(numbered / "a-1.tar"),
        "8.cls": b"1",
    }
    again = Workspace.create(tmp_path / "again", tmp_path / "out")
    assert given(again) == {
        "a-0.tar/1.png": "yak",
        "a-0.tar/2.png": "dog",
        "a-1.tar/9.png": "cat",
        "a-1.tar/8.png": "dog",
    }


@pytest.mark.parametrize(("ending", "mode"), [("", "w"), (".gz", "w:gz"), (".xz", "w:xz")])
def test_compressed_shards_stay_compressed(tmp_path: Path, ending: str, mode: str) -> None:
    files = {"a/0.png": picture(), "a/0.cls": b"7", "a/1.png": picture("blue"), "a/1.cls": b"12"}
    source = shard(tmp_path / "set" / f"x.tar{ending}", files, mode)
    made = Workspace.create(tmp_path / "ws", source)
    assert made.dataset.class_names == ("7", "12")
    relabel(made, f"{source.name}/a/0.png", "12")
    made.export("webdataset", tmp_path / "out")
    target = tmp_path / "out" / source.name
    assert contents(target) == {**files, "a/0.cls": b"12"}
    assert target.read_bytes()[:2] == source.read_bytes()[:2]


def test_a_json_value_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    text = b'{ "url":"\\u00e9", "label" : "cat",\n "score": 1.50e0, "label2": null }'
    files = {"0.png": picture(), "0.json": text, "1.png": picture("blue"), "1.json": b"{}"}
    source = shard(tmp_path / "x.tar", files)
    made = Workspace.create(tmp_path / "ws", source)
    assert given(made) == {"x.tar/0.png": "cat", "x.tar/1.png": None}
    made = Workspace.create(
        tmp_path / "ws2",
        shard(tmp_path / "y.tar", {**files, "2.png": picture(), "2.json": b'{"label": "=1+1"}'}),
    )
    relabel(made, "y.tar/0.png", "=1+1")
    relabel(made, "y.tar/1.png", "cat")
    made.export("webdataset", tmp_path / "out")
    new = contents(tmp_path / "out" / "y.tar")
    assert new["0.json"] == text.replace(b'"cat"', b'"=1+1"')
    assert json.loads(new["1.json"]) == {"label": "cat"}
    assert new["2.json"] == b'{"label": "=1+1"}'


def test_json_lists_are_tags(tmp_path: Path) -> None:
    files: dict[str, bytes] = {}
    for n, value in enumerate(('["sea", "dog"]', "[]", '"sea"', "null", "[1]")):
        files |= {f"{n}.png": picture((n, n, n)), f"{n}.json": f'{{"tags": {value}}}'.encode()}
    source = shard(tmp_path / "x.tar", files)
    made = Workspace.create(tmp_path / "ws", source)
    assert made.dataset.multilabel
    assert list(given(made).values()) == [
        tags_text(["sea", "dog"]),
        "[]",
        tags_text(["sea"]),
        None,
        tags_text(["1"]),
    ]
    relabel(made, "x.tar/0.png", tags_text(["dog"]))
    relabel(made, "x.tar/1.png", tags_text(["1", "sea"]))
    relabel(made, "x.tar/2.png", tags_text(["sea", "dog"]))
    made.export("webdataset", tmp_path / "out")
    new = {n: d.decode() for n, d in contents(tmp_path / "out" / "x.tar").items() if "json" in n}
    assert new["0.json"] == '{"tags": ["dog"]}'
    assert json.loads(new["1.json"]) == {"tags": ["1", "sea"]}
    assert json.loads(new["2.json"]) == {"tags": ["dog", "sea"]}
    assert new["4.json"] == '{"tags": [1]}'


def test_the_label_can_be_chosen(tmp_path: Path) -> None:
    text = b'{"label": "x", "category": "y", "mine": 3}'
    source = shard(tmp_path / "x.tar", {"0.png": picture(), "0.json": text, "0.cls": b"5"})
    for column, expected in ((None, "5"), ("category", "y"), ("mine", "3")):
        made = Workspace.create(tmp_path / f"ws-{column}", source, label_column=column)
        assert list(given(made).values()) == [expected]
    unclear = shard(tmp_path / "y.tar", {"0.png": picture(), "0.json": text})
    with pytest.raises(SourceError, match=r"'label' and 'category'.*--label-column"):
        Workspace.create(tmp_path / "ws", unclear)


def test_bad_samples_are_set_aside_and_stay_in_the_export(tmp_path: Path) -> None:
    files = {
        "ok.png": picture(),
        "ok.cls": b"1",
        "../out.png": picture(),
        "../out.cls": b"1",
        "bytes.png": picture(),
        "bytes.cls": b"\xff\xfe",
        "broken.png": b"no image",
        "broken.cls": b"1",
        "text.txt": b"x",
    }
    source = shard(tmp_path / "in" / "x.tar", files)
    made = Workspace.create(tmp_path / "in" / "ws", source)
    assert given(made) == {"x.tar/ok.png": "1"}
    assert {q.path for q in made.quarantined} == {
        "x.tar/../out.png",
        "x.tar/bytes.png",
        "x.tar/broken.png",
    }
    assert not (tmp_path / "out.png").exists()
    exclude(made, "x.tar/ok.png")
    made.export("webdataset", tmp_path / "out")
    assert contents(tmp_path / "out" / "x.tar") == {
        n: d for n, d in files.items() if not n.startswith("ok.")
    }


def test_a_numbered_label_without_a_class_is_set_aside(tmp_path: Path) -> None:
    files = {"0.png": picture(), "0.cls": b"1", "1.png": picture(), "1.cls": b"2"}
    source = shard(tmp_path / "set" / "x.tar", files)
    (source.parent / "classes.txt").write_text("a\nb\n")
    made = Workspace.create(tmp_path / "ws", source)
    ((path, reason),) = [(q.path, q.reason) for q in made.quarantined]
    assert path == "x.tar/1.png"
    assert "below 2" in reason


def test_a_shard_that_is_cut_short_keeps_what_came_before(tmp_path: Path) -> None:
    files = {
        f"{n}.{x}": picture((n, 0, 0)) if x == "png" else b"1"
        for n in range(9)
        for x in ("cls", "png")
    }
    source = shard(tmp_path / "x.tar", files)
    source.write_bytes(source.read_bytes()[:10_000])
    made = Workspace.create(tmp_path / "ws", source)
    assert 0 < len(made.dataset) < 9
    assert [q.path for q in made.quarantined][-1] == "x.tar"
    made.export("webdataset", tmp_path / "same")
    assert (tmp_path / "same" / "x.tar").read_bytes() == source.read_bytes()
    exclude(made, made.dataset.paths[0])
    with pytest.raises(ExportError, match="cannot be read to its end"):
        made.export("webdataset", tmp_path / "out")


def test_an_export_after_the_shards_changed_is_refused(numbered: Path, tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "ws", numbered)
    (numbered / "a-1.tar").unlink()
    with pytest.raises(ExportError, match="as they were"):
        made.export("webdataset", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_tar_of_class_folders_is_no_shard(tmp_path: Path) -> None:
    plain = shard(tmp_path / "x.tar", {"cat/1.png": picture(), "dog/1.png": picture("blue")})
    assert not is_shard(plain)
    assert Workspace.create(tmp_path / "ws", plain).info.format == "imagefolder"
    forced = Workspace.create(tmp_path / "ws2", plain, format="webdataset")
    assert given(forced) == {"x.tar/cat/1.png": None, "x.tar/dog/1.png": None}


def test_an_archive_of_shards_is_unpacked_and_read(numbered: Path, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "all"), "zip", numbered)
    made = Workspace.create(tmp_path / "ws", tmp_path / "all.zip")
    assert made.info.format == "webdataset"
    assert len(made.dataset) == 5
    made.export("webdataset", tmp_path / "out")
    assert (tmp_path / "out" / "a-0.tar").read_bytes() == (numbered / "a-0.tar").read_bytes()


@pytest.mark.parametrize("multilabel", [False, True])
def test_shards_of_another_format(tmp_path: Path, multilabel: bool) -> None:
    source = tmp_path / "src"
    rows = {"a b.png": "cat", "x/a.b.png": "dog", "x/a_b.png": "dog", "c.png": ""}
    for n, name in enumerate(rows):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(picture((n * 40, 0, 0)))
    lines = [f"{name},{label}\n" for name, label in rows.items()]
    (source / "labels.csv").write_text("path,label\n" + "".join(lines))
    made = Workspace.create(tmp_path / "ws", source, separator=";" if multilabel else None)
    made.export("webdataset", tmp_path / "out")
    again = Workspace.create(tmp_path / "again", tmp_path / "out")
    assert list(given(again).values()) == list(given(made).values())
    assert again.dataset.class_names == made.dataset.class_names
    assert list(again.dataset.digests) == list(made.dataset.digests)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["", ".gz"])
@pytest.mark.parametrize("labels", ["cls", "json"])
def test_its_own_library_writes_what_we_read_and_reads_what_we_write(
    tmp_path: Path, kind: str, labels: str
) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    (tmp_path / "set").mkdir()
    foreign(WRITER, tmp_path / "a.png", tmp_path / "set", kind, labels)
    made = Workspace.create(tmp_path / "ws", tmp_path / "set")
    assert len(made.dataset) == 7
    shards = sorted((tmp_path / "set").iterdir())
    before: list[dict[str, Any]] = foreign(LIBRARY, *shards)
    new = tags_text(["dog"]) if labels == "json" else "2"
    relabel(made, f"{shards[1].name}/sub/003.png", new)
    exclude(made, f"{shards[2].name}/sub/006.png")
    made.export("webdataset", tmp_path / "out")
    after = foreign(LIBRARY, *sorted((tmp_path / "out").glob("*.tar*")))
    wanted = [dict(sample) for sample in before[:-1]]
    if labels == "cls":
        wanted[3]["cls"] = "2"
    else:
        wanted[3]["json"] = wanted[3]["json"].replace('["sea"]', '["dog"]')
    assert after == wanted
