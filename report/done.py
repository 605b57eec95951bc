"""Which pieces of work a run of the reports that was broken off had done, so that the next one goes on from there."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

from engine import tables
from engine.exam import Exam

Written = tuple[list[Path], str]  # files, and the characters used in the pages


def state_of(exam: Exam, language: str, kinds: Collection[str], pdf: bool) -> str:
    """A digest of what the reports are made from, by name, size and time of the files."""
    own = [*(exam.folder / "templates").glob("*"), *Path(__file__).parent.rglob("*")]
    files = [path for path in (*exam.tables.glob("*.arrow"), *exam.folder.glob("*.*"), *own) if path.is_file()]
    told = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(files)]
    return hashlib.sha256(repr((told, language, sorted(kinds), pdf)).encode()).hexdigest()


class Done:
    """A note a piece of work, in a folder of its own that goes when all is done.

    Notes of another state of the exam are worth nothing and are removed at once.
    """

    def __init__(self, folder: Path, state: str) -> None:
        self._folder = folder
        mark = folder / "state"
        if not mark.is_file() or mark.read_text("utf-8") != state:
            self.forget()
            tables.write_bytes(state.encode(), mark, durable=False)

    def known(self, name: str) -> Written | None:
        """What the piece wrote, if it has been done and its files are there."""
        note = self._folder / _file(name)
        if not note.is_file():
            return None
        told = json.loads(note.read_text("utf-8"))
        files = [self._folder.parent / path for path in told["files"]]
        return (files, told["used"]) if all(path.is_file() for path in files) else None

    def keep(self, name: str, written: Written) -> Written:
        """Note what the piece wrote."""
        files, used = written
        told = {"files": [path.relative_to(self._folder.parent).as_posix() for path in files], "used": used}
        tables.write_bytes(json.dumps(told, ensure_ascii=False).encode(), self._folder / _file(name), durable=False)
        return written

    def do(self, name: str, job: Callable[[], Written]) -> Written:
        """Do a piece unless it has been done."""
        known = self.known(name)
        return known if known is not None else self.keep(name, job())

    def forget(self) -> None:
        """Remove all notes."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _file(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
