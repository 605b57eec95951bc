"""An exam folder to start from: commented templates that load as they stand."""

from __future__ import annotations

from pathlib import Path

from engine.errors import UsageError
from engine.tables import write_bytes

EXAM = """\
# 考试设置。每行一个“键 = 值”，# 后是说明。
# 同一文件夹：roster.csv 考生名单，seating.csv 考场安排（可无），bank.csv 题库（可无）。
# 每科一个子文件夹：blueprint.csv 双向细目表、sheet.toml 答题卡、scans/ 扫描件；
# 需要时还有 knowledge.csv 知识点的章节、前置与授课日期（没有教的不推送）、forms.csv A/B卷、marks.csv 主观题得分、
# corrections.csv 人工订正。表格用 CSV 或 XLSX 均可。
# 学籍号、考号两列请先设为“文本”格式再填，否则 Excel 会改坏 18 位号码。
#
# The exam: one key = value a line; text after # is a comment.
# Beside this file: roster.csv and, if there are any, seating.csv (who sits where) and bank.csv; a folder for every
# subject with blueprint.csv, sheet.toml and scans/, and where needed knowledge.csv (chapters, prerequisites and dates
# of the knowledge points: nothing untaught is pushed), forms.csv (A/B forms), marks.csv (points of constructed
# responses) and corrections.csv (what a person decided). Tables may be CSV or XLSX. Format columns of identifiers as
# text before filling them in.

id = "2026-autumn-midterm"        # 编号，用于文件名 (字母、数字、-、_)  used in file names
title = "2026年秋季学期期中考试"
date = 2026-11-10
stage = "junior"                  # "primary" 小学, "junior" 初中, "senior" 高中
# choices = "选科"                # 名单中各考生所选科目的列，如 物理、化学、生物 或 物化生  subjects that pupils chose
# dif = "sex"                     # 题目公平性分析 (DIF)：名单中的分组列  groups that items may favour

# 一科一段 — one [[subjects]] for every subject.
[[subjects]]
code = "maths"                    # 子文件夹名  name of its folder
name = "数学"
step = 0.5                        # 最小记分单位，可写 "1/3"  smallest step of points; every 分值 is a multiple of it
# floor = "none"                  # 倒扣分下限 where losses stop at 0: "none", "section" 每大题, "total" 全卷
# scheme = "3+1+2-2021"           # 等级赋分方案，或本文件夹中的 .toml  scheme of scaled scores, or a file of your own
# candidate_field = "candidate"   # 考号字段名（外来模板）  the field with the candidate number, if it is not ours
# points_only = true              # 不扫描，小题分或总分全在 marks.csv  nothing is scanned; see `yuejuan import`

# 选做题 — choose-k-of-n group, named as in the column 选做组 of the blueprint.
[subjects.choose."选做"]
k = 1                             # 选做几题  how many items count
# "strict_void" 未填涂题号不给分, "first_by_position" 取先答者, "highest" 取高分, "ask" 交人工决定 a person decides
policy = "strict_void"

# 以下可省略 — everything below may be left out; these are the defaults.

# 分数线，占满分的比例，含下限 — cut-offs as shares of the full mark, inclusive.
[lines]
excellent = 0.85                  # 优秀
good = 0.75                       # 良好
passing = 0.60                    # 及格
low = 0.40                        # 低于此为低分  below it: low
of = "present"                    # 各率的分母 "present" 实考, "registered" 报名, "enrolled" 在籍 (enrolment.csv)

# 综合评价分（一分三率）的权重 — weights of mean rate, excellent, passing and not low; left out: no composite.
# [merit]
# rate = 4
# excellent = 3
# passing = 3
# low = 0

# 等第：按分数线 cuts 或按比例 shares；不写即优秀、良好、合格、待提高。
# Grades, by cuts (shares of the full mark) or by shares of the pupils; left out: those of the lines.
# [grades]
# names = ["A", "B", "C", "D", "E"]
# shares = [0.25, 0.25, 0.25, 0.20, 0.05]
# cuts = [0.85, 0.75, 0.60, 0.40]

# 标准分、分数段、一分一段 — how scores are put in relation.
[scale]
percentile = "mid"                # 百分等级 "mid" 低于+半数同分, "below" 低于, "at_or_below" 不高于, "rank" 按名次
t_mean = 50                       # T 分 = t_mean + t_sd × Z
t_sd = 10
band = 10                         # 分数段宽度（分）  width of a band in points
pool_top = 0                      # 一分一段顶部合并的人数  so many pupils at the top share a row
uneven = 2.0                      # 偏科：最强与最弱科相差几个标准差  best and worst subject so many SDs apart
base = "exam"                     # 赋分的总体 "exam" 全体, "county", "school"  population of scaled scores
category = ""                     # 考生类别所在的名单列（物理类、历史类）  column of the roster

# 总分 — the composite of the subjects.
[total]
subjects = []                     # 计入总分的科目代码，空为全部  codes; none: all
absent = "exclude"                # 缺考科目 "exclude" 无总分, "zero" 计零分, "pro_rata" 按比例折算
least = 0.5                       # 折算至少须考的满分比例  pro_rata: share of the full mark that must have been sat
scaled = true                     # 有赋分的科目以赋分计入  count scaled scores where there are any

# 分数线，一线一段 — score lines, by score or by count. 义务教育阶段默认不作分数线分析。
# [[score_lines]]
# name = "本科"
# subject = "total"               # 总分，或科目代码  or the code of a subject
# score = 420                     # 或 count = 800 按人数划线  or by planned count
# ties = "include"                # 末位同分 "include" 都上线, "exclude" 都不上线
# category = ""                   # 只对某类考生  only for pupils of this kind
# subject_lines = "effective"     # 单科有效分 "effective" 系数法, "same_rank" 同位次法
# within = 10                     # 临界生：线上下几分  or within_rank = 0.05 按名次

# 发布规则，随学段而定 — what may be published, by stage.
[policy]
# lines = true                    # 分数线分析；义务教育阶段默认关闭  line analysis; off by default in compulsory stages
family_rank = false               # 高中家长报告是否给名次；义务教育阶段一律不给  ranks for families, only in senior
teacher_scores = false            # 义务教育阶段：教师用的报告给出学生分数  pupils' scores in reports for their teachers
min_cell = 5                      # 少于此人数的统计不发布  figures of fewer pupils are not published

# 薄弱知识点的判定 — when a knowledge point counts as weak.
[diagnosis]
confidence = 0.90                 # 置信水平  of the rate's interval
min_gap = 0.08                    # 至少低于参照得分率多少  below the reference by at least this rate
min_items = 3                     # 至少几题  fewer items are no evidence
min_points = 4.0                  # 至少几分  nor are fewer points
sure = 0.8                        # 学生薄弱点确有差距的概率至少为  probability that a pupil's weak point is one
mastered = 0.6                    # 得分率达到多少算掌握  rate from which on a point counts as mastered
false_discoveries = 0.05          # 共性错误、典型错因中允许的误报比例  of error patterns and misconceptions
caution = 0.5                     # 作答异常：注意系数至少为  of atypical pupils: caution index at least
modified_caution = 0.3            # 修正注意系数至少为  modified caution index at least
atypical = 0.99                   # 且有此把握不是偶然  and surely not by chance
max_groups = 4                    # 每班最多分几组  teaching groups a class
min_group = 4                     # 每组最少人数  pupils a group
resamples = 10                    # 检验分组稳定性的重抽样次数  resamples of a class, to see how stable its groups are

# 练习推荐 — what to practise next, from bank.csv.
[recommend]
per_pupil = 6                     # 每人题数
per_set = 8                       # 班级、分组共用题单的题数  questions for a whole class or teaching group
target_low = 0.5                  # 预期得分率区间  the zone of expected success
target_high = 0.85
per_knowledge = 2                 # 每个知识点最多几题
ready = 0.6                       # 前置知识点预期得分率低于此，先补前置  such prerequisites go first
reviews = 1                       # 每份题单至少几道复习题  so many at least on points not in this exam, taught
review_after = 21                 # 至少多少天前  so many days ago or more
max_share = 0.5                   # 同一道题最多推给一个班多大比例的学生  of a class that the same question goes to
# until = 2026-09-30              # 只推到此日为止已讲授的内容，省略则为考试日期  left out: the exam's date
chapters = []                     # 只推这些章节的题，空则不限  only questions of these chapters; none: of all
earlier = []                      # 此前考试的文件夹，其中推过的题不再推  folders of earlier exams: nothing is repeated

# 讲评课 — what to go through in class.
[lecture]
minutes = 40                      # 一节课几分钟  of the lesson
choice_minutes = 3                # 讲一道选择、填数题  to go through an item answered by a choice or a number
constructed_minutes = 8           # 讲一道主观题  … a constructed response
variant_minutes = 5               # 做一次变式练习  to practise a variant
exit_minutes = 5                  # 下课前小测，0 为不安排  for the exit ticket; 0: none
exit_questions = 3                # 小测几题
lost = 0.33                       # 失分的人和失去的分都达到这个比例就讲  this share of the class lost so many points
min_gap = 0.05                    # 或者得分率明显低于全体，且至少低这么多  or clearly below all, by at least this
false_alarms = 0.10               # 这类判断中允许由偶然造成的比例  share of chance findings among those told
gap_weight = 10.0                 # 明显偏低的题优先多少：低 0.1 计 1 + 10×0.1 倍  how much a clear gap counts
min_pupils = 5                    # 少于几人不编讲评课  a class with fewer gets no lesson

# 教研分析 — findings across schools.
[research]
min_gap = 0.08                    # 学校、班级偏低的判定：至少低于参照多少  behind: below the reference by at least this
false_alarms = 0.05               # 这类判断中允许由偶然造成的比例
min_pupils = 10                   # 少于几人的学校、班级不判断  units with fewer are not judged
deviation = 0.10                  # 得分率偏离预估难度多少算偏差  an item is off its expected rate from here on
max_topics = 8                    # 最多建议几个研训主题  training topics suggested

# 历次考试库 — the store of exams, filled by `yuejuan track EXAM`; trends and growth need it.
[history]
store = ""                        # 文件夹，从本文件夹看；空则不用  folder, seen from here; "": none
previous = ""                     # 与哪次考试比较，空则取本次之前最近一次  id of the exam to compare with; "": the last

# 增值评价 — what schools and classes add.
[growth]
confidence = 0.95                 # 区间的置信水平
min_pupils = 10                   # 前后两次匹配的人数少于此不作判断  fewer matched pupils: no verdict
min_matched = 0.80                # 匹配率低于此不作判断  a smaller share of the pupils matched: no verdict
covariates = []                   # 名单中的列，如 ["sex"]  columns of the roster that the expectation allows for
slope = false                     # 各校入口成绩的作用是否可不同  may the earlier score count differently by school

# 均衡与差距 — balance between schools, gaps between groups. 本文件夹如有以下表格，一并分析：
# indicators.csv 资源指标表（学校、学段、在校生数、各项指标）  resources of schools
# training.csv 培训名单（学校、班级、科目）  classes of trained teachers
[equity]
confidence = 0.95
scheme = "quality-2017"           # "quality-2017" 优质均衡, "basic-2012" 基本均衡
groups = []                       # 名单中的列，如 ["sex", "area"]  columns of the roster whose groups are compared
"""

