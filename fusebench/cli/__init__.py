"""The command line, one command a file. Only this package prints or exits."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import NoReturn

BUG = 70
CANNOT_WRITE = 74
TERMINATED = 143
COLLECT_EVERY = 200_000  # objects: nearly all that a command makes are modules, which stay


def program() -> NoReturn:
    """Run the command line as all that this process does; see `main`.

    The process ends as soon as everything is written: taking apart what was imported takes Python a third of a second.
    """
    from fusebench.engine.execute._quick_imports import import_quickly

    gc.set_threshold(COLLECT_EVERY)
    import_quickly()
    code = 0
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)


def main() -> NoReturn:
    """Run the command line and exit with the code that INTERFACE promises."""
    _fill_closed_streams()
    _hear_signals()
    from fusebench.errors import FusebenchError

    try:
        code = _run()
    except FusebenchError as error:
        say(str(error))
        code = error.exit_code
    except KeyboardInterrupt:
        say("interrupted")
        code = 130
    except Terminated:
        say("terminated")
        code = TERMINATED
    except BrokenPipeError:
        # The reader of stdout went away (`| head`); nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:  # noqa: BLE001 - the last place where a bug can be given its exit code
        code = _report(error)
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    sys.exit(code)


class Terminated(BaseException):
    """A signal asks the process to end, outside the fits: where it stands, nothing half done is kept."""


def _fill_closed_streams() -> None:
    """Open something in the place of closed standard streams, whose numbers the next files would get."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def _hear_signals() -> None:
    """Say so and exit with 143 on a polite kill or when the terminal closes, whatever is done at that time."""

    def stop(*_: object) -> None:
        raise Terminated

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, stop)


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


def _report(error: Exception) -> int:
    if any(map(_is_of_memory, _with_causes(error))):
        say("out of memory; what was finished is kept: fewer --jobs or a smaller `sample:` of the data need less")
        return CANNOT_WRITE
    if isinstance(error, OSError):
        where = error.filename or ("input/output" if _stands_somewhere() else "the folder that you are in")
        say(f"{where}: {error.strerror or error}")
        return CANNOT_WRITE
    return _report_bug(error)


def _stands_somewhere() -> bool:
    """Whether the folder that the command runs in is still there."""
    try:
        os.getcwd()  # noqa: PTH109 - pathlib asks the same
    except OSError:
        return False
    return True


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_of_memory(error: BaseException) -> bool:
    """Whether an error says, in one of many ways, that the system gives this process no more."""
    signs = ("failed to map segment", "cannot allocate memory", "can't start new thread")
    return isinstance(error, MemoryError) or any(one in str(error).lower() for one in signs)


def _report_bug(error: Exception) -> int:
    if {"-v", "--verbose"} & set(sys.argv):
        import traceback

        traceback.print_exc()
    say(f"a bug in fusebench: {type(error).__name__}: {error}")
    say("run the command again with -v for the traceback, and please report it")
    return BUG
