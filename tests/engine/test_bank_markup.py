"""Texts of questions: what stands for itself, what is kept, and what HTML leaves of it."""

import time
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.bank.markup import from_html, literal, parts, pictures, plain, renamed, to_html

SIGNS = st.text("a甲 <>/&;\n\"'=1", max_size=10)
PIECES = st.one_of(
    SIGNS,
    st.sampled_from(
        ["<sub>", "</sub>", "<b>", "</b>", "&lt;", "&amp;lt;", "<br/>", "<math", "<table><tr><td>", "lt;b>"]
    ),
)
ANY = st.lists(PIECES, max_size=8).map("".join)


def back(html: str) -> tuple[str, list[str]]:
    lost: list[str] = []
    return from_html(html, lambda source: source, lost.append), lost


@given(ANY)
def test_literal_text_has_no_elements_and_stands_for_itself(text: str) -> None:
    assert parts(literal(text)) == ([(False, text)] if text else [])


@given(ANY)
def test_whatever_stands_in_a_text_its_html_is_well_formed_and_comes_back(text: str) -> None:
    html = to_html(text)
    ElementTree.fromstring(f"<p>{html}</p>")
    again = back(html)[0]
    assert "".join(plain(again).split()) == "".join(plain(text).split())  # rows that are closed end their line
    assert plain(back(to_html(again))[0]) == plain(again)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>已知 x&lt;3，</p><p>求   x²</p>", "已知 x<3，\n求 x²"),
        ("H<sub>2</sub>O 与 <strong>Na</strong><em class='x'>Cl</em>", "H<sub>2</sub>O 与 <b>Na</b><i>Cl</i>"),
        ("<div>1<br>2</div>&nbsp;3", "1\n2\n 3"),
        (
            "<math xmlns='http://www.w3.org/1998/Math/MathML'><mi dir='ltr' onclick='x()'>x</mi><mo>&lt;</mo></math>",
            '<math><mi dir="ltr">x</mi><mo>&lt;</mo></math>',
        ),
        ("<table border=1><tr><td colspan=2>甲</td></tr></table>", '<table><tr><td colspan="2">甲</td></tr></table>'),
        ("<img src='a b.png' alt='图\"1' onerror='x()'>", '<img src="a b.png" alt="图&quot;1"/>'),
        ("标签 &lt;b&gt; 表示粗体", "标签 &lt;b> 表示粗体"),
        ("a<script>alert(1)</script><style>p{}</style>b", "ab"),
        ("$\\frac{1}{2}$ 与 \\(x^2\\)", "$\\frac{1}{2}$ 与 \\(x^2\\)"),
        ("行一\n  行二", "行一 行二"),
    ],
)
def test_what_html_becomes(html: str, text: str) -> None:
    assert back(html) == (text, [])
    assert back(to_html(text)) == (text, [])


@given(
    st.lists(
        st.sampled_from([*"<>/!-&;\"' a=", "<a ", "<!--", "<![", "</", "<math>", "<img src=", "script"]), max_size=20
    )
)
def test_any_html_is_read(pieces: list[str]) -> None:
    text = back("".join(pieces))[0]
    assert back(to_html(text))[0] == text or "<math" in text


MANY = 10_000


@pytest.mark.parametrize(
    "text",
    ["<!--" * MANY, "<a " * MANY, "<![" * MANY, "</" * MANY, "&#" * MANY, "<?" * MANY, "<script>" * MANY,
     "<math>" * MANY, f"<img {'a' * MANY}>", "<img " + "a=" * MANY, '<a "' * MANY, "<a '\"" * MANY,
     f"<math>{'<' * MANY}</math>", f"<math>{'<annotation>' * MANY}</math>"],
)  # fmt: skip
def test_no_text_takes_longer_than_it_is_long(text: str) -> None:
    """Each takes milliseconds; ten thousand times as long would take minutes."""
    start = time.process_time()
    kept = back(text)[0]
    for one in (text, kept):
        plain(one)
        to_html(one)
        pictures(one)
    assert time.process_time() - start < 2


def test_what_cannot_be_kept_is_told() -> None:
    text, lost = back('听<audio src="x.mp3"></audio>录音 <a href="http://x">链接</a> <span style="color:red">红</span>')
    assert text == "听录音 链接 红"
    assert lost == ["audio", "link", "style"]


def test_a_picture_that_is_not_there_leaves_its_words() -> None:
    lost: list[str] = []
    assert (
        from_html("<img src='x.png' alt='三角形'> <img src='y.png'>", lambda source: None, lost.append)
        == "〔三角形〕 〔图〕"
    )
    assert lost == ["picture that is not there"] * 2


def test_plain_text_of_elements() -> None:
    assert (
        plain('求 <math><mi>x</mi><annotation>TeX x</annotation></math><sup>2</sup> <img src="1.png" alt="图1"/>')
        == "求 x2 图1"
    )
    assert plain('<img src="1.png"/>') == "〔图〕"


def test_pictures_are_found_and_renamed() -> None:
    text = '见 <img src="a&amp;b.png" alt="图"/> 与 <b>x</b>'
    assert pictures(text) == ["a&b.png"]
    assert renamed(text, lambda name: f"files/{name}") == '见 <img src="files/a&amp;b.png" alt="图"/> 与 <b>x</b>'
