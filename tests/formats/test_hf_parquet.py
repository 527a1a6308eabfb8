from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from air_core.errors import ExportError
from air_core.formats import FOLDER_FORMATS, ReadOptions
from air_core.workspace import Workspace
from tests.conftest import PaintImage
from tests.formats.audits import contents, decide, round_trip, rows
from tests.formats.interop import foreign
from tests.formats.test_parquet import embedded, png

SHARDS = FOLDER_FORMATS["hf-parquet"]
CARD = """---
dataset_info:
  features:
  - name: image
    dtype: image
  - name: label
    dtype:
      class_label:
        names:
          '0': z
          '1': a
          '2': q
  - name: note
    dtype: string
  splits:
  - name: train
    num_bytes: 100
    num_examples: 4
  - name: test
    num_bytes: 1
    num_examples: 2
---
Sea animals.
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two shards of ``train`` with two images each, one of ``test`` with two, and a card."""
    folder = tmp_path / "animals"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text(CARD)
    (folder / ".cache").mkdir()
    (folder / ".cache" / "old.parquet").write_bytes(b"junk")
    shards = ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001")
    for number, name in enumerate(shards):
        images = [{"bytes": png(number * 50 + n * 20), "path": f"{n}.png"} for n in range(2)]
        made = embedded(tmp_path / "one", images, [0, 1])
        made.rename(folder / "data" / f"{name}.parquet")
    return folder


def test_shards_are_read_as_one(repository: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", repository)
    assert workspace.info.format == "hf-parquet"
    assert rows(workspace) == {
        f"data/{shard}/{n}.png": "za"[n]
        for shard in ("test-00000-of-00001", "train-00000-of-00002", "train-00001-of-00002")
        for n in range(2)
    }
    assert workspace.dataset.class_names == ("z", "a", "q")


def test_no_decision_changes_no_byte(repository: Path, tmp_path: Path) -> None:
    before = {n: d for n, d in contents(repository).items() if not n.startswith(".cache")}
    assert contents(round_trip(repository, tmp_path / "x")) == before


def test_a_decision_changes_its_shard_only(repository: Path, tmp_path: Path) -> None:
    path = "data/train-00001-of-00002/1.png"
    out = contents(round_trip(repository, tmp_path / "x", {path: "q"}))
    before = contents(repository)
    assert [name for name in out if out[name] != before[name]] == [
        "data/train-00001-of-00002.parquet"
    ]
    table = pq.read_table(tmp_path / "x" / "out" / "data" / "train-00001-of-00002.parquet")
    assert table["label"].to_pylist() == [0, 2]


def test_the_card_counts_what_is_left(repository: Path, tmp_path: Path) -> None:
    path = "data/train-00000-of-00002/0.png"
    out = round_trip(repository, tmp_path / "x", excluded=[path])
    card = (out / "README.md").read_text()
    assert card == CARD.replace("num_examples: 4", "num_examples: 3")


def test_a_workspace_inside_is_no_shard(repository: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(repository / "audit", repository)
    workspace.export("hf-parquet", tmp_path / "out")
    assert sorted(contents(tmp_path / "out")) == [
        "README.md",
        "data/test-00000-of-00001.parquet",
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
    ]
    assert len(Workspace.create(repository / "audit", repository).dataset) == 6


def test_a_source_that_has_changed_is_not_written_into(repository: Path, tmp_path: Path) -> None:
    workspace = decide(Workspace.create(tmp_path / "ws", repository), {})
    (repository / "data" / "test-00000-of-00001.parquet").unlink()
    with pytest.raises(ExportError, match="a source that has changed since"):
        workspace.export("hf-parquet", tmp_path / "out")
    assert not (tmp_path / "out").exists()


READ_BY_DATASETS = """
import json, sys
import numpy as np
from datasets import load_dataset
d = load_dataset(sys.argv[1], cache_dir=sys.argv[2])
feature = next(iter(d.values())).features["label"]
names = getattr(feature, "names", None) or feature.feature.names
red = lambda images: [int(np.asarray(image)[0, 0, 0]) for image in images]
found = {split: [x["label"][:], red(x["image"])] for split, x in d.items()}
print(json.dumps([names, found]))
"""


@pytest.mark.slow
def test_datasets_opens_shards_with_decisions(repository: Path, tmp_path: Path) -> None:
    changes = {"data/train-00001-of-00002/0.png": "q"}
    gone = ["data/train-00000-of-00002/1.png"]
    # datasets checks the counts of the card, so that a wrong one would be refused.
    out = round_trip(repository, tmp_path / "x", changes, excluded=gone)
    names, found = foreign(READ_BY_DATASETS, out, tmp_path / "cache")
    assert names == ["z", "a", "q"]
    assert found == {"train": [[0, 2, 1], [0, 50, 70]], "test": [[0, 1], [100, 120]]}


@pytest.mark.slow
@pytest.mark.parametrize("multilabel", [False, True])
def test_datasets_opens_what_we_compose(
    tmp_path: Path, paint: PaintImage, multilabel: bool
) -> None:
    folder = tmp_path / "in"
    for number, name in enumerate(("test_1.png", "b.png", "c.png")):
        paint(folder / name, (number * 50, 0, 0))
    one = "path,label\ntest_1.png,dog\nb.png,007\nc.png,\n"
    tags = 'path,label\ntest_1.png,"[""dog"",""007""]"\nb.png,[]\nc.png,\n'
    (folder / "labels.csv").write_text(tags if multilabel else one)
    Workspace.create(tmp_path / "ws", folder).export("hf-parquet", tmp_path / "out")
    names, found = foreign(READ_BY_DATASETS, tmp_path / "out", tmp_path / "cache")
    labels = [[0, 1], [], None] if multilabel else [1, 0, None]
    assert names == ["007", "dog"]
    assert found == {"train": [labels, [0, 50, 100]]}
    listing = SHARDS.read(tmp_path / "out", ReadOptions(unpack=tmp_path / "unpacked"))
    expected = ('["007", "dog"]', "[]", None) if multilabel else ("dog", "007", None)
    assert listing.labels == expected
