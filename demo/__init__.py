"""The made-up exam of `yuejuan demo`: its folder, its scans, and the comparison of what was read with the truth."""

from __future__ import annotations

import csv
import itertools
import random
import shutil
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pyarrow as pa

from demo.bank import questions, use
from engine import tables
from engine.exam import Exam, Item

SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁"
GIVEN = (
    "子涵 雨桐 浩然 欣怡 宇轩 诗涵 梓萱 俊杰 思远 佳琪 明哲 语嫣 天佑 若曦 文博 晓彤 嘉懿 煜城 昊焱 雪松 "
    "立轩 靖琪 博文 梦琪 凌薇 元驹 致远 晨曦 泽洋 婉婷 志强 秀英 建国 丽华 海燕 春生 国栋 红梅 玉兰 学文"
).split()
# A character beyond the everyday set and a minority name: both must survive every stage.
RARE_NAMES = ("李㛃", "阿依古丽·买买提")
SCHOOLS = (("云岭一中", "五华区"), ("滇池中学", "西山区"))
CLASSES = ("高二1班", "高二2班", "高二3班")
PUPILS = 40  # a class
TERM, EXAM_DAY = "2026-09-01", "2026-11-10"

# Knowledge point, chapter, prerequisites, when it is taught: 不等式 in the year before, 导数 after the exam.
MATHS_CURRICULUM = """
集合与逻辑,第一章·集合与常用逻辑用语,,2026-09-01
不等式,第二章·一元二次函数与不等式,,2025-10-13
函数的概念与性质,第三章·函数,集合与逻辑、不等式,2026-09-07
函数单调性,第三章·函数,函数的概念与性质,2026-09-14
指数与对数,第四章·指数函数与对数函数,函数单调性,2026-09-21
三角函数,第五章·三角函数,函数的概念与性质,2026-09-28
平面向量,第六章·平面向量,三角函数,2026-10-09
数列,第七章·数列,函数的概念与性质,2026-10-16
立体几何,第八章·立体几何,平面向量,2026-10-23
解析几何,第九章·直线与圆,平面向量、不等式,2026-10-30
概率与统计,第十章·概率与统计,集合与逻辑,2026-11-04
导数,第十一章·导数,函数单调性、指数与对数,2026-12-07
"""
ENGLISH_CURRICULUM = """
词汇辨析,词汇,,2026-09-01
时态语态,语法,,2026-09-07
非谓语动词,语法,时态语态,2026-09-21
定语从句,语法,时态语态,2026-10-09
名词性从句,语法,定语从句,2026-10-19
倒装句,语法,时态语态,2026-12-07
阅读：细节理解,阅读,词汇辨析,2026-09-14
阅读：推理判断,阅读,阅读：细节理解,2026-10-12
写作,写作,词汇辨析、时态语态,2026-10-26
"""


@dataclass(frozen=True)
class Comparison:
    """What was read and scored against what was made: counts."""

    fields: int
    right: int
    flagged: int
    unread: int  # fields of pages that became exceptions
    silent: int  # wrong and not flagged
    pupils: int
    clean: int  # pupil-subjects without an exception
    wrong_scores: int  # among the clean

    def figures(self) -> dict[str, dict[str, int | float]]:
        """The counts, by topic."""
        return {
            "fields, by the truth": {
                "all": self.fields,
                "right": self.right,
                "flagged": self.flagged,
                "on unread pages": self.unread,
                "silently wrong": self.silent,
            },
            "scores, by the truth": {
                "pupils × subjects": self.pupils,
                "without exception": self.clean,
                "of these wrong": self.wrong_scores,
            },
        }


def write_exam(folder: Path, *, pupils: int = PUPILS, seed: int = 2026) -> None:
    """Write the folder of the made-up exam: two schools of three classes of `pupils`, two subjects, a bank."""
    rng = random.Random(seed)
    (folder / "maths").mkdir(parents=True, exist_ok=True)
    (folder / "english").mkdir(exist_ok=True)
    (folder / "exam.toml").write_text(EXAM_TOML, encoding="utf-8")
    (folder / "maths" / "sheet.toml").write_text(MATHS_SHEET, encoding="utf-8")
    (folder / "english" / "sheet.toml").write_text(ENGLISH_SHEET, encoding="utf-8")
    _write(folder / "roster.csv", _roster(rng, pupils))
    maths, english = _maths_blueprint(rng), _english_blueprint(rng)
    bank = []
    for subject, blueprint, curriculum in (
        ("maths", maths, MATHS_CURRICULUM),
        ("english", english, ENGLISH_CURRICULUM),
    ):
        knowledge = _knowledge(curriculum)
        chapters = {row["knowledge"]: row["parent"] for row in knowledge}
        practice = questions(subject, chapters, random.Random(seed))
        use(practice, blueprint)
        bank += practice
        _write(folder / subject / "blueprint.csv", blueprint)
        _write(folder / subject / "knowledge.csv", knowledge)
    _write(folder / "english" / "forms.csv", _forms(english, rng))
    _write(folder / "bank.csv", bank)


