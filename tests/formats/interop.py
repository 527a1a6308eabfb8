"""Other people's libraries, in an environment of their own.

They pin older versions of what we use, so they cannot live beside it. ``make interop`` installs
them; without it the tests that need them skip, or fail where ``REQUIRE_INTEROP`` is set.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks.format_libraries import INTEROP, run_apart


def foreign(script: str, *arguments: Path | str) -> Any:
    """Run a script where those libraries are; what it prints last, read as JSON.

    ``sys.argv[1:]`` are the arguments.
    """
    if not INTEROP.exists():
        if os.environ.get("REQUIRE_INTEROP"):
            pytest.fail(f"Expected the libraries of {INTEROP}, got none. Run: make interop")
        pytest.skip("needs the formats' own libraries: make interop")
    return run_apart(script, *arguments)
