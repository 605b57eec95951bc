"""The reports of a class for its teachers: all subjects (class report), and the items of one (小题分析)."""

from __future__ import annotations

from collections import Counter
from urllib.parse import quote

import numpy as np

from engine import sp
from engine.compare import clearly_lower, compare
from engine.exam import Subject
from engine.policy import policy_of
from engine.rules import void
from engine.scoring import full_mark
from report import charts, monitoring
from report.blocks import (
    Context,
    Unit,
    distribution_of,
    doubtful,
    exceptions_of,
    exceptions_table,
    findings,
    knowledge_radar,
    knowledge_table,
    lines_note,
    subject_names,
    unit_table,
    unsettled,
    verdict_sentence,
)
from report.document import (
    Block,
    Cards,
    Cell,
    Chapter,
    Column,
    Document,
    Figure,
    Links,
    Note,
    Row,
    Says,
    Section,
    Side,
    Table,
)
from report.item_rows import FOCUS, focus_block, focus_of, item_profile, item_rows, item_table
from report.policy import grade
from report.render import number, percent
from report.source import Part, Reference, Sheets
from report.troubles import told
from report.words import Words

NAMED = 3  # weak points named of a pupil, at most
MANY = 1 / 3  # share of the knowledge points: a pupil weak in so many needs a look
ODD = 12  # pupils listed whose answers don't fit their score, at most
EASY = 0.85  # an item is easy if all pupils together gain this rate


def class_document(ref: Reference, part: Part, words: Words) -> Document:
    """The class: how it stands, subject by subject, what it is weak at, who needs a look."""
    name = part.classes[0]
    desks = [_Desk(ref, part, subject, words) for subject in ref.exam.subjects]
    waiting = exceptions_table(told(exceptions_of(part), words), subject_names(ref), words)
    note = "members.note" if policy_of(ref.exam).teacher_scores else "members.note.grades"
    return Document(
        kind=words("report.class"),
        heading=f"{part.school} {name}",
        facts=[ref.exam.title, str(ref.exam.date), words("fact.pupils", count=part.roster.num_rows)],
        chapters=[
            Chapter(words("overall"), _overall(ref, part, desks, words), "overall"),
            *(Chapter(desk.subject.name, desk.sections(), desk.subject.code) for desk in desks),
            Chapter(words("exceptions"), [Section("", waiting)], "exceptions"),
            Chapter(words("members"), [Section("", [_members(part, desks, words)], words(note))], "members"),
        ],
        root="../",
        crumbs=[(words("overview"), "../index.html"), (part.school, f"../schools/{quote(part.school_file)}.html"),
                (name, "#overall")],
        file=part.class_files[name],
    )  # fmt: skip


def item_documents(ref: Reference, part: Part, words: Words) -> list[Document]:
    """小题分析 of every subject: what to go through, who gave which answer, the S-P table."""
    name = part.classes[0]
    found = []
    for subject in ref.exam.subjects:
        desk = _Desk(ref, part, subject, words)
        found.append(
            Document(
                kind=words("report.items"),
                heading=f"{part.school} {name} · {subject.name}",
                facts=[ref.exam.title, str(ref.exam.date), words("fact.items", count=len(subject.items))],
                chapters=[Chapter("", desk.item_sections(), "items")],
                root="../",
                crumbs=[
                    (words("overview"), "../index.html"),
                    (part.school, f"../schools/{quote(part.school_file)}.html"),
                    (name, f"../classes/{quote(part.class_files[name])}.html"),
                ],
                file=item_file(part, subject),
            )
        )
    return found


def item_file(part: Part, subject: Subject) -> str:
    """The name of the file of a class's items, without its ending."""
    return f"{part.class_files[part.classes[0]]}.{subject.code}"


