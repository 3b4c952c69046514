"""Failures that nobody foresaw, told to the log without quoting what must not be there.

The text of a foreign exception may hold anything: a row, a header, a share. The log gets its type and the places in
the code that it passed through, which is what a developer needs.
"""

import logging
import traceback


def log_failure(log: logging.Logger, what: str, error: BaseException) -> None:
    """Write one line that says what failed and where, and nothing of what was being worked on."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{frame.name} ({_short(frame.filename)}:{frame.lineno})" for frame in reversed(frames))
    log.error("failure while %s: %s at %s", what, type(error).__name__, places or "an unknown place")


def _short(path: str) -> str:
    parts = path.split("/")
    return "/".join(parts[-2:])
