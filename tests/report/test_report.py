"""The HTML reports: complete, offline, safe, discreet, and true to the tables."""

from __future__ import annotations

import base64
import io
import re
import shutil
import string
import time
from concurrent.futures import ProcessPoolExecutor
from html.parser import HTMLParser
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pytest
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st
from made_exam import FORMULA, HOSTILE_ID, SCRIPT, SIZE, make_exam

import report
from engine import tables
from engine.errors import InputError, UsageError
from engine.exam import Exam, Lines
from engine.identity import Reason as MatchReason
from omr.fonts import cjk_font
from report import words as word_list
from report.build import KINDS
from report.class_page import class_document, item_documents
from report.exam_pages import exam_document
from report.figures import answers_given, histogram
from report.names import file_names, natural
from report.policy import grade
from report.pupil_page import pupil_pages
from report.render import asset, document_page, number, percent, points, signed
from report.source import Part, Sheets, Source
from report.words import TEXTS, Words

ROOT = Path(report.__file__).parent


class _Text(HTMLParser):
    """The words and the links of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.tags: set[str] = set()
        self._quiet = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._quiet += tag in ("style", "svg")
        found = dict(attrs)
        self.ids.add(found.get("id") or "")
        self.links += [found[name] or "" for name in ("href", "src", "xlink:href") if name in found]

    def handle_endtag(self, tag: str) -> None:
        self._quiet -= tag in ("style", "svg")

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def _pages(out: Path, folder: str = "") -> dict[str, str]:
    return {
        path.relative_to(out).as_posix(): path.read_text("utf-8") for path in sorted((out / folder).rglob("*.html"))
    }


def _bytes(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def _class_part(exam: Exam, index: int = 2) -> tuple[Source, Part]:
    source = Source(exam, "zh")
    return source, [part for _, parts in source.parts() for part in parts][index]


def _pupil_texts(exam: Exam, language: str = "zh") -> dict[str, str]:
    """Words of every pupil's page, by student_id."""
    source = Source(exam, language)
    return {
        student: _Text(html).text
        for _, parts in source.parts()
        for part in parts
        for student, html in pupil_pages(source.reference, part, Words(language))
    }


def _class_text(source: Source, part: Part, language: str) -> str:
    """Words of the class's report and of its 小题分析."""
    words = Words(language)
    documents = [class_document(source.reference, part, words), *item_documents(source.reference, part, words)]
    return " ".join(_Text(document_page(one, source.reference.exam, words)).text for one in documents)


def _copy(exam: Exam, folder: Path) -> Exam:
    shutil.copytree(exam.folder, folder)
    return exam.model_copy(update={"folder": folder})


# --- whole -----------------------------------------------------------------------------------------------------------


def test_every_link_leads_to_a_file_and_none_leaves_the_folder(built: Path) -> None:
    for name, html in _pages(built).items():
        page, here = _Text(html), (built / name).resolve()
        for link in set(page.links):
            path, _, anchor = link.partition("#")
            assert not re.match(r"[a-z]+:|//", path), (name, link)
            target = (here.parent / unquote(path)).resolve() if path else here
            assert target.is_relative_to(built.resolve()) and target.is_file(), (name, link)
            assert path or unquote(anchor) in page.ids, (name, link)


def test_nothing_is_fetched_from_elsewhere(built: Path) -> None:
    for name, html in _pages(built).items():
        plain = re.sub(r'xmlns(:\w+)?="http://www.w3.org/[^"]*"', "", html)
        plain = plain.replace(f"<script>{asset('page.js')}</script>", "")  # ours, and nothing but ours
        assert not re.search(r"https?://|@import|<script|<iframe|<img|javascript:", plain), name
        assert "url(" not in html.replace("url(#", ""), name


def test_a_pupil_page_says_nothing_of_where_other_pages_are(built: Path) -> None:
    for html in _pages(built, "pupils").values():
        assert _Text(html).links == ["../assets/font.css"]