def _overall(ref: Reference, part: Part, desks: list[_Desk], words: Words) -> list[Section]:
    name = part.classes[0]
    rows: list[Unit] = [(desk.subject.name, desk.unit, desk.how, f"#{quote(desk.subject.code)}") for desk in desks]
    said = [
        verdict_sentence(desk.subject.name, desk.unit, desk.mean, desk.how, words)
        for desk in desks
        if desk.how.verdict in ("above", "below")
    ]
    names = monitoring.names_with_total(ref.exam, words)
    grades = [(names[code], part.of("grades", code, name)) for code in names]
    lines = [(names[code], code, part.of("lines", code, name)) for code in names]
    return [
        Section(words("figures"), [Says(said or [words("class.same")]), unit_table(rows, words("subject"), words,
                words("figures")), lines_note(ref.exam, words)]),
        monitoring.grade_shares(grades, words("subject"), words),
        monitoring.lines(lines, words("subject"), words),
    ]  # fmt: skip


class _Desk:
    """A class in a subject."""

    def __init__(self, ref: Reference, part: Part, subject: Subject, words: Words) -> None:
        self._ref, self._part, self._words = ref, part, words
        self.subject, self.name = subject, part.classes[0]
        self.sheets = Sheets.of(subject, *part.sheets[subject.code])
        whole = ref.units.get(subject.code)
        self.whole, self.mean = whole, whole["mean"] if whole else None
        self.unit = part.units.get((subject.code, self.name))
        self.how = compare(self.unit, self.mean)
        self._called = called(part)
        self.names = [self._called[student] for student in self.sheets.students]

    def sections(self) -> list[Section]:
        """What the class report says of the subject."""
        ref, part, words, code = self._ref, self._part, self._words, self.subject.code
        total = self.sheets.total[self.sheets.counted]
        total = total[~np.isnan(total)]
        school = part.units.get((code, ""))
        figures: list[Unit] = [
            (words("this_class"), self.unit, self.how, ""),
            (words("this_school"), school, compare(school, self.mean), ""),
            (words("all"), self.whole, None, ""),
        ]
        points = part.of("mastery", code, self.name)
        lower = [
            item.item
            for j, item in enumerate(self.subject.items)
            if clearly_lower(self.sheets.points[self.sheets.counted, j], ref.items[code].get(item.item, {}))
        ]
        attention = _attention(ref, part, self.sheets, self.names, words)
        said = [verdict_sentence(self.name, self.unit, self.mean, self.how, words), *findings(lower, points, words)]
        if attention:
            said.append(words("sentence.attention", count=len(attention)))
        drawn = distribution_of(ref, self.subject, total, words("this_class"), words, against=True)
        file = quote(item_file(part, self.subject))
        links = Links(
            [(words("report.items"), f"../items/{file}.html"), (words("report.lecture"), f"../lectures/{file}.html")]
        )
        known = knowledge_table(points, ref.exam, words("all"), words, f"{self.subject.name} {words('knowledge')}")
        radar = knowledge_radar(points, words("this_class"), words)
        return [
            Section(words("figures"), [unit_table(figures, words("scope"), words), Side([Says(said), *drawn]), links]),
            Section(words("knowledge.title"), [*([Side(radar)] if radar else []), *known]),
            Section(words("groups"), *self._groups()),
            Section(words("attention"), [_attention_table(attention, part, words)]),
        ]

    def item_sections(self) -> list[Section]:
        """What 小题分析 says."""
        words, code = self._words, self.subject.code
        items = item_rows(self._ref, self._part, self.sheets, self.names)
        focus = focus_of(items)
        blocks: list[Block] = [focus_block(row, words) for row in focus]
        profile = [item_profile(items, words)] if self.sheets.counted.any() else []
        lower = [row["item"].item for row in items if row["lower"]]
        points = self._part.of("mastery", code, self.name)
        return [
            Section(words("class.items"), [Says(findings(lower, points, words)), *profile]),
            Section(
                words("focus"),
                blocks or [Note(words("focus.none"))],
                words("focus.note", count=FOCUS) if blocks else "",
            ),
            Section(words("items"), [item_table(items, self.subject.name, words)], words("class.items.note")),
            Section(words("sp"), self._student_problem(), words("sp.note")),
        ]

    def _groups(self) -> tuple[list[Block], str]:
        """Teaching groups, and their small print."""
        words = self._words
        groups: dict[int, Context] = {}
        for row in self._part.tables["groups"].to_pylist():
            if row["subject"] == self.subject.code:
                group = groups.setdefault(row["group"], {"label": row["label"], "focus": row["focus"], "names": []})
                group["names"].append(self._called[row["student_id"]])
        if not groups:
            return [Note(words("groups.none"))], ""
        cards = []
        for place in sorted(groups):
            group = groups[place]
            focus = [words("group.focus.on", points=group["focus"])] if group["focus"] else []
            lines = [group["label"], *focus, words.join(group["names"])]
            cards.append((words("group", group=place), words("group.size", count=len(group["names"])), lines))
        return [Cards(cards)], words("groups.note")

    def _student_problem(self) -> list[Block]:
        """The S-P table as a picture, and the pupils whose answers don't fit their score."""
        words, sheets = self._words, self.sheets
        kept = np.flatnonzero([void(item) != "drop" for item in self.subject.items])
        rows = np.flatnonzero(sheets.counted)
        if len(rows) < 3 or len(kept) < 3:
            return []
        points, full = sheets.points[np.ix_(rows, kept)], [float(self.subject.items[j].max) for j in kept]
        table = sp.student_problem_table(
            points,
            pupils=[self.names[i] for i in rows],
            items=[self.subject.items[j].item for j in kept],
            full=full,
            blank=sheets.answers[np.ix_(rows, kept)] == "",
        )
        svg = charts.sp_chart(table.answers, table.s_curve, table.p_curve, words)
        odd = [row for row in table.pupils.to_pylist() if (row["caution"] or 0) >= sp.CAUTION]
        told: list[Block] = []
        if table.disparity is not None:
            told.append(Note(words("sp.disparity", value=number(table.disparity, 2))))
        listed: Block = Note(words("sp.none"))
        if odd:
            columns = [Column(words("pupil"), "keep"), Column(words("sp.right"), "count")]
            columns += [Column(words("sp.caution"), "two"), Column(words("sp.sign"), "keep")]
            most = sorted(odd, key=lambda row: -row["caution"])[:ODD]
            body = [Row([row["pupil"], row["right"], row["caution"], row["sign"]]) for row in most]
            title = words("sp.odd", count=len(odd), shown=len(most))
            listed = Table(columns, body, f"scores.{self.subject.code}", title)
        return [*told, Side([Figure(svg, f"scores.{self.subject.code}"), listed])]


