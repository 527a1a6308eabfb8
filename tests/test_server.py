"""The interface listens to this machine only and reports to nobody."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from air_core.errors import SourceError
from air_core.installation import app_root
from air_core.server import serve


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, Any]]]:
    """Commands that would have been run, and how."""
    calls: list[tuple[list[str], dict[str, Any]]] = []

    class Started(contextlib.nullcontext[None]):
        def __init__(self, command: list[str], **how: Any) -> None:
            calls.append((command, how))

        def __enter__(self) -> Any:
            return self

        def wait(self) -> int:
            return 7

    monkeypatch.setattr(subprocess, "Popen", Started)
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


def test_a_login_is_handed_on_and_required(
    started: list[tuple[list[str], dict[str, Any]]], tmp_path: Path
) -> None:
    file = tmp_path / "login.toml"
    file.write_text("[auth]\nclient_id = 'x'\n")
    serve(None, login=file)
    ((command, how),) = started
    assert options(command)["--secrets.files"] == str(file)
    assert how["env"]["AIR_AUDIT_LOGIN"] == str(file)


def test_the_environment_may_name_the_login(
    started: list[tuple[list[str], dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "login.toml").write_text("[auth]\n")
    monkeypatch.setenv("AIR_AUDIT_LOGIN", str(tmp_path / "login.toml"))
    serve(None)
    ((command, _),) = started
    assert options(command)["--secrets.files"] == str(tmp_path / "login.toml")


@pytest.mark.parametrize("content", [None, "no toml", "[other]\n"])
def test_a_login_that_says_nothing_starts_no_server(
    started: list[tuple[list[str], dict[str, Any]]], tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "login.toml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SourceError, match=r"section \[auth\]"):
        serve(None, login=file)
    assert not started


def test_the_configuration_beside_the_entry_says_the_same() -> None:
    config = tomllib.loads((app_root() / ".streamlit" / "config.toml").read_text("utf-8"))
    assert config["server"]["address"] == "127.0.0.1"
    assert config["browser"]["gatherUsageStats"] is False
    assert config["server"]["enableXsrfProtection"] is True
    assert config["server"]["enableCORS"] is True
    assert config["server"]["enableStaticServing"] is False


@pytest.mark.parametrize("ended", [signal.SIGTERM, signal.SIGINT])
def test_who_ends_the_command_ends_the_server_too(tmp_path: Path, ended: signal.Signals) -> None:
    code = (
        # Whatever runs the tests in the background may have had SIGINT ignored.
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from pathlib import Path; from air_core.server import _call;"
        "sleeper = [sys.executable, '-c', 'import os, signal, time;"
        " signal.signal(signal.SIGINT, signal.SIG_DFL); print(os.getpid(), flush=True);"
        " time.sleep(60)'];"
        f"sys.exit(abs(_call(sleeper, Path({str(tmp_path)!r}), dict(os.environ))))"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as outer:
        assert outer.stdout is not None
        server = int(outer.stdout.readline())
        if ended == signal.SIGINT:  # a terminal tells both
            os.kill(server, ended)
        outer.send_signal(ended)
        assert outer.wait(timeout=10) == (0 if ended == signal.SIGINT else signal.SIGTERM)
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
