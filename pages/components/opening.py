"""Opening images: by path, by upload, as the sample, or a workspace used before."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd
import streamlit as st

from air_core import installation
from air_core.demo import demo_workspace
from air_core.errors import AirError
from air_core.formats import FORMAT_TITLES
from air_core.images import IMAGE_EXTENSIONS
from air_core.recents import Recent, free_folder, recent_workspaces
from air_core.sources import is_url
from air_core.uploads import ARCHIVES, LABEL_FILES, MEGABYTES, receive
from pages import access, resources, state
from pages.components.markdown import literal
from pages.components.running import draw_jobs
from pages.jobs import registry
from pages.recipes import OPEN, start_opening

_DETECT = "Find out"


def may_open() -> bool:
    """Whether people may choose what this server shows; not where others can reach it.

    A path reads what the server can read, and another workspace is another for everybody.
    """
    return access.only_this_machine()


def draw_opening(*, sample: bool) -> None:
    """Draw the ways to images that this server can open.

    Parameters
    ----------
    sample : bool
        Whether to offer the sample among them.
    """
    if not may_open():
        st.info(
            "Others can reach this server, so whoever runs it chooses the images: "
            "`air-audit ui WORKSPACE`.", icon=":material/lock:",
        )  # fmt: skip
        return
    names = [":material/folder_open: Path or address", ":material/upload: Upload"]
    tabs = st.tabs([*names, *([":material/science: Sample"] if sample else [])])
    with tabs[0]:
        _by_path()
    with tabs[1]:
        _by_upload()
    if sample:
        with tabs[2]:
            draw_sample()
    _recent(recent_workspaces())


def _by_path() -> None:
    with st.form("air-open-path", border=False):
        source = st.text_input(
            "Images or label file",
            placeholder="/data/photos, labels.csv, photos.zip, https://…",
            help="A folder of classes, a label file, an archive, or an address, as this server "
            "sees it. Nothing there is ever changed.",
        )
        with st.expander("The file is not understood by itself"):
            how = _details()
        if st.form_submit_button("Open", type="primary", icon=":material/folder_open:"):
            _open(source.strip(), **how)


def _details() -> dict[str, str]:
    left, right = st.columns(2)
    titles = {_DETECT: "", **{title: name for name, title in FORMAT_TITLES.items()}}
    return {
        "format": titles[left.selectbox("Format", list(titles))],
        "labels": right.text_input("Label file, where the above is a folder").strip(),
        "path_column": left.text_input("Column of paths").strip(),
        "label_column": right.text_input("Column of labels").strip(),
        "separator": left.text_input("What parts several labels of an image", max_chars=3),
    }


def _open(source: str, **how: str) -> None:
    """Start an import, or show a workspace that was named instead of a source."""
    if not source:
        st.error("Expected a path or an address, got none.", icon=":material/error:")
        return
    place = Path(source).expanduser()
    if not is_url(source):
        if not place.exists():
            st.error(
                f"Expected a file or folder on this server, found none at {literal(source)}. "
                "Check the spelling; uploading works from any computer.", icon=":material/error:",
            )  # fmt: skip
            return
        if (place / "workspace.json").is_file():
            return _show(place.resolve())
        source = str(place.resolve())
    start_opening(source, _watched(free_folder(source)), **how)
    st.rerun()


def _by_upload() -> None:
    whole = st.toggle("A whole folder", help="Keeps its sub-folders, as a folder of classes needs.")
    kinds = None if whole else [*ARCHIVES, *LABEL_FILES, *sorted(IMAGE_EXTENSIONS)]
    files = st.file_uploader(
        "Folder of images" if whole else "A zip or tar archive, or a label file with its pictures",
        type=kinds,
        accept_multiple_files="directory" if whole else True,
        max_upload_size=MEGABYTES,
        key=f"air-upload-{'folder' if whole else 'files'}",
    )
    if st.button(
        "Open the upload", type="primary", disabled=not files, icon=":material/upload_file:"
    ):
        folder = free_folder(files[0].name.split("/")[0])
        try:
            with st.spinner("Storing the files"):
                source = receive(files, folder / "upload")
        except (AirError, OSError) as error:
            st.error(literal(str(error)), icon=":material/error:")
            return
        start_opening(str(source), _watched(folder))
        st.rerun()


def draw_sample() -> None:
    """Draw what the sample is, and a button that audits it."""
    st.markdown("1,200 pictures of clothes in 10 classes; one label in ten is wrong.")
    with st.container(horizontal=True, gap="small"):
        for picture, label in _sample_pictures():
            st.image(picture, width=52, alt=label)
    if st.button("Audit the sample data", type="primary", icon=":material/science:"):
        folder = demo_workspace()
        start_opening(str(installation.sample_source()), _watched(folder), audit=True)
        st.rerun()


def follow_imports() -> None:
    """Show imports that run or ended early, and open the one that was waited for."""
    watched = state.opening()
    jobs = registry.every(OPEN)
    for job in jobs:
        if job.state == "done" and job.workspace == watched:
            state.set_opening(None)
            _show(job.workspace)
    draw_jobs(jobs)


def _recent(found: list[Recent]) -> None:
    shown = resources.root()
    others = [recent for recent in found if recent.folder != shown]
    if not others:
        return
    st.markdown("**Recent**")
    for recent in others:
        _draw_recent(recent)


def _draw_recent(recent: Recent) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        title = "Open" if recent.imported else "Continue the import"
        origin = recent.source or "its import was cut off"
        st.markdown(
            f"**{literal(recent.folder.name)}** &nbsp; :gray[{literal(origin)} · "
            f"{_when(recent.used)}]", width="stretch",
        )  # fmt: skip
        if st.button(title, key=f"air-recent-{recent.folder}"):
            if recent.imported:
                _show(recent.folder)
            for job in registry.of(recent.folder):
                if job.kind == OPEN and job.resumable:
                    state.set_opening(recent.folder)
                    registry.resume(job)
            st.rerun()


def _when(used: datetime) -> str:
    days = (datetime.now().date() - used.date()).days
    return {0: f"today, {used:%H:%M}", 1: f"yesterday, {used:%H:%M}"}.get(days, f"{used:%Y-%m-%d}")


def _watched(folder: Path) -> Path:
    """The folder, which this session will be shown when its import is done."""
    state.set_opening(folder)
    return folder


def _show(folder: Path) -> None:
    resources.show(folder)
    st.rerun()


def _sample_pictures() -> list[tuple[str, str]]:
    """One picture of each class with its name, as far as the sample's own labels can be trusted."""
    source = installation.sample_source()
    table = pd.read_csv(source, dtype=str).drop_duplicates("label")
    return [
        (str(source.parent / path), label)
        for path, label in zip(table["path"], table["label"], strict=True)
    ]