def test_names_are_escaped_and_files_stay_inside(exam: Exam, built: Path) -> None:
    everything = _pages(built)
    ours = f"<script>{asset('page.js')}</script>"
    assert all("script" not in _Text(html.replace(ours, "")).tags for html in everything.values())
    assert any("&lt;script&gt;" in html for html in everything.values())
    assert any(SCRIPT in _Text(html).text for html in everything.values())
    assert {path.parent for path in built.rglob("*.html")} <= {built, *(built / kind for kind in KINDS)}
    assert not (built.parent.parent / "etc").exists()
    names = [path.name.casefold() for path in (built / "pupils").iterdir()]
    assert len(set(names)) == exam.roster.num_rows
    assert any(HOSTILE_ID in _Text(html).text for html in _pages(built, "pupils").values())


def test_equal_input_gives_equal_bytes_whatever_the_executor(exam: Exam, built: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        report.build(exam, tmp_path, executor=pool, progress=lambda done, total: told.append((done, total)))
    assert _bytes(tmp_path) == _bytes(built)
    pieces = 2 + 2 + 2 + 2 + 6  # exam and exceptions, counties, papers, research, schools and classes
    assert told == [(done, pieces) for done in range(1, pieces + 1)]


def test_pages_of_former_pupils_go(exam: Exam, built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "out")
    (tmp_path / "out" / "pupils" / "left.html").write_text("old")
    (tmp_path / "out" / "mine.html").write_text("mine")
    report.build(exam, tmp_path / "out")
    assert not (tmp_path / "out" / "pupils" / "left.html").exists()
    assert (tmp_path / "out" / "mine.html").exists()


def test_the_font_covers_every_character_used(built: Path) -> None:
    css = (built / "assets" / "font.css").read_text()
    data = re.search(r"base64,([^)]*)\)", css)
    assert data
    has = set(TTFont(io.BytesIO(base64.b64decode(data[1]))).getBestCmap())
    used = {ord(c) for html in _pages(built).values() for c in html if c > " "}
    assert used - has == used - set(TTFont(cjk_font()).getBestCmap())
    assert ord("玉") in has and len(has) < 2000
    assert "Yuejuan Fallback" in css and "Yuejuan Fallback" in (built / "index.html").read_text("utf-8")


def test_tables_not_made_yet_leave_gaps_not_errors(exam: Exam, tmp_path: Path) -> None:
    bare = _copy(exam, tmp_path / "exam")
    (bare.folder / "bank.csv").unlink()
    for path in bare.tables.iterdir():
        if not path.name.startswith(("responses", "scores")):
            path.unlink()
    report.build(bare, tmp_path / "out", language="en")
    text = _Text((tmp_path / "out" / "index.html").read_text("utf-8")).text
    assert Words("en")("exceptions.none") in text
    (bare.tables / "scores.math.arrow").unlink()
    with pytest.raises(InputError, match=r"scores\.math\.arrow"):
        report.build(bare, tmp_path / "out")


def test_an_empty_subject_still_has_its_pages(exam: Exam, tmp_path: Path) -> None:
    """Everybody absent: no score, no picture, no division by zero."""
    bare = _copy(exam, tmp_path / "exam")
    path = bare.tables / "scores.math.arrow"
    scores = tables.read(path)
    status = pa.array(["absent"] * scores.num_rows).cast(tables.LABEL)
    gone = {name: pa.nulls(scores.num_rows, scores.schema.field(name).type) for name in scores.column_names[2:]}
    columns = {"student_id": scores["student_id"], "status": status, **gone}
    tables.write(pa.table(columns).replace_schema_metadata(scores.schema.metadata), path)
    for name in ("units", "items", "options", "mastery", "reliability"):
        (bare.tables / f"{name}.arrow").unlink()
    report.build(bare, tmp_path / "out")
    page = next((tmp_path / "out" / "pupils").iterdir()).read_text("utf-8")
    assert Words("zh")("pupil.absent") in page


def test_unknown_language_is_refused(exam: Exam, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fr"):
        report.build(exam, tmp_path, language="fr")
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_a_whole_exam_takes_seconds(tmp_path: Path) -> None:
    """240 pupils, two subjects: processor time, so that a busy machine does not fail the test."""
    exam = make_exam(tmp_path / "exam")
    start = time.process_time()
    assert report.build(exam, tmp_path / "out")["pupils"] == 240
    assert time.process_time() - start < 12


# --- what a pupil may see --------------------------------------------------------------------------------------------

RANK = re.compile(
    r"排名|名次|位次|第\s*\d+\s*名|超过.{0,6}同学|百分位|\brank|percentile|class mean|平均", re.IGNORECASE
)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_compulsory_pages_hold_a_grade_and_no_points(exam: Exam, language: str) -> None:
    words = Words(language)
    grades = {words(f"grade.{name}") for name in ("excellent", "good", "passing", "improve")}
    for student, text in _pupil_texts(exam, language).items():
        assert not RANK.search(text), student
        assert not re.search(r"\d\s*分(?!之)|满分|\d+(\.\d+)?\s*/\s*\d|\bof \d|\bscore\b|±", text), student
        graded = sum(text.count(grade) for grade in grades)
        assert graded or any(words(f"pupil.{status}") in text for status in ("absent", "missing", "violation"))


def test_a_constructed_answer_shows_no_points_in_compulsory_stages(exam: Exam) -> None:
    source, part = _class_part(exam)
    subject = exam.subjects[0]
    sheets = Sheets.of(subject, *part.sheets["math"])
    constructed = [item.item for item in subject.items if item.type == "constructed"]
    for student, html in pupil_pages(source.reference, part, Words("zh")):
        i = sheets.students.index(student)
        if sheets.status[i] != "read":
            continue
        cells = re.findall(r'<div class="cell (\w+)"><div class="no"><span>(\d+)</span><span>([^<]*)</span></div>'
                           r'<div class="own">([^<]*)</div>', html)[: len(subject.items)]  # fmt: skip
        assert len(cells) == len(subject.items)
        assert all(told == "" for _, _, told, _ in cells)
        assert all(re.fullmatch(r"\S", own.strip()) for _, item, _, own in cells if item in constructed)


def test_senior_pages_hold_the_own_score_and_still_no_rank(exam: Exam) -> None:
    senior = exam.model_copy(update={"stage": "senior"})
    scores = {row["student_id"]: row for row in tables.read(exam.tables / "scores.math.arrow").to_pylist()}
    texts = _pupil_texts(senior)
    shown = 0
    for student, text in texts.items():
        assert not RANK.search(text), student
        if scores[student]["status"] == "read":
            assert f"{points(scores[student]['total'] / 2)} 分 满分 140" in text
            shown += 1
    assert shown > 20


def test_pupil_pages_do_not_depend_on_the_reference_group(exam: Exam, tmp_path: Path) -> None:
    """Whatever others scored on a knowledge point, whatever the table's own reasons say: not a word changes."""
    other = _copy(exam, tmp_path / "exam")
    mastery = tables.read(other.tables / "mastery.arrow")
    for name, value in (("reference", 0.123), ("gap", -0.877)):
        place = mastery.column_names.index(name)
        mastery = mastery.set_column(place, mastery.schema.field(name), pa.array([value] * mastery.num_rows))
    tables.write(mastery, other.tables / "mastery.arrow")
    advice = tables.read(other.tables / "recommendations.arrow")
    place = advice.column_names.index("reason")
    advice = advice.set_column(place, advice.schema.field("reason"), pa.array(["低于全体 61%"] * advice.num_rows))
    tables.write(advice, other.tables / "recommendations.arrow")
    assert _pupil_texts(other) == _pupil_texts(exam)


def test_no_other_pupil_is_named(exam: Exam) -> None:
    names = dict(zip(*(exam.roster[column].to_pylist() for column in ("student_id", "name")), strict=True))
    for student, text in _pupil_texts(exam).items():
        assert names[student] in text
        others = {name for name in names.values() if name != names[student]}
        assert not any(name in text for name in others)


def test_rare_status_has_its_own_words(exam: Exam) -> None:
    status = tables.read(exam.tables / "scores.math.arrow").select(["student_id", "status"]).to_pylist()
    texts, seen = _pupil_texts(exam), set()
    for row in status:
        if row["status"] != "read":
            assert Words("zh")(f"pupil.{row['status']}") in texts[row["student_id"]]
            seen.add(row["status"])
    assert seen == {"absent", "missing", "violation"}


def test_answers_stand_as_printed_on_the_pupils_form(tmp_path: Path) -> None:
    """Form B prints items 1 and 2 exchanged, and item 2's options as BADC."""
    exam = make_exam(tmp_path / "exam", **SIZE)
    subject = exam.subjects[1]
    order = [(item.item, item.options) for item in subject.items]
    order[0], order[1] = (order[1][0], "BADC"), order[0]
    forms = {"A": tuple((item.item, item.options) for item in subject.items), "B": tuple(order)}
    subject = subject.model_copy(update={"forms": forms})
    exam = exam.model_copy(update={"subjects": (exam.subjects[0], subject)})
    path = exam.tables / "responses.english.arrow"
    responses = tables.read(path)
    place = responses.column_names.index("form")
    form_b = pa.array(["B"] * responses.num_rows).cast(tables.LABEL)
    tables.write(responses.set_column(place, responses.schema.field("form"), form_b), path)
    source, part = _class_part(exam)
    sheets = Sheets.of(subject, *part.sheets["english"])
    i = next(i for i in range(8) if sheets.status[i] == "read" and sheets.answers[i, 1])
    html = dict(pupil_pages(source.reference, part, Words("zh")))[sheets.students[i]]
    english = html[html.rindex('<div class="grid">') :]
    first = re.search(
        r'class="cell (\w+)"><div class="no"><span>1</span>.*?class="own">\S+ (\w*)</div>(.*?)</div>', english
    )
    assert first
    swapped = str.maketrans("ABCD", "BADC")
    assert first[2] == sheets.answers[i, 1].translate(swapped)
    if first[1] != "right":
        assert f"答案 {subject.items[1].key.translate(swapped)}" in first[3]
    assert Words("zh")("answers.form", form="B") in html


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_class_page_tells_what_the_tables_hold(exam: Exam) -> None:
    source, part = _class_part(exam)
    text = _class_text(source, part, "zh")
    for row in tables.read(exam.tables / "units.arrow").to_pylist():
        if (row["level"], row["unit"]) == ("class", f"{part.school}/{part.classes[0]}"):
            assert f"{row['registered']} {row['n']} {row['mean']:.1f} {percent(row['rate'], row['n'])}" in text
    for row in tables.read(exam.tables / "groups.arrow").to_pylist():
        if (row["school"], row["class"]) == (part.school, part.classes[0]):
            assert row["label"] in text
    assert "张伟 aB01" in text and "张伟 0104" in text  # of the same name, told apart


def test_exam_page_tells_what_the_tables_hold(exam: Exam, built: Path) -> None:
    text = _Text((built / "index.html").read_text("utf-8")).text
    for row in tables.read(exam.tables / "reliability.arrow").to_pylist():
        assert f"{row['alpha']:.2f} {row['sem']:.1f} {row['d27']:.2f}" in text
    assert text.count(Words("zh")("account.balanced")) == 4
    exceptions = tables.read(exam.tables / "exceptions.arrow")
    listed = _Text((built / "exceptions.html").read_text("utf-8")).text
    assert all(name in listed for name in exceptions["file"].to_pylist() if name)


def test_paper_page_tells_what_the_tables_hold(exam: Exam, built: Path) -> None:
    for row in tables.read(exam.tables / "items.arrow").to_pylist():
        text = _Text((built / "papers" / f"{row['subject']}.html").read_text("utf-8")).text
        told = f"{percent(row['blank'] / row['n'])} {percent(row['difficulty'])} {percent(row['expected'])}"
        assert f"{told} {number(row['r_rest'], 2)}" in text


def test_an_account_that_is_off_says_so(exam: Exam, tmp_path: Path) -> None:
    other = _copy(exam, tmp_path / "exam")
    rows = tables.read(other.tables / "accounts.arrow").to_pylist()
    rows[0]["count"] += 3
    tables.write(pa.Table.from_pylist(rows, schema=tables.SCHEMAS["accounts"]), other.tables / "accounts.arrow")
    text = _Text(document_page(exam_document(Source(other, "zh"), Words("zh")), other, Words("zh"))).text
    assert Words("zh")("account.off", count=3) in text
    assert text.count(Words("zh")("account.balanced")) == 3


def test_who_gave_which_answer(exam: Exam) -> None:
    _, part = _class_part(exam)
    subject = exam.subjects[0]
    sheets = Sheets.of(subject, *part.sheets["math"])
    responses = {row["student_id"]: row for row in part.sheets["math"][0].to_pylist()}
    for j, item in enumerate(subject.items):
        given = answers_given(sheets, j, sheets.students)
        read = [s for s, status in zip(sheets.students, sheets.status, strict=True) if status == "read"]
        assert sorted(name for g in given for name in g.names) == sorted(read)
        assert sum(g.share for g in given) == pytest.approx(1)
        for g in given:
            assert g.count == len(g.names)
            if item.type == "single":
                assert all(responses[name][item.item] == g.answer for name in g.names)
                assert g.right == (g.answer == item.key)


def test_many_answers_are_cut_to_the_frequent_ones(exam: Exam) -> None:
    _, part = _class_part(exam)
    sheets = Sheets.of(exam.subjects[0], *part.sheets["math"])
    every = answers_given(sheets, 0, sheets.students, most=99)
    few = answers_given(sheets, 0, sheets.students, most=2)
    if len(every) > 2:
        assert few[-1].answer == "other" and not few[-1].right
    assert sum(g.count for g in few) == sum(g.count for g in every)
    assert few[0].count == max(g.count for g in every)


def test_item_rates_of_schools_are_those_of_their_pupils(exam: Exam) -> None:
    for school, parts in Source(exam, "zh").parts():
        for subject in exam.subjects:
            sheets = Sheets.of(subject, *school.sheets[subject.code])
            full = np.array([float(item.max) for item in subject.items])
            expected = sheets.points[sheets.status == "read"].mean(0) / full
            assert np.allclose(school.school_rates[subject.code], expected)
            assert all(np.allclose(part.school_rates[subject.code], expected) for part in parts)


def test_every_pupil_is_in_one_class_part(exam: Exam) -> None:
    students = [
        s for _, parts in Source(exam, "zh").parts() for part in parts for s in part.roster["student_id"].to_pylist()
    ]
    assert sorted(students) == sorted(exam.roster["student_id"].to_pylist())


def test_order_of_rows_does_not_matter_to_the_cut(exam: Exam, tmp_path: Path) -> None:
    """Scores in another order than responses and roster: the same answers with the same pupils."""
    other = _copy(exam, tmp_path / "exam")
    path = other.tables / "scores.math.arrow"
    scores = tables.read(path)
    tables.write(scores.take(pa.array(np.arange(scores.num_rows)[::-1])), path)
    for index in range(4):
        a, b = (Sheets.of(exam.subjects[0], *_class_part(e, index)[1].sheets["math"]) for e in (exam, other))
        assert a.students == b.students[::-1]
        assert np.array_equal(a.answers, b.answers[::-1])
        assert np.array_equal(a.points, b.points[::-1], equal_nan=True)


@given(
    full=st.sampled_from([1, 7.5, 30, 40, 100, 120, 150, 750]),
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=50),
    step=st.sampled_from([0.5, 1.0]),
)
def test_histogram_holds_everybody(full: float, shares: list[float], step: float) -> None:
    values = np.round(np.array(shares) * full / step) * step
    heights, edges = histogram(np.minimum(values, full), full, step)
    assert heights.sum() == pytest.approx(1)
    assert edges[0] == 0 and edges[-1] >= full and 1 <= len(heights) <= 40


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (1, "excellent"),
        (0.85, "excellent"),
        (0.8499, "good"),
        (0.75, "good"),
        (0.6, "passing"),
        (0.59, "improve"),
        (0, "improve"),
    ],
)
def test_grades_belong_to_the_higher_side(rate: float, expected: str) -> None:
    assert grade(rate, Lines()) == expected


