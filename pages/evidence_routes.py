"""HTTP routes that say why an image is flagged: the evidence as JSON, the regions as a picture.

The panel asks for them itself, so moving to another image costs no rerun of the page.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from air_core import pipeline
from air_core.errors import AirError, SourceError, WorkspaceError
from air_core.evidence import Curve, Evidence, TopLayer, explain, summary
from air_core.evidence.overlay import overlay_png, strongest
from air_core.evidence.records import Labels, given_labels
from air_core.fitting import PathRun
from air_core.fitting.path import PAPER_SCALE
from air_core.images import load_rgb
from air_core.runs import require_fit
from air_core.workspace import Workspace
from pages import resources
from pages.headers import CACHED, NOT_CACHED, SAFE

_ITEM_ID = re.compile(r"[0-9a-f]{16}")
_MODELS = ("air", "svm", "refined")
_OVERLAY_SIDE = 320  # pixels; the map itself is 7 by 7
_REGIONS = 4  # classes with tags that the regions are offered for


def models_version(workspace: Workspace) -> str:
    """Changes with the images, the fits and the λ_g path: what the regions depend on."""
    fits = [resources.fit(pipeline.model_of(name)) for name in resources.detectors()]
    runs = [run.run_id if run else "" for run in (*fits, _path())]
    return "~".join([resources.version(workspace), *runs])


def version(workspace: Workspace) -> str:
    """Changes whenever the evidence on some image may: with the decisions, too."""
    decisions = hash(frozenset(event.event_id for event in resources.standing().events.values()))
    return f"{models_version(workspace)}~{decisions:x}"


async def why(request: Request) -> Response:
    """``/air/why/{item}?model=…&scale=…``: the evidence on one image."""
    return await run_in_threadpool(_answer, request, _evidence, version)


async def heat(request: Request) -> Response:
    """``/air/heat/{item}/{class}.png``: the regions that feed a class, to lay over the image."""
    return await run_in_threadpool(_answer, request, _regions, models_version)


def _answer(
    request: Request,
    make: Callable[[Request, Workspace, int], Response],
    version_of: Callable[[Workspace], str],
) -> Response:
    item = request.path_params["item"]
    try:
        workspace = resources.workspace()
        if workspace is None or not _ITEM_ID.fullmatch(item) or item not in workspace.dataset:
            return _refusal("There is no such image in this workspace.", 404)
        current = version_of(workspace)
        response = make(request, workspace, workspace.dataset.row_of(item))
    except AirError as error:
        return _refusal(str(error), 409)
    except OSError as error:
        return _refusal(f"A file cannot be read: {error.strerror or error}.", 409)
    kept = response.status_code == 200 and request.query_params.get("v") == current
    response.headers["Cache-Control"] = CACHED if kept else NOT_CACHED
    return response


def _refusal(sentence: str, status: int) -> Response:
    headers = {**SAFE, "Cache-Control": NOT_CACHED}
    return JSONResponse({"error": sentence}, status_code=status, headers=headers)


def _layer(request: Request) -> TopLayer:
    """The model that speaks: a fit, or AIR at the λ_g that was asked for."""
    model = request.query_params.get("model", "air")
    if model not in _MODELS:
        raise WorkspaceError(f"Expected a model among {', '.join(_MODELS)}, got {model!r}.")
    asked, path = request.query_params.get("scale"), _path()
    if asked and model == "air" and path is not None:
        try:
            scale = float(asked)
        except ValueError:
            scale = np.nan
        if not 0 < scale < np.inf:
            raise WorkspaceError(f"Expected λ_g as a number above 0, got {asked!r}.")
        return TopLayer.along(path, scale)
    fit = require_fit(resources.fit(model), model.upper())
    if fit.feature_digest != resources.features().digest:
        raise WorkspaceError(
            "The features are not those that the model was fitted on.",
            hint="Fit again, on the overview page.",
        )
    return TopLayer.of(fit)


def _path() -> PathRun | None:
    """The stored λ_g path of the same objective as the fit, or None."""
    fit = resources.fit("air")
    settings = {} if fit is None else fit.settings
    same = {name: settings[name] for name in ("group", "lambda_1") if name in settings}
    return resources.path(**same)


def _place_on_path() -> float | None:
    """λ_g, as a multiple of 1/p, at which the path is like the fit.

    For a fit that was stopped early, which acts like a larger λ_g, where the exact solver flags
    about as many images.
    """
    fit, path, ranking = resources.fit("air"), _path(), resources.ranking("air-margin")
    if fit is None or path is None or ranking is None:
        return None
    if fit.settings["solver"] == "exact":
        return fit.lambda_scale
    flagged = int(ranking.flagged.sum())
    return min(path.points, key=lambda point: abs(point.flagged - flagged)).lambda_scale


def _evidence(request: Request, workspace: Workspace, row: int) -> Response:
    rankings = {name: resources.ranking(name) for name in resources.detectors()}
    found = explain(
        workspace.dataset,
        row,
        resources.features().array,
        _layer(request),
        index=resources.neighbours(),
        decisions=resources.standing().events,
        rankings={name: ranking for name, ranking in rankings.items() if ranking is not None},
        fit=resources.fit("air"),
        path=_path(),
    )
    return JSONResponse(_as_json(found, workspace), headers=SAFE)


def _as_json(found: Evidence, workspace: Workspace) -> dict[str, Any]:
    dataset = workspace.dataset
    names, tags = dataset.class_names, dataset.multilabel

    def text(labels: Labels) -> str:
        return "; ".join(names[label] for label in labels)

    return {
        "item": found.item_id,
        "path": dataset.paths[dataset.row_of(found.item_id)],
        "multilabel": tags,
        "given": text(found.given),
        "suggested": text(found.suggested),
        "summary": [list(phrase) for phrase in summary(found, names, tags=tags)],
        "neighbours": [
            asdict(neighbour) | {"labels": text(neighbour.labels), "given": text(neighbour.given)}
            for neighbour in found.neighbours
        ],
        "classes": [asdict(entry) | {"name": names[entry.index]} for entry in found.classes],
        "class_count": len(names),
        "alike": "labelled images" if tags else f"images labelled {text(found.given)}",
        "epochs": _numbers(found.epochs),
        "path_activation": _numbers(found.path_activation),
        "path_margin": _numbers(found.path_margin),
        "opinions": [
            asdict(opinion)
            | {
                "title": pipeline.detector_title(opinion.detector),
                "suggested": text(opinion.suggested),
            }
            for opinion in found.opinions
        ],
        "regions": [
            {"index": label, "name": names[label], "role": role} for label, role in _offered(found)
        ],
        "has_path": _path() is not None,
        "paper_scale": PAPER_SCALE,
        "fit_scale": _place_on_path(),
    }


def _numbers(curve: Curve | None) -> dict[str, list[float]] | None:
    if curve is None:
        return None
    return {name: [float(f"{v:.4g}") for v in values] for name, values in asdict(curve).items()}


def _offered(found: Evidence) -> list[tuple[int, str]]:
    """Classes to draw regions for: given, then suggested; of tags those in dispute first."""
    given, suggested = set(found.given), set(found.suggested)
    roles = (
        ("given", given - suggested),
        ("suggested", suggested - given),
        ("both", given & suggested),
    )
    return [(label, role) for role, labels in roles for label in sorted(labels)][:_REGIONS]


def _regions(request: Request, workspace: Workspace, row: int) -> Response:
    dataset, index = workspace.dataset, request.path_params["index"]
    if index >= len(dataset.class_names):
        return _refusal("There is no such class in this workspace.", 404)
    layer, x = _layer(request), resources.features().array[row]
    scores = x @ layer.coef + layer.intercept
    best = np.flatnonzero(scores > 0).tolist() if dataset.multilabel else [int(scores.argmax())]
    # One scale for all that matter to an image, or a faint map would look like a strong one.
    matter = sorted({index, *given_labels(dataset, row), *best})

    def load() -> Image.Image:
        try:
            return load_rgb(dataset.files[row])
        except SourceError as error:
            raise SourceError(f"The picture cannot be read any more: {error}") from error

    maps = resources.region_maps().of_class(dataset.digests[row], load, x, layer.coef[:, matter])
    region, scale = maps[matter.index(index)], float(np.abs(maps).max())
    width, height = Image.open(io.BytesIO(workspace.thumbnail(str(dataset.item_ids[row])))).size
    enlarged = _OVERLAY_SIDE / max(width, height)
    size = (max(1, round(width * enlarged)), max(1, round(height * enlarged)))
    return Response(
        overlay_png(region, scale, size),
        media_type="image/png",
        headers={**SAFE, "X-Air-Strongest": strongest(region, scale)},
    )


ROUTES: list[BaseRoute] = [
    Route("/air/why/{item}", why),
    Route("/air/heat/{item}/{index:int}.png", heat),
]
