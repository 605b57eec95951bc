"""Pseudonyms: keyed, the same in every exam, and nothing else that tells who it is."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest

import stages
from engine import tables
from engine.errors import InputError, UsageError
from engine.pseudonyms import TABLES, load_key, pseudonymise

KEY = b"0123456789abcdef0123456789abcdef"
IDS = ["L530102201301010017", "L530102201301010025", "学籍3"]


def standing() -> pa.Table:
    columns = {"subject": ["maths"] * 3 + ["total"], "student_id": [*IDS, IDS[0]], "score": [90.0, 80.0, None, 180.0]}
    return tables.build("standing", columns)


def test_a_pseudonym_is_the_keyed_hash_of_the_identifier() -> None:
    table = pseudonymise("standing", standing(), KEY)
    expected = {one: hmac.new(KEY, one.encode(), hashlib.sha256).hexdigest()[:32] for one in IDS}
    made = table["student_id"].to_pylist()
    assert sorted(made) == made == sorted([*expected.values(), expected[IDS[0]]])
    assert {row["student_id"]: row["score"] for row in table.to_pylist() if row["subject"] == "maths"} == {
        expected[IDS[0]]: 90,
        expected[IDS[1]]: 80,
        expected[IDS[2]]: None,
    }
    other = pseudonymise("standing", standing(), KEY[::-1])["student_id"].to_pylist()
    assert not set(other) & set(made)
    assert not any(one in str(table.to_pydict()) for one in IDS)


def test_units_keep_their_names() -> None:
    columns = {"level": ["school", "pupil"], "unit": ["一中", IDS[0]], "subject": ["maths"] * 2, "knowledge": ["k"] * 2}
    rows = pseudonymise("mastery", tables.build("mastery", columns), KEY).to_pylist()
    assert {row["unit"] for row in rows if row["level"] == "school"} == {"一中"}
    assert IDS[0] not in str(rows)


@pytest.mark.parametrize("name", sorted(set(tables.SCHEMAS) - set(TABLES)))
def test_only_tables_without_further_names_have_pseudonyms(name: str) -> None:
    with pytest.raises(UsageError, match="no pseudonymised form"):
        pseudonymise(name, tables.empty(name), KEY)


def test_every_column_of_these_tables_is_looked_at() -> None:
    """A new column that holds an identifier must not slip through."""
    for name in set(TABLES) & set(tables.SCHEMAS):
        texts = [field.name for field in tables.SCHEMAS[name] if field.type == pa.string()]
        assert not {"name", "candidate_no", "candidate", "file", "barcode", "detail", "pupils", "names"} & set(texts)


def test_the_key_lies_elsewhere(tmp_path: Path) -> None:
    exam = tmp_path / "exam" / "out" / "tables"
    tables.write(standing(), exam / "standing.arrow")
    key = tmp_path / "exam" / "key"
    key.write_bytes(KEY)
    with pytest.raises(InputError, match="beside the data"):
        stages.export(exam / "standing.arrow", "csv", tmp_path / "away" / "a.csv", key)
    safe, away = tmp_path / "safe" / "key", tmp_path / "away" / "standing.xlsx"
    safe.parent.mkdir()
    safe.write_bytes(KEY[:15] + b"\n")
    with pytest.raises(InputError, match="15 bytes"):
        stages.export(exam / "standing.arrow", "xlsx", away, safe)
    safe.write_bytes(KEY + b"\n")
    with pytest.raises(InputError, match="beside the data"):
        stages.export(exam / "standing.arrow", "xlsx", safe.parent / "standing.xlsx", safe)
    stages.export(exam / "standing.arrow", "xlsx", away, safe)
    cells = [cell for row in openpyxl.load_workbook(away).active.iter_rows(values_only=True) for cell in row]
    assert hmac.new(KEY, IDS[0].encode(), hashlib.sha256).hexdigest()[:32] in cells
    assert not set(cells) & set(IDS)
    assert KEY not in away.read_bytes()
    with pytest.raises(InputError, match="no such key"):
        load_key(tmp_path / "none")