SHEET = """\
# 答题卡 — the answer sheet; every key has a default. 运行 yuejuan sheets 生成 PDF 和 layout.json。
paper = "A4"                      # "A4", "A3"
sides = 2                         # 1 单面, 2 双面
title = ""                        # 空则用考试名称和科目  "": the exam's title
subtitle = "答题卡"
barcode = "code128"               # 条形码 "code128", 二维码 "qr", 不用 "none"
number_digits = 0                 # 填涂考号的位数，0 为不填涂  digits of the number to be filled in; 0: no grid
absent = true                     # 缺考标记，监考员填涂  filled in by the invigilator
violation = true                  # 违纪标记
forms = ""                        # 有 A/B 卷时 "AB"，并须有 forms.csv  with A/B forms; needs forms.csv
choice_columns = 0                # 选择题每行几组，0 为自动  groups of five items side by side; 0: as many as fit
strip = false                     # 主观题打分条（先阅后扫）  score strips, for marking on paper before scanning

# 主观题答题框高度（毫米）— heights of answer boxes in mm, by item.
[heights]
# 8 = 70

# 数值题填涂列数 — columns of digit grids, by item.
[digits]
# 7 = 4
"""

ROSTER = """\
学籍号,姓名,班级,学校,县区,准考证号,考场,座位号
L53010220130101001,示例甲,初二1班,示例中学,示例区,26010101,01,01
L53010220130101002,示例乙,初二1班,示例中学,示例区,26010102,01,02
L53010220130101003,示例·丙,初二2班,示例中学,示例区,26010103,01,03
"""