def test_a_line_met_exactly_counts_also_in_binary() -> None:
    assert grade(0.1 + 0.2 + 0.3, Lines(passing=0.6)) == grade(0.3 * 2, Lines(passing=0.6)) == "passing"


def test_numbers_for_people() -> None:
    assert (signed(0.04), signed(-0.04), signed(1.26), signed(-3.0)) == ("0.0", "0.0", "+1.3", "−3.0")
    assert (percent(0.625), percent(0.625, 240), percent(None), percent(float("nan"))) == ("62%", "62.5%", "–", "–")
    assert (points(3.0), points(3.5), points(None)) == ("3", "3.5", "–")


# --- names and words -------------------------------------------------------------------------------------------------


@given(st.sets(st.text(min_size=1), max_size=30))
def test_file_names_are_safe_and_unique(names: set[str]) -> None:
    files = file_names(names)
    assert set(files) == names
    assert len({name.casefold() for name in files.values()}) == len(names)
    for file in files.values():
        assert re.fullmatch(r"[\w-]+", file) and len(file.encode()) <= 120
        assert not re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", file)
    assert file_names(sorted(names)) == files


def test_file_names_keep_what_is_harmless() -> None:
    assert file_names(["玉溪一中", "G530402201001010011", "a-b"]) == {
        "玉溪一中": "玉溪一中",
        "G530402201001010011": "G530402201001010011",
        "a-b": "a-b",
    }


