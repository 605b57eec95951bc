"""Formats of question banks: what goes out comes back, what a format cannot hold is told, hostile files are refused."""

import base64
import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_questions import banks

from engine.bank.bundle import Bundle
from engine.bank.convert import format_of, read_bank, write_bank
from engine.bank.gift import read_gift, write_gift
from engine.bank.markup import plain
from engine.bank.moodle import read_moodle, write_moodle
from engine.bank.qti import read_item, read_qti, write_qti
from engine.bank.question import Answer, Question
from engine.errors import InputError, UsageError

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HERE = Path("bank.file")
HALF, THIRD, QUARTER = Fraction(1, 2), Fraction(1, 3), Fraction(1, 4)
some = settings(max_examples=12, deadline=None)

CHOICE = Question(
    question="M-01",
    subject="数学",
    stem="如图，<math><mi>x</mi><mo>&lt;</mo><mn>3</mn></math> 时 H<sub>2</sub>O "
    '<img src="三角形.png" alt="图1"/>\n求 x 的范围：',
    type="single",
    answers=(
        Answer("x < 3", Fraction(1), "对"),
        Answer("{x = 3}", QUARTER, "#差一点"),
        Answer('<img src="b.png" alt=""/>', Fraction(0)),
        Answer("$\\frac{1}{2}$", Fraction(-1, 3)),
    ),
    solution="两边同时\n除以 2。",
    knowledge=("不等式", "阅读：细节"),
    difficulty=0.65,
    chapter="第一章/第二节",
    source_item="7",
    pupils=1200,
    irt_a=1.25,
    irt_b=-0.5,
)
MULTIPLE = Question(
    "M-02", "数学", "正确的有", "multiple", tuple(Answer(t, s) for t, s in zip("甲乙丙", (HALF, -1, HALF), strict=True))
)
NUMBER = Question(
    "M-03",
    "数学",
    "π 约为",
    "number",
    (Answer("3.14", Fraction(1), "好", "0.01"), Answer("3", HALF, "", "0.5"), Answer("*", Fraction(0), "再算")),
    solution="见课本",
)
TEXT = Question("M-04", "数学", "首都是", "text", (Answer("北京", Fraction(1)), Answer("北平", THIRD, "旧称")))
ESSAY = Question("M-05", "数学", "证明：\n1 + 1 = 2", "constructed", reference="<b>略</b>", solution="分三步")
EVERY = [CHOICE, MULTIPLE, NUMBER, TEXT, ESSAY]

WAYS: dict[str, Callable[[Bundle], Bundle]] = {
    "moodle": lambda bundle: read_moodle(write_moodle(bundle), HERE),
    "gift": lambda bundle: read_gift(write_gift(bundle)),
    "qti": lambda bundle: read_qti(write_qti(bundle), HERE),
}


def pictured() -> Bundle:
    return Bundle(list(EVERY), {"三角形.png": PNG, "b.png": PNG + b"2"})


@pytest.mark.parametrize("way", WAYS)
def test_every_kind_of_question_comes_back(way: str) -> None:
    back = WAYS[way](pictured())
    want = [*EVERY[:4], replace(ESSAY, reference="")] if way == "gift" else EVERY
    assert back.questions == want
    assert back.notes.lines() == []
    assert back.pictures == ({} if way == "gift" else pictured().pictures)


def told_by(way: str, one: Question) -> Question:
    """What a format can hold of any question."""
    answers = one.answers
    if one.type in ("text", "number") and way == "qti":  # whatever no other answer fits
        answers = tuple(sorted(answers, key=lambda answer: answer.text == "*"))
    return replace(one, answers=answers, reference="" if way == "gift" else one.reference)


@pytest.mark.parametrize("way", WAYS)
def test_whatever_people_write_comes_back(way: str) -> None:
    @some
    @given(banks)
    def check(questions: list[Question]) -> None:
        bundle = Bundle([one for one in questions if not (way == "gift" and has_pairs(one))])
        back = WAYS[way](bundle)
        assert back.questions == [told_by(way, one) for one in bundle.questions]
        assert back.notes.lines() == []

    check()


