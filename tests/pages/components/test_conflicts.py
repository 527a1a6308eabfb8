"""The label that settles a conflict, where none of those said is right."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import streamlit as st

from air_core.dataset import tags_of
from pages.components.history.conflicts import _other_label


@pytest.mark.parametrize("chosen", [["a;b"], ["c", "a;b"]])
def test_tags_stay_whole_whatever_is_in_their_names(monkeypatch, chosen):
    workspace = SimpleNamespace(dataset=SimpleNamespace(class_names=("a;b", "c"), multilabel=True))
    monkeypatch.setattr(st, "multiselect", lambda *_, **__: chosen)
    label = _other_label(workspace, "key")
    assert tags_of(label) == tuple(sorted(chosen))


def test_no_tag_is_no_choice(monkeypatch):
    workspace = SimpleNamespace(dataset=SimpleNamespace(class_names=("a;b", "c"), multilabel=True))
    monkeypatch.setattr(st, "multiselect", lambda *_, **__: [])
    assert _other_label(workspace, "key") is None
