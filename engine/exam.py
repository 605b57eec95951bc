"""The exam folder: exam.toml, blueprints and roster, read once and validated once."""

from __future__ import annotations

import datetime
import difflib
import itertools
import re
import tomllib
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from engine.curriculum import Curriculum, load_curriculum
from engine.errors import InputError, collecting, raise_all
from engine.files import is_safe, read_text

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0)]
TOTAL = "total"  # the code of the composite (总分) in every table


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Item(_Model):
    """A row of the blueprint (双向细目表)."""

    item: str  # 题号, unique within the subject
    type: Literal["single", "multiple", "number", "constructed"]
    max: Fraction  # full mark, a multiple of the subject's step
    key: str = ""  # "B"; "ABD"; "B|C": several accepted keys; "" for constructed responses
    rule: str = ""  # marking rule, see engine/rules.py; "" means the type's usual rule
    options: str = ""  # "ABCD"
    knowledge: tuple[tuple[str, float], ...] = ()  # (knowledge point, weight); weights add up to 1
    ability: str = ""
    section: str = ""
    group: str = ""  # choose-k-of-n group (选做题), "" for items everybody answers
    expected: float | None = None  # expected difficulty (得分率), 0…1
    question: str = ""  # its id in the bank, where it is from there: who has sat it is not given it to practise
    misconceptions: tuple[tuple[str, str], ...] = ()  # (wrong answer, what it shows): ("A", "符号错误")

    def __hash__(self) -> int:  # as a key of caches, looked up for every item: not all of it need be gone through
        return hash((self.item, self.type, self.key, self.rule))


class Choose(_Model):
    """How a choose-k-of-n group is settled (domain.md §2.5)."""

    k: Annotated[int, Field(ge=1)] = 1
    policy: Literal["strict_void", "first_by_position", "highest", "ask"] = "strict_void"


class SubjectKeys(_Model):
    """What exam.toml says of a subject."""

    code: str  # the folder's name
    name: str  # 数学
    step: Annotated[Fraction, Field(gt=0)] = Fraction(1)  # the smallest step of points: 0.5, "1/3"
    choose: dict[str, Choose] = {}  # by Item.group
    floor: Literal["none", "section", "total"] = "none"  # where negative marking stops at 0
    scheme: str = ""  # 等级赋分: a name of engine/scale/schemes, or a .toml file in the exam folder; "": none
    candidate_field: str = "candidate"  # the layout's field with the candidate number
    points_only: bool = False  # nothing is scanned: marks.csv has the points of every item (小题分), or just a total


class Subject(SubjectKeys):
    """A subject (科目) of the exam."""

    folder: Path
    items: tuple[Item, ...]
    forms: dict[str, tuple[tuple[str, str], ...]] = {}  # form → per printed item, in order: (item, options as printed)
    # what is taught when, and what comes before what
    curriculum: Curriculum = Field(default_factory=lambda known: Curriculum.plain(examined(known["items"])))

    @property
    def max(self) -> Fraction:
        """Full mark of the paper; of a choose-k-of-n group only k items count."""
        total = sum((item.max for item in self.items if not item.group), Fraction(0))
        for group, rule in self.choose.items():
            points = sorted((item.max for item in self.items if item.group == group), reverse=True)
            total += sum(points[: rule.k], Fraction(0))
        return total


def examined(items: Iterable[Item]) -> tuple[str, ...]:
    """Names of the knowledge points of a blueprint, in order of first appearance."""
    return tuple(dict.fromkeys(name for item in items for name, _ in item.knowledge))


class Lines(_Model):
    """Cut-offs of the rates, as shares of the full mark, inclusive at the lower end (domain.md §4.1)."""

    excellent: Share = 0.85
    good: Share = Field(default=0.75, validate_default=True)
    passing: Share = Field(default=0.60, validate_default=True)
    low: Share = Field(default=0.40, validate_default=True)  # low: below it
    of: Literal["present", "registered", "enrolled"] = "present"  # denominator of the rates: 实考, 报名, 在籍

    @field_validator("good", "passing", "low")
    @classmethod
    def _not_above_the_line_before(cls, share: float, info: ValidationInfo) -> float:
        above = next(reversed(info.data), None)  # the fields before this one that are valid
        if above is not None and share > info.data[above]:
            raise ValueError(f"{info.field_name} above {above}: lines go low ≤ passing ≤ good ≤ excellent")
        return share


