"""A made-up city exam: 6 counties, 60 schools, 30 000 pupils, 9 subjects of 60 items, from responses to every report.

`python -m benchmarks.city DIR` writes the exam folder with its responses, as if its sheets had been read, and nothing
else; `--score` scores them, so that `yuejuan analyze DIR` and the stages after it can follow; `--term 0` writes the
exam a year before of the same pupils, `--stage junior` one of compulsory education.
`python -m benchmarks city` runs every stage on it and tells seconds and memory.
"""

from __future__ import annotations

import argparse
import csv
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

import stages
from demo import GIVEN, SURNAMES
from engine import tables
from engine.exam import Exam, load_exam
from engine.simulate import respond
from stages.numbers import keep_scores, score_responses
from stages.work import Summary, Work, pool

COUNTIES = ("红塔区", "江川区", "通海县", "华宁县", "易门县", "峨山县")
SCHOOLS = ("第一中学", "第二中学", "第三中学", "实验中学", "民族中学", "城关中学", "育才学校", "北城中学", "龙泉中学",
           "大营中学")  # fmt: skip
CLASSES = (16, 14, 12, 12, 10, 10, 8, 8, 6, 4)  # of the schools of a county
TOWN = 6  # of them, those in town
PUPILS = 50  # a class
SUBJECTS = {
    "chinese": ("语文", "字音字形 词语运用 病句辨析 文言实词 文言翻译 古诗鉴赏 名句默写 论述文 文学类文本 写作"),
    "maths": ("数学", "集合与逻辑 函数性质 指数与对数 三角函数 平面向量 数列 立体几何 解析几何 概率统计 导数"),
    "english": (
        "英语",
        "听力 词汇 时态语态 非谓语动词 定语从句 名词性从句 完形填空 阅读细节 阅读推断 书面表达",
    ),
    "physics": ("物理", "运动学 相互作用 牛顿定律 曲线运动 万有引力 机械能 动量 电场 恒定电流 实验"),
    "chemistry": ("化学", "物质的量 离子反应 氧化还原 金属 非金属 元素周期律 化学键 反应热 有机物 实验"),
    "biology": ("生物", "细胞结构 物质运输 酶与代谢 光合呼吸 细胞分裂 遗传规律 变异进化 内环境 免疫 生态系统"),
    "politics": ("政治", "商品经济 生产分配 市场体系 民主政治 依法治国 国家机构 文化传承 认识论 辩证法 价值观"),
    "history": ("历史", "先秦 秦汉 隋唐 宋元 明清 近代变革 民主革命 现代建设 世界古代 世界近代"),
    "geography": ("地理", "地球运动 大气 水循环 地貌 自然带 人口 城市 农业 工业 区域发展"),
}
SINGLE, MULTIPLE, CONSTRUCTED = 40, 10, 10  # items of a paper


