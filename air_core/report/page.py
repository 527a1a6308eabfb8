"""The report as one HTML file: no network, no scripts, every name escaped."""

from __future__ import annotations

import base64
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from air_core.errors import AirError
from air_core.export import EarlierExports, write_file
from air_core.formats import FORMAT_TITLES
from air_core.formats.csv_text import starts_formula
from air_core.installation import versions
from air_core.labels.models import LabelEvent
from air_core.report import charts, counts
from air_core.reviewers import LEFT_OUT, Reviews, Rule, Unresolved
from air_core.stopping import BLOCK, review_progress
from air_core.workspace import Workspace

EXAMPLES = 24
LISTED = 200
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def write_report(
    workspace: Workspace,
    out: Path,
    *,
    labels_by: Rule | None = None,
    unresolved: Unresolved = "refuse",
    examples: int = EXAMPLES,
    overwrite: bool = False,
) -> None:
    """Write the report of an audit; an earlier one is replaced.

    Parameters
    ----------
    workspace : Workspace
    out : Path
    labels_by, unresolved
        Whose decisions make the final labels; see :meth:`Workspace.export`.
    examples : int
        How many changed images to show.
    overwrite : bool
        Replace any file; never one of the source or the workspace.

    Raises
    ------
    ExportError
        If it cannot be written there, or reviewers differ.
    """
    page = compose_report(workspace, labels_by=labels_by, unresolved=unresolved, examples=examples)
    data = page.encode("utf-8", "replace")
    write_file(
        data,
        out,
        protected=[workspace.root, *workspace.source_places()],
        earlier=EarlierExports(workspace.root),
        overwrite=overwrite,
    )


def compose_report(
    workspace: Workspace,
    *,
    labels_by: Rule | None = None,
    unresolved: Unresolved = "refuse",
    examples: int = EXAMPLES,
) -> str:
    """The report as HTML; the parameters are those of :func:`write_report`."""
    reviews = workspace.reviews()
    decisions = reviews.decisions(labels_by, unresolved=unresolved)
    template = _environment().get_template("page.html")
    return template.render(
        _summary(workspace, reviews, decisions)
        | _changes(workspace, decisions, examples)
        | _team(workspace, reviews)
        | _progress(reviews),
        labels_by=labels_by or "latest",
    )


def cell(value: object) -> Markup:
    """Text from outside: escaped, kept apart from the direction of what stands around it.

    Spreadsheets open tables of HTML too, so that text they would run is neutralised.

    Examples
    --------
    >>> cell("<b>"), cell("=1+1")
    (Markup('<bdi>&lt;b&gt;</bdi>'), Markup('<bdi>&#39;=1+1</bdi>'))
    """
    text = _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", str(value))
    return Markup("<bdi>{}</bdi>").format(f"'{text}" if starts_formula(text) else text)


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "cell": cell,
        "thousands": lambda number: f"{number:,}",
        "when": lambda time: time[:16].replace("T", " "),
        "kappa": lambda value: "–" if value is None else f"{value:.2f}".replace("-", "−"),
    }
    return made


def _summary(
    workspace: Workspace, reviews: Reviews, decisions: Mapping[str, LabelEvent]
) -> dict[str, Any]:
    dataset, info = workspace.dataset, workspace.info
    why = Counter(
        (event.detector, event.lambda_g, event.run_id, event.feature_digest)
        for event in decisions.values()
        if event.detector
    )
    known = reviews.verdicts.reviews.keys() | reviews.verdicts.adjudications.keys()
    judged = {item for item in known if item in dataset}
    return {
        "now": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "source": info.source,
        "format": FORMAT_TITLES.get(info.format, info.format),
        "images": len(dataset),
        "class_count": len(dataset.class_names),
        "kind": "tags" if dataset.multilabel else "classes",
        "actions": Counter(event.action for event in decisions.values()),
        "reviewed": len(judged),
        "undecided": len(judged - decisions.keys()),
        "events": len(reviews.events),
        "assignments": len(reviews.assignments),
        "undos": sum(event.undoes is not None for event in reviews.history),
        "head": reviews.events[-1].hash if reviews.events else "",
        "quarantined": workspace.quarantined[:LISTED],
        "quarantined_count": len(workspace.quarantined),
        "notes": workspace.notes,
        "why": why.most_common(LISTED),
        "versions": versions(),
    }


