"""The command line, one command a file. Only this package prints or exits."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn

BUG = 70
CANNOT_WRITE = 74


def main() -> NoReturn:
    """Run the command line and exit with the code that INTERFACE promises."""
    from fusebench.errors import FusebenchError

    try:
        code = _run()
    except FusebenchError as error:
        say(str(error))
        code = error.exit_code
    except KeyboardInterrupt:
        say("interrupted")
        code = 130
    except BrokenPipeError:
        # The reader of stdout went away (`| head`); nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        say(f"{error.filename or 'input/output'}: {error.strerror or error}")
        code = CANNOT_WRITE
    except Exception as error:  # noqa: BLE001 - the last place where a bug can be given its exit code
        code = _report_bug(error)
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    sys.exit(code)


def say(message: str) -> None:
    """Print a line to stderr."""
    print(message, file=sys.stderr)


def _run() -> int:
    import typer

    from fusebench.cli.app import command

    try:
        code = command().main(prog_name="fusebench", standalone_mode=False)
    except typer.Abort:
        say("interrupted")
        return 130
    except Exception as error:
        # Typer brings its own copy of click in some versions and uses the installed one in others.
        if not (hasattr(error, "show") and hasattr(error, "exit_code")):
            raise
        error.show()
        return int(error.exit_code)
    return code if isinstance(code, int) else 0


def _report_bug(error: Exception) -> int:
    if {"-v", "--verbose"} & set(sys.argv):
        import traceback

        traceback.print_exc()
    say(f"a bug in fusebench: {type(error).__name__}: {error}")
    say("run the command again with -v for the traceback, and please report it")
    return BUG
