"""Forms of a paper (A/B卷): the same items, printed in another order or with permuted options.

The fields of a sheet are named by the blueprint's items in the blueprint's order, whatever the form. forms.csv says
what a form prints there:

    form      the letter marked on the sheet
    position  the field (an item of the blueprint) next to which…
    item      …this item is printed
    options   the item's canonical options in printed order: "CADB" prints option C as A, A as B, …; empty: not permuted

Positions that are not listed print their own item; form A, if not listed at all, is the blueprint itself.
Statistics and scores know canonical items and options only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path

from engine.errors import InputError, raise_all
from engine.exam import Item, Subject
from engine.files import Records, find_table, halfwidth, hint, read_records
from engine.rules import Rule

Form = tuple[tuple[str, str], ...]  # per field of the sheet: (item printed there, its options in printed order)

ALIASES = {"卷型": "form", "试卷": "form", "题位": "position", "题号": "item", "选项": "options"}


def load_forms(folder: Path, items: tuple[Item, ...]) -> dict[str, Form]:
    """Read forms.csv or forms.xlsx of a subject's folder; {} if there is none.

    Raises:
        InputError: unknown item or position, a place or an item used twice, options that are no permutation of the
            item's, or an item where the sheet has bubbles of another kind.
    """
    path = find_table(folder, "forms")
    if path is None:
        return {}
    records = read_records(path, required=("form", "position", "item"), aliases=ALIASES)
    known = {item.item: item for item in items}
    printed: dict[str, dict[str, tuple[str, str]]] = {}
    errors: list[InputError] = []
    for i, row in enumerate(records.rows):
        form, position, name = (halfwidth(row[column]) for column in ("form", "position", "item"))
        options = halfwidth(row.get("options", "")).upper()
        problem = _problem(records, i, form, position, name, options, known)
        places = printed.setdefault(form, {})
        if problem is None and position in places:
            problem = records.error(i, "position", f"{position!r} stands twice on form {form}", "correct one of them")
        if problem is not None:
            errors.append(problem)
        else:
            places[position] = (name, options or known[name].options)
    raise_all(errors)

    forms = {}
    for form, places in {"A": {}, **printed}.items():
        order = tuple(places.get(item.item, (item.item, item.options)) for item in items)
        names = [name for name, _ in order]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            missing = sorted(set(known) - set(names))
            raise InputError(
                f"form {form} prints {', '.join(twice)} twice and {', '.join(missing)} not at all",
                file=path,
                column=records.titles["item"],
                mend="list every position that prints another item than its own",
            )
        forms[form] = order
    return forms


def _problem(
    records: Records, i: int, form: str, position: str, name: str, options: str, known: dict[str, Item]
) -> InputError | None:
    """What is wrong with a row of forms.csv."""
    if len(form) != 1:
        return records.error(i, "form", f"{form!r}, expected one letter", "name forms A, B, …")
    for column, value in (("position", position), ("item", name)):
        if value not in known:
            return records.error(i, column, f"no item {value!r} in the blueprint", hint(value, known))
    item, place = known[name], known[position]
    if (item.type, item.options) != (place.type, place.options):
        return records.error(
            i,
            "item",
            f"{name} ({item.type} {item.options}) can't be answered at {position} ({place.type} {place.options})",
            "exchange items of the same type and options only",
        )
    if options and sorted(options) != sorted(item.options):
        message = f"{options!r} is not a permutation of the options {item.options!r}"
        return records.error(i, "options", message, "list every option once, in printed order")
    return None


def is_known(subject: Subject, form: str) -> bool:
    """Whether the mark `form` on a sheet says which form it is. Without forms.csv everybody has the blueprint, form A;
    a "B" is then not known, and a sheet without a mark is."""
    return form in subject.forms if subject.forms else form in ("", "A")


def order(subject: Subject, form: str) -> Form:
    """What form `form` prints, per field of the sheet."""
    return subject.forms.get(form) or tuple((item.item, item.options) for item in subject.items)


def canonical(item: Item, options: str, answer: str) -> str:
    """An answer as read on a form that prints the options in the order `options` → the answer in canonical options."""
    if options == item.options:
        return answer
    letters = dict(zip(item.options, options, strict=True))
    return _in_order((letters.get(letter, letter) for letter in answer), item)


def printed(subject: Subject, form: str, name: str, answer: str) -> tuple[str, str]:
    """The way back: the field of the sheet and the marks there that give item `name` the canonical `answer`."""
    place = next(j for j, (other, _) in enumerate(order(subject, form)) if other == name)
    options = order(subject, form)[place][1]
    item = next(item for item in subject.items if item.item == name)
    if options != item.options:
        letters = dict(zip(options, item.options, strict=True))
        answer = _in_order((letters.get(letter, letter) for letter in answer), item)
    return subject.items[place].item, answer


def _in_order(letters: Iterable[str], item: Item) -> str:
    return "".join(sorted(letters, key=lambda letter: (item.options.find(letter), letter)))


def points_by_form(subject: Subject, rules: Mapping[str, Rule], marked: dict[str, str]) -> dict[str, Fraction]:
    """Points that the marks of a sheet (field → value) would earn under every form, constructed responses aside.

    For sheets without a clear form mark: the gap tells a person which form it was; nothing is chosen here.
    """
    items = {item.item: item for item in subject.items}
    result = {}
    for form in subject.forms:
        units = 0
        for field, (name, options) in zip(items, order(subject, form), strict=True):
            if field in marked and items[name].type != "constructed":
                units += rules[name](canonical(items[name], options, marked[field]))
        result[form] = units * subject.step
    return result