def test_classes_come_in_the_order_people_count() -> None:
    assert sorted(["10班", "2班", "1班"], key=natural) == ["1班", "2班", "10班"]


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_have_every_text_with_the_same_placeholders() -> None:
    for key, texts in TEXTS.items():
        assert len(texts) == len(word_list.LANGUAGES), key
        assert all(texts), key
        assert _fields(texts[0]) == _fields(texts[1]), key
        plain = re.sub(r"\{\w+\}", "", texts[0])
        assert re.search(r"[\u4e00-\u9fff]", plain) or not re.search(r"[A-Za-z]{3}", plain) or key == "lang", key
        assert not re.search(r"[\u4e00-\u9fff]", texts[1]), key


def test_every_text_is_used_and_every_used_text_exists() -> None:
    files = [path for path in ROOT.rglob("*") if path.suffix in (".py", ".html") and "words" not in path.name]
    code = "\n".join(path.read_text("utf-8") for path in files)
    asked = set(re.findall(r"""(?:\bt|words|_words)\(\s*["']([\w. ]+)["'](?!\s*~)""", code))
    assert asked <= set(TEXTS)
    quoted = set(re.findall(r"""["']([\w. ]+)["']""", code))
    kinds = set(re.findall(r"""(?:code\(|t\(|words\(f?)["'](\w+)(?:\.\{|\.?["'])""", code)) | {
        "mend",
        "why",
        "sentence",
    }
    made = set(re.findall(r"""f["']([\w.]+\.)\{""", code)) | set(re.findall(r"""["']([\w.]+\.)["'] ~""", code))
    unused = {
        key
        for key in TEXTS
        if key not in quoted | {"list.join"} and key.partition(".")[0] not in kinds and not key.startswith(tuple(made))
    }
    assert not unused


def test_every_reason_is_told_with_what_to_do() -> None:
    for reason in MatchReason:
        assert {f"reason.{reason}", f"mend.{reason}"} <= set(TEXTS), reason


def test_english_pages_hold_no_chinese_of_ours(exam: Exam) -> None:
    """With English data there would be no Chinese left: what remains stands in the tables."""
    source, part = _class_part(exam)
    data = " ".join(
        [
            exam.title,
            *exam.roster["name"].to_pylist(),
            *exam.roster["school"].to_pylist(),
            *exam.roster["class"].to_pylist(),
        ]
        + [subject.name for subject in exam.subjects]
        + [name for subject in exam.subjects for item in subject.items for name, _ in item.knowledge]
        + [row[key] for row in part.tables["groups"].to_pylist() for key in ("label", "focus")]
        + [row["detail"] for row in part.tables["exceptions"].to_pylist()]
    )
    text = _class_text(source, part, "en")
    assert {c for c in text if "\u4e00" <= c <= "\u9fff"} <= set(data)
    assert FORMULA in text
