"""The bank in files of every format, told apart by their content; pictures lie beside those that can't hold them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pyarrow as pa

from engine.bank.aiken import looks_like_aiken, read_aiken, write_aiken
from engine.bank.bundle import PICTURES, Bundle
from engine.bank.gift import read_gift, write_gift
from engine.bank.markup import pictures, renamed
from engine.bank.moodle import read_moodle, write_moodle
from engine.bank.qti import read_item, read_qti, write_qti
from engine.bank.question import CHOICE, LETTERS, Question
from engine.bank.safe import Archive, leads_out, read_file
from engine.bank.table import SCHEMA, load_bank, questions_of, save_bank, table_of
from engine.errors import UsageError
from engine.files import read_text
from engine.tables import write_bytes

_WRITERS: dict[str, Callable[[Bundle], str | bytes]] = {
    "qti": write_qti,
    "moodle": write_moodle,
    "gift": write_gift,
    "aiken": write_aiken,
}
TABLES = ("csv", "xlsx")
NAMING = (*TABLES, "gift")  # formats that name pictures and do not hold them
SUFFIXES = {".csv": "csv", ".xlsx": "xlsx", ".zip": "qti", ".xml": "moodle", ".gift": "gift"}


def read_bank(path: Path, *, subject: str = "") -> Bundle:
    """The questions of a file: CSV, XLSX, QTI 3.0 or 2.x (a package or an item), Moodle XML, GIFT or Aiken.

    Args:
        subject: of all the questions; by default what they name.

    Raises:
        InputError: it cannot be read, or is hostile; see `engine.bank.safe`.
    """
    data = read_file(path)
    if data.startswith(b"PK\x03\x04") and "[Content_Types].xml" not in Archive(data, path).names:
        bundle = read_qti(data, path)
    elif re.match(rb"(\xef\xbb\xbf)?\s*<", data):
        bundle = read_moodle(data, path) if re.search(rb"<quiz[\s>]", data[:4096]) else read_item(data, path)
    elif data.startswith(b"PK\x03\x04") or path.suffix.casefold() == ".csv":
        bundle = _from_table(path)
    else:
        text = read_text(path)
        bundle = read_aiken(text) if looks_like_aiken(text) else read_gift(text)
    bundle = _with_pictures_beside(bundle, path.parent)
    return _sound(bundle, subject)


def write_bank(bundle: Bundle, path: Path, to: str, save: Callable[[pa.Table, Path], None] = save_bank) -> list[Path]:
    """Write the questions; `bundle.notes` is told what the format cannot hold.

    Args:
        to: "csv", "xlsx", "qti", "moodle", "gift" or "aiken".
        save: writes the table of "csv" or "xlsx".

    Returns:
        The files written: pictures lie in a folder beside a format that cannot hold them.

    Raises:
        UsageError: other pictures lie there.
    """
    beside: dict[Path, bytes] = {}
    if to in NAMING:
        bundle = _naming(bundle, lambda name: f"{path.stem}.files/{name}")
        beside = {path.parent / name: data for name, data in bundle.pictures.items()}
    for place, data in beside.items():
        if place.exists() and place.read_bytes() != data:
            raise UsageError("another picture is there already", file=place, mend="name another file to write")
    if to in TABLES:
        save(table_of(bundle.questions), path)
    else:
        written = _WRITERS[to](bundle)
        write_bytes(written.encode() if isinstance(written, str) else written, path)
    for place, data in beside.items():
        write_bytes(data, place, durable=False)
    return [path, *beside]


def format_of(path: Path, to: str = "") -> str:
    """The format to write: the one that is named, else the one that the file's suffix says.

    Raises:
        UsageError: there is no such format, or the suffix says none.
    """
    found = to or SUFFIXES.get(path.suffix.casefold(), "")
    if found not in (*TABLES, *_WRITERS):
        what = f"no format {to!r}" if to else f"suffix {path.suffix!r} says no format"
        raise UsageError(what, file=path, mend=f"say --to {', '.join([*TABLES, *_WRITERS])}")
    return found


def _from_table(path: Path) -> Bundle:
    bank = load_bank(path, required=("question", "stem"), further=True)
    questions, bad = questions_of(bank)
    bundle = Bundle(questions)
    for column in bank.column_names[len(SCHEMA) :]:
        bundle.notes.add(f"column {column!r}, which the bank has not", "all questions")
    for name, column, message in bad:
        bundle.notes.add(f"left out, column {column!r}: {message}", name)
    return bundle


def _with_pictures_beside(bundle: Bundle, folder: Path) -> Bundle:
    """Pictures that texts name by their way from the file are taken along; none from outside its folder."""
    home = folder.resolve()
    kept: dict[str, str] = {}

    def taken(name: str, question: str) -> str:
        path = (folder / name).resolve()
        outside = leads_out(name) or not path.is_relative_to(home) or path.suffix.casefold() not in PICTURES
        if outside or not path.is_file():
            bundle.notes.add(f"picture {name!r}, which is not beside the file", question)
            return name
        return bundle.keep(name, read_file(path))

    for one in bundle.questions:
        for name in [name for text in one.texts() for name in pictures(text)]:
            if name not in kept and name not in bundle.pictures and not name.startswith(("http://", "https://")):
                kept[name] = taken(name, one.question)
    return _naming(bundle, lambda name: kept.get(name, name), own=False)


def _naming(bundle: Bundle, name: Callable[[str], str], *, own: bool = True) -> Bundle:
    """The bundle with other names for its pictures, in the texts and, if `own`, of those it holds."""

    def there(source: str) -> str:
        return name(source) if not own or source in bundle.pictures else source

    questions = [_in_texts(one, lambda text: renamed(text, there)) for one in bundle.questions]
    held = {name(one): data for one, data in bundle.pictures.items()} if own else bundle.pictures
    return Bundle(questions, held, bundle.notes)


def _in_texts(one: Question, change: Callable[[str], str]) -> Question:
    answers = tuple(replace(two, text=change(two.text), feedback=change(two.feedback)) for two in one.answers)
    changed = {"stem": change(one.stem), "reference": change(one.reference), "solution": change(one.solution)}
    return replace(one, answers=answers, **changed)  # type: ignore[arg-type]


def _sound(bundle: Bundle, subject: str) -> Bundle:
    """Questions that the table can hold, each with a number of its own."""
    taken: set[str] = set()
    sound = []
    for one in bundle.questions:
        name = wanted = " ".join(one.question.split())
        for number in count(2):
            if name not in taken:
                break
            name = f"{wanted}-{number}"
        if name != wanted:
            bundle.notes.add("a number that another question has, changed to", name)
        if len(one.answers) > len(LETTERS) or (one.type in CHOICE and len(one.answers) < 2):
            bundle.notes.add(f"left out, {len(one.answers)} answers", name)
            continue
        taken.add(name)
        sound.append(replace(one, question=name, subject=subject or one.subject))
    return Bundle(sound, bundle.pictures, bundle.notes)
