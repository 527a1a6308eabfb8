"""Start the interface as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from air_core.errors import SourceError
from air_core.installation import app_root, workspaces_folder

LOGIN = "AIR_AUDIT_LOGIN"
"""Environment variable that names a file as ``air-audit ui --login`` does.

Where it is set, nobody comes in whom that file does not let in.
"""


def serve(workspace: Path | None, port: int | None = None, login: Path | None = None) -> int:
    """Run the interface on 127.0.0.1 until it is stopped.

    Parameters
    ----------
    workspace : Path, optional
        The audit to show; without one the interface offers to make one.
    port : int, optional
        The first free port from 8501 by default.
    login : Path, optional
        A file in Streamlit's ``secrets.toml`` format that says how people log in; the one that
        the environment names by default.

    Returns
    -------
    int
        The server's exit code.

    Raises
    ------
    SourceError
        If ``login`` cannot be read or says nothing about logging in.
    """
    root = app_root()
    environment = dict(os.environ)
    environment.setdefault("AIR_AUDIT_HOME", str(workspaces_folder()))
    if workspace is not None:
        environment["AIR_AUDIT_WORKSPACE"] = str(workspace.resolve())
    command = [sys.executable, "-m", "streamlit", "run", str(root / "app.py")]
    # Given here as well as in the bundled configuration: no other file may open the port.
    command += ["--server.address", "127.0.0.1", "--browser.gatherUsageStats", "false"]
    command += ["--server.enableXsrfProtection", "true", "--server.enableCORS", "true"]
    login = login or (Path(environment[LOGIN]) if environment.get(LOGIN) else None)
    if login is not None:
        _check_login(login)
        command += ["--secrets.files", str(login.resolve())]
        environment[LOGIN] = str(login.resolve())
    if port is not None:
        command += ["--server.port", str(port)]
    # Streamlit reads its theme from the folder that it is started in.
    return _call(command, root, environment)


def _call(command: list[str], folder: Path, environment: dict[str, str]) -> int:
    """Run it until it ends; whoever ends this process ends it as well, and frees its port."""
    try:
        with subprocess.Popen(command, cwd=folder, env=environment) as server:
            before = signal.signal(signal.SIGTERM, lambda *_: server.terminate())
            try:
                ended = server.wait()
                if ended == -signal.SIGINT:
                    # Ctrl-C reaches both, and the server may be gone before this process hears of
                    # it: then it hears of it here, and not on its way out.
                    time.sleep(1)
            finally:
                signal.signal(signal.SIGTERM, before)
    except KeyboardInterrupt:  # wherever in there it came
        return 0
    return 0 if ended == -signal.SIGINT else ended


def _check_login(file: Path) -> None:
    expected = f"Expected a TOML file with a section [auth] at {file}, got"
    hint = "docs/howto-login.md says what goes in there."
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SourceError(f"{expected}: {error}.", hint=hint) from error
    if file.suffix != ".toml" or "auth" not in content:
        raise SourceError(f"{expected} {', '.join(content) or 'nothing'}.", hint=hint)