def write_city(folder: Path, *, size: float = 1.0, term: int = 1, stage: str = "senior", seed: int = 2026) -> Exam:
    """Write the exam folder with the tables that reading its sheets would have left: responses, accounts.

    Args:
        size: share of the pupils of every class.
        term: 1, or 0 for the exam a year before of the same pupils.

    Returns:
        The exam, as loaded again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    subjects = "".join(f'\n[[subjects]]\ncode = "{code}"\nname = "{name}"\n' for code, (name, _) in SUBJECTS.items())
    about = EXAM_TOML.format(year=2025 + term, stage=stage)
    (folder / "exam.toml").write_text(about + subjects, encoding="utf-8")
    _write(folder / "roster.csv", _roster(random.Random(seed), max(1, round(PUPILS * size))))
    for code in SUBJECTS:
        (folder / code).mkdir(exist_ok=True)
        _write(folder / code / "blueprint.csv", _blueprint(code, random.Random(f"{seed} {term} {code}")))
    exam = load_exam(folder)
    ability = _ability(exam.roster, term, seed)
    accounts = []
    for number, subject in enumerate(exam.subjects):
        responses = respond(subject, exam.roster, seed + term, ability[:, number])
        tables.write(responses, exam.tables / f"responses.{subject.code}.arrow")
        accounts += _accounts(subject.code, responses)
    tables.write(pa.Table.from_pylist(accounts, tables.SCHEMAS["accounts"]), exam.tables / "accounts.arrow")
    return exam


def stages_of(work: Work) -> dict[str, Callable[[Path], Summary]]:
    """The stages after reading, by name, in order."""
    return {
        "score": score,
        "analyze": lambda folder: stages.analyze(folder, work),
        "equity": stages.equity,
        "scale": stages.scale,
        "diagnose": lambda folder: stages.diagnose(folder, work),
        "recommend": stages.recommend,
        "lecture": lambda folder: stages.lecture(folder, work),
        "report": lambda folder: stages.report(folder, work),
    }


def score(folder: Path) -> Summary:
    """The stage `score` without the matching of sheets."""
    exam = load_exam(folder)
    responses = {one.code: tables.read(exam.tables / f"responses.{one.code}.arrow") for one in exam.subjects}
    scored = score_responses(exam, responses)
    tables.write(tables.empty("exceptions"), exam.tables / "exceptions.arrow")
    keep_scores(exam, scored)
    return Summary("score")


def run(size: float = 1.0, workers: int = 2) -> dict:
    """Every stage on `size` × 30 000 pupils: seconds, and the most memory that this process has held so far."""
    folder = Path(tempfile.mkdtemp())
    try:
        exam = write_city(folder, size=size)
        rows = []
        with pool(workers) as executor:
            for name, stage in stages_of(Work(executor, workers)).items():
                start = time.perf_counter()
                stage(folder)
                seconds = time.perf_counter() - start
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
                rows.append({"contender": name, "seconds": seconds, "peak, GB": peak})
        items = sum(len(subject.items) for subject in exam.subjects)
        return {"what": f"{exam.roster.num_rows:,} pupils, {len(exam.subjects)} subjects, {items} items", "rows": rows}
    finally:
        shutil.rmtree(folder)


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _classes() -> Iterator[tuple[int, int, int]]:
    """County, school and class, from 0, of every class of the city."""
    for county in range(len(COUNTIES)):
        for school, classes in enumerate(CLASSES):
            for number in range(classes):
                yield county, school, number


def _roster(rng: random.Random, pupils: int) -> list[dict[str, str]]:
    rows = []
    for county, school, number in _classes():
        for p in range(pupils):
            candidate = f"26{county + 1:02d}{school + 1:02d}{number + 1:02d}{p + 1:03d}"
            born = f"20{rng.choice(('09', '10'))}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
            rows.append(
                {
                    "student_id": f"G5304{county + 1:02d}{born}{len(rows) + 1:05d}",
                    "name": rng.choice(SURNAMES) + rng.choice(GIVEN),
                    "class": f"高一{number + 1}班",
                    "school": COUNTIES[county][:-1] + SCHOOLS[school],
                    "county": COUNTIES[county],
                    "candidate_no": candidate,
                    "sex": rng.choice("男女"),
                    "area": "城区" if school < TOWN else "乡镇",
                }
            )
    return rows


def _blueprint(code: str, rng: random.Random) -> list[dict[str, str]]:
    """40 single choice, 10 multiple choice with partial credit, 10 constructed responses: 60 items, 150 points."""
    points = SUBJECTS[code][1].split()
    kinds = ["single"] * SINGLE + ["multiple"] * MULTIPLE + ["constructed"] * CONSTRUCTED
    rows = []
    for number, kind in enumerate(kinds, 1):
        first, second = points[number % len(points)], points[(number + 3) % len(points)]
        key = {"single": rng.choice("ABCD"), "multiple": "".join(sorted(rng.sample("ABCD", rng.choice((2, 3)))))}
        rows.append(
            {
                "item": str(number),
                "type": kind,
                "max": {"single": "1", "multiple": "3", "constructed": "8"}[kind],
                "key": key.get(kind, ""),
                "rule": "flat:1" if kind == "multiple" else "",
                "options": "" if kind == "constructed" else "ABCD",
                "knowledge": f"{first}:0.6;{second}:0.4" if kind == "constructed" else first,
                "ability": rng.choice(("了解", "理解", "掌握", "运用")),
                "section": {"single": "一、单项选择", "multiple": "二、多项选择", "constructed": "三、非选择题"}[kind],
                "expected": f"{rng.uniform(0.4, 0.85):.2f}",
            }
        )
    return rows


def _ability(roster: pa.Table, term: int, seed: int) -> np.ndarray:
    """(pupils, subjects) in logits: county, school, pupil, the pupil's bent for the subject, and this term's form.

    A school's pupils gain or lose together from term to term: what a growth model should find.
    """
    rng = np.random.default_rng(seed)
    county, school = (
        np.unique(roster[name].to_numpy(zero_copy_only=False), return_inverse=True)[1] for name in ("county", "school")
    )
    places = zip(roster["school"].to_pylist(), roster["class"].to_pylist(), strict=True)
    in_class = np.unique([f"{a}/{b}" for a, b in places], return_inverse=True)[1]
    n, subjects = len(county), len(SUBJECTS)
    lasting = rng.normal(0, 0.12, county.max() + 1)[county] + rng.normal(0, 0.25, school.max() + 1)[school]
    lasting = lasting + rng.normal(0, 0.1, in_class.max() + 1)[in_class] + rng.normal(0, 0.8, n)
    gain = rng.normal(0, 0.12, school.max() + 1)[school]
    bent = rng.normal(0, 0.4, (n, subjects))
    form = np.random.default_rng([seed, term]).normal(0, 0.2, (n, subjects))
    return (lasting + term * gain)[:, None] + bent + form


def _accounts(code: str, responses: pa.Table) -> list[dict[str, object]]:
    lines = {row["values"]: row["counts"] for row in responses["status"].cast(pa.string()).value_counts().to_pylist()}
    lines = {"registered": len(responses)} | {line: lines.get(line, 0) for line in ("read", "absent", "missing")}
    return [{"subject": code, "account": "pupils", "line": line, "count": count} for line, count in lines.items()]


EXAM_TOML = """\
id = "city-{year}"
title = "{year}年玉屏市高一年级期末质量监测（演示数据）"
date = {year}-07-02
stage = "{stage}"
dif = "sex"
"""


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.city", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--size", type=float, default=1.0, help="share of the pupils of every class")
    parser.add_argument("--term", type=int, choices=(0, 1), default=1)
    parser.add_argument("--stage", choices=("primary", "junior", "senior"), default="senior")
    parser.add_argument("--score", action="store_true", help="score the responses, too")
    options = parser.parse_args()
    write_city(options.folder, size=options.size, term=options.term, stage=options.stage)
    if options.score:
        score(options.folder)


if __name__ == "__main__":
    main()