def _changes(
    workspace: Workspace, decisions: Mapping[str, LabelEvent], examples: int
) -> dict[str, Any]:
    dataset = workspace.dataset
    balance = counts.balance(dataset, decisions)
    return {
        "changed": len(counts.moves(dataset, decisions)),
        "matrix": counts.matrix(dataset, decisions),
        "moves": counts.top_moves(dataset, decisions),
        "balance": counts.most_changed(balance),
        "balance_count": len(balance),
        "largest_class": max((max(b.given, b.final) for b in balance), default=1) or 1,
        "examples": _examples(workspace, decisions, examples),
    }


def _examples(
    workspace: Workspace, decisions: Mapping[str, LabelEvent], count: int
) -> list[dict[str, Any]]:
    """Changed images, in turn from each kind of change, the most frequent kind first."""
    dataset = workspace.dataset
    kinds: dict[tuple[str | None, str], list[tuple[int, LabelEvent]]] = defaultdict(list)
    for row, before, after, event in counts.moves(dataset, decisions):
        end = LEFT_OUT if event.action == "exclude" else dataset.shown(after) or counts.NO_LABEL
        kinds[before, end].append((row, event))
    order = sorted(kinds.items(), key=lambda kind: -len(kind[1]))
    turns = [
        (place, end, row, event)
        for (_, end), entries in order
        for place, (row, event) in enumerate(entries)
    ]
    turns.sort(key=lambda turn: turn[0])
    return [
        {
            "path": dataset.paths[row],
            "given": dataset.shown(dataset.given_text(row)) or counts.NO_LABEL,
            "final": end,
            "event": event,
            "suggested": dataset.shown(event.suggested_label),
            "picture": _picture(workspace, event.item_id),
        }
        for _, end, row, event in turns[:count]
    ]


def _picture(workspace: Workspace, item_id: str) -> str | None:
    try:
        data = workspace.thumbnail(item_id)
    except AirError:
        return None  # the report is worth having without it
    return f"data:image/webp;base64,{base64.b64encode(data).decode()}"


def _team(workspace: Workspace, reviews: Reviews) -> dict[str, Any]:
    dataset = workspace.dataset
    pairs, together = reviews.agreement()
    found = reviews.conflicts
    return {
        "reviewers": counts.by_reviewer(reviews),
        "agreements": [*pairs, *([together] if together else [])],
        "conflicts": [
            {
                "path": dataset.paths[dataset.row_of(conflict.item_id)],
                "votes": {who: _outcome(workspace, o) for who, o in conflict.votes.items()},
                "settled": conflict.settled and _outcome(workspace, conflict.settled),
                "by": conflict.adjudication.reviewer if conflict.adjudication else "",
            }
            for conflict in found[:LISTED]
        ],
        "conflict_count": len(found),
        "open_conflicts": sum(conflict.settled is None for conflict in found),
    }


def _outcome(workspace: Workspace, outcome: Any) -> str:
    return LEFT_OUT if outcome.excluded else workspace.dataset.shown(outcome.label) or str(outcome)


def _progress(reviews: Reviews) -> dict[str, Any]:
    progress = review_progress(reviews.dataset, reviews.history, reviews.assignments)
    return {
        "progress": progress,
        "block": BLOCK,
        "curve": charts.curve(progress.curve) if progress.curve else None,
        "bars": charts.bars(progress.blocks, BLOCK) if progress.blocks else None,
    }
