"""Pictures by item id: nothing else is ever served."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from starlette.applications import Starlette

from air_core.workspace import Workspace
from pages import resources
from pages.routes import ROUTES
from tests.pages.asgi import Answer, ask


def get(path: str, query: str = "", method: str = "GET") -> Answer:
    return ask(Starlette(routes=ROUTES), path, query, method)


@pytest.fixture
def item(imported: Path) -> str:
    return str(Workspace.open(imported).dataset.item_ids[0])


@pytest.mark.parametrize("size", ["thumb", "image"])
def test_a_known_item_is_a_webp_picture(size, item):
    workspace = resources.require_workspace()
    status, headers, body = get(f"/air/{size}/{item}", f"v={resources.version(workspace)}")
    assert status == 200
    assert headers["content-type"] == "image/webp"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "private, max-age=31536000, immutable"
    assert "access-control-allow-origin" not in headers
    assert Image.open(io.BytesIO(body)).format == "WEBP"


def test_without_the_version_nothing_is_kept(item):
    assert get(f"/air/thumb/{item}", "v=old")[1]["cache-control"] == "private, no-store"


@pytest.mark.parametrize(
    "name",
    [
        "f" * 16,
        "0",
        "..",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "../../../../etc/passwd",
        "00.png",
        "workspace.json",
        "A" * 16,
        "f" * 17,
        "",
    ],
)
@pytest.mark.parametrize("size", ["thumb", "image"])
def test_anything_else_is_not_found(size, name, item):
    status, headers, body = get(f"/air/{size}/{name}")
    assert status == 404
    assert headers["content-type"].startswith("text/plain")
    assert body.lower() == b"not found"


def test_a_picture_that_went_missing_is_not_found(item, imported):
    workspace = resources.require_workspace()
    file = workspace.dataset.files[0]
    content = file.read_bytes()
    file.unlink()
    try:
        assert get(f"/air/image/{item}")[0] == 404
        assert get(f"/air/thumb/{item}")[0] == 200, "thumbnails are the workspace's own"
    finally:
        file.write_bytes(content)


def test_no_workspace_no_pictures(nothing_open):
    assert get("/air/thumb/" + "0" * 16)[0] == 404


def test_only_reading_is_allowed(item):
    assert get(f"/air/thumb/{item}", method="POST")[0] == 405