class DiagnosisRule(_Model):
    """When a knowledge point counts as weak (see engine/diagnosis/rates.py)."""

    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.90
    min_gap: Share = 0.08  # below the reference by at least this rate
    min_items: Count = 3
    min_points: Annotated[float, Field(ge=0)] = 4.0
    sure: Annotated[float, Field(gt=0.5, lt=1)] = 0.8  # probability of a pupil's (see engine/diagnosis/profile.py)
    mastered: Annotated[float, Field(gt=0, lt=1)] = 0.6  # rate from which on a point counts as mastered
    false_discoveries: Share = 0.05  # of error patterns and misconceptions (see engine/diagnosis/patterns.py)
    caution: Annotated[float, Field(ge=0)] = 0.5  # of atypical pupils (see engine/diagnosis/atypical.py)
    modified_caution: Share = 0.3
    atypical: Annotated[float, Field(gt=0.5, lt=1)] = 0.99  # confidence that the pattern is not chance
    max_groups: Count = 4  # teaching groups a class
    min_group: Count = 4  # pupils a group
    resamples: Annotated[int, Field(ge=0, le=1000)] = 10  # of a class, to see whether its groups are stable


class RecommendRule(_Model):
    """What to practise next (see engine/recommend)."""

    per_pupil: Annotated[int, Field(ge=1, le=50)] = 6
    per_set: Annotated[int, Field(ge=1, le=50)] = 8  # questions for a whole class or teaching group
    target_low: Share = 0.5  # the zone of expected success
    target_high: Share = Field(default=0.85, validate_default=True)
    per_knowledge: Count = 2  # at most so many questions on one knowledge point
    ready: Share = 0.6  # prerequisites with a lower expected rate go before what rests on them
    reviews: Annotated[int, Field(ge=0)] = 1  # at least so many questions of a list on points not in this exam, taught
    review_after: Count = 21  # days ago at least
    max_share: Annotated[float, Field(gt=0, le=1)] = 0.5  # of a class that the same question goes to, at most
    until: datetime.date | None = None  # what is taught by then may be practised; none: the exam's date
    chapters: tuple[str, ...] = ()  # only questions of these chapters; none: of all
    earlier: tuple[str, ...] = ()  # folders of earlier exams, seen from here: what they recommended is not repeated

    @field_validator("target_high")
    @classmethod
    def _above_low(cls, high: float, info: ValidationInfo) -> float:
        if high < info.data.get("target_low", 0):
            raise ValueError("below target_low")
        return high


class LectureRule(_Model):
    """What to go through in class (see engine/lecture)."""

    minutes: Annotated[int, Field(ge=1, le=240)] = 40  # of the lesson
    choice_minutes: Count = 3  # to go through an item whose answer is a choice or a number
    constructed_minutes: Count = 8  # … a constructed response
    variant_minutes: Count = 5  # to practise a variant of what was gone through
    exit_minutes: Annotated[int, Field(ge=0)] = 5  # for the exit ticket at the end; 0: none
    exit_questions: Annotated[int, Field(ge=1, le=5)] = 3
    lost: Share = 0.33  # an item is gone through where this share of the class lost points, and of its points is lost,
    min_gap: Share = 0.05  # or where its rate lies below that of all by this and by more than chance
    false_alarms: Annotated[float, Field(gt=0, lt=1)] = 0.10  # share of chance findings among those told
    gap_weight: Annotated[float, Field(ge=0)] = 10.0  # a clear gap of 0.1 makes an item count 1 + 10 × 0.1 times
    min_pupils: Count = 5  # a class with fewer gets no lesson


class ResearchRule(_Model):
    """Findings for the teaching research of a subject (see engine/research)."""

    min_gap: Share = 0.08  # a school or class is behind where it lies below the reference by this and more than chance
    false_alarms: Annotated[float, Field(gt=0, lt=1)] = 0.05  # share of chance findings among those told
    min_pupils: Annotated[int, Field(ge=2)] = 10  # units with fewer are not judged
    deviation: Share = 0.10  # an item's rate is off the blueprint's expectation from here on
    max_topics: Count = 8  # training topics suggested


class HistoryRule(_Model):
    """Where earlier exams are kept (see engine/history)."""

    store: str = ""  # folder of the store, seen from the exam's folder; "": none
    previous: str = ""  # id of the exam to compare with; "": the last one before this exam's date


