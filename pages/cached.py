"""What the whole server process keeps of a workspace: the only place with ``st.cache_*``.

Every function names what its answer depends on in its arguments: change one, and it is worked out
anew. Pages and routes ask :mod:`pages.resources`, which knows those arguments.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import streamlit as st

from air_core import pipeline
from air_core.evidence import CosineIndex
from air_core.facts import Copies, NoiseFacts, noise_facts, stored_copies, stored_noise
from air_core.fitting import (
    Corrections,
    Opinion,
    PathRun,
    corrections_of,
    expected_seconds,
    path_settings,
    rank_opinion,
    stored_path,
)
from air_core.labels import Event
from air_core.pipeline import Fit
from air_core.ranking import Ranking
from air_core.reviewers import Reviews
from air_core.workspace import Workspace
from pages.components.strength.refinery import Refinery
from pages.filters import Texts
from pages.standing import Gauge, Ledger

if TYPE_CHECKING:
    from air_core.features import Features
    from air_core.features.regions import RegionMaps

Runs = tuple[int, ...]
"""Changes whenever a run is stored, removed or made current."""


class Place(NamedTuple):
    """A workspace's folder, and a number that changes with its listing."""

    folder: Path
    stamp: int


@st.cache_resource(show_spinner=False, max_entries=4)
def workspace(place: Place) -> Workspace:
    return Workspace.open(place.folder)


@st.cache_resource(show_spinner=False, max_entries=2)
def reviews(place: Place, newest: str, _events: list[Event]) -> Reviews:
    return Reviews(workspace(place).dataset, _events)


@st.cache_resource(show_spinner="Writing the labels", max_entries=2)
def export_files(
    place: Place,
    newest: str,
    run: str,
    format: str,
    choice: tuple[tuple[str, Any], ...],
    _ranking: Ranking | None,
) -> dict[str, bytes]:
    return workspace(place).export_files(format, ranking=_ranking, **dict(choice))


@st.cache_data(show_spinner=False, max_entries=2, ttl=30)
def source_edits(place: Place) -> tuple[str, ...]:
    return workspace(place).source_edits()


@st.cache_resource(show_spinner=False, max_entries=4)
def others_run(place: Place, runs: int, extracted: int) -> tuple[str, ...]:
    opened = workspace(place)
    others = [name for name in pipeline.ALL_DETECTORS if name not in pipeline.DETECTORS]
    return tuple(n for n in others if pipeline.latest_fit(opened, pipeline.run_name(n)))


@st.cache_resource(show_spinner=False, max_entries=32)
def fit(place: Place, model: str, runs: Runs, extracted: int) -> Fit | None:
    return pipeline.latest_fit(workspace(place), model)


@st.cache_resource(show_spinner=False, max_entries=32)
def rank(place: Place, detector: str, run_id: str, _fit: Fit) -> Ranking:
    return pipeline.read_ranking(workspace(place), detector, _fit)


@st.cache_resource(show_spinner=False, max_entries=2)
def corrections(place: Place, newest: str) -> Corrections:
    return corrections_of(workspace(place))


@st.cache_resource(show_spinner=False, max_entries=4)
def noise(place: Place, runs: Runs, verdicts: int) -> NoiseFacts | None:
    opened = workspace(place)
    found = stored_noise(opened)
    if found is None:
        return None
    log = opened.labels
    return noise_facts(opened.dataset, found, log.history(), log.assignments())


@st.cache_resource(show_spinner=False, max_entries=4)
def copies(place: Place, runs: Runs) -> Copies | None:
    return stored_copies(workspace(place))


@st.cache_resource(show_spinner=False, max_entries=4)
def ledger(place: Place) -> Ledger:
    return Ledger(workspace(place).dataset)


@st.cache_resource(show_spinner=False, max_entries=4)
def gauge(place: Place) -> Gauge:
    return Gauge()


@st.cache_resource(show_spinner=False, max_entries=4)
def texts(place: Place) -> Texts:
    return Texts(workspace(place).dataset)


@st.cache_resource(show_spinner=False, max_entries=4)
def features(place: Place, extracted: int) -> Features:
    return pipeline.current_features(workspace(place))


@st.cache_resource(show_spinner=False, max_entries=4)
def path(place: Place, extracted: int, runs: Runs, group: str, lambda_1: float) -> PathRun | None:
    return stored_path(workspace(place), path_settings(group, lambda_1))


@st.cache_data(show_spinner=False, max_entries=4)
def path_seconds(place: Place, digest: str, group: str, lambda_1: float, points: int) -> float:
    return expected_seconds(workspace(place), path_settings(group, lambda_1))


@st.cache_resource(show_spinner=False, max_entries=1)
def refinery(place: Place, run_id: str, _run: PathRun) -> Refinery:
    return Refinery(workspace(place), _run)


# Few: a drag makes many, and each holds a few arrays as long as the dataset.
@st.cache_resource(show_spinner=False, max_entries=4)
def rank_at(
    place: Place, run_id: str, detector: str, lambda_scale: float, exact: bool, _opinion: Opinion
) -> Ranking:
    return rank_opinion(_opinion, detector, workspace(place).dataset)


@st.cache_resource(show_spinner=False, max_entries=2)
def neighbours(digest: str, _features: Features) -> CosineIndex:
    return CosineIndex(_features.array)


@st.cache_resource(show_spinner=False, max_entries=2)
def region_maps(backbone: str) -> RegionMaps:
    from air_core.features import get_backbone
    from air_core.features.regions import RegionMaps

    return RegionMaps(get_backbone(backbone))