def called(part: Part) -> dict[str, str]:
    """Names by student_id; pupils of the same name carry the end of their number, or all of it where ends are equal."""
    ids, names = part.roster["student_id"].to_pylist(), part.roster["name"].to_pylist()
    often, ends = Counter(names), Counter((name, i[-4:]) for i, name in zip(ids, names, strict=True))
    return {
        i: name if often[name] == 1 else f"{name} {i[-4:] if ends[name, i[-4:]] == 1 else i}"
        for i, name in zip(ids, names, strict=True)
    }


def _attention_table(attention: list[tuple[str, str, list[str]]], part: Part, words: Words) -> Table | Note:
    if not attention:
        return Note(words("attention.none"))
    columns = [Column(words("pupil"), "keep"), Column(words("student_id"), "keep"), Column(words("reason"))]
    body = [
        Row(
            [
                Cell(name, href=f"../pupils/{quote(part.pupil_files[student])}.html"),
                student,
                words("sentence.join").join(why),
            ]
        )
        for student, name, why in attention
    ]
    return Table(columns, body, "scores, mastery, exceptions")


def _attention(
    ref: Reference, part: Part, sheets: Sheets, names: list[str], words: Words
) -> list[tuple[str, str, list[str]]]:
    """Pupils with something to look at: (student_id, name, reasons), in order of student_id."""
    subject, exam = sheets.subject, ref.exam
    items = [item.item for item in subject.items]
    full, whole = np.array([float(item.max) for item in subject.items]), float(full_mark(subject))
    all_rates = [ref.items[subject.code].get(item, {}).get("difficulty") or 0.0 for item in items]
    easy = np.array(all_rates) >= EASY
    weak: dict[str, list[str]] = {}
    for row in part.tables["mastery"].to_pylist():
        if row["subject"] == subject.code and row["weak"]:
            weak.setdefault(row["unit"], []).append(row["knowledge"])
    many = max(2, round(MANY * len(part.of("mastery", subject.code, part.classes[0]))))
    constructed = np.array([item.type == "constructed" for item in subject.items])
    unanswered = sheets.presented & (sheets.answers == "") & ~constructed  # of these, "" means no points yet
    doubts, open_matters = doubtful(part, subject.code), unsettled(part, subject.code)
    found = []
    for i in sorted(range(len(names)), key=lambda i: sheets.students[i]):
        reasons, student = [], sheets.students[i]
        if sheets.status[i] != "read":
            reasons.append(words.code("status", sheets.status[i]))
        elif not np.isnan(sheets.total[i]):
            rate = sheets.total[i] / whole
            if rate < exam.lines.low:
                reasons.append(words("attention.low", line=percent(exam.lines.low)))
            blank = int(unanswered[i].sum())
            if blank >= max(3, len(items) // 10):
                reasons.append(words("attention.blank", count=blank))
            slips = [items[j] for j in np.flatnonzero(easy & (sheets.points[i] < full / 2))]
            if rate >= exam.lines.good and len(slips) >= 2:
                reasons.append(words("attention.easy", items=words.join(slips)))
            if len(weak.get(student, [])) >= many:
                some = words.join(weak[student][:NAMED]) + ("…" if len(weak[student]) > NAMED else "")
                reasons.append(words("attention.weak", count=len(weak[student]), points=some))
        if student in doubts:
            reasons.append(words("attention.doubt", count=doubts[student]))
        reasons += [words.code("reason", reason) for reason in open_matters.get(student, [])]
        if reasons:
            found.append((student, names[i], reasons))
    return found


def _results(ref: Reference, sheets: Sheets) -> dict[str, Context]:
    """Status, total and grade by student_id."""
    full = float(full_mark(sheets.subject))
    return {
        student: {
            "status": str(status),
            "total": float(total),
            "grade": grade(total / full, ref.exam.lines) if not np.isnan(total) else "",
        }
        for student, status, total in zip(sheets.students, sheets.status, sheets.total, strict=True)
    }


def _members(part: Part, desks: list[_Desk], words: Words) -> Table:
    """Points and grade of every pupil, in order of student_id."""
    results = [_results(desk._ref, desk.sheets) for desk in desks]
    scores = any(policy_of(desk._ref.exam).teacher_scores for desk in desks)
    columns = [Column(words("student_id"), "keep"), Column(words("pupil"), "keep")]
    for desk in desks:
        columns += [Column(words("sheet.total"), "points", desk.subject.name)] * scores
        columns.append(Column(words("grade"), "chip", desk.subject.name))
    body = []
    for pupil in sorted(part.roster.to_pylist(), key=lambda row: row["student_id"]):
        student = pupil["student_id"]
        cells: list[object] = [student, Cell(pupil["name"], href=f"../pupils/{quote(part.pupil_files[student])}.html")]
        for found in results:
            row = found.get(student)
            graded = row is not None and row["grade"]
            status = words.code("status", row["status"] if row else "none")
            said = words(f"grade.{row['grade']}") if row and graded else status
            if row and graded and row["status"] != "read":
                said += f" ({status})"
            cells += [row["total"] if row and graded else None] * scores
            cells.append(Cell(said, look="" if graded else "warn"))
        body.append(Row(cells))
    return Table(columns, body, "scores", annex=words("members"))