def has_pairs(one: Question) -> bool:
    return one.type == "text" and any("->" in answer.text for answer in one.answers)


@pytest.mark.parametrize("to", ["csv", "qti", "moodle", "gift"])
def test_pictures_go_with_the_bank_from_file_to_file(to: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    suffix = {"csv": "csv", "qti": "zip", "moodle": "xml", "gift": "gift"}[to]
    written = write_bank(pictured(), tmp_path / "a" / f"bank.{suffix}", to)
    assert all(path.is_file() for path in written)
    back = read_bank(tmp_path / "a" / f"bank.{suffix}")
    assert sorted(back.pictures.values()) == sorted([PNG, PNG + b"2"])
    write_bank(back, tmp_path / "again.csv", "csv")
    again = read_bank(tmp_path / "again.csv")
    assert [plain(text) for one in again.questions for text in one.texts()] == [
        plain(text) for one in back.questions for text in one.texts()
    ]
    assert sorted(again.pictures.values()) == sorted([PNG, PNG + b"2"])
    assert (tmp_path / "again.files").is_dir()


def test_no_picture_of_somebody_else_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "bank.files").mkdir()
    (tmp_path / "bank.files" / "b.png").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"b\.png"):
        write_bank(pictured(), tmp_path / "bank.csv", "csv")
    assert [path.name for path in tmp_path.rglob("*")] == ["bank.files", "b.png"]


def test_formats_are_told_by_content_and_suffix(tmp_path: Path) -> None:
    write_bank(Bundle([MULTIPLE]), tmp_path / "x.dat", "qti")
    assert read_bank(tmp_path / "x.dat").questions == [MULTIPLE]
    assert format_of(Path("a.XML")) == "moodle"
    with pytest.raises(UsageError, match="says no format"):
        format_of(Path("a.txt"))
    with pytest.raises(UsageError, match="no format 'word'"):
        format_of(Path("a.csv"), "word")


def test_one_number_twice_becomes_two(tmp_path: Path) -> None:
    (tmp_path / "b.gift").write_text("::1-2::x{=1}\n\n::1::x{=1}\n\n::1::y{=2}\n", "utf-8")
    back = read_bank(tmp_path / "b.gift", subject="maths")
    assert [(one.question, one.subject) for one in back.questions] == [
        ("1-2", "maths"),
        ("1", "maths"),
        ("1-3", "maths"),
    ]
    assert back.notes.lines() == ["a number that another question has, changed to: 1-3"]


# ---- what others write


GIFT = """
// a comment of a person
$CATEGORY: $course$/top/英语/Unit 1

::Q1:: Who's buried in Grant's tomb? {
    =Grant #yes
    ~Napoleon
    ~%50%Mrs. Grant#half
}

// [id:G-2] [tag:阅读] [tag:难度:0.4]
Two plus two {=four =%90%4} equals.

The sun rises in the east. {T#no#yes}

How old is 1\\:1 \\{x\\}? {#1822:5}

Pi is {#3.141..3.142}.

When? {#=1822:0 =%50%1822:2#near}

Which? { ~%50%a ~%50%b ~%-100%c ####done }

[html]<p>Match &lt; H<sub>2</sub></p> {=a -> 1 =b -> 2}

Only text

[markdown]Say *why* {}
"""


