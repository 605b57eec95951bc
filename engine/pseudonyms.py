"""Pseudonymised tables: pupils under keyed numbers, for those who may study the answers but not know whose they are.

The pseudonym of a pupil is the HMAC-SHA256 of the student_id under a secret key, its first 128 bits in hexadecimal. The
same key gives a pupil the same pseudonym in every exam; without the key nobody can compute it from a student_id, which
a plain hash would allow. Whoever has the key and a roster can undo it: the key stays with the bureau, away from the
data.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import InputError, UsageError

LEAST = 16  # bytes of a key
DIGITS = 32  # hexadecimal, of a pseudonym
# The tables of pupils, which carry a student_id and nothing else that names a person. Others, such as pages and
# exceptions, have names and numbers in their texts and pictures.
TABLES = ("standing", "borderline", "scores", "responses", "person_fit", "mastery", "groups", "recommendations")


def load_key(path: Path, *data: Path) -> bytes:
    """Read a key.

    Args:
        data: folders with data, in which a key must not lie.

    Raises:
        InputError: the file is missing, too short, or lies beside the data.
    """
    how = "make one that nobody else can read, elsewhere: openssl rand -hex 32 > KEYFILE"
    if not path.is_file():
        raise InputError("there is no such key", file=path, mend=how)
    if any(path.resolve().is_relative_to(folder.resolve()) for folder in data):
        raise InputError("the key lies beside the data that it is to protect", file=path, mend="keep it elsewhere")
    key = path.read_bytes().strip()
    if len(key) < LEAST:
        raise InputError(f"a key of {len(key)} bytes can be guessed, {LEAST} are needed", file=path, mend=how)
    return key


def pseudonymise(name: str, table: pa.Table, key: bytes) -> pa.Table:
    """A table with pseudonyms in place of student_ids, sorted by them so that the order of the roster is gone too.

    Args:
        name: of the table, without ending: "standing", "scores.maths".

    Raises:
        UsageError: it is not a table of pupils, or has more in it that names them.
    """
    kind = name.partition(".")[0]
    if kind not in TABLES:
        raise UsageError(
            f"{name!r} has no pseudonymised form",
            mend=f"these have: {', '.join(TABLES)}; figures of schools without pupils are in out/published",
        )
    column = "unit" if kind == "mastery" else "student_id"
    hidden = _pseudonyms(table[column].combine_chunks(), key)
    if kind == "mastery":
        hidden = pc.if_else(pc.equal(table["level"], "pupil"), hidden, table[column])
    table = table.set_column(table.schema.get_field_index(column), column, hidden)
    return table.take(pc.sort_indices(table, sort_keys=[(column, "ascending")])).replace_schema_metadata()


def _pseudonyms(ids: pa.Array, key: bytes) -> pa.Array:
    encoded = ids.dictionary_encode()
    made = [hmac.new(key, one.encode(), hashlib.sha256).hexdigest()[:DIGITS] for one in encoded.dictionary.to_pylist()]
    return pa.array(made, pa.string()).take(encoded.indices)
