"""Replace a file of rules with another text, so that there is always one of the two, whole."""

from __future__ import annotations

import os


def rewrite_text(path: str, text: str) -> None:
    """Replace a file in one step, so that a full disk leaves the old one; its mode stays."""
    target = os.path.realpath(path)
    beside = f"{target}.{os.getpid()}.new"
    try:
        with open(beside, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            os.chmod(beside, os.stat(target).st_mode & 0o7777)
        os.replace(beside, target)
    except OSError:
        if os.path.exists(beside):
            os.unlink(beside)
        raise
