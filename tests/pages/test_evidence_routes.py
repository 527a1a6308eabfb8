"""Why an image is flagged, over HTTP."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from air_core import pipeline
from air_core.errors import Cancelled
from air_core.labels import Decision
from air_core.workspace import Workspace
from pages import cached, resources
from pages.evidence_routes import models_version, version
from tests.pages.conftest import CLASSES
from tests.pages.test_routes import get

WRONG_ROW = 3


@pytest.fixture
def item(audited) -> str:
    return str(Workspace.open(audited).dataset.item_ids[WRONG_ROW])


def ask(path, query="", status=200):
    got, headers, body = get(path, query)
    assert got == status, body
    assert headers["content-type"].startswith("application/json")
    return json.loads(body), headers


def test_the_evidence_on_a_wrong_label(item):
    found, headers = ask(f"/air/why/{item}")
    workspace = resources.require_workspace()
    given = workspace.dataset.given_text(WRONG_ROW)
    assert (found["given"], found["multilabel"]) == (given, False)
    assert found["suggested"] == CLASSES[3], "a hostile name is sent as it is, as text"
    assert "".join(text for text, _ in found["summary"]).startswith(f"Labelled {given}. ")
    assert next(text for text, name in found["summary"] if name) == given
    assert len(found["neighbours"]) == 10
    assert {n["relation"] for n in found["neighbours"]} <= {"given", "suggested", "other"}
    assert {c["name"] for c in found["classes"]} == set(CLASSES)
    fitted = [title for name, title in pipeline.DETECTORS.items() if name != "refined-margin"]
    assert [o["title"] for o in found["opinions"]] == fitted
    assert [(r["name"], r["role"]) for r in found["regions"]] == [
        (given, "given"),
        (CLASSES[3], "suggested"),
    ]
    assert found["epochs"]["x"] == resources.fit("air").epochs.tolist()
    assert found["path_margin"] is None
    assert headers["cache-control"] == "private, no-store"
    assert "access-control-allow-origin" not in headers


def test_the_svm_can_be_asked_and_the_path_at_any_lambda(item, audited):
    of_air = ask(f"/air/why/{item}", "model=air")[0]["classes"]
    of_svm = ask(f"/air/why/{item}", "model=svm")[0]["classes"]
    assert of_air != of_svm

    def stop_early(done, total, note):
        if done >= 3:
            raise Cancelled("That will do.")

    with pytest.raises(Cancelled):
        pipeline.fit_path(Workspace.open(audited), device="cpu", progress=stop_early)
    path = resources.path()
    found, _ = ask(f"/air/why/{item}", f"model=air&scale={path.scales[0]}")
    x = resources.features().array[WRONG_ROW]
    for entry in found["classes"]:
        expected = np.linalg.norm(x * path.coef[0][:, entry["index"]])
        assert entry["activation"] == pytest.approx(float(expected), rel=1e-3, abs=1e-6)
    assert found["path_margin"]["x"] == pytest.approx(path.scales[::-1].tolist(), rel=1e-3)
    assert ask(f"/air/why/{item}", "scale=no", 409)[0]["error"].startswith("Expected λ_g")
    assert ask(f"/air/why/{item}", "model=other", 409)[0]["error"].startswith("Expected a model")


@pytest.mark.parametrize("index", [0, 3])
def test_the_regions_are_a_picture_as_wide_and_high_as_the_image(item, index):
    status, headers, body = get(f"/air/heat/{item}/{index}.png", "model=air")
    assert (status, headers["content-type"]) == (200, "image/png")
    picture = Image.open(io.BytesIO(body))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGBA", (320, 320))
    assert headers["x-air-strongest"].isascii()


def test_with_the_version_of_now_it_is_kept_and_with_another_not(item, audited):
    workspace = resources.require_workspace()
    before = version(workspace)
    kept = "private, max-age=31536000, immutable"
    assert get(f"/air/why/{item}", f"v={before}")[1]["cache-control"] == kept
    models = models_version(workspace)
    assert get(f"/air/heat/{item}/0.png", f"v={models}")[1]["cache-control"] == kept
    other = str(workspace.dataset.item_ids[7])
    workspace.decide([Decision(other, "exclude")], reviewer="ana")
    assert version(workspace) != before
    assert models_version(workspace) == models, "regions do not depend on decisions"
    assert get(f"/air/why/{item}", f"v={before}")[1]["cache-control"] == "private, no-store"
    near = ask(f"/air/why/{item}", f"v={version(workspace)}")[0]["neighbours"]
    assert other not in [neighbour["item_id"] for neighbour in near]
    workspace.labels.undo_last("ana")
    assert version(workspace) == before


@pytest.mark.parametrize("name", ["f" * 16, "0", "..", "A" * 16])
def test_an_unknown_image_is_not_found(name, item):
    assert ask(f"/air/why/{name}", status=404)[0]["error"].startswith("There is no such image")
    assert ask(f"/air/heat/{name}/0.png", status=404)[0]["error"]


@pytest.mark.parametrize("index", ["4", "99999999999999999999"])
def test_an_unknown_class_is_not_found(index, item):
    assert ask(f"/air/heat/{item}/{index}.png", status=404)[0]["error"].startswith(
        "There is no such class"
    )


@pytest.mark.parametrize("index", ["-1", "x", "0.5", ""])
def test_anything_else_is_no_address(index, item):
    assert get(f"/air/heat/{item}/{index}.png")[0] == 404
    assert get("/air/why/%2e%2e%2fetc%2fpasswd")[0] == 404


def test_what_is_missing_is_one_sentence(imported):
    item = str(Workspace.open(imported).dataset.item_ids[0])
    said = ask(f"/air/why/{item}", status=409)[0]["error"]
    assert "air-audit" in said
    assert "Traceback" not in said


def test_a_picture_that_has_gone_has_no_regions_but_its_evidence(item):
    file = resources.require_workspace().dataset.files[WRONG_ROW]
    content = file.read_bytes()
    file.unlink()
    try:
        cached.region_maps.clear()
        said = ask(f"/air/heat/{item}/0.png", status=409)[0]["error"]
        assert said.startswith("The picture cannot be read any more")
        ask(f"/air/why/{item}")
    finally:
        file.write_bytes(content)


def test_only_reading_is_allowed(item):
    assert get(f"/air/why/{item}", method="POST")[0] == 405
