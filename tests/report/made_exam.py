"""A made-up exam folder with every table a report reads, for the tests of the reports.

The answers come from a small response model, and the tables are worked out from them in plain NumPy, so that the
numbers in a report can be checked against one another.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa

from engine import tables
from engine.exam import Exam, Item, PolicyRule, Subject

SURNAMES = "李王张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = [
    "子涵",
    "欣怡",
    "浩然",
    "思远",
    "雨桐",
    "文博",
    "佳琪",
    "俊杰",
    "诗雅",
    "明轩",
    "晓彤",
    "志强",
    "梓萱",
    "宇航",
    "若曦",
]
TOPICS = {
    "math": ["有理数", "整式的运算", "一次函数", "三角形全等", "勾股定理", "数据的分析", "二次根式"],
    "english": ["词汇", "语法填空", "阅读理解", "完形填空", "情景交际"],
}
# For a small exam with names and numbers that try to break out.
SCRIPT = "<script>alert(1)</script>"
FORMULA = "=cmd|' /C calc'!A0"
HOSTILE_ID = "../../../etc/passwd"
HOSTILE = {
    "names": {0: SCRIPT, 1: FORMULA, 2: "张伟", 3: "张伟"},
    "ids": {0: HOSTILE_ID, 1: "Ab01", 2: "aB01"},
    "schools": ("玉溪市第一中学", "../江川:区/中学"),
}
SIZE = {"classes": 2, "pupils": 8}
NAMES = {"math": "数学", "english": "英语"}


def make_exam(
    folder: Path,
    *,
    stage: str = "junior",
    classes: int = 3,
    pupils: int = 40,
    schools: tuple[str, ...] = ("玉溪市第一中学", "江川区前卫镇中学"),
    names: dict[int, str] | None = None,
    ids: dict[int, str] | None = None,
    seed: int = 7,
) -> Exam:
    """An exam of two subjects (60 and 40 items); `names` and `ids` overrule single pupils, by position."""
    rng = np.random.default_rng(seed)
    roster = _roster(schools, classes, pupils, names or {}, ids or {}, rng)
    ability = rng.normal(0, 0.9, roster.num_rows) + np.repeat(rng.normal(0, 0.3, len(schools) * classes), pupils)
    subjects = (_subject(folder, "math", 40, 12, 8), _subject(folder, "english", 40, 0, 0))
    exam = Exam(
        folder=folder,
        id="2025-mid",
        title="2024—2025学年八年级上学期期中质量监测",
        date=datetime.date(2024, 11, 14),
        stage=stage,  # type: ignore[arg-type]
        policy=PolicyRule(teacher_scores=True),
        subjects=subjects,
        roster=roster,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bank.csv").write_text(_bank(), encoding="utf-8-sig")
    parts: dict[str, list[pa.Table]] = {name: [] for name in tables.SCHEMAS}
    for subject in subjects:
        for name, table in _tables(exam, subject, ability, rng).items():
            if name in parts:
                parts[name].append(table)
            else:
                tables.write(table, exam.tables / f"{name}.{subject.code}.arrow")
    for name, pieces in parts.items():
        if pieces:
            tables.write(pa.concat_tables(pieces), exam.tables / f"{name}.arrow")
    return exam


def _roster(schools, classes, pupils, names, ids, rng) -> pa.Table:
    rows = []
    for s, school in enumerate(schools):
        for c in range(classes):
            for p in range(pupils):
                number = f"2024{s + 1:02d}{c + 1:02d}{p + 1:02d}"
                name = str(rng.choice(list(SURNAMES))) + str(rng.choice(GIVEN))
                rows.append((number, name, f"2023级{c + 1}班", school, f"县区{s + 1}"))
    rows = [(ids.get(i, r[0]), names.get(i, r[1]), *r[2:]) for i, r in enumerate(rows)]
    columns = list(zip(*rows, strict=True))
    return pa.table(
        {
            "student_id": columns[0],
            "name": columns[1],
            "class": columns[2],
            "school": columns[3],
            "county": columns[4],
            "candidate_no": columns[0],
        }
    )


def _subject(folder: Path, code: str, single: int, multiple: int, constructed: int) -> Subject:
    topics = TOPICS[code]
    items = []
    for j in range(single + multiple + constructed):
        knowledge = ((topics[j % len(topics)], 1.0),)
        if j % 9 == 4:
            knowledge = ((topics[j % len(topics)], 0.5), (topics[(j + 1) % len(topics)], 0.5))
        if j < single:
            extra = {"type": "single", "max": Decimal(1), "key": "ABCD"[(j * 7) % 4], "options": "ABCD"}
        elif j < single + multiple:
            extra = {"type": "multiple", "max": Decimal(3), "key": ["AB", "ACD", "BD"][j % 3], "options": "ABCD"}
        else:
            extra = {"type": "constructed", "max": Decimal(8)}
        items.append(Item(item=str(j + 1), knowledge=knowledge, expected=0.6 + 0.03 * (j % 7), **extra))
    return Subject(code=code, name=NAMES[code], folder=folder / code, step=Decimal("0.5"), items=tuple(items))


def _bank() -> str:
    lines = ["question,subject,stem,knowledge,difficulty,key,options"]
    for code, topics in TOPICS.items():
        for t, topic in enumerate(topics):
            for k in range(4):
                stem = f"[{topic}] 第{k + 1}题：下列说法正确的是哪一项?若 3x − {t + 2} = {k + 4}，求 x 的值。"
                options = f"A. {k}  B. {k + 1}  C. {k + 2}  D. {k + 3}"
                name, chance = f"{code[0].upper()}{t + 1:02d}{k + 1}", 0.5 + 0.1 * k
                lines.append(f'{name},{code},"{stem}",{topic},{chance:.1f},{"ABCD"[k]},"{options}"')
    return "\r\n".join(lines) + "\r\n"


def _tables(exam: Exam, subject: Subject, ability: np.ndarray, rng: np.random.Generator) -> dict[str, pa.Table]:
    roster, items, step = exam.roster, subject.items, float(subject.step)
    n, full = roster.num_rows, np.array([float(item.max) for item in items])
    status = np.full(n, "read", dtype=object)
    status[rng.choice(np.arange(4, n), 6, replace=False)] = [
        "absent",
        "absent",
        "absent",
        "missing",
        "violation",
        "absent",
    ]
    answers, points = _answers(subject, ability, rng)
    seen = np.isin(status, ["read", "violation"])
    counted = status == "read"
    responses = {
        "student_id": roster["student_id"],
        "status": pa.array(list(status)).cast(tables.LABEL),
        "form": [""] * n,
    }
    responses["form"] = pa.array([""] * n).cast(tables.LABEL)
    scores = {"student_id": roster["student_id"], "status": responses["status"]}
    for j, item in enumerate(items):
        column = [a if s else None for a, s in zip(answers[:, j], seen, strict=True)]
        responses[item.item] = pa.array(column, pa.string()).cast(tables.ANSWER)
        scores[item.item] = pa.array(np.round(points[:, j] / step).astype(np.int32), mask=~seen)
    total = points.sum(1)
    scores["total"] = pa.array(np.round(total / step).astype(np.int32), mask=~seen)
    made = {
        "responses": pa.table(responses),
        "scores": pa.table(scores).replace_schema_metadata({b"step": str(subject.step).encode()}),
        **_statistics(exam, subject, answers[counted], points[counted], full),
    }
    made["units"] = _units(exam, subject, total, counted)
    made["mastery"] = _mastery(exam, subject, points, full, counted)
    made["groups"] = _groups(exam, subject, total, counted)
    made["recommendations"] = _recommendations(exam, subject, made["mastery"])
    made["exceptions"], made["accounts"] = _exceptions(exam, subject, status)
    return made


def _answers(subject: Subject, ability: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    n, items = len(ability), subject.items
    answers, points = np.empty((n, len(items)), dtype=object), np.zeros((n, len(items)))
    for j, item in enumerate(items):
        slope = 0.0 if j == 11 else 1.4
        chance = 1 / (1 + np.exp(-slope * (ability - rng.normal(-0.6, 0.8))))
        right, blank, pull = rng.random(n) < chance, rng.random(n) < 0.015, rng.random(n)
        wrong = [o for o in "ABCD" if o != item.key] if item.type == "single" else ["A", "B", "BC", "ABCD"]
        lure = wrong[j % len(wrong)]
        for i in range(n):
            if blank[i]:
                answers[i, j] = ""
            elif item.type == "constructed":
                points[i, j] = round(chance[i] * 16 + rng.normal(0, 2)) / 2
                points[i, j] = min(max(points[i, j], 0), 8)
                answers[i, j] = f"{points[i, j]:g}"
            elif right[i]:
                answers[i, j], points[i, j] = item.key, float(item.max)
            elif item.type == "multiple" and pull[i] < 0.4:
                answers[i, j], points[i, j] = item.key[:1], 1.5
            else:
                answers[i, j] = lure if pull[i] < 0.75 else str(rng.choice(wrong))
    return answers, points


def _statistics(
    exam: Exam, subject: Subject, answers: np.ndarray, points: np.ndarray, full: np.ndarray
) -> dict[str, pa.Table]:
    items, total = subject.items, points.sum(1)
    n, order = len(total), np.argsort(total, kind="stable")
    k = round(n * 0.27)
    low, mid, high = order[:k], order[k:-k], order[-k:]
    rate = points.mean(0) / full
    d27 = (points[high].mean(0) - points[low].mean(0)) / full
    r_total = [np.corrcoef(points[:, j], total)[0, 1] for j in range(len(items))]
    r_rest = [np.corrcoef(points[:, j], total - points[:, j])[0, 1] for j in range(len(items))]
    alpha = _alpha(points)
    without = [_alpha(np.delete(points, j, axis=1)) for j in range(len(items))]
    made = {
        "items": tables.build(
            "items",
            {
                "subject": [subject.code] * len(items),
                "item": [i.item for i in items],
                "type": [i.type for i in items],
                "max": full,
                "key": [i.key for i in items],
                "knowledge": ["、".join(name for name, _ in i.knowledge) for i in items],
                "n": [n] * len(items),
                "blank": (answers == "").sum(0),
                "mean": points.mean(0),
                "sd": points.std(0),
                "difficulty": rate,
                "r_total": r_total,
                "r_rest": r_rest,
                "d27": d27,
                "alpha_if_deleted": without,
                "expected": [i.expected for i in items],
                "alert": ["negative discrimination" if d < 0.1 else "" for d in d27],
            },
        )
    }
    rows = []
    for j, item in enumerate(items):
        if item.type == "constructed":
            continue
        rest = total - points[:, j]
        for answer in sorted(set(answers[:, j])):
            gave = answers[:, j] == answer
            rows.append(
                {
                    "subject": subject.code,
                    "item": item.item,
                    "answer": answer,
                    "points": points[gave, j][0],
                    "is_key": answer == item.key,
                    "count": int(gave.sum()),
                    "rate": gave.mean(),
                    "rate_low": gave[low].mean(),
                    "rate_mid": gave[mid].mean(),
                    "rate_high": gave[high].mean(),
                    "r_rest": np.corrcoef(gave, rest)[0, 1],
                    "mean_total": total[gave].mean(),
                }
            )
    made["options"] = pa.Table.from_pylist(rows, schema=tables.SCHEMAS["options"])
    made["reliability"] = pa.Table.from_pylist(
        [
            {
                "subject": subject.code,
                "n": n,
                "items": len(items),
                "max": full.sum(),
                "mean": total.mean(),
                "sd": total.std(),
                "median": np.median(total),
                "lowest": total.min(),
                "highest": total.max(),
                "difficulty": total.mean() / full.sum(),
                "d27": float((d27 * full).sum() / full.sum()),
                "alpha": alpha,
                "sem": total.std() * np.sqrt(1 - alpha),
            }
        ],
        schema=tables.SCHEMAS["reliability"],
    )
    return made


def _alpha(points: np.ndarray) -> float:
    k = points.shape[1]
    return k / (k - 1) * (1 - points.var(0).sum() / points.sum(1).var())


def _members(exam: Exam) -> dict[tuple[str, str], np.ndarray]:
    """Rows of the roster by (level, unit)."""
    school, klass = exam.roster["school"].to_pylist(), exam.roster["class"].to_pylist()
    found: dict[tuple[str, str], list[int]] = {}
    for i, (s, c) in enumerate(zip(school, klass, strict=True)):
        for key in (("exam", ""), ("school", s), ("class", f"{s}/{c}")):
            found.setdefault(key, []).append(i)
    return {key: np.array(rows) for key, rows in found.items()}


def _units(exam: Exam, subject: Subject, total: np.ndarray, counted: np.ndarray) -> pa.Table:
    rows, full, lines = [], float(subject.max), exam.lines
    for (level, unit), members in _members(exam).items():
        x = total[members[counted[members]]]
        row = {"subject": subject.code, "level": level, "unit": unit, "registered": len(members), "n": len(x)}
        if len(x):
            row |= {"mean": x.mean(), "sd": x.std(), "rate": x.mean() / full}
            row |= {name: (x >= getattr(lines, name) * full).mean() for name in ("excellent", "good", "passing")}
            row["low"] = (x < lines.low * full).mean()
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=tables.SCHEMAS["units"])


def _mastery(exam: Exam, subject: Subject, points: np.ndarray, full: np.ndarray, counted: np.ndarray) -> pa.Table:
    rows = []
    units = {**_members(exam)}
    units |= {("pupil", str(s)): np.array([i]) for i, s in enumerate(exam.roster["student_id"].to_pylist())}
    for topic in TOPICS[subject.code]:
        weight = np.array([dict(item.knowledge).get(topic, 0.0) for item in subject.items])
        stake, touched = float(weight @ full), int((weight > 0).sum())
        gained = points @ weight
        reference = gained[counted].sum() / (stake * counted.sum())
        for (level, unit), members in units.items():
            members = members[counted[members]]
            if not len(members):
                continue
            rate = gained[members].sum() / (stake * len(members))
            half = 1.645 * np.sqrt(max(rate * (1 - rate), 0.02) / (touched * len(members)))
            upper = min(rate + half, 1.0)
            rows.append(
                {
                    "subject": subject.code,
                    "level": level,
                    "unit": unit,
                    "knowledge": topic,
                    "items": touched,
                    "max": stake,
                    "rate": rate,
                    "lower": max(rate - half, 0.0),
                    "upper": upper,
                    "reference": reference,
                    "gap": rate - reference,
                    "weak": bool(level != "exam" and upper < reference and rate < reference - 0.08),
                    "evidence": "enough" if touched >= 6 else "few items",
                }
            )
    return pa.Table.from_pylist(rows, schema=tables.SCHEMAS["mastery"])


def _groups(exam: Exam, subject: Subject, total: np.ndarray, counted: np.ndarray) -> pa.Table:
    rows, topics = [], TOPICS[subject.code]
    for (level, unit), members in _members(exam).items():
        members = members[counted[members]]
        if level != "class" or not len(members):
            continue
        thirds = np.array_split(members[np.argsort(total[members], kind="stable")], 3)
        for g, third in enumerate(thirds):
            school, _, klass = unit.rpartition("/")
            rows += [
                {
                    "subject": subject.code,
                    "school": school,
                    "class": klass,
                    "student_id": exam.roster["student_id"][int(i)].as_py(),
                    "group": g + 1,
                    "label": ["多个知识点需要补强", f"{topics[1]}、{topics[2]}较弱", "整体较好"][g],
                    "focus": "、".join(topics[g : g + 3 - g]),
                }
                for i in sorted(third)
            ]
    return pa.Table.from_pylist(rows, schema=tables.SCHEMAS["groups"])


def _recommendations(exam: Exam, subject: Subject, mastery: pa.Table) -> pa.Table:
    rows, worst = [], {}
    for row in mastery.to_pylist():
        if row["level"] == "pupil":
            worst.setdefault(row["unit"], []).append(row)
    for pupil, points in worst.items():
        points.sort(key=lambda row: row["rate"])
        for rank, row in enumerate(points[:3], 1):
            t = TOPICS[subject.code].index(row["knowledge"])
            rows.append(
                {
                    "subject": subject.code,
                    "student_id": pupil,
                    "rank": rank,
                    "question": f"{subject.code[0].upper()}{t + 1:02d}{rank}",
                    "knowledge": row["knowledge"],
                    "difficulty": 0.5 + 0.1 * (rank - 1),
                    "chance": 0.52 + 0.08 * rank,
                    "reason": f"{row['knowledge']}：{row['items']} 题得分率 {row['rate']:.0%}",
                }
            )
    return pa.Table.from_pylist(rows, schema=tables.SCHEMAS["recommendations"])


def _exceptions(exam: Exam, subject: Subject, status: np.ndarray) -> tuple[pa.Table, pa.Table]:
    ids, n, blank = exam.roster["student_id"].to_pylist(), len(status), {"subject": subject.code}
    rows = [
        blank
        | {
            "kind": "field",
            "file": f"batch-01/{subject.code}-{i:04d}.jpg",
            "page": 1,
            "field": str(3 + i % 9),
            "student_id": ids[i],
        }
        | {"reason": ["faint", "erased"][i % 2], "detail": "两个选项都有痕迹，请看原图确认"}
        for i in range(3, n, max(n // 7, 1))
    ]
    rows.append(
        blank
        | {
            "kind": "page",
            "file": "batch-02/0007.jpg",
            "page": 1,
            "reason": "not_registered",
            "detail": "四角定位块一个也没有找到",
        }
    )
    rows += [
        blank | {"kind": "pupil", "student_id": ids[i], "reason": "no_sheet", "detail": "没有答题卡，也没有缺考标记"}
        for i in np.flatnonzero(status == "missing")
    ]
    count = {name: int((status == name).sum()) for name in tables.STATUS}
    read = count["read"] + count["violation"]
    lines = [("pages", "in", read + 1), ("pages", "read", read), ("pages", "exception", 1)]
    lines += [("pupils", "registered", n), ("pupils", "read", read)]
    lines += [("pupils", name, count[name]) for name in ("absent", "missing", "violation")]
    accounts = [{"subject": subject.code, "account": a, "line": line, "count": c} for a, line, c in lines]
    return (
        pa.Table.from_pylist(rows, schema=tables.SCHEMAS["exceptions"]),
        pa.Table.from_pylist(accounts, schema=tables.SCHEMAS["accounts"]),
    )