def test_gift_of_others() -> None:
    back = read_gift(GIFT)
    found = {one.question: one for one in back.questions}
    assert [one.type for one in back.questions] == [
        "single", "text", "single", "number", "number", "number", "multiple", "constructed",
    ]  # fmt: skip
    assert {(one.subject, one.chapter) for one in back.questions} == {("英语", "Unit 1")}
    assert found["Q1"].answers == (
        Answer("Grant", Fraction(1), "yes"),
        Answer("Napoleon"),
        Answer("Mrs. Grant", HALF, "half"),
    )
    assert found["G-2"].stem == "Two plus two ____ equals."
    assert (found["G-2"].knowledge, found["G-2"].difficulty) == (("阅读",), 0.4)
    assert found["3"].answers == (Answer("正确", Fraction(1), "yes"), Answer("错误", Fraction(0), "no"))
    assert found["4"].stem == "How old is 1:1 {x}?"
    assert found["4"].answers == (Answer("1822", Fraction(1), tolerance="5"),)
    assert found["5"].answers == (Answer("3.1415", Fraction(1), tolerance="0.0005"),)
    assert found["6"].answers == (Answer("1822", Fraction(1)), Answer("1822", HALF, "near", "2"))
    assert found["7"].solution == "done"
    assert [answer.share for answer in found["7"].answers] == [HALF, HALF, -1]
    assert back.notes.lines() == [
        "left out, pairs to match, which the bank has not: 8",
        "left out, no answers in { }: 9",
        "Markdown, kept as it is written: 10",
    ]


MOODLE = """<?xml version="1.0"?>
<quiz>
 <question type="category"><category><text>$course$/top/数学//理/第一章/一</text></category></question>
 <question type="multichoice"><name><text>M1</text></name>
  <questiontext format="html"><text><![CDATA[<p>选
   <img src="@@PLUGINFILE@@/a%20b.png" onload="x()"></p><script>1</script>]]></text>
   <file name="a b.png" encoding="base64">iVBORw0KGgo=</file></questiontext>
  <single>0</single>
  <answer fraction="33.33333"><text>甲</text><feedback><text>对</text></feedback></answer>
  <answer fraction="66.66667"><text>乙</text></answer>
  <answer fraction="-50"><text>丙</text></answer>
  <tags><tag><text>集合</text></tag><tag><text>难度:0.7</text></tag></tags></question>
 <question type="truefalse"><name><text>M2</text></name><questiontext format="moodle_auto_format"><text>一
二</text></questiontext>
  <answer fraction="0"><text>true</text></answer><answer fraction="100"><text>false</text></answer></question>
 <question type="numerical"><name><text>M3</text></name>
  <questiontext format="plain_text"><text>x<![CDATA[<b>]]></text></questiontext>
  <answer fraction="100"><text>3.5</text><tolerance>0.1</tolerance></answer>
  <units><unit><unit_name>m</unit_name></unit></units>
  <correctfeedback><text>Well done</text></correctfeedback><hint/></question>
 <question type="matching"><name><text>M4</text></name></question>
</quiz>"""


def test_moodle_of_others() -> None:
    back = read_moodle(MOODLE.encode(), HERE)
    one, two, three = back.questions
    assert (one.subject, one.chapter, one.knowledge, one.difficulty) == ("数学/理", "第一章/一", ("集合",), 0.7)
    assert one.stem == '选 <img src="a_b.png" alt=""/>'
    assert back.pictures == {"a_b.png": b"\x89PNG\r\n\x1a\n"}
    assert [answer.share for answer in one.answers] == [THIRD, Fraction(2, 3), -HALF]
    assert two.stem == "一\n二"
    assert [(answer.text, answer.share) for answer in two.answers] == [("正确", 0), ("错误", 1)]
    assert (three.stem, three.answers) == ("x&lt;b>", (Answer("3.5", Fraction(1), tolerance="0.1"),))
    assert back.notes.lines() == [
        "units of numbers, not taken over: M3",
        "feedback to all right, partly right or wrong answers, not taken over: M3",
        "left out, of a type that the bank has not (matching): M4",
    ]