def spoil(folder: Path) -> None:
    """What happens in every marking centre: a sheet is scanned twice, and a file is cut off in transfer."""
    maths, english = folder / "maths" / "scans", folder / "english" / "scans"
    first = min(maths.glob("*-1.jpg")).name.removesuffix("-1.jpg")
    for side in (1, 2):
        shutil.copyfile(maths / f"{first}-{side}.jpg", maths / f"again-{side}.jpg")
    last = max(english.glob("*.jpg"))
    whole = last.read_bytes()
    last.write_bytes(whole[: len(whole) * 2 // 3])


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _roster(rng: random.Random, pupils: int) -> list[dict[str, str]]:
    names = [surname + given for surname, given in itertools.product(SURNAMES, GIVEN)]
    names = [*RARE_NAMES, *rng.sample(names, len(SCHOOLS) * len(CLASSES) * pupils - len(RARE_NAMES))]
    rng.shuffle(names)
    rows: list[dict[str, str]] = []
    for s, (school, county) in enumerate(SCHOOLS, 1):
        for c, name_of_class in enumerate(CLASSES, 1):
            for p in range(1, pupils + 1):
                serial = len(rows)
                in_school = serial % (len(CLASSES) * pupils)
                rows.append(
                    {
                        "student_id": f"L53010{s}2009{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{serial + 1:04d}",
                        "name": names[serial],
                        "class": name_of_class,
                        "school": school,
                        "county": county,
                        "candidate_no": f"2{s:02d}{c}{p:03d}",
                        "room": f"{s:02d}{in_school // 30 + 1:02d}",
                        "seat": f"{in_school % 30 + 1:02d}",
                        "sex": "男女"[serial % 2],
                    }
                )
    return rows


def _maths_blueprint(rng: random.Random) -> list[dict[str, str]]:
    """40 single choice, 12 multiple choice with partial credit, 8 constructed responses: 60 items, 150 points."""
    points = _examined(MATHS_CURRICULUM)
    rows = []
    for number in range(1, 61):
        if number <= 40:
            kind, full, options, section = "single", "1.5", "ABCD", "一、单项选择题"
            key, rule = rng.choice(options), ""
        elif number <= 52:
            kind, full, options, section = "multiple", "3", "ABCD", "二、多项选择题"
            key = "".join(sorted(rng.sample(options, rng.choice((2, 3)))))
            rule = "perkey" if number <= 46 else "flat:1.5"
        else:
            kind, full, options, section = "constructed", "9" if number > 58 else "6", "", "三、解答题"
            key = rule = ""
        first = points[(number - 1) % len(points)]
        second = points[(number + 2) % len(points)]
        rows.append(
            {
                "item": str(number),
                "type": kind,
                "max": full,
                "key": key,
                "rule": rule,
                "options": options,
                "knowledge": f"{first}:0.6;{second}:0.4" if kind == "constructed" else first,
                "ability": rng.choice(("了解", "理解", "掌握", "运用")),
                "section": section,
                "group": "",
                "expected": f"{rng.uniform(0.4, 0.85):.2f}",
            }
        )
    return rows


def _english_blueprint(rng: random.Random) -> list[dict[str, str]]:
    """38 choice items on A and B forms, and one of two compositions, marked on paper before scanning: 40 items."""
    points = [name for name in _examined(ENGLISH_CURRICULUM) if name != "写作"]
    rows = []
    for number in range(1, 41):
        choice = number <= 38
        rows.append(
            {
                "item": str(number),
                "type": "single" if choice else "constructed",
                "max": "2" if choice else "24",
                "key": rng.choice("ABCD") if choice else "",
                "rule": "",
                "options": "ABCD" if choice else "",
                "knowledge": points[(number - 1) % len(points)] if choice else "写作",
                "ability": rng.choice(("理解", "应用")),
                "section": "一、选择题" if choice else "二、书面表达（任选一题）",
                "group": "" if choice else "作文",
                "expected": f"{rng.uniform(0.45, 0.85):.2f}" if choice else "0.65",
            }
        )
    return rows


def _forms(blueprint: list[dict[str, str]], rng: random.Random) -> list[dict[str, str]]:
    """Form A prints the items in order; form B shuffles the choice items in their groups of five, and their options."""
    choice = [row["item"] for row in blueprint if row["options"]]
    shuffled = []
    for start in range(0, len(choice), 5):
        five = choice[start : start + 5]
        shuffled += rng.sample(five, len(five))
    rows = [{"form": "A", "position": item, "item": item, "options": "ABCD"} for item in choice]
    rows += [
        {"form": "B", "position": position, "item": item, "options": "".join(rng.sample("ABCD", 4))}
        for position, item in zip(choice, shuffled, strict=True)
    ]
    return rows


def _examined(curriculum: str) -> list[str]:
    """The points that are taught in the term of the exam, before it."""
    return [row["knowledge"] for row in _knowledge(curriculum) if TERM <= row["taught"] < EXAM_DAY]


def _knowledge(curriculum: str) -> list[dict[str, str]]:
    columns = ("knowledge", "parent", "prerequisites", "taught")
    return [dict(zip(columns, line.split(","), strict=True)) for line in curriculum.split()]


def plain_points(item: Item, answer: str) -> Fraction:
    """Points of one answer under the demo's four rules, written the obvious way: what the engine must agree with."""
    if item.type == "constructed":
        return Fraction(answer or "0")
    if item.type == "single" or item.rule == "":
        return item.max if answer == item.key else Fraction(0)
    if not answer or set(answer) - set(item.key):
        return Fraction(0)
    if set(answer) == set(item.key):
        return item.max
    if item.rule.startswith("flat:"):
        return Fraction(item.rule.removeprefix("flat:"))
    return item.max * len(answer) / len(item.key)


def compare(exam: Exam) -> Comparison:
    """Compare the marks read and the scores with the truth that `stages.simulate` left in the folder `truth`."""
    marks, scores = [], []
    for subject in exam.subjects:
        truth = tables.read(exam.folder / "truth" / f"{subject.code}_marks.arrow")
        marks.append(_compare_marks(exam, subject.code, truth))
        scores.append(_compare_scores(exam, subject.code, truth))
    totals = [sum(column) for column in zip(*marks, strict=True)]
    return Comparison(*totals, *[sum(column) for column in zip(*scores, strict=True)])


def _compare_marks(exam: Exam, code: str, truth: pa.Table) -> tuple[int, int, int, int, int]:
    """Counts of fields, right, flagged, unread, silent."""
    read = {
        (row["file"], row["page"], row["field"]): row
        for row in tables.read(exam.tables / "marks.arrow").to_pylist()
        if row["subject"] == code
    }
    failed = {
        (row["file"], row["page"])
        for row in tables.read(exam.tables / "pages.arrow").to_pylist()
        if row["subject"] == code and row["status"] == "exception"
    }
    right = flagged = unread = silent = 0
    for want in truth.to_pylist():
        got = read.get((want["file"], want["page"], want["field"]))
        if got is None:
            unread += (want["file"], want["page"]) in failed
            silent += (want["file"], want["page"]) not in failed
        elif got["flag"]:
            flagged += 1
        elif got["value"] == want["value"]:
            right += 1
        else:
            silent += 1
    return truth.num_rows, right, flagged, unread, silent


def _compare_scores(exam: Exam, code: str, truth_marks: pa.Table) -> tuple[int, int, int]:
    """Counts of pupils, pupils without an exception, and wrong scores among these."""
    subject = next(subject for subject in exam.subjects if subject.code == code)
    owner = {(row["file"], row["page"]): row["student_id"] for row in truth_marks.to_pylist()}
    doubtful = set()
    for row in tables.read(exam.tables / "exceptions.arrow").to_pylist():
        if row["subject"] == code:
            doubtful |= {row["student_id"], owner.get((row["file"], row["page"]))}
    scored = {row["student_id"]: row for row in tables.read(exam.tables / f"scores.{code}.arrow").to_pylist()}
    wrong = clean = 0
    truth = tables.read(exam.folder / "truth" / f"{code}_responses.arrow").to_pylist()
    for pupil in truth:
        if pupil["student_id"] in doubtful:
            continue
        clean += 1
        got = scored[pupil["student_id"]]
        answered = [item for item in subject.items if pupil[item.item] is not None]
        total = sum((plain_points(item, pupil[item.item]) for item in answered), Fraction(0))
        want = int(total / subject.step) if pupil["status"] == "read" else None
        wrong += got["total"] != want or got["status"] != pupil["status"]
    return len(truth), clean, wrong


EXAM_TOML = f"""\
id = "demo-2026"
title = "2026年秋季学期期中质量监测（演示）"
date = {EXAM_DAY}
stage = "senior"
dif = "sex"

[[subjects]]
code = "maths"
name = "数学"
step = 0.5

[[subjects]]
code = "english"
name = "英语"
step = 0.5

[subjects.choose."作文"]
k = 1
policy = "strict_void"

[[score_lines]]
name = "本科"
score = 150

[[score_lines]]
name = "特控"
score = 190
"""

MATHS_SHEET = """\
paper = "A4"
sides = 2
barcode = "code128"

[heights]  # mm, so that eight boxes fit on two pages
53 = 45
54 = 45
55 = 36
56 = 36
57 = 36
58 = 36
59 = 44
60 = 44
"""

ENGLISH_SHEET = """\
paper = "A4"
sides = 1
barcode = "none"
number_digits = 7
forms = "AB"
strip = true

[heights]
39 = 52
40 = 52
"""