class GrowthRule(_Model):
    """What schools and classes add (see engine/growth)."""

    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    min_pupils: Count = 10  # a unit with fewer matched pupils gets no verdict
    min_matched: Share = 0.80  # nor does one of whose pupils a smaller share is matched
    covariates: tuple[str, ...] = ()  # columns of the roster that the expectation allows for, such as sex
    slope: bool = False  # schools may differ in how much the earlier score counts, too


class EquityRule(_Model):
    """Balance between schools, gaps between groups (see engine/equity)."""

    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    scheme: str = "quality-2017"  # which thresholds: a file of engine/equity/standards, or of the exam folder (.toml)
    groups: tuple[str, ...] = ()  # columns of the roster whose groups are compared; none: that of dif


class Merit(_Model):
    """Weights of the composite of 一分三率 (综合评价分): mean rate, excellent, passing, and not low."""

    rate: Weight = 0
    excellent: Weight = 0
    passing: Weight = 0
    low: Weight = 0


class GradeRule(_Model):
    """Grades of totals (等第), from the best; without cuts and shares those of the lines, 优秀 to 待提高."""

    names: tuple[str, ...] = ()
    cuts: tuple[Share, ...] = ()  # lower ends as shares of the full mark, of all grades but the last
    shares: tuple[Share, ...] = ()  # shares of the exam's pupils, one a grade; they add up to 1

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.cuts and self.shares:
            raise ValueError("give cuts or shares, not both")
        if len(self.names) != (len(self.cuts) + 1 if self.cuts else len(self.shares)):
            raise ValueError("names need one cut fewer than there are names, or as many shares")
        if any(a <= b for a, b in itertools.pairwise(self.cuts)):
            raise ValueError("cuts go down from the best grade's")
        if self.shares and abs(sum(self.shares) - 1) > 1e-9:
            raise ValueError(f"shares add up to {sum(self.shares):g}, not to 1")
        return self


class ScaleRule(_Model):
    """How scores are put in relation (see engine/scale)."""

    percentile: Literal["mid", "below", "at_or_below", "rank"] = "mid"  # 百分等级, see engine.scale.ranks
    t_mean: float = 50  # T 分 = t_mean + t_sd Z
    t_sd: Weight = 10
    band: Annotated[Fraction, Field(gt=0)] = Fraction(10)  # width of 分数段 in points
    pool_top: Annotated[int, Field(ge=0)] = 0  # 一分一段: so many pupils at the top share a row
    uneven: Annotated[float, Field(gt=0)] = 2.0  # 偏科: best and worst subject so many standard deviations apart
    base: Literal["exam", "county", "school"] = "exam"  # population of 等级赋分
    category: str = ""  # column of the roster with kinds of candidates, such as 物理类 and 历史类


class TotalRule(_Model):
    """The composite of all subjects, 总分 (see engine/scale/composite.py)."""

    subjects: tuple[str, ...] = ()  # codes of those that count; none named: all
    absent: Literal["exclude", "zero", "pro_rata"] = "exclude"  # what a subject counts that a pupil was absent from
    least: Share = 0.5  # pro_rata: of the full mark at least so much must have been sat
    scaled: bool = True  # count 赋分 where a subject has a scheme


class ScoreLine(_Model):
    """A line (分数线) that pupils reach or don't, by score or by planned count."""

    name: str  # 本科, 特控, 普高
    subject: str = TOTAL
    score: Annotated[Fraction, Field(ge=0)] | None = None
    count: Count | None = None  # 按人数划线: the score of the pupil in this place
    ties: Literal["include", "exclude"] = "include"  # whether those equal in score to the last one may exceed the count
    category: str = ""  # only for pupils of this kind, see scale.category
    subject_lines: Literal["effective", "same_rank"] = "effective"  # 单科有效分 by coefficient, or 同位次
    within: Annotated[Fraction, Field(ge=0)] = Fraction(10)  # 临界生: so many points around the line
    within_rank: Share | None = None  # or this share of the pupils, in ranks around the line

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.score is None) == (self.count is None):
            raise ValueError("a line has a score or a count")
        return self


