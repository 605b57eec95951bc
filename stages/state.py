"""Which state of the exam a table rests on, so that old numbers never stand beside new ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa

from engine import tables
from engine.errors import InputError
from engine.exam import Exam

STATE = b"state"  # of the exam, in the metadata of the tables that rest on it


def _state(exam: Exam) -> bytes:
    """A digest of what scores and statistics rest on: blueprints, roster, cut-offs and responses."""
    definition = exam.model_dump_json(
        exclude={
            "roster": True,  # follows below
            "diagnosis": True,  # later stages may be repeated under other rules
            "recommend": True,
            "lecture": True,
            "research": True,
            "history": True,
            "growth": True,
            "equity": True,
            "folder": True,  # an exam may move
            "subjects": {"__all__": {"folder", "curriculum"}},
        }
    )
    digest = hashlib.sha256(definition.encode())
    for column in exam.roster.columns:
        digest.update(repr(column.to_pylist()).encode())
    for subject in exam.subjects:
        path = exam.tables / f"responses.{subject.code}.arrow"
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest().encode()


def keep(exam: Exam, made: dict[str, pa.Table], folder: Path | None = None) -> list[Path]:
    """Write tables, into the exam's unless another folder is named, marked with the state of the exam they rest on."""
    folder, state = folder or exam.tables, _state(exam)
    for name, table in made.items():
        metadata = {**(table.schema.metadata or {}), STATE: state}
        tables.write(table.replace_schema_metadata(metadata), folder / f"{name}.arrow")
    return [folder / f"{name}.arrow" for name in made]


def fresh_scores(exam: Exam) -> list[pa.Table]:
    """The scores of every subject, in the exam's order (see `fresh`)."""
    return fresh(exam, *(f"scores.{subject.code}" for subject in exam.subjects))


def responses_of(exam: Exam) -> list[pa.Table]:
    """The responses of every subject, in the exam's order."""
    return [tables.read(exam.tables / f"responses.{subject.code}.arrow") for subject in exam.subjects]


def fresh(exam: Exam, *names: str, folder: Path | None = None) -> list[pa.Table]:
    """Read tables that `keep` wrote, into the exam's unless another folder is named.

    Raises:
        InputError: one is missing, or rests on another state of the exam, so that old numbers would stand beside new.
    """
    state = _state(exam)
    found = []
    for name in names:
        path = (folder or exam.tables) / f"{name}.arrow"
        table = tables.read(path)
        if (table.schema.metadata or {}).get(STATE) != state:
            raise InputError(
                "this table is older than the exam's blueprint, roster or responses",
                file=path,
                mend="run `yuejuan score EXAM` and the stages after it, or `yuejuan run EXAM`",
            )
        found.append(table)
    return found
