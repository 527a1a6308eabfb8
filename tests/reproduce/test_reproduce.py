"""Every table and figure, from tiny images through the same code."""

import json
import re

import pandas as pd
import pytest

from benchmarks.reproduce import WHATS, reproduce


@pytest.mark.slow
@pytest.mark.parametrize("what", WHATS)
def test_each_what_alone_makes_its_part_of_the_report(what, context):
    report, (section,) = reproduce(what, context)
    folder = context.out / what
    stored = json.loads((folder / "section.json").read_text("utf-8"))
    assert stored["comparisons"], "a figure of the paper stands beside ours"
    for name in stored["captions"]:
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert len(pd.read_csv(folder / f"{name}.csv")) > 1
    assert section.cost["computed_now"] == section.cost["parts"] > 0
    page = report.read_text("utf-8")
    assert f'id="{what}"' in page
    assert page.count("data:image/png;base64,") == len(stored["captions"])
    assert "EfficientNet-Lite0" in page
    assert not re.search(r"""(?:src|href)="(?!data:|#)""", page), "nothing from elsewhere"
