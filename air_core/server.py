"""Start the interface as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from air_core.installation import app_root, workspaces_folder


def serve(workspace: Path | None, port: int | None = None) -> int:
    """Run the interface on 127.0.0.1 until it is stopped.

    Parameters
    ----------
    workspace : Path, optional
        The audit to show; without one the interface offers to make one.
    port : int, optional
        The first free port from 8501 by default.

    Returns
    -------
    int
        The server's exit code.
    """
    root = app_root()
    environment = dict(os.environ)
    environment.setdefault("AIR_AUDIT_HOME", str(workspaces_folder()))
    if workspace is not None:
        environment["AIR_AUDIT_WORKSPACE"] = str(workspace.resolve())
    command = [sys.executable, "-m", "streamlit", "run", str(root / "app.py")]
    # Given here as well as in the bundled configuration: no other file may open the port.
    command += ["--server.address", "127.0.0.1", "--browser.gatherUsageStats", "false"]
    if port is not None:
        command += ["--server.port", str(port)]
    try:
        # Streamlit reads its theme from the folder that it is started in.
        return subprocess.call(command, cwd=root, env=environment)
    except KeyboardInterrupt:
        return 0
