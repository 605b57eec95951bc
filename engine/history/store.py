"""The store of exams: Parquet files by exam and subject, and one small file an exam that says which of them count.

    STORE/exam=<id>/exam.json                                 the exam, its papers, and the version that counts
    STORE/exam=<id>/version=<digest>/subject=<code>/pupils.parquet    a row a pupil: see engine.history.pupils
    STORE/exam=<id>/version=<digest>/subject=<code>/points.parquet    a row a pupil and item

A version is named by a digest of its content, is written under another name and renamed when it is whole; replacing
exam.json makes it count, and only then the version before is removed. So whatever is killed when, a reader sees the
old exam or the new one, and keeping an exam twice changes nothing. One process at a time may keep an exam.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet
from pydantic import BaseModel, ValidationError

from engine import tables
from engine.errors import InputError
from engine.exam import Exam
from engine.history.pupils import item_points, pupil_scores
from engine.scale import exam_totals
from engine.scale.totals import Totals

KEEP_AGAIN = "keep the exam again with `yuejuan track EXAM`, or take the folder out of the store"


class StoredItem(BaseModel):
    """An item of a stored paper."""

    item: str
    max: float
    question: str = ""
    knowledge: tuple[tuple[str, float], ...] = ()


class StoredSubject(BaseModel):
    """A stored paper; the composite (总分) has no items."""

    code: str
    name: str
    max: float
    items: tuple[StoredItem, ...]


class StoredExam(BaseModel):
    """What exam.json says."""

    id: str
    title: str
    date: datetime.date
    stage: str
    subjects: tuple[StoredSubject, ...]
    version: str

    def paper(self, code: str) -> StoredSubject | None:
        """The paper of a subject, if the exam had one."""
        return next((subject for subject in self.subjects if subject.code == code), None)


class History:
    """The exams of a store, by date.

    Raises:
        InputError: an exam.json that is damaged.
    """

    def __init__(self, store: Path) -> None:
        self.store = store
        found = [_read(path) for path in sorted(store.glob("exam=*/exam.json"))]
        self.exams = sorted(found, key=lambda exam: (exam.date, exam.id))

    def before(self, exam: Exam) -> list[StoredExam]:
        """The exams before this one."""
        return [kept for kept in self.exams if kept.date < exam.date and kept.id != exam.id]

    def previous(self, exam: Exam) -> StoredExam | None:
        """The exam to compare with: the one that [history] names, else the last before this exam's date.

        Raises:
            InputError: the one named is not in the store.
        """
        wanted = exam.history.previous
        if not wanted:
            return next(reversed(self.before(exam)), None)
        for kept in self.exams:
            if kept.id == wanted:
                return kept
        known = ", ".join(kept.id for kept in self.exams) or "none"
        raise InputError(
            f"previous = {wanted!r} is not in the store {self.store}; exams there: {known}",
            file=exam.folder / "exam.toml",
            column="previous",
            mend="track that exam first, or name one of these",
        )

    def pupils(self, exam: StoredExam, code: str) -> pa.Table:
        """The pupils of a subject, schema `engine.history.pupils.PUPILS`."""
        return self._table(exam, code, "pupils")

    def points(self, exam: StoredExam, code: str, columns: list[str] | None = None) -> pa.Table:
        """Points by pupil and item, schema `engine.history.pupils.POINTS`."""
        return self._table(exam, code, "points", columns)

    def _table(self, exam: StoredExam, code: str, name: str, columns: list[str] | None = None) -> pa.Table:
        path = _version(self.store, exam.id, exam.version) / f"subject={code}" / f"{name}.parquet"
        try:
            # The file itself: the folder's names are no columns of it.
            return parquet.ParquetFile(path).read(columns)
        except (OSError, pa.ArrowInvalid) as error:
            raise InputError(f"can't be read: {error}", file=path, mend=KEEP_AGAIN) from None


def track(exam: Exam, scores: list[pa.Table], store: Path) -> StoredExam:
    """Keep an exam; if it is in the store already, the new one takes its place.

    Args:
        scores: a table "scores.<subject>" for every subject of the exam, in its order.
        store: a folder, made if need be.

    Raises:
        InputError: the store can't be written.
    """
    folder = store / f"exam={exam.id}"
    for left in folder.glob(".new-*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    new = folder / f".new-{os.getpid()}"
    totals = exam_totals(exam, scores).all
    written = {(one.code, "pupils"): pupil_scores(one, exam.roster) for one in totals}
    written |= {
        (subject.code, "points"): item_points(subject, table)
        for subject, table in zip(exam.subjects, scores, strict=True)
    }
    digest = hashlib.sha256()
    for (code, name), table in written.items():
        path = new / f"subject={code}" / f"{name}.parquet"
        with tables.replacing(path) as file:
            parquet.write_table(table, file)
        digest.update(path.read_bytes())
    kept = _record(exam, totals, digest.hexdigest()[:16])
    version = _version(store, exam.id, kept.version)
    if version.exists():
        shutil.rmtree(new)
    else:
        new.rename(version)
    tables.write_bytes(kept.model_dump_json(indent=1).encode(), folder / "exam.json")
    for other in folder.glob("version=*"):
        if other != version:
            shutil.rmtree(other, ignore_errors=True)
    return kept


def _version(store: Path, exam: str, version: str) -> Path:
    return store / f"exam={exam}" / f"version={version}"


def _record(exam: Exam, totals: Iterable[Totals], version: str) -> StoredExam:
    subjects = {subject.code: subject for subject in exam.subjects}
    papers = [
        StoredSubject(
            code=one.code,
            name=subjects[one.code].name if one.code in subjects else "总分",
            max=float(one.full_mark),
            items=tuple(
                StoredItem(item=item.item, max=float(item.max), question=item.question, knowledge=item.knowledge)
                for item in (subjects[one.code].items if one.code in subjects else ())
            ),
        )
        for one in totals
    ]
    about = {name: getattr(exam, name) for name in ("id", "title", "date", "stage")}
    return StoredExam(**about, subjects=tuple(papers), version=version)


def _read(path: Path) -> StoredExam:
    try:
        return StoredExam.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise InputError(f"not a stored exam: {error}", file=path, mend=KEEP_AGAIN) from None