class PolicyRule(_Model):
    """Switches of the policy profile that the stage sets (see engine/policy.py)."""

    lines: bool | None = None  # line analysis; not given: only in senior high school
    family_rank: bool = False  # ranks for families; never in the compulsory stages
    teacher_scores: bool = False  # compulsory stages: pupils' scores in reports for their teachers
    min_cell: Count = 5  # figures of fewer pupils are not published


class ExamKeys(_Model):
    """What exam.toml says of the exam itself."""

    id: str
    title: str
    date: datetime.date
    stage: Literal["primary", "junior", "senior"] = "junior"
    lines: Lines = Lines()
    diagnosis: DiagnosisRule = DiagnosisRule()
    recommend: RecommendRule = RecommendRule()
    lecture: LectureRule = LectureRule()
    research: ResearchRule = ResearchRule()
    history: HistoryRule = HistoryRule()
    growth: GrowthRule = GrowthRule()
    equity: EquityRule = EquityRule()
    dif: str = ""  # column of the roster with the groups that items may favour, such as sex
    choices: str = ""  # column of the roster with the subjects that a pupil chose, 选科 (see engine/choices.py)
    merit: Merit | None = None
    grades: GradeRule = GradeRule()
    scale: ScaleRule = ScaleRule()
    total: TotalRule = TotalRule()
    score_lines: tuple[ScoreLine, ...] = ()
    policy: PolicyRule = PolicyRule()


class Exam(ExamKeys):
    """An exam folder, validated."""

    folder: Path
    subjects: tuple[Subject, ...]
    roster: pa.Table  # all text: student_id, name, class, school, county, candidate_no, + any further columns

    @property
    def scanned(self) -> tuple[Subject, ...]:
        """The subjects with answer sheets."""
        return tuple(subject for subject in self.subjects if not subject.points_only)

    @property
    def tables(self) -> Path:
        """Where the stages keep their tables."""
        return self.folder / "out" / "tables"

    @property
    def published(self) -> Path:
        """Where tables are as far as they may leave the house (see engine/policy.py)."""
        return self.folder / "out" / "published"

    @property
    def reports(self) -> Path:
        return self.folder / "out" / "reports"


class _Document(ExamKeys):
    """exam.toml as it is written."""

    subjects: tuple[SubjectKeys, ...]


ADD_SUBJECT = "add [[subjects]] with code = … and name = …"
# Table of exam.toml → the keys it may have.
_KEYS: dict[str, type[BaseModel]] = {
    "": _Document,
    "subjects": SubjectKeys,
    "choose": Choose,
    "lines": Lines,
    "diagnosis": DiagnosisRule,
    "recommend": RecommendRule,
    "lecture": LectureRule,
    "research": ResearchRule,
    "history": HistoryRule,
    "growth": GrowthRule,
    "equity": EquityRule,
    "merit": Merit,
    "grades": GradeRule,
    "scale": ScaleRule,
    "total": TotalRule,
    "score_lines": ScoreLine,
    "policy": PolicyRule,
}


def load_exam(folder: Path) -> Exam:
    """Read and validate an exam folder: exam.toml, the roster, and every subject's blueprint and forms.

    Raises:
        InputError: with all that is wrong in the files, by file, row and column.
    """
    # Imported here because these modules are written in terms of the models above.
    from engine.blueprint import load_items
    from engine.forms import load_forms
    from engine.roster import load_roster

    document = _read_document(folder / "exam.toml")
    errors: list[InputError] = []
    roster, subjects = None, []
    with collecting(errors):
        roster = load_roster(folder)
    for keys in document.subjects:
        with collecting(errors):
            items = load_items(folder / keys.code, keys)
            forms = load_forms(folder / keys.code, items)
            curriculum = load_curriculum(folder / keys.code, examined(items))
            parts = {"items": items, "forms": forms, "curriculum": curriculum}
            subjects.append(Subject(**dict(keys), folder=folder / keys.code, **parts))
    raise_all(errors)
    _check_columns(folder / "exam.toml", document, roster)
    about = {name: getattr(document, name) for name in ExamKeys.model_fields}
    return Exam(**about, folder=folder, subjects=tuple(subjects), roster=roster)