QTI2 = """<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="choice" title="Luggage">
 <responseDeclaration identifier="RESPONSE" cardinality="single" baseType="identifier">
  <correctResponse><value>ChoiceB</value></correctResponse></responseDeclaration>
 <itemBody><p>Look at the <em>text</em>:</p>
  <choiceInteraction responseIdentifier="RESPONSE" shuffle="false" maxChoices="1"><prompt>What does it say?</prompt>
   <simpleChoice identifier="ChoiceA">Stay<feedbackInline identifier="ChoiceA">No.</feedbackInline></simpleChoice>
   <simpleChoice identifier="ChoiceB">Keep</simpleChoice></choiceInteraction></itemBody>
 <responseProcessing template="http://www.imsglobal.org/question/qti_v2p1/rptemplates/match_correct"/>
</assessmentItem>"""
QTI2_ENTRY = """<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="entry" title="Richard">
 <responseDeclaration identifier="R" cardinality="single" baseType="string">
  <correctResponse><value>York</value></correctResponse>
  <mapping defaultValue="0"><mapEntry mapKey="York" mappedValue="2"/><mapEntry mapKey="york" mappedValue="1"/></mapping>
 </responseDeclaration>
 <itemBody><blockquote><p>Made glorious by this sun of
  <textEntryInteraction responseIdentifier="R" expectedLength="15"/>;</p></blockquote></itemBody>
 <responseProcessing template="http://www.imsglobal.org/question/qti_v2p1/rptemplates/map_response"/>
</assessmentItem>"""
QTI2_NUMBER = """<assessmentItem identifier="n">
 <responseDeclaration identifier="RESPONSE" cardinality="single" baseType="float"/>
 <itemBody><div>圆周率<textEntryInteraction responseIdentifier="RESPONSE"/></div></itemBody>
 <responseProcessing><responseCondition><responseIf>
  <equal toleranceMode="absolute" tolerance="0.01 0.01"><variable identifier="RESPONSE"/>
   <baseValue baseType="float">3.14</baseValue></equal>
  <setOutcomeValue identifier="SCORE"><baseValue baseType="float">4</baseValue></setOutcomeValue></responseIf>
 <responseElse>
  <setOutcomeValue identifier="SCORE"><baseValue baseType="float">0</baseValue></setOutcomeValue></responseElse>
 </responseCondition></responseProcessing></assessmentItem>"""


def test_items_of_qti_2() -> None:
    (choice,) = read_item(QTI2.encode(), HERE).questions
    assert choice.stem == "Look at the <i>text</i>:\nWhat does it say?"
    assert choice.answers == (Answer("Stay", Fraction(0), "No."), Answer("Keep", Fraction(1)))
    (entry,) = read_item(QTI2_ENTRY.encode(), HERE).questions
    assert entry.stem == "Made glorious by this sun of ____ ;"
    assert [(answer.text, answer.share) for answer in entry.answers] == [("York", 1), ("york", HALF)]
    (number,) = read_item(QTI2_NUMBER.encode(), HERE).questions
    assert (number.type, number.answers) == ("number", (Answer("3.14", Fraction(1), tolerance="0.01"),))


def test_numbers_that_earn_a_part_only_keep_it() -> None:
    part = replace(NUMBER, answers=(Answer("3", HALF),))
    assert WAYS["qti"](Bundle([part])).questions == [part]


def test_items_that_the_bank_has_no_place_for_are_told() -> None:
    item = QTI2.replace("choiceInteraction", "orderInteraction")
    back = read_item(item.encode(), HERE)
    assert back.questions == []
    assert back.notes.lines() == [
        "left out, 1 interactions (order), where the bank has one choice, text or number: choice"
    ]


