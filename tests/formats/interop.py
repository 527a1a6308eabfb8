"""Other people's libraries, in an environment of their own.

They pin older versions of what we use, so they cannot live beside it. ``make interop`` installs
them; without it the tests that need them skip, or fail where ``REQUIRE_INTEROP`` is set.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

PYTHON = Path(__file__).parents[2] / ".venv-interop" / "bin" / "python"


def foreign(script: str, *arguments: Path | str) -> Any:
    """Run a script where those libraries are; what it prints last, read as JSON.

    ``sys.argv[1:]`` are the arguments.
    """
    if not PYTHON.exists():
        if os.environ.get("REQUIRE_INTEROP"):
            pytest.fail(f"Expected the libraries of {PYTHON}, got none. Run: make interop")
        pytest.skip("needs the formats' own libraries: make interop")
    done = subprocess.run(
        [str(PYTHON), "-W", "ignore", "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])
