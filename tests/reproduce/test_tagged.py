"""Tags as users give them, and NUS-WIDE-LITE as it was published."""

import numpy as np
import pytest
from PIL import Image

from air_core.errors import SourceError
from benchmarks.reproduce import tagged
from benchmarks.reproduce.tagged import nus_wide, user_tags

CONCEPTS = ("sky", "sea", "dog")


def write_lite(folder, *, train, test, absent=()):
    """The published files: a list and a file per concept for both splits, users' tags."""
    rng = np.random.default_rng(0)
    files = {"ConceptsList/Concepts81.txt": "\n".join(CONCEPTS) + "\n"}
    truth = {}
    for split, count in (("Train", train), ("Test", test)):
        names = [f"{split.lower()}/{n:03d}.png" for n in range(count)]
        truth[split] = rng.random((count, len(CONCEPTS))) < 0.5
        files[f"NUS-WIDE-Lite_ImageList/{split}_imageOutPutFileList.txt"] = "\n".join(names) + "\n"
        for at, concept in enumerate(CONCEPTS):
            lines = "".join(f"{int(one)}\n" for one in truth[split][:, at])
            files[f"NUS-WIDE-Lite_groundtruth/Lite_Labels_{concept}_{split}.txt"] = lines
        for name in set(names) - set(absent):
            path = folder / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (16, 16), tuple(rng.integers(0, 256, 3).tolist())).save(path)
    given = truth["Train"].copy()
    given[:5] = False  # images without a tag
    lines = "".join(" ".join(str(int(one)) for one in row) + "\n" for row in given)
    files["NUS-WIDE-Lite_tags/Lite_Tags81_Train.txt"] = lines
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return given, truth


@pytest.fixture
def without_network(monkeypatch):
    """Features are not what these tests are of."""
    monkeypatch.setattr(
        tagged, "extracted", lambda context, files, name: np.ones((len(files), 4), np.float32)
    )


def test_the_published_layout_is_read(tmp_path, context, without_network):
    folder = tmp_path / "nus-wide-lite"
    given, truth = write_lite(folder, train=140, test=120, absent={"train/139.png"})
    data = nus_wide(folder, context)
    kept = given.any(axis=1)
    kept[139] = False
    order = [CONCEPTS.index(name) for name in data.names]
    assert np.array_equal(data.tags, given[kept][:, order])
    assert np.array_equal(data.truth, truth["Train"][kept][:, order])
    assert np.array_equal(data.test_truth, truth["Test"][:, order])
    assert len(data.features) == kept.sum()
    assert len(data.test_files) == 120


def test_a_copy_without_users_tags_says_what_is_missing(tmp_path, context):
    folder = tmp_path / "nus-wide-lite"
    write_lite(folder, train=120, test=120)
    (folder / "NUS-WIDE-Lite_tags/Lite_Tags81_Train.txt").unlink()
    with pytest.raises(SourceError, match=r"Train_Tags81\.txt"):
        nus_wide(folder, context)


def test_user_tags_miss_and_add_as_often_as_asked():
    truth = np.random.default_rng(0).random((4000, 20)) < 0.15
    given = user_tags(truth, np.random.default_rng(1), missing=0.4, added=0.6) > 0
    assert (given & truth).sum() / truth.sum() == pytest.approx(0.6, abs=0.02)
    wrong = (given & ~truth).sum(axis=1).mean()
    assert 0.4 < wrong < 0.6
    again = user_tags(truth, np.random.default_rng(1), missing=0.4, added=0.6)
    assert np.array_equal(given, again)