def test_what_an_item_draws_or_shows_later_is_told() -> None:
    pattern = QTI2.replace("<itemBody>", '<templateDeclaration identifier="n"/><itemBody>')
    assert read_item(pattern.encode(), HERE).notes.lines() == [
        "left out, a pattern whose numbers are drawn when it is shown: choice"
    ]
    later = QTI2.replace("</itemBody>", "<feedbackBlock>Again!</feedbackBlock></itemBody>").replace(
        "</assessmentItem>",
        '<modalFeedback identifier="general">Look.</modalFeedback><modalFeedback identifier="x">Ah.</modalFeedback>'
        "</assessmentItem>",
    )
    back = read_item(later.encode(), HERE)
    assert (back.questions[0].solution, "Again" in back.questions[0].stem) == ("Look.", False)
    assert back.notes.lines() == [
        "feedback within the text, not taken over: choice",
        "feedback 'x', which belongs to no answer: choice",
    ]


# ---- Aiken


AIKEN = """What is the capital of France?
A) London
B) Paris
ANSWER: B

哪些是素数？
A. 2
B. 4
C. 5
答案：AC

No options
ANSWER: A
"""


def test_aiken_of_others(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(AIKEN, "utf-8")
    back = read_bank(tmp_path / "a.txt")
    one, two = back.questions
    assert (one.stem, one.answers) == (
        "What is the capital of France?", (Answer("London"), Answer("Paris", Fraction(1))),
    )  # fmt: skip
    assert (two.type, [answer.share for answer in two.answers]) == ("multiple", [HALF, -1, HALF])
    assert back.notes.lines() == ["left out, no stem, too few options or none that the answer names: 3"]


def test_aiken_tells_all_that_it_loses(tmp_path: Path) -> None:
    bundle = pictured()
    write_bank(bundle, tmp_path / "a.txt", "aiken")
    (back,) = read_bank(tmp_path / "a.txt").questions
    assert back.answers[0] == Answer("x < 3", Fraction(1))
    lost = bundle.notes.about
    assert lost.pop("left out, not of one right option, and Aiken holds no other") == ["M-02", "M-03", "M-04", "M-05"]
    assert [what.partition(",")[0] for what in lost] == [
        "number", "solution and feedback", "shares of the mark", "formulas", "line breaks",
    ]  # fmt: skip
    assert set(map(tuple, lost.values())) == {("M-01",)}


def test_what_gift_and_moodle_cannot_hold_is_told() -> None:
    odd = replace(MULTIPLE, answers=(Answer("甲", Fraction(3, 7)), Answer("乙", Fraction(4, 7))))
    pairs = replace(TEXT, answers=(Answer("a->b", Fraction(1)),))
    bundle = Bundle([odd, replace(TEXT, reference="略")])
    write_moodle(bundle)
    assert bundle.notes.lines() == [
        "a share of the mark that Moodle does not know: M-02",
        "reference answer beside a key, which Moodle has no place for: M-04",
    ]
    bundle = Bundle([pairs, ESSAY])
    assert "::M-04::" not in write_gift(bundle)
    assert bundle.notes.lines() == [
        'left out, an answer with "->", which GIFT takes for pairs: M-04',
        "reference answer, which GIFT has no place for: M-05",
    ]


def test_an_arrow_in_gift_feedback_makes_no_pairs() -> None:
    told = replace(TEXT, answers=(Answer("1", Fraction(1), "0.5 -> 1/2"),))
    written = write_gift(Bundle([told]))
    assert "->" not in written  # Moodle looks for it anywhere between the braces
    assert read_gift(written).questions == [told]
    (others,) = read_gift("::1::x{=1#a -> b}").questions
    assert (others.type, others.answers[0].feedback) == ("text", "a -> b")


# ---- hostile files


LAUGHS = '<!DOCTYPE quiz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><quiz><question>&b;</question></quiz>'
HOSTILE_XML = {
    "billion laughs": (LAUGHS, "DOCTYPE"),
    "a file of this machine": ('<!DOCTYPE quiz [<!ENTITY x SYSTEM "file:///etc/passwd">]><quiz>&x;</quiz>', "DOCTYPE"),
    "an entity from elsewhere": ('<!DOCTYPE quiz SYSTEM "http://x/y.dtd"><quiz>&x;</quiz>', "&x;"),
    "too deep": ("<quiz>" + "<a>" * 500 + "</a>" * 500 + "</quiz>", "deep"),
    "cut off": ("<quiz><question>", "not valid XML"),
    "something else": ("<html><body/></html>", "expected"),
}


@pytest.mark.parametrize("name", HOSTILE_XML)
def test_hostile_xml_is_refused(name: str, tmp_path: Path) -> None:
    text, seen = HOSTILE_XML[name]
    (tmp_path / "bank.xml").write_text(text)
    with pytest.raises(InputError, match=seen) as caught:
        read_bank(tmp_path / "bank.xml")
    assert caught.value.mend


def package(files: dict[str, bytes | str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def manifest(href: str) -> str:
    return f'<manifest><resources><resource type="imsqti_item_xmlv2p1" href="{href}"/></resources></manifest>'


HOSTILE_ZIP = {
    "no manifest": ({"a.xml": QTI2}, "no imsmanifest.xml"),
    "a name that leads out": ({"../a.xml": QTI2, "imsmanifest.xml": manifest("../a.xml")}, "leads out"),
    "an absolute name": ({"/etc/x": "1", "imsmanifest.xml": manifest("a.xml")}, "leads out"),
    "a manifest that leads out": ({"imsmanifest.xml": manifest("../../etc/passwd")}, "leads out"),
    "a picture that leads out": (
        {"i/a.xml": QTI2.replace("Keep", '<img src="../../x.png"/>'), "imsmanifest.xml": manifest("i/a.xml")},
        "leads out",
    ),
    "a manifest with entities": ({"imsmanifest.xml": LAUGHS}, "DOCTYPE"),
}


@pytest.mark.parametrize("name", HOSTILE_ZIP)
def test_hostile_packages_are_refused(name: str, tmp_path: Path) -> None:
    files, seen = HOSTILE_ZIP[name]
    (tmp_path / "bank.zip").write_bytes(package(files))
    with pytest.raises(InputError, match=seen):
        read_bank(tmp_path / "bank.zip")


def test_a_zip_bomb_is_refused_whatever_it_says_of_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.bank.safe.MOST_BYTES", 1 << 20)
    bomb = package({"imsmanifest.xml": manifest("a.xml"), "a.xml": b" " * (3 << 20)})
    (tmp_path / "bank.zip").write_bytes(bomb)
    with pytest.raises(InputError, match="unpacks to more than 1 MB"):
        read_bank(tmp_path / "bank.zip")
    lying = bomb.replace((3 << 20).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lying != bomb
    (tmp_path / "bank.zip").write_bytes(lying)
    with pytest.raises(InputError, match=r"unpacks to more|damaged"):
        read_bank(tmp_path / "bank.zip")


def test_a_symlink_in_a_package_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("a.xml")
    info.external_attr = 0o120777 << 16
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(info, "/etc/passwd")
        archive.writestr("imsmanifest.xml", manifest("a.xml"))
    (tmp_path / "bank.zip").write_bytes(data.getvalue())
    with pytest.raises(InputError, match="leads out"):
        read_bank(tmp_path / "bank.zip")


def test_pictures_from_outside_the_folder_are_not_taken(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(PNG)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "in" / "key.txt").write_text("x")
    stem = "".join(f'<img src=""{name}""/>' for name in ("../secret.png", "link.png", "key.txt", "/etc/hosts.png"))
    (tmp_path / "in" / "bank.csv").write_text(f'question,stem\nQ1,"{stem}"\n')
    back = read_bank(tmp_path / "in" / "bank.csv")
    assert back.pictures == {}
    assert len(back.notes.lines()) == 4


@given(st.binary(max_size=60))
@settings(max_examples=25, deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.xml"
    for start in (b"<quiz>", b"PK\x03\x04", b"", b"::a:: b {"):
        path.write_bytes(start + data)
        try:
            read_bank(path)
        except InputError as error:
            assert error.mend
