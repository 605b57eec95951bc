"""The page of a class, for its teachers."""

from __future__ import annotations

from collections import Counter

import numpy as np

from engine.compare import clearly_lower, compare
from engine.exam import Subject
from engine.scoring import full_mark
from report import charts
from report.blocks import (
    Context,
    distribution_of,
    doubtful,
    exceptions_of,
    findings,
    subject_names,
    unsettled,
    verdict_sentence,
)
from report.figures import Given, answers_given
from report.policy import grade
from report.render import page, percent
from report.source import Part, Reference, Row, Sheets
from report.troubles import told
from report.words import Words

FOCUS = 8  # items to go through in class, at most
NAMED = 3  # weak points named of a pupil, at most
MANY = 1 / 3  # share of the knowledge points: a pupil weak in so many needs a look
EASY = 0.85  # an item is easy if all pupils together gain this rate


def class_page(ref: Reference, part: Part, words: Words) -> str:
    """The class's page: what to go through, with whom, and who needs a look."""
    subjects = [_subject(ref, part, subject, words) for subject in ref.exam.subjects]
    return page(
        "class.html",
        words,
        exam=ref.exam,
        root="../",
        part=part,
        names=subject_names(ref),
        name=part.classes[0],
        exceptions=told(exceptions_of(part), words),
        focus_most=FOCUS,
        subjects=subjects,
        members=_members(part, subjects),
    )


def _subject(ref: Reference, part: Part, subject: Subject, words: Words) -> Context:
    code, name = subject.code, part.classes[0]
    sheets = Sheets.of(subject, *part.sheets[code])
    whole, school, unit = ref.units.get(code), part.units.get((code, "")), part.units.get((code, name))
    mean = whole["mean"] if whole else None
    total = sheets.total[sheets.counted]
    total = total[~np.isnan(total)]
    roster = called(part)
    names = [roster[student] for student in sheets.students]
    items = _items(ref, part, sheets, names)
    how = compare(unit, mean)
    attention = _attention(ref, part, sheets, names, words)
    sentences = [
        verdict_sentence(name, unit, mean, how, words),
        *findings([row["item"].item for row in items if row["lower"]], part.mastery[code, name], words),
    ]
    if attention:
        sentences.append(words("sentence.attention", count=len(attention)))
    return {
        "subject": subject,
        "sentences": sentences,
        "figures": [
            (words("this_class"), unit, how),
            (words("this_school"), school, compare(school, mean)),
            (words("all"), whole, None),
        ],
        "distribution": distribution_of(ref, subject, total, words("this_class"), words, against=True),
        "profile": _profile(items, words) if len(total) else "",
        "items": items,
        "focus": _focus(items),
        "knowledge": part.mastery[code, name],
        "groups": _groups(part, code, roster),
        "attention": attention,
        "results": _results(ref, sheets),
    }


def called(part: Part) -> dict[str, str]:
    """Names by student_id; pupils of the same name carry the end of their number, or all of it where ends are equal."""
    ids, names = part.roster["student_id"].to_pylist(), part.roster["name"].to_pylist()
    often, ends = Counter(names), Counter((name, i[-4:]) for i, name in zip(ids, names, strict=True))
    return {
        i: name if often[name] == 1 else f"{name} {i[-4:] if ends[name, i[-4:]] == 1 else i}"
        for i, name in zip(ids, names, strict=True)
    }


def _items(ref: Reference, part: Part, sheets: Sheets, names: list[str]) -> list[Context]:
    code, counted, rates = sheets.subject.code, sheets.counted, sheets.rates()
    rows = []
    for j, item in enumerate(sheets.subject.items):
        whole = ref.items[code].get(item.item, {})
        rows.append(
            {
                "item": item,
                "rate": float(rates[j]),
                "school": float(part.school_rates[code][j]),
                "all": whole.get("difficulty"),
                "lower": clearly_lower(sheets.points[counted, j], whole),
                "given": answers_given(sheets, j, names),
            }
        )
    return rows


def _focus(items: list[Context]) -> list[Context]:
    """What to go through: items clearly below all by their gap, then those under 60 % by their rate."""
    lower = sorted((row for row in items if row["lower"]), key=lambda row: row["rate"] - row["all"])
    hard = sorted((row for row in items if not row["lower"] and row["rate"] < 0.6), key=lambda row: row["rate"])
    return [row | {"wrong": _wrong(row["given"])} for row in (lower + hard)[:FOCUS]]


def _wrong(given: list[Given]) -> list[Given]:
    """The answers without full mark, the most frequent first; of a constructed item those without any points."""
    return sorted((g for g in given if not g.right and g.answer != "partial"), key=lambda g: -g.count)


def _profile(items: list[Context], words: Words) -> str:
    return charts.item_profile(
        [row["item"].item for row in items],
        np.array([row["rate"] for row in items]),
        np.array([np.nan if row["all"] is None else row["all"] for row in items]),
        np.array([row["lower"] for row in items]),
        label=words("this_class"),
        reference_label=words("all"),
        words=words,
    )


def _groups(part: Part, code: str, names: dict[str, str]) -> list[Context]:
    groups: dict[int, Context] = {}
    for row in part.tables["groups"].to_pylist():
        if row["subject"] == code:
            group = groups.setdefault(row["group"], {"label": row["label"], "focus": row["focus"], "names": []})
            group["names"].append(names[row["student_id"]])
    return [{"group": number} | groups[number] for number in sorted(groups)]


def _attention(
    ref: Reference, part: Part, sheets: Sheets, names: list[str], words: Words
) -> list[tuple[str, str, list[str]]]:
    """Pupils with something to look at: (student_id, name, reasons), in order of student_id."""
    subject, exam = sheets.subject, ref.exam
    items = [item.item for item in subject.items]
    full = np.array([float(item.max) for item in subject.items])
    all_rates = [ref.items[subject.code].get(item, {}).get("difficulty") or 0.0 for item in items]
    easy = np.array(all_rates) >= EASY
    weak: dict[str, list[str]] = {}
    for row in part.tables["mastery"].to_pylist():
        if row["subject"] == subject.code and row["weak"]:
            weak.setdefault(row["unit"], []).append(row["knowledge"])
    many = max(2, round(MANY * len(part.mastery[subject.code, part.classes[0]])))
    constructed = np.array([item.type == "constructed" for item in subject.items])
    unanswered = sheets.presented & (sheets.answers == "") & ~constructed  # of these, "" means no points yet
    doubts, open_matters = doubtful(part, subject.code), unsettled(part, subject.code)
    found = []
    for i in sorted(range(len(names)), key=lambda i: sheets.students[i]):
        reasons, student = [], sheets.students[i]
        if sheets.status[i] != "read":
            reasons.append(words.code("status", sheets.status[i]))
        elif not np.isnan(sheets.total[i]):
            rate = sheets.total[i] / float(full_mark(subject))
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


def _members(part: Part, subjects: list[Context]) -> list[tuple[Row, list[Context | None]]]:
    pupils = sorted(part.roster.to_pylist(), key=lambda row: row["student_id"])
    return [(row, [subject["results"].get(row["student_id"]) for subject in subjects]) for row in pupils]
