"""The interface listens to this machine only and reports to nobody."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from air_core.installation import app_root
from air_core.server import serve


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, Any]]]:
    """Commands that would have been run, and how."""
    calls: list[tuple[list[str], dict[str, Any]]] = []

    def call(command: list[str], **how: Any) -> int:
        calls.append((command, how))
        return 7

    monkeypatch.setattr(subprocess, "call", call)
    return calls


def options(command: list[str]) -> dict[str, str]:
    start = next(i for i, word in enumerate(command) if word.startswith("--"))
    return dict(zip(command[start::2], command[start + 1 :: 2], strict=True))


def test_the_command_binds_to_this_machine_and_reports_nothing(
    started: list[tuple[list[str], dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", "0.0.0.0")
    monkeypatch.chdir(tmp_path)
    assert serve(Path("audit"), 9123) == 7
    ((command, how),) = started
    assert command[:5] == [sys.executable, "-m", "streamlit", "run", str(app_root() / "app.py")]
    assert options(command) == {
        "--server.address": "127.0.0.1",
        "--browser.gatherUsageStats": "false",
        "--server.enableXsrfProtection": "true",
        "--server.enableCORS": "true",
        "--server.port": "9123",
    }
    assert how["env"]["AIR_AUDIT_WORKSPACE"] == str(tmp_path / "audit")
    assert how["cwd"] == app_root()


def test_without_a_port_streamlit_looks_for_one(
    started: list[tuple[list[str], dict[str, Any]]],
) -> None:
    serve(None)
    ((command, _),) = started
    assert options(command)["--server.address"] == "127.0.0.1"
    assert "--server.port" not in command


def test_the_configuration_beside_the_entry_says_the_same() -> None:
    config = tomllib.loads((app_root() / ".streamlit" / "config.toml").read_text("utf-8"))
    assert config["server"]["address"] == "127.0.0.1"
    assert config["browser"]["gatherUsageStats"] is False


def test_ctrl_c_is_a_way_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "call", interrupted)
    assert serve(None) == 0
