from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from air_core.errors import ExportError
from air_core.formats.csv_text import starts_formula
from air_core.report import compose_report, write_report
from air_core.report.page import _environment
from air_core.workspace import Workspace
from tests.report.conftest import HOSTILE, Made, decide


class Page(HTMLParser):
    """What a browser makes of a page: tags, addresses and the text of cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.cells: list[str] = []
        self.text = ""
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [v or "" for n, v in attrs if n in ("src", "href", "srcset", "data")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag in ("td", "th"):
            self._in_cell = True
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if "style" not in self.tags[-1:]:
            self.text += data
        if self._in_cell:
            self.cells[-1] += data


@pytest.fixture
def hostile(make: Made) -> Workspace:
    names = [f"{n}{'<u>&amp;' if n % 2 else '=x'}.png" for n in range(4)]
    workspace = make(list(HOSTILE), names=names)
    for row in range(4):
        label = HOSTILE[(row + 1) % 4]
        decide(workspace, row, label, f"<i>{HOSTILE[row]}", reason=HOSTILE[1], score=0.125)
    decide(workspace, 0, "exclude", "-2+3", suggested_label="=1+1", detector="<em>", score=0.5)
    return workspace


def test_names_are_text(hostile: Workspace) -> None:
    made = compose_report(hostile)
    page = Page(made)
    assert not {"script", "u", "i", "em", "a", "link", "iframe"} & set(page.tags)
    assert page.tags.count("img") == 4
    for name in HOSTILE:
        assert name in page.text
    assert "&amp;amp;" in made


def test_what_is_not_said_to_be_safe_is_escaped() -> None:
    assert _environment().from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"


def test_it_needs_no_network(hostile: Workspace) -> None:
    made = compose_report(hostile)
    assert all(address.startswith("data:image/webp;base64,") for address in Page(made).addresses)
    assert not re.findall(r"url\(|@import|https?://", made)
    assert "default-src 'none'" in made


def test_a_spreadsheet_that_opens_it_runs_nothing(hostile: Workspace) -> None:
    cells = [cell.strip() for cell in Page(compose_report(hostile)).cells]
    assert "'=1+1" in cells
    assert not [cell for cell in cells if starts_formula(cell)]


def test_pictures_are_the_thumbnails(make: Made) -> None:
    workspace = make(["cat", "dog"])
    decide(workspace, 1, "cat")
    (address,) = Page(compose_report(workspace)).addresses
    data = base64.b64decode(address.partition(",")[2])
    assert data == workspace.thumbnail(str(workspace.dataset.item_ids[1]))
    assert Image.open(io.BytesIO(data)).size == (8, 8)
    assert Page(compose_report(workspace, examples=0)).addresses == []


def test_a_lost_thumbnail_costs_its_picture_only(make: Made) -> None:
    workspace = make(["cat", "dog"])
    decide(workspace, 1, "cat")
    (workspace.root / "thumbnails.pack").write_bytes(b"")
    page = Page(compose_report(workspace))
    assert page.addresses == []
    assert "no picture" in page.text


def test_examples_show_every_kind_of_change_before_more_of_one(make: Made) -> None:
    workspace = make(["cat"] * 6 + ["dog", "emu"])
    for row in range(6):
        decide(workspace, row, "dog")
    decide(workspace, 6, "cat")
    decide(workspace, 7, "exclude")
    text = Page(compose_report(workspace, examples=3)).text
    assert "3 of 8 changed images" in text
    assert all(name in text for name in ("00.png", "06.png", "07.png"))
    assert "01.png" not in text


def test_a_fresh_audit_has_a_report(make: Made) -> None:
    text = Page(compose_report(make(["cat", "dog"]))).text
    assert "No label has changed." in text
    assert "No labelled image has been reviewed." in text


def test_it_says_what_it_rests_on(make: Made) -> None:
    workspace = make(["cat"] * 4 + ["dog"] * 4)
    for row in range(4):
        decide(workspace, row, "dog", detector="air-margin", lambda_g=0.0078, run_id="run-7")
    decide(workspace, 0, "keep", "bob")
    decide(workspace, 1, "dog", "bob")
    text = " ".join(Page(compose_report(workspace)).text.split())
    assert "3 errors confirmed in 4 reviewed images, 75.0 per 100" in text
    assert "Estimator: tail rate. 3 of the last 4 images reviewed in turn were wrong" in text
    assert "ana: dog, bob: cat" in text
    assert "run-7" in text
    assert "0.0078" in text
    assert workspace.labels.history()[-1].hash in text
    assert "that of the latest decision" in text
    text = Page(compose_report(workspace, labels_by="majority", unresolved="given")).text
    assert "what more than half of them say" in text
    assert "1 reviewed images that this leaves open keep the label they came with" in text


def test_where_it_is_written(make: Made, tmp_path: Path) -> None:
    workspace = make(["cat", "dog"])
    out = tmp_path / "deep" / "report.html"
    write_report(workspace, out)
    write_report(workspace, out)
    assert out.read_text("utf-8").startswith("<!doctype html>")
    for taken in (workspace.root / "workspace.json", tmp_path / "source" / "labels.csv"):
        with pytest.raises(ExportError, match="another name"):
            write_report(workspace, taken)
