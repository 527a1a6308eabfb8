"""The errors that air_core raises on purpose.

Every message says what was expected and what came; ``hint`` says how to mend it. The command
line turns an :class:`AirError` into one line and exit code 1; the pages show it in place.
"""

from __future__ import annotations


class AirError(Exception):
    """Base of every deliberate error.

    Parameters
    ----------
    message : str
        What was expected and what came instead.
    hint : str, optional
        What to do about it, as an imperative sentence.

    Examples
    --------
    >>> str(AirError("Expected a folder, got 'x.txt'.", hint="Pass the folder above it."))
    "Expected a folder, got 'x.txt'. Pass the folder above it."
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".rstrip())
        self.message = message
        self.hint = hint


class SourceError(AirError):
    """The images or the label file cannot be read as asked."""


class WorkspaceError(AirError):
    """The workspace folder is missing, damaged or lacks an earlier step."""


class FeatureError(AirError):
    """A backbone, its weights or its features are unusable."""


class SolverError(AirError, ValueError):
    """The arrays or settings handed to a solver or baseline are unusable."""


class DecisionError(AirError):
    """A reviewer's decision or undo cannot be applied."""


class ExportError(AirError):
    """Cleaned labels cannot be written."""


class Cancelled(AirError):
    """Raised by a progress callback to stop long work; finished parts are kept."""