def _check_columns(path: Path, document: _Document, roster: pa.Table) -> None:
    """Columns of the roster that exam.toml names."""
    columns = (("dif", document.dif), ("category", document.scale.category), ("choices", document.choices))
    named = [(key, name) for key, name in columns if name]
    named += [("covariates", name) for name in document.growth.covariates]
    named += [("groups", name) for name in document.equity.groups]
    errors = [
        InputError(
            f"{key} = {name!r}, but the roster has no such column",
            file=path,
            mend=f"name a column of the roster ({', '.join(roster.column_names)}), or leave {key} out",
        )
        for key, name in named
        if name not in roster.column_names
    ]
    raise_all(errors)


def load_subjects(folder: Path) -> tuple[SubjectKeys, ...]:
    """The subjects as exam.toml names them, whether or not their folders are there.

    Raises:
        InputError: exam.toml is missing or wrong.
    """
    return _read_document(folder / "exam.toml").subjects


def _read_document(path: Path) -> _Document:
    if not path.is_file():
        raise InputError(
            "no exam.toml here", file=path, mend="name an exam folder; `yuejuan new DIR` makes one to start from"
        )
    text = read_text(path)
    try:
        document = _Document.model_validate(tomllib.loads(text, parse_float=Decimal))
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise InputError(
            f"not valid TOML: {error}",
            file=path,
            row=int(line[1]) if line else text.count("\n") + 1,
            mend='write key = value, one a line, with text and Chinese names in "quotes"',
        ) from None
    except ValidationError as invalid:
        errors = [_key_error(path, text, dict(error)) for error in invalid.errors()]
        raise_all(errors)
        raise  # not reached: a ValidationError has errors
    _check_names(path, text, document)
    return document


def _key_error(path: Path, text: str, error: dict[str, Any]) -> InputError:
    """What pydantic found wrong with a key of exam.toml, in a person's words."""
    place = [str(part) for part in error["loc"]]
    column = ".".join(f"[{part + 1}]" if isinstance(part, int) else part for part in error["loc"]).replace(".[", "[")
    key = next(part for part in reversed(error["loc"]) if isinstance(part, str))
    known = _KEYS[next((part for part in reversed(place[:-1]) if part in _KEYS), "")].model_fields
    if error["type"] == "extra_forbidden":
        close = difflib.get_close_matches(key, known, n=1)
        message = f"unknown key {key!r}"
        mend = f"did you mean {close[0]!r}?" if close else f"keys understood here: {', '.join(known)}"
    elif error["type"] == "missing":
        message = f"key {key!r} is missing"
        mend = ADD_SUBJECT if key == "subjects" else f"add {key} = …"
    else:
        message = f"{error['msg'].removeprefix('Value error, ')}; found {str(error['input'])!r}"
        mend = f"correct the value of {key}"
    return InputError(message, file=path, row=_line_of(text, key), column=column, mend=mend)


def _line_of(text: str, key: str) -> int | None:
    """The line a key stands on, if it stands on one line only."""
    lines = [i for i, line in enumerate(text.splitlines(), 1) if re.match(rf'\s*"?{re.escape(key)}"?\s*=', line)]
    return lines[0] if len(lines) == 1 else None


def _check_names(path: Path, text: str, document: _Document) -> None:
    """Names that become names of files and folders."""
    errors = []
    codes = [keys.code for keys in document.subjects]
    if not codes:
        errors.append(InputError("no subjects", file=path, column="subjects", mend=ADD_SUBJECT))
    for key, name in [("id", document.id), *(("subjects.code", code) for code in codes)]:
        if not is_safe(name):
            errors.append(
                InputError(
                    f"{name!r} can't be part of a file name",
                    file=path,
                    row=_line_of(text, key),
                    column=key,
                    mend="use letters, digits, - and _",
                )
            )
    for code in sorted({code for code in codes if codes.count(code) > 1}):
        errors.append(
            InputError(f"two subjects have the code {code!r}", file=path, column="subjects.code", mend="rename one")
        )
    if TOTAL in codes:
        message = f"{TOTAL!r} is the code of all subjects together (总分)"
        errors.append(InputError(message, file=path, column="subjects.code", mend="give the subject another code"))
    named = [("total.subjects", code) for code in document.total.subjects]
    named += [("score_lines.subject", line.subject) for line in document.score_lines if line.subject != TOTAL]
    for key, code in named:
        if code not in codes:
            mend = f"name one of {', '.join(codes)}"
            errors.append(InputError(f"no subject has the code {code!r}", file=path, column=key, mend=mend))
    raise_all(errors)