BLUEPRINT = """\
题号,题型,分值,答案,评分规则,选项,知识点,能力层次,大题,选做组,预估难度,典型错因
1,单选,3,B,,ABCD,有理数,理解,一、单项选择题,,0.85,
2,单选,3,C,,ABCD,整式,掌握,一、单项选择题,,0.75,A:去括号未变号;D:合并同类项时漏项
3,单选,3,A|D,,ABCD,一次函数,掌握,一、单项选择题,,0.60,B:斜率符号看反
4,多选,6,AC,perkey,ABCD,一次函数:0.7;几何初步:0.3,运用,二、多项选择题,,0.55,
5,多选,6,ABD,flat:2,ABCD,几何初步,运用,二、多项选择题,,0.50,
6,数值,4,3.5,numeric:tol=0.01,,有理数,运用,三、填空题,,0.65,
7,解答,10,,,,一次函数;整式,运用,四、解答题,,0.55,
8,解答,12,,,,几何初步,综合,四、解答题,选做,0.50,
9,解答,12,,,,一次函数,综合,四、解答题,选做,0.50,
"""

KNOWLEDGE = """\
知识点,章节,前置知识点,授课日期,权重
有理数,第一章 有理数,,2026-09-01,1
整式,第二章 整式的加减,有理数,2026-09-21,1
一次函数,第三章 一次函数,有理数、整式,2026-10-12,2
几何初步,第四章 几何图形初步,,2026-10-26,1
"""

