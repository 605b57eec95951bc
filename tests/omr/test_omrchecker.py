"""OMRChecker templates become layouts: geometry, names, registration, and what is wrong with a bad one."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from omr.importers import load_any
from omr.importers.omrchecker import load_template
from omr.layout import Field, Layout

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "omr-real"


def block(**changes):
    return {
        "fieldType": "QTYPE_MCQ4",
        "origin": [65, 60],
        "fieldLabels": ["q1..5"],
        "labelsGap": 52,
        "bubblesGap": 41,
    } | changes


def template(**changes):
    return {
        "pageDimensions": [800, 900],
        "bubbleDimensions": [24, 20],
        "fieldBlocks": {"Block": block()},
        "preProcessors": [],
    } | changes


@pytest.fixture
def load(tmp_path):
    def write_and_load(content) -> Layout:
        path = tmp_path / "template.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return load_template(path)

    return write_and_load


def centres(field: Field) -> dict[str, tuple[float, float]]:
    return {bubble.label: (bubble.x, bubble.y) for bubble in field.groups[0].bubbles}


def test_horizontal_block_runs_right_and_its_fields_down(load):
    layout = load(template())
    fields = layout.pages[0].fields
    assert (layout.unit, layout.width, layout.height) == ("px", 800, 900)
    assert [field.name for field in fields] == ["q1", "q2", "q3", "q4", "q5"]
    assert centres(fields[0]) == {"A": (77, 70), "B": (118, 70), "C": (159, 70), "D": (200, 70)}
    assert centres(fields[4])["A"] == (77, 70 + 4 * 52)
    assert {(field.width, field.height, field.block) for field in fields} == {(24, 20, "Block")}


def test_vertical_block_runs_down_and_its_fields_right(load):
    layout = load(template(fieldBlocks={"Roll": block(fieldType="QTYPE_INT", fieldLabels=["roll1..3"])}))
    fields = layout.pages[0].fields
    assert "".join(centres(fields[0])) == "0123456789"
    assert centres(fields[0])["9"] == (77, 70 + 9 * 41)
    assert centres(fields[2])["0"] == (77 + 2 * 52, 70)


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("QTYPE_INT", "0123456789"),
        ("QTYPE_INT_FROM_1", "1234567890"),
        ("QTYPE_MCQ4", "ABCD"),
        ("QTYPE_MCQ5", "ABCDE"),
        ("QTYPE_MCQ4_RTL", "DCBA"),
        ("QTYPE_MCQ5_RTL", "EDCBA"),
    ],
)
def test_field_types(load, kind, labels):
    field = load(template(fieldBlocks={"Block": block(fieldType=kind)})).pages[0].fields[0]
    assert "".join(bubble.label for bubble in field.groups[0].bubbles) == labels


def test_own_values_sizes_and_uneven_gaps(load):
    own = block(bubbleValues=["U", "HT"], direction="vertical", bubbleDimensions=[10, 30], labelsGap=[20, 35])
    del own["fieldType"]
    fields = load(template(fieldBlocks={"Own": own | {"fieldLabels": ["a", "b", "c"]}})).pages[0].fields
    assert [centres(field)["HT"] for field in fields] == [(70, 116), (90, 116), (125, 116)]
    assert {(field.width, field.height) for field in fields} == {(10, 30)}


def test_joined_fields_and_ranges(load):
    layout = load(
        template(
            fieldBlocks={
                "Medium": block(fieldLabels=["Medium"], labelsGap=0),
                "Roll": block(fieldLabels=["roll9..11"], origin=[400, 60]),
            },
            customLabels={"Roll": ["Medium", "roll9...11"]},
            outputColumns=["Roll", "roll9"],
        )
    )
    assert [(joined.name, joined.fields) for joined in layout.joined] == [
        ("Roll", ("Medium", "roll9", "roll10", "roll11"))
    ]


def test_unknown_keys_and_a_custom_empty_value_are_passed_over(load):
    plain = load(template())
    assert load(template(emptyValue="-", novelty={"a": 1}, fieldBlocks={"Block": block(bubbleCount=20)})) == plain


def test_registration_follows_the_last_crop(load, tmp_path):
    def method(*names):
        return load(template(preProcessors=[{"name": name, "options": {}} for name in names])).registration.method

    assert method() == "frame"
    assert method("GaussianBlur", "Levels", "MedianBlur") == "frame"
    assert method("Levels", "CropPage") == "outline"

    assert cv2.imwrite(str(tmp_path / "marker.jpg"), np.full((20, 20), 90, np.uint8))
    options = {"relativePath": "marker.jpg", "sheetToMarkerWidthRatio": 17}
    markers = [{"name": "CropPage"}, {"name": "CropOnMarkers", "options": options}]
    registration = load(template(preProcessors=markers)).registration
    assert (registration.method, registration.marker_ratio) == ("markers", 17)
    assert Path(registration.marker) == (tmp_path / "marker.jpg").resolve()


WRONG = {
    "pageDimensions": template(pageDimensions=[800]),
    "bubbleDimensions": template(bubbleDimensions=[0, 20]),
    "fieldBlocks": template(fieldBlocks={}),
    "fieldBlocks.Block.origin": template(fieldBlocks={"Block": block(origin=["a", 1])}),
    "fieldBlocks.Block.bubblesGap": template(fieldBlocks={"Block": block(bubblesGap=0)}),
    "fieldBlocks.Block.labelsGap": template(fieldBlocks={"Block": block(labelsGap=[1, 2])}),
    "fieldBlocks.Block.fieldLabels: 'q5..1'": template(fieldBlocks={"Block": block(fieldLabels=["q5..1"])}),
    "fieldBlocks.Block.fieldLabels: 'q1..999999999'": template(
        fieldBlocks={"Block": block(fieldLabels=["q1..999999999"])}
    ),
    "fieldBlocks.Block.fieldLabels: 'q1..x'": template(fieldBlocks={"Block": block(fieldLabels=["q1..x"])}),
    "customLabels.Roll: 'q..5'": template(customLabels={"Roll": ["q..5"]}),
    "'QTYPE_MCQ9'": template(fieldBlocks={"Block": block(fieldType="QTYPE_MCQ9")}),
    "bubbleValues and direction": template(fieldBlocks={"Block": block(fieldType="")}),
    "'q4' lies outside pageDimensions": template(fieldBlocks={"Block": block(labelsGap=300)}),
    "'q1' stands twice": template(fieldBlocks={"Block": block(), "Again": block()}),
    "customLabels.Roll: there is no field 'roll1'": template(customLabels={"Roll": ["roll1"]}),
    "customLabels: 'q1' stands twice": template(customLabels={"q1": ["q2"]}),
    "outputColumns: there is no field 'q9'": template(outputColumns=["q9"]),
    "FeatureBasedAlignment.reference": template(
        preProcessors=[{"name": "FeatureBasedAlignment", "options": {"reference": "r.png"}}]
    ),
    "Unwarp is not supported": template(preProcessors=[{"name": "Unwarp"}]),
    "CropOnMarkers.relativePath": template(
        preProcessors=[{"name": "CropOnMarkers", "options": {"relativePath": "no.jpg"}}]
    ),
    "Invalid JSON": "{",
}


@pytest.mark.parametrize("named", WRONG)
def test_a_wrong_template_is_refused_by_the_name_of_its_key(load, tmp_path, named):
    with pytest.raises(InputError) as refused:
        load(WRONG[named])
    assert named in refused.value.message
    assert refused.value.file == tmp_path / "template.json"
    assert refused.value.mend


@pytest.mark.parametrize(("step", "key"), [("CropOnMarkers", "relativePath"), ("FeatureBasedAlignment", "reference")])
def test_a_template_opens_no_picture_outside_its_folder(tmp_path, step, key):
    """A template comes from somebody else: what it names is not to be looked at wherever it is."""
    form, elsewhere = tmp_path / "form", tmp_path / "elsewhere.png"
    (form / "sub").mkdir(parents=True)
    for picture in (elsewhere, form / "inside.png"):
        assert cv2.imwrite(str(picture), np.full((20, 20), 90, np.uint8))
    (form / "link.png").symlink_to(elsewhere)
    (form / "circle.png").symlink_to("circle.png")
    (form / "text.png").write_text("no picture")

    def load_with(name):
        content = template(preProcessors=[{"name": step, "options": {key: name}}])
        (form / "template.json").write_text(json.dumps(content), encoding="utf-8")
        return load_template(form / "template.json").registration.pictures

    assert load_with("sub/../inside.png") == ((form / "inside.png").resolve(),)
    for name, words in {
        str(form / "inside.png"): "does not lie",
        "../elsewhere.png": "does not lie",
        "link.png": "does not lie",
        "circle.png": "cannot be read",
        "text.png": "cannot be read",
        "sub": "cannot be read",
        "": "is not the name",
    }.items():
        with pytest.raises(InputError, match=words) as refused:
            load_with(name)
        assert f"preProcessors.{step}.{key}" in refused.value.message
        assert refused.value.file == form / "template.json" and refused.value.mend


def test_a_missing_template_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        load_template(tmp_path / "none.json")


@given(
    count=st.integers(1, 30),
    across=st.booleans(),
    bubbles_gap=st.floats(1, 20),
    labels_gap=st.floats(1, 20),
    origin=st.tuples(st.floats(0, 50), st.floats(0, 50)),
)
def test_bubbles_of_any_block_lie_on_a_grid(tmp_path_factory, count, across, bubbles_gap, labels_gap, origin):
    path = tmp_path_factory.mktemp("grid") / "template.json"
    own = {
        "bubbleValues": list("WXYZ"),
        "direction": "horizontal" if across else "vertical",
        "origin": origin,
        "fieldLabels": [f"f1..{count}"] if count > 1 else ["f1"],
        "bubblesGap": bubbles_gap,
        "labelsGap": labels_gap,
    }
    path.write_text(json.dumps(template(fieldBlocks={"Block": own})))
    for row, field in enumerate(load_template(path).pages[0].fields):
        for column, bubble in enumerate(field.groups[0].bubbles):
            along, down = column * bubbles_gap, row * labels_gap
            x, y = (along, down) if across else (down, along)
            assert bubble.x == pytest.approx(origin[0] + 12 + x)
            assert bubble.y == pytest.approx(origin[1] + 10 + y)


def test_a_layout_is_told_from_a_template_by_its_content(load, tmp_path):
    from_template = load(template())
    path = tmp_path / "any-name.txt"
    from_template.save(path)
    assert load_any(path) == from_template
    assert load_any(tmp_path / "template.json") == from_template


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"fields: {}", b"\xff\xfe\x00", b"[" * 100_000])
def test_anything_else_is_refused(tmp_path, content):
    path = tmp_path / "layout.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match="neither"):
        load_any(path)


@pytest.mark.skipif(not REAL.is_dir(), reason="real templates are not beside this checkout")
@pytest.mark.parametrize(
    ("case", "fields", "joined", "method"),
    [
        ("adrian-photo", 5, 0, "outline"),
        ("college-100q-lowres-scan", 100, 0, "frame"),
        ("prayaas-xerox-photo", 100, 0, "outline"),
        ("technothlon-camscanner", 37, 6, "markers"),
        ("rtl-synthetic", 7, 0, "frame"),
    ],
)
def test_real_templates(case, fields, joined, method):
    layout = load_any(REAL / case / "template.json")
    assert (len(layout.pages[0].fields), len(layout.joined), layout.registration.method) == (fields, joined, method)
