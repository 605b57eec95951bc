"""One exam after the other: the store of exams, trends, and growth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from engine import tables
from engine.errors import UsageError
from engine.exam import Exam, load_exam
from engine.history import History, Sitting, StoredExam, item_points, linkage, prior_scores, pupil_scores, trend
from engine.history import track as keep_exam
from engine.scale import exam_totals
from stages.state import fresh_scores, keep
from stages.work import Summary


def track(folder: Path, store: Path | None = None) -> Summary:
    """Keep the exam in the store of exams, in the place of what was kept of it before.

    Raises:
        UsageError: no store is named.
    """
    exam = load_exam(folder)
    where = _store(exam, store)
    kept = keep_exam(exam, fresh_scores(exam), where)
    summary = Summary("track", written=[where / f"exam={kept.id}"])
    summary.figures["store"] = {"exams": len(History(where).exams), "subjects kept": len(kept.subjects)}
    return summary


def grow(folder: Path, store: Path | None = None) -> Summary:
    """Trends over the exams of the store, who could be followed, and what schools and classes add.

    Raises:
        UsageError: no store is named.
    """
    from engine.growth import growth_over_years, growth_tables  # SciPy takes a while to load

    exam = load_exam(folder)
    history = History(_store(exam, store))
    scores = fresh_scores(exam)
    now = {one.code: pupil_scores(one, exam.roster) for one in exam_totals(exam, scores).all}
    previous = history.previous(exam)
    before = {code: history.pupils(previous, code) for code in now if previous and previous.paper(code)}
    points = {
        subject.code: item_points(subject, table)
        for subject, table in zip(exam.subjects, scores, strict=True)
        if any(item.question for item in subject.items)
    }
    names = ("growth", "growth_models", "growth_pupils")
    made = {name: [tables.empty(name)] for name in (*names, "growth_years", "trend")}
    for code, pupils in now.items():
        sittings = [*_earlier(history, exam, code), Sitting(exam, pupils, points.get(code))]
        made["trend"].append(trend(code, sittings, confidence=exam.growth.confidence))
        made["growth_years"].append(growth_over_years(code, [one.pupils for one in sittings], exam.growth))
        if code in before:
            found = growth_tables(code, pupils, prior_scores(pupils, before[code]), exam.roster, exam.growth)
            for name in names:
                made[name].append(found[name])
    joined = {name: pa.concat_tables(parts) for name, parts in made.items()}
    joined["linkage"] = linkage(now, before) if before else tables.empty("linkage")
    summary = Summary("grow", written=keep(exam, joined))
    _tell(summary, joined, previous, set(before))
    return summary


def _store(exam: Exam, store: Path | None) -> Path:
    if store is None and not exam.history.store:
        mend = 'say where it is: --store DIR, or [history] store = "…" in exam.toml'
        raise UsageError("no store of exams is named", file=exam.folder / "exam.toml", mend=mend)
    return store or exam.folder / exam.history.store


def _earlier(history: History, exam: Exam, code: str) -> Iterator[Sitting]:
    """A subject in the earlier exams of the store."""
    for earlier in history.before(exam):
        paper = earlier.paper(code)
        if paper:
            anchors = any(item.question for item in paper.items)
            points = history.points(earlier, code) if anchors else None
            yield Sitting(earlier, history.pupils(earlier, code), points)


def _tell(summary: Summary, made: dict[str, pa.Table], previous: StoredExam | None, subjects: set[str]) -> None:
    """Figures and notes of `grow`."""
    if previous is None or not subjects:
        summary.notes.append("growth: no earlier exam of these subjects in the store; see [history] in exam.toml")
        return
    summary.notes.append(f"growth since {previous.id} ({previous.date}), by student_id")
    trends = made["trend"].filter(pc.equal(made["trend"]["level"], "exam"))
    linked = pc.unique(trends["subject"].filter(pc.equal(trends["scale"], "anchor"))).to_pylist()
    others = sorted(subjects - set(linked))
    if linked:
        summary.notes.append(f"trend on one scale, by questions of the bank in common: {', '.join(linked)}")
    if others:
        summary.notes.append(f"trend of places within each exam (z), for want of common questions: {', '.join(others)}")
    changes = made["linkage"]["change"].to_pylist()
    summary.figures["pupils"] = {change: changes.count(change) for change in ("transferred", "new", "left")}
    for code in sorted(subjects):
        units = made["growth"].filter(pc.equal(made["growth"]["subject"], code))
        schools = units.filter(pc.equal(units["level"], "school"))
        verdicts = schools["verdict"].to_pylist()
        n, matched = (pc.sum(schools[name]).as_py() or 0 for name in ("n", "matched"))
        summary.figures[f"{code} growth"] = {
            "pupils": n,
            "matched": matched,
            **{f"schools {verdict}": verdicts.count(verdict) for verdict in dict.fromkeys(sorted(verdicts))},
        }