BANK = """\
编号,科目,题干,知识点,难度,答案,选项,参考答案,解析
M-0001,数学,计算 (-3)+5-(-2)。,有理数,0.90,,,4,先把减法化为加法。
M-0002,数学,"一次函数 y=2x+b 的图象过点 (1,5)，求 b。",一次函数,0.70,,,3,代入点的坐标。
M-0003,数学,一个角的余角是它的 2 倍，这个角是多少度？,几何初步,0.65,B,A. 20° B. 30° C. 45° D. 60°,,设这个角为 x°。
"""


def new_exam(folder: Path) -> list[Path]:
    """Write the templates of an exam folder.

    Returns:
        The files written.

    Raises:
        UsageError: one of them exists already; nothing is written then.
    """
    # Spreadsheets know UTF-8 by its BOM.
    tables = {
        "roster.csv": ROSTER,
        "bank.csv": BANK,
        "maths/blueprint.csv": BLUEPRINT,
        "maths/knowledge.csv": KNOWLEDGE,
    }
    files = {name: text.replace("\n", "\r\n").encode("utf-8-sig") for name, text in tables.items()}
    files |= {"exam.toml": EXAM.encode(), "maths/sheet.toml": SHEET.encode()}
    written = {folder / name: data for name, data in sorted(files.items())}
    for path in written:
        if path.exists():
            raise UsageError("this file exists already", file=path, mend="name a new folder, or move the file away")
    for path, data in written.items():
        write_bytes(data, path)
    (folder / "maths" / "scans").mkdir(exist_ok=True)
    return list(written)
