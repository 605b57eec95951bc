"""What the reports are made from: the tables of an exam, read once and cut into schools and classes.

Every table with a row a pupil is sorted by class once; a class, and a school as a run of classes, is then a slice of
it. A `Part` holds such slices as Arrow tables, so that it is cheap to send to another process.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine import tables
from engine.bank import load_bank
from engine.exam import TOTAL, Exam, Subject
from engine.files import find_table
from engine.policy import PUBLISHED, Policy, policy_of, published
from report.cuts import ByClass, Row, Rows
from report.names import file_names, natural

_PUPIL_TABLES = ("exceptions", "groups", "recommendations", "mastery")
_CLASS_TABLES = ("lecture", "lecture_options", "lecture_questions")
_EXAM_TABLES = ("accounts", "items", "options", "reliability", "coefficients", "dif", "units", "gaps")
_RESEARCH_TABLES = ("research_topics", "research_schools", "research_options", "research_items")
# Tables with rows of units: how many rows a unit has differs.
_UNIT_TABLES = ("mastery", "spread", "lines", "grades", "growth", "segments", "balance", "indicators")


@dataclass(frozen=True)
class Reference:
    """What every page needs to know of the whole exam; its size does not grow with the number of pupils."""

    exam: Exam  # its roster emptied
    language: str
    items: dict[str, dict[str, Row]]  # subject → item → row of `items`
    options: dict[str, dict[str, list[Row]]]  # subject → item → rows of `options`
    reliability: dict[str, Row]  # by subject
    accounts: list[Row]
    units: dict[str, Row]  # by subject, level "exam"
    mastery: dict[str, list[Row]]  # by subject, level "exam"
    lines: dict[str, list[Row]]  # by subject, level "exam"
    totals: dict[str, np.ndarray]  # by subject: points of all that count, thinned to a few thousand quantiles


@dataclass(frozen=True)
class Part:
    """A school or a class: its pupils, and every table cut down to them."""

    school: str
    classes: tuple[str, ...]  # one, for a class
    school_file: str  # file names without ending
    class_files: dict[str, str]
    pupil_files: dict[str, str]  # by student_id
    roster: pa.Table
    sheets: dict[str, tuple[pa.Table, pa.Table]]  # subject → responses, scores
    tables: dict[str, pa.Table]  # exceptions; for a class also groups, recommendations, mastery of its pupils, lectures
    units: dict[tuple[str, str], Row]  # (subject, class, or "" for the school) → row of `units`
    rows: dict[tuple[str, str, str], list[Row]]  # (table, subject, class or "") → rows of a table of units
    school_rates: dict[str, np.ndarray]  # subject → rate of each item in the school
    questions: dict[str, Row]  # of the bank, those recommended to the class, used in its lessons, or items

    def of(self, table: str, subject: str, name: str = "") -> list[Row]:
        """The rows of a table of units for the school, or for one of its classes."""
        return self.rows.get((table, subject, name), [])


@dataclass(frozen=True)
class Sheets:
    """The answers and points of some pupils in a subject, as arrays: (pupils,) or (pupils, items)."""

    subject: Subject
    students: list[str]
    status: np.ndarray  # of str
    form: list[str]
    answers: np.ndarray  # of str; None where not presented
    points: np.ndarray  # NaN where not presented
    total: np.ndarray  # NaN without a score

    @classmethod
    def of(cls, subject: Subject, responses: pa.Table, scores: pa.Table) -> Sheets:
        """The two wide tables of a subject, whose rows are the same pupils, as arrays."""
        names = [item.item for item in subject.items]
        step = float(subject.step)
        return cls(
            subject=subject,
            students=scores["student_id"].to_pylist(),
            status=_strings(scores["status"]),
            form=responses["form"].to_pylist(),
            answers=np.column_stack([_strings(responses[name]) for name in names]),
            points=np.column_stack([_points(scores[name], step) for name in names]),
            total=_points(scores["total"], step),
        )

    @property
    def counted(self) -> np.ndarray:
        """Who is in the statistics, as booleans."""
        return self.status == "read"

    @property
    def presented(self) -> np.ndarray:
        """(pupils, items) bool: the item was there to be answered, and the pupil chose it if there was a choice."""
        everybodys = np.array([not item.group for item in self.subject.items])
        return (self.answers != None) & (everybodys | ~np.isnan(self.points))  # noqa: E711 (element by element)

    def take(self, chosen: np.ndarray) -> Sheets:
        """Some of the pupils, by position or as booleans."""
        rows = np.arange(len(self.students))[chosen]
        return Sheets(
            self.subject,
            [self.students[i] for i in rows],
            self.status[rows],
            [self.form[i] for i in rows],
            self.answers[rows],
            self.points[rows],
            self.total[rows],
        )

    def rates(self) -> np.ndarray:
        """Rate of points gained on each item by those who count, NaN where nobody was presented it."""
        full = np.array([float(item.max) for item in self.subject.items])
        points = self.points[self.counted]
        present = (~np.isnan(points)).sum(0)
        return np.divide(
            np.nansum(points, axis=0), present * full, out=np.full(len(full), np.nan), where=present * full > 0
        )


def _strings(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.cast(pa.string()).to_numpy(), dtype=object)


def _points(column: pa.ChunkedArray, step: float) -> np.ndarray:
    return np.round(column.cast(pa.float64()).to_numpy() * step, 6)


class Source:
    """The tables of an exam, ready to be cut into parts.

    Raises:
        InputError: a table that no report can do without is missing: responses, scores.
    """

    def __init__(self, exam: Exam, language: str) -> None:
        self._exam = exam
        self._read: dict[str, pa.Table] = {}
        for name in (*_EXAM_TABLES, *_RESEARCH_TABLES, *_PUPIL_TABLES, *_CLASS_TABLES, *_UNIT_TABLES):
            path = exam.tables / f"{name}.arrow"
            self._read[name] = tables.read(path) if path.exists() else tables.empty(name)
        self._number_classes()
        self._cut()
        self._group_rows()
        self.reference = self._refer(language)

    def _number_classes(self) -> None:
        school, klass = self._exam.roster["school"].to_pylist(), self._exam.roster["class"].to_pylist()
        pairs = list(zip(school, klass, strict=True))
        self.classes = sorted(set(pairs), key=lambda pair: (natural(pair[0]), pair[0], natural(pair[1]), pair[1]))
        number = {pair: code for code, pair in enumerate(self.classes)}
        self._codes = np.array([number[pair] for pair in pairs], dtype=np.int64)
        self.runs: dict[str, tuple[int, int]] = {}  # school → its classes first…last-1
        for code, (name, _) in enumerate(self.classes):
            first, _ = self.runs.get(name, (code, code))
            self.runs[name] = (first, code + 1)
        self.school_files = file_names(self.runs)  # without ending
        self._number_counties()
        self._class_files = file_names("\0".join(pair) for pair in self.classes)
        self._pupil_files = file_names(self._exam.roster["student_id"].to_pylist())

    def _number_counties(self) -> None:
        """Which schools a county has; a school whose pupils are of several counties is in each."""
        pairs = zip(self._exam.roster["county"].to_pylist(), self._exam.roster["school"].to_pylist(), strict=True)
        found: dict[str, set[str]] = {}
        for county, school in set(pairs):
            if county:
                found.setdefault(county, set()).add(school)
        order = {school: place for place, school in enumerate(self.runs)}
        self.counties = {name: sorted(found[name], key=order.__getitem__) for name in sorted(found, key=natural)}
        self.county_files = file_names(self.counties)

    def _class_of(self, students: pa.ChunkedArray) -> np.ndarray:
        """The class of each student_id; one past the last class for those not on the roster."""
        row = pc.index_in(students, value_set=self._exam.roster["student_id"].combine_chunks())
        row = row.fill_null(len(self._codes)).to_numpy()
        return np.append(self._codes, len(self.classes))[row]

    def _cut(self) -> None:
        count = len(self.classes)
        self._roster = ByClass(self._exam.roster, self._codes, count)
        self._sheets: dict[str, tuple[ByClass, ByClass]] = {}
        self._totals: dict[str, np.ndarray] = {}
        for subject in self._exam.subjects:
            responses = tables.read(self._exam.tables / f"responses.{subject.code}.arrow")
            scores = tables.read(self._exam.tables / f"scores.{subject.code}.arrow")
            scores = scores.filter(pc.is_valid(scores["status"]))  # others do not take the subject
            responses = _aligned(responses, scores)
            codes = self._class_of(scores["student_id"])
            self._sheets[subject.code] = ByClass(responses, codes, count), ByClass(scores, codes, count)
            counted = pc.equal(scores["status"].cast(pa.string()), "read")
            total = _points(scores.filter(counted)["total"], float(subject.step))
            self._totals[subject.code] = total[~np.isnan(total)]
        mastery = self._read["mastery"]
        mastery = mastery.filter(pc.equal(mastery["level"], "pupil"))
        pupils = {**self._read, "mastery": mastery}
        column = {"mastery": "unit"}
        self._by_class = {
            name: ByClass(pupils[name], self._class_of(pupils[name][column.get(name, "student_id")]), count)
            for name in _PUPIL_TABLES
        }
        number = {f"{school}/{name}": code for code, (school, name) in enumerate(self.classes)}
        for name in _CLASS_TABLES:
            units = pc.binary_join_element_wise(self._read[name]["school"], self._read[name]["class"], "/")
            codes = np.array([number.get(unit, count) for unit in units.to_pylist()], dtype=np.int64)
            self._by_class[name] = ByClass(self._read[name], codes, count)

    def _group_rows(self) -> None:
        policy = policy_of(self._exam)
        self._rows, self._shown = Rows(), Rows()
        for name in ("units", *_UNIT_TABLES):
            table = self._read[name]
            if name in PUBLISHED:
                self._rows.add(name, self._for_teachers(name, table, policy))
                self._shown.add(name, self._published(name, table, policy))
            else:
                self._rows.add(name, table)
        bank = find_table(self._exam.folder, "bank")
        self._bank = {row["question"]: row for row in load_bank(bank).to_pylist()} if bank else {}

    def _published(self, name: str, table: pa.Table, policy: Policy) -> pa.Table:
        """A table as far as it may leave the house: as the stage `scale` has kept it."""
        path = self._exam.published / f"{name}.arrow"
        return tables.read(path) if path.exists() else published(name, table, policy)

    @staticmethod
    def _for_teachers(name: str, table: pa.Table, policy: Policy) -> pa.Table:
        """A table for those who teach the pupils: of small units, too; single pupils' scores only by the policy."""
        return table if policy.teacher_scores else published(name, table, replace(policy, min_cell=1))

    def _refer(self, language: str) -> Reference:
        codes = [subject.code for subject in self._exam.subjects]
        items: dict[str, dict[str, Row]] = {code: {} for code in codes}
        for row in self._read["items"].to_pylist():
            items.setdefault(row["subject"], {})[row["item"]] = row
        options: dict[str, dict[str, list[Row]]] = {code: {} for code in codes}
        for row in self._read["options"].to_pylist():
            options.setdefault(row["subject"], {}).setdefault(row["item"], []).append(row)
        papers = self._published("reliability", self._read["reliability"], policy_of(self._exam))
        return Reference(
            exam=self._exam.model_copy(update={"roster": self._exam.roster.slice(0, 0)}),
            language=language,
            items=items,
            options=options,
            reliability={row["subject"]: row for row in papers.to_pylist()},
            accounts=self._read["accounts"].to_pylist(),
            units={code: rows[0] for code in codes if (rows := self._rows.get("units", code, "exam", ""))},
            mastery={code: self.rows("mastery", code, "exam") for code in codes},
            lines={code: self.rows("lines", code, "exam") for code in [*codes, TOTAL]},
            totals={code: _thinned(total) for code, total in self._totals.items()},
        )

    @functools.cached_property
    def exceptions(self) -> list[Row]:
        """All exceptions, in the order of their table, each with the pupil's name, school and class ("" if unknown)."""
        table = self._read["exceptions"]
        row = pc.index_in(table["student_id"], value_set=self._exam.roster["student_id"].combine_chunks())
        for name in ("name", "school", "class"):
            table = table.append_column(name, self._exam.roster[name].combine_chunks().take(row).fill_null(""))
        return table.to_pylist()

    def rows(self, table: str, subject: str, level: str, unit: str = "") -> list[Row]:
        """The rows of a table of units for one of them, as far as they may leave the house (engine/policy.py)."""
        return (self._shown if table in PUBLISHED else self._rows).get(table, subject, level, unit)

    def unit(self, subject: str, level: str, unit: str) -> Row | None:
        """A unit's row of `units`, as far as it may leave the house."""
        return next(iter(self.rows("units", subject, level, unit)), None)

    def table(self, name: str) -> list[Row]:
        """All rows of a table that has few."""
        return self._read[name].to_pylist()

    @property
    def pupils(self) -> int:
        """How many pupils are on the roster."""
        return self._exam.roster.num_rows

    def parts(self) -> Iterator[tuple[Part, list[Part]]]:
        """Each school with its classes."""
        for name, (first, last) in self.runs.items():
            school = self._part(name, first, last, ("exceptions",), {})
            rates = {
                subject.code: Sheets.of(subject, *school.sheets[subject.code]).rates()
                for subject in self._exam.subjects
            }
            school = replace(school, school_rates=rates)
            wanted = (*_PUPIL_TABLES, *_CLASS_TABLES)
            yield school, [self._part(name, code, code + 1, wanted, rates) for code in range(first, last)]

    def _part(
        self, school: str, first: int, last: int, wanted: tuple[str, ...], school_rates: dict[str, np.ndarray]
    ) -> Part:
        classes = tuple(name for _, name in self.classes[first:last])
        roster = self._roster.take(first, last)
        cut = {name: self._by_class[name].take(first, last) for name in wanted}
        places = [("", "school", school)] + [(name, "class", f"{school}/{name}") for name in classes]
        keys = [(subject.code, *place) for subject in self._exam.subjects for place in places]
        asked = [cut[name]["question"].to_pylist() for name in ("recommendations", "lecture_questions") if name in cut]
        asked.append([item.question for subject in self._exam.subjects for item in subject.items])
        return Part(
            school=school,
            classes=classes,
            school_file=self.school_files[school],
            class_files={name: self._class_files[f"{school}\0{name}"] for name in classes},
            pupil_files={student: self._pupil_files[student] for student in roster["student_id"].to_pylist()},
            roster=roster,
            sheets={code: (a.take(first, last), b.take(first, last)) for code, (a, b) in self._sheets.items()},
            tables=cut,
            units={(s, key): rows[0] for s, key, lv, u in keys if (rows := self._rows.get("units", s, lv, u))},
            rows=self._rows_of(places),
            school_rates=school_rates,
            questions={name: self._bank[name] for name in sorted(set().union(*asked) & self._bank.keys())},
        )

    def _rows_of(self, places: list[tuple[str, str, str]]) -> dict[tuple[str, str, str], list[Row]]:
        """The rows of the tables of units, of a school and its classes."""
        codes = [*(subject.code for subject in self._exam.subjects), TOTAL]
        wanted = {
            (table, code, key): self._rows.get(table, code, level, unit)
            for table in _UNIT_TABLES
            for code in codes
            for key, level, unit in places
        }
        return {key: rows for key, rows in wanted.items() if rows}


def _aligned(responses: pa.Table, scores: pa.Table) -> pa.Table:
    """The responses in the order of the scores' pupils."""
    if responses["student_id"].equals(scores["student_id"]):
        return responses
    return responses.take(pc.index_in(scores["student_id"], value_set=responses["student_id"].combine_chunks()))


def _thinned(total: np.ndarray, most: int = 4096) -> np.ndarray:
    """The totals, or so many of their order statistics that no picture shows the difference."""
    total = np.sort(total)
    return total if len(total) <= most else total[np.linspace(0, len(total) - 1, most).round().astype(int)]
