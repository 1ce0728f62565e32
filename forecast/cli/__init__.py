"""The command line: every verb is one call of the library.

Exit codes: 0 all well; 1 done, but something failed on the way (a feed, a check); 2 wrong input, nothing was done.
"""

from __future__ import annotations

import sys

import typer

from forecast.cli.console import STOPPED, app, fail, stop
from forecast.errors import ForecastError

# Imported for their verbs, in the order in which `forecast --help` lists them.
from forecast.cli import main_job, model, record, upkeep  # noqa: F401  # isort: skip


def main() -> None:
    """Entry point; turns expected errors into one line and an exit code."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    try:
        code = app(standalone_mode=False)  # what a verb gives to typer.Exit comes back as the value
        if code == STOPPED:
            stop()
        sys.exit(code if isinstance(code, int) else 0)
    except ForecastError as e:
        fail(str(e))
    except typer.Exit as e:
        sys.exit(e.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        stop()
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as e:
        show = getattr(e, "format_message", None)
        if show is None:
            raise
        fail(f"{show()} Try `forecast --help`.")


__all__ = ["app", "main"]
