"""Made-up questions of every kind, for the tests of the bank's formats."""

from fractions import Fraction

from hypothesis import strategies as st

from engine.bank.markup import literal
from engine.bank.question import Answer, Question

# What people write, and what formats take for their own signs.
WORDS = st.text("甲乙 ab1·=~#{}:\\%/<>&\"'|±*→@$，。[]_-", min_size=1, max_size=12).map(lambda text: text.strip(" '"))
WORDS = WORDS.filter(bool).map(literal)  # an apostrophe before a sign disarms a formula in a cell
TEXTS = st.lists(WORDS, min_size=1, max_size=3).map("\n".join)
SHARES = st.sampled_from([Fraction(1, 2), Fraction(1, 3), Fraction(1, 4), Fraction(-1, 3), Fraction(3, 10)])
NUMBERS = st.sampled_from(["3", "-2.5", "0", "1e3", "0.333"])
feedbacks = st.one_of(st.just(""), TEXTS)


@st.composite
def answers(draw: st.DrawFn, kind: str) -> tuple[Answer, ...]:
    if kind == "constructed":
        return ()
    if kind == "number":
        found = [
            Answer(draw(NUMBERS), share, draw(feedbacks), draw(st.sampled_from(["", "0.01", "2"])))
            for share in [Fraction(1), *draw(st.lists(SHARES, max_size=2))]
        ]
        first: dict[tuple[str, str], Answer] = {}
        for one in found:  # the full mark comes first, as cells of a bank have it
            first.setdefault((one.text, one.tolerance), one)
        return tuple(first.values())
    if kind == "text":
        texts = draw(
            st.lists(
                WORDS.filter(lambda text: text != "*" and text[-1] != "\\"),
                min_size=1,
                max_size=3,
                unique_by=str.casefold,
            )
        )
        shares = [Fraction(1), *(draw(st.one_of(SHARES, st.just(Fraction(0)))) for _ in texts[1:])]
        return tuple(Answer(text, share, draw(feedbacks)) for text, share in zip(texts, shares, strict=True))
    n = draw(st.integers(2, 6))
    if kind == "single":
        shares = draw(
            st.permutations([Fraction(1), *(draw(st.one_of(SHARES, st.just(Fraction(0)))) for _ in range(n - 1))])
        )
    else:
        right = draw(st.integers(2, n))
        usual = [Fraction(1, right)] * right + [Fraction(-1)] * (n - right)
        own = [Fraction(1, 2), Fraction(1, 2), *[draw(st.sampled_from([Fraction(0), Fraction(-1, 4)]))] * (n - 2)]
        shares = draw(st.permutations(draw(st.sampled_from([usual, own]))))
    return tuple(Answer(draw(TEXTS), share, draw(feedbacks)) for share in shares)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    kind = draw(st.sampled_from(["single", "multiple", "number", "text", "constructed"]))
    measured = draw(st.booleans())
    return Question(
        question=draw(st.text("QZ题09-", min_size=1, max_size=6)),
        subject=draw(st.sampled_from(["数学", "maths"])),
        stem=draw(TEXTS),
        type=kind,
        answers=draw(answers(kind)),
        reference=draw(st.one_of(st.just(""), TEXTS)) if kind == "constructed" else "",
        solution=draw(st.one_of(st.just(""), TEXTS)),
        knowledge=tuple(draw(st.lists(st.sampled_from(["函数", "阅读：细节", "a b"]), unique=True))),
        difficulty=draw(st.sampled_from([None, 0.0, 0.65, 1.0])),
        chapter=draw(st.sampled_from(["", "第一章", "一/二"])),
        source_item=draw(st.sampled_from(["", "7", "21(1)"])),
        pupils=1200 if measured else None,
        irt_a=1.25 if measured else None,
        irt_b=-0.5 if measured else None,
        irt_pupils=900 if measured else None,
        exams="a;b" if measured else "",
    )


banks = st.lists(questions(), max_size=4, unique_by=lambda one: one.question)
