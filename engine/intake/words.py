"""The words of school tables: what a column's title, a row's label and a cell without a number mean."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable

Recognise = Callable[[str], str | None]  # a column's title → field, None where it says nothing we look for

# ---- pupils (考生)

_PUPIL = {
    "student_id": "学籍号 全国学籍号 学籍编号 学籍 studentid sourcedid",
    "number": "学号 学生编号 学生号 学生学号 id 编码 学生id 校内学号",
    "candidate_no": "考号 准考证号 准考证 考生号 考试号 考生考号 报名号 考籍号 candidateno candidatenumber",
    "resident_no": "身份证号 身份证 身份证号码 身份证件号 证件号码 证件号 公民身份号码",
    "name": "姓名 考生姓名 学生姓名 学生 考生 名字 name studentname",
    "grade": "年级 级别 届 届别 grade",
    "class": "班级 班别 班 班号 班级名称 所在班级 行政班 行政班级 考生班级 学生班级 class classname",
    "school": "学校 单位 学校名称 所在学校 就读学校 毕业学校 考生学校 考生单位 校名 学校简称 school schoolname",
    "county": "区县 县区 县 区 县市区 市县区 区市县 县市 所属区县 所属县区 县区名称 区县名称 county",
    "sex": "性别 sex gender",
    "room": "考场 考场号 试室 试室号 考室 room",
    "seat": "座位号 座号 座次 座位 座次号 seat",
    "status": "状态 考试状态 缺考标记 缺考 是否缺考 参考情况",
}
# Titles that are understood and passed over.
_PASSED_OVER = re.compile(
    r"序号?|编号|no|名次|.*(名次|排名|位次|班次|级次|校次|区次|县次|市次|排序|班排|校排|级排|联考排|等级|赋分|标准分|t分|z分|等第|百分位|折算分|进退|升降|较上次)"
    r"|备注|说明|电话|.*(电话|手机|联系方式|家长|监护人|住址|地址|民族|出生.*|籍贯|政治面貌|班主任|教师|老师)|照片|签名|签字"
)
TOTAL = "total"  # 总分, recomputed and checked
_TOTALS = frozenset("总分 总成绩 合计 总计 总得分 全卷 全卷总分 全卷得分 卷面总分 卷面分 合计得分 total 总分数".split())

# ---- subjects: code, names

SUBJECTS = {
    "chinese": "语文 语 汉语 汉语文 语文科",
    "maths": "数学 数 理科数学 文科数学 数学理 数学文 数学科",
    "english": "英语 英 外语 外 英语科",
    "physics": "物理 物 物理科",
    "chemistry": "化学 化 化学科",
    "biology": "生物 生 生物学 生物科",
    "politics": "政治 政 思想政治 道德与法治 道法 思品 思想品德 品德 品德与社会 政治科",
    "history": "历史 史 历史科 历史与社会",
    "geography": "地理 地 地理科",
    "science": "科学 科学科 理综 理科综合 综合理科",
    "arts": "文综 文科综合 文科基础",
    "physical": "体育 体育与健康",
    "information": "信息技术 信息 信息科技",
    "music": "音乐",
    "fine-arts": "美术",
    "japanese": "日语",
    "russian": "俄语",
}
_SCORE_SUFFIX = re.compile(r"(学科)?(成绩|得分|分数|原始分|卷面分|卷面得分|实得分|考试成绩|总分|分|score)$")

# ---- rows that are no pupils, cells that are no numbers

_NOT_A_PUPIL = re.compile(
    r"(合计|总计|小计|共计|累计|平均|均分|班平|校平|年级平|级平|最高|最低|及格|优秀|优良|良好|低分|满分|标准差|方差|难度|区分度"
    r"|得分率|参考|应考|实考|缺考人数|总人数|人数|备注|注[:：]|说明|制表|填表|审核|负责人|班主任|签名|签字|打印|日期|联系|第.{1,3}页)"
)
FULL_MARKS = re.compile(r"(满分|分值|小题满分|题目分值|各题分值|总分值|卷面满分).*")

# domain.md §7.3; what stands in a cell instead of a score. "deferred" 缓考, "exempt" 免考, "blank" nothing at all.
ABSENCES = {
    **dict.fromkeys(
        "缺考 缺 -1 -1.0 旷考 旷 未考 未参考 没考 缺席 缺试 弃考 请假 病假 事假 未到 q absent".split(), "absent"
    ),
    **dict.fromkeys("违纪 违规 作弊 舞弊 违 零分处理 violation 违纪0分".split(), "violation"),
    **dict.fromkeys("缓考 缓 补考 延考 deferred".split(), "deferred"),
    **dict.fromkeys("免考 免修 免 免试 exempt".split(), "exempt"),
    **dict.fromkeys(["", "-", "--", "—", "——", "/", "\\", "*", "无", "空", "未录", "n/a", "null", "none"], "blank"),
}
SEXES = {"男": "男", "女": "女", "男生": "男", "女生": "女", "1": "男", "2": "女", "m": "男", "f": "女"}
SEXES |= {"male": "男", "female": "女", "0": "", "": "", "未知": ""}


@functools.lru_cache(maxsize=10_000)
def key(title: str) -> str:
    """A title as it is looked up: half-width, lower case, without spaces, stars, colons and what is in brackets."""
    text = unicodedata.normalize("NFKC", title).casefold()
    text = re.sub(r"[(\[【〔{<][^)\]】〕}>]*[)\]】〕}>]", "", text)
    return re.sub(r"[\s_*:：、，,.。|/·\-–—#'\"“”★☆]+", "", text)


def in_brackets(title: str) -> str:
    """What stands in the brackets of a title: "数学（150分）" → "150分"."""
    text = unicodedata.normalize("NFKC", title)
    return " ".join(re.findall(r"[(\[【〔{<]([^)\]】〕}>]*)[)\]】〕}>]", text))


def index(words: dict[str, str]) -> dict[str, str]:
    """Words as they are looked up → field, of a table of fields with their words."""
    return {key(word): field for field, listed in words.items() for word in listed.split()}


_PUPIL_FIELDS = index(_PUPIL)
_SUBJECT_CODES = index(SUBJECTS)


def pupil_field(title: str) -> str | None:
    """The field of a pupil that a title names, such as "class" of 班别（必填）; None for another."""
    return _PUPIL_FIELDS.get(key(title))


def is_passed_over(title: str) -> bool:
    """Whether a title names what no import needs: a running number, a rank, a telephone number."""
    return bool(_PASSED_OVER.fullmatch(key(title)))


def subject_code(title: str, own: dict[str, str]) -> str | None:
    """The subject whose score a title names: "数学成绩(150)" → "maths"; None for ranks, grades and anything else.

    Args:
        own: names of the exam's subjects → code; they go before the usual names.
    """
    name = key(title)
    if _PASSED_OVER.fullmatch(name):
        return None
    for text in (name, _SCORE_SUFFIX.sub("", name)):
        usual = _SUBJECT_CODES.get(text)
        if found := own.get(text) or (own.get(usual, usual) if usual else None):
            return found
    return None


def own_subjects(subjects: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Names by which subjects of an exam, (code, name) each, are known in titles: code, name, usual code."""
    own = {}
    for code, name in subjects:
        for word in (code, name):
            own[key(word)] = code
        if usual := _SUBJECT_CODES.get(key(name)):
            own.setdefault(usual, code)
    return own


def subject_name(code: str) -> str:
    """The usual Chinese name of a usual code."""
    return SUBJECTS[code].split()[0] if code in SUBJECTS else code


def is_total(title: str) -> bool:
    """Whether a title is that of the sum of the others."""
    return key(title) in _TOTALS


def is_label(text: str) -> bool:
    """Whether a text at the head of a row says that it is a sum, a mean, a note or a signature and no pupil."""
    return bool(_NOT_A_PUPIL.match(unicodedata.normalize("NFKC", text).replace(" ", "")))
