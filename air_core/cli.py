"""The command line: translates options, calls the pipeline, prints. Nothing else."""

from __future__ import annotations

import os
import sys
import traceback

import typer

from air_core.commands import (
    audit,
    benchmark,
    facts,
    refine,
    reproducing,
    results,
    reviews,
    trail,
)
from air_core.commands.console import err
from air_core.errors import AirError

# OpenMP's threads spin while they wait for each other. On a machine that is busy with anything
# else, such as the browser that shows the interface, that makes small products ten times slower.
# Read when torch is loaded, which the commands do later; the interface inherits it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

app = typer.Typer(
    name="air-audit",
    help="Find and fix wrong image labels with Auxiliary Image Regularization.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for commands in (audit, refine, facts, trail, reviews, results, benchmark, reproducing):
    app.add_typer(commands.app)


def main() -> None:
    """Entry point: an error is one line and exit code 1; ``--debug`` shows where it arose."""
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    try:
        app(args=arguments, prog_name="air-audit")
    except AirError as error:
        code = _report(error, str(error), debug)
    except OSError as error:
        code = _report(error, f"{error.strerror or error}: {error.filename or ''}".strip(), debug)
    except Exception as error:  # the last line of defence: a user never sees a traceback
        message = f"Unexpected {type(error).__name__}: {error}. Run again with --debug to see more."
        code = _report(error, message, debug)
    else:
        return
    sys.exit(code)


def _report(error: BaseException, message: str, debug: bool) -> int:
    err.print("error: " + " ".join(message.split()), markup=False, highlight=False, soft_wrap=True)
    if debug:
        traceback.print_exception(error)
    return 1


if __name__ == "__main__":
    main()
