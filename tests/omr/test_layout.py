"""A damaged layout is refused by the place of the damage; it is never read as a blank sheet."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from omr.importers import load_any
from omr.layout import Bubble, Field, Group, Joined, Layout, Page, load_layout

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def layout() -> Layout:
    return Layout(
        id="two pages", width=100, height=150, joined=(Joined(name="both", fields=("1.0", "2.0")),),
        pages=tuple(Page(number=number, fields=tuple(
            Field(name=f"{number}.{row}", width=5, height=3, block="b", groups=(Group(bubbles=tuple(
                Bubble(label="ABCD"[k], x=20 + 8 * k, y=30 + 6 * row) for k in range(4)
            )),)) for row in range(2)
        )) for number in (1, 2)),
    )  # fmt: skip


def damaged(path: Path, damage: Callable[[Any], object]) -> Path:
    content = json.loads(layout().model_dump_json())
    damage(content)
    path.write_text(json.dumps(content), "utf-8")
    return path


def first_field(content: Any) -> Any:
    return content["pages"][0]["fields"][0]


def first_bubble(content: Any) -> Any:
    return first_field(content)["groups"][0]["bubbles"][0]


def test_a_layout_is_what_was_saved(tmp_path: Path) -> None:
    layout().save(tmp_path / "layout.json")
    assert load_layout(tmp_path / "layout.json") == layout()


DAMAGES: dict[str, Callable[[Any], object]] = {
    "pages: ": lambda it: it.update(pages=[]),
    "page 1 is there twice": lambda it: it["pages"][1].update(number=1),
    "pages.0.number": lambda it: it["pages"][0].update(number=0),
    "field '2.0' is there twice": lambda it: first_field(it).update(name="2.0"),
    "field '1.1' is there twice": lambda it: it["joined"][0].update(name="1.1"),
    "joined field 'both': there is no field '3.0'": lambda it: it["joined"][0].update(fields=["1.0", "3.0"]),
    "pages.0.fields.0.groups: ": lambda it: first_field(it).update(groups=[]),
    "pages.0.fields.0.groups.0.bubbles: ": lambda it: first_field(it)["groups"][0].update(bubbles=[]),
    "pages.0.fields.0.width: ": lambda it: first_field(it).update(width=0),
    "height: ": lambda it: it.update(height=float("inf")),
    "page 1, field '1.0': bubble 'A' at (106, 30)": lambda it: first_bubble(it).update(x=106),
    "page 1, field '1.0': bubble 'A' at (20, -4)": lambda it: first_bubble(it).update(y=-4),
    "page 1, field '1.0': bubble 'A' at (nan, 30)": lambda it: first_bubble(it).update(x=float("nan")),
}


@pytest.mark.parametrize("words", DAMAGES)
def test_a_damaged_layout_is_refused(words: str, tmp_path: Path) -> None:
    path = damaged(tmp_path / "layout.json", DAMAGES[words])
    with pytest.raises(InputError) as refused:
        load_layout(path)
    assert words in refused.value.message
    assert refused.value.file == path and refused.value.mend


def test_a_bubble_may_stand_over_the_edge(tmp_path: Path) -> None:
    """Templates are measured on crops that cut a little too much."""
    path = damaged(tmp_path / "layout.json", lambda it: first_bubble(it).update(x=103))
    assert load_layout(path).pages[0].fields[0].groups[0].bubbles[0].x == 103


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such layout"):
        load_layout(tmp_path / "layout.json")
    with pytest.raises(InputError, match="cannot read"):
        load_layout(tmp_path)


TEMPLATES = [*DATA.rglob("template*.json"), *DATA.rglob("bubblemap*.yaml")]


@pytest.mark.skipif(not TEMPLATES, reason="real templates are not beside this checkout")
@pytest.mark.parametrize("path", sorted(TEMPLATES), ids=lambda path: path.parent.name)
def test_every_real_template_passes(path: Path) -> None:
    assert load_any(path).pages[0].fields
