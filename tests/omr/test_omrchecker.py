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
        ("QTYPE_MCQ6", "ABCDEF"),
        ("QTYPE_MCQ3_RTL", "CBA"),
    ],
)
def test_field_types(load, kind, labels):
    field = load(template(fieldBlocks={"Block": block(fieldType=kind)})).pages[0].fields[0]
    assert "".join(bubble.label for bubble in field.groups[0].bubbles) == labels


def test_a_blocks_own_word_goes_before_its_types(load):
    own = block(bubbleValues=["甲", "乙"])
    across = block(fieldType="QTYPE_INT", direction="horizontal", fieldLabels=["n1"])
    first = load(template(fieldBlocks={"Block": own})).pages[0].fields[0]
    second = load(template(fieldBlocks={"Block": across})).pages[0].fields[0]
    assert centres(first) == {"甲": (77, 70), "乙": (118, 70)}
    assert centres(second)["9"] == (77 + 9 * 41, 70)


def test_version_2_says_the_same_in_other_words(load):
    old = template(
        fieldBlocks={"Block": block(), "Own": block(bubbleValues=["U", "V"], fieldLabels=["a"], origin=[9, 9])}
    )
    first, second = (
        block(bubbleFieldType="QTYPE_MCQ4", fieldDetectionType="BUBBLES_THRESHOLD", origin=[60, 70]),
        block(bubbleFieldType="CUSTOM_UV", fieldLabels=["a"], origin=[4, 19]),
    )
    for one in (first, second):
        del one["fieldType"]
    new = {
        "templateDimensions": [800, 900],
        "processingImageShape": [900, 650],
        "bubbleDimensions": [24, 20],
        "customBubbleFieldTypes": {"CUSTOM_UV": {"bubbleValues": ["U", "V"], "direction": "horizontal"}},
        "fieldBlocksOffset": [5, -10],
        "fieldBlocks": {"Block": first, "Own": second},
        "outputColumns": {"customOrder": ["q1..5"], "sortType": "CUSTOM"},
        "preProcessors": [{"name": "AutoRotate", "options": {}}, {"name": "Contrast", "options": {"mode": "auto"}}],
        "conditionalSets": [],
        "sortFiles": {"enabled": False},
        "alignment": {"maxDisplacement": 10},
    }
    assert load(new) == load(old)


def test_a_custom_label_that_is_its_own_field_is_that_field(load):
    layout = load(template(customLabels={"q1": ["q1"], "both": ["q2..3"]}))
    assert [joined.name for joined in layout.joined] == ["both"]


def test_a_template_may_begin_with_a_byte_order_mark(load, tmp_path):
    plain = load(template())
    path = tmp_path / "template.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_template(path) == load_any(path) == plain


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


def markers(load, folder, **options):
    assert cv2.imwrite(str(folder / "omr_marker.jpg"), np.full((30, 37), 90, np.uint8))
    return load(template(preProcessors=[{"name": "CropOnMarkers", "options": options}])).registration


def test_a_marker_that_is_not_named_or_sized_is_the_usual_one(load, tmp_path):
    """Its size is then that of its picture, on a page as wide as config.json says."""
    registration = markers(load, tmp_path)
    assert Path(registration.marker).name == "omr_marker.jpg"
    assert registration.marker_ratio == 666 / 37
    (tmp_path / "config.json").write_text(json.dumps({"dimensions": {"processing_width": 740}}))
    assert markers(load, tmp_path).marker_ratio == 20
    (tmp_path / "config.json").write_text("{}")
    assert markers(load, tmp_path).marker_ratio == 666 / 37
    assert markers(load, tmp_path, sheetToMarkerWidthRatio=17.5).marker_ratio == 17.5


@pytest.mark.parametrize("content", ["{", "[]", '{"dimensions": 5}', '{"dimensions": {"processing_width": "x"}}'])
def test_a_wrong_config_is_refused_where_it_is_needed(load, tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError) as refused:
        markers(load, tmp_path)
    assert refused.value.file == tmp_path / "config.json" and refused.value.mend
    assert markers(load, tmp_path, sheetToMarkerWidthRatio=17).marker_ratio == 17


def test_four_markers_of_version_2(load, tmp_path):
    four = {"type": "FOUR_MARKERS", "referenceImage": "omr_marker.jpg"}
    assert markers(load, tmp_path, **four, markerDimensions=[65, 50]).marker_ratio == 10
    assert markers(load, tmp_path, **four, processingImageShape=[900, 740]).marker_ratio == 20
    for wrong in (
        {"markerDimensions": [0, 1]},
        {"processingImageShape": "x"},
        {"topLeftMarker": {"selector": "X"}},
        {"topLeftMarker": 5},
        {"bottomLeftMarker": {"customOptions": {"referenceImage": "other.jpg"}}},
    ):
        with pytest.raises(InputError, match="CropOnMarkers"):
            markers(load, tmp_path, **four, **wrong)


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
    "fieldBlocks.Block: fieldType 'QTYPE_MCQ1'": template(fieldBlocks={"Block": block(fieldType="QTYPE_MCQ1")}),
    "fieldBlocks.Block: bubbleValues ['A', 'A']": template(fieldBlocks={"Block": block(bubbleValues=["A", "A"])}),
    "fieldBlocks.Block: bubbleValues ['A', '']": template(fieldBlocks={"Block": block(bubbleValues=["A", ""])}),
    "fieldBlocks.Block.bubbleValues": template(fieldBlocks={"Block": block(bubbleValues="AB")}),
    "fieldBlocks.Block.fieldDetectionType": template(fieldBlocks={"Block": block(fieldDetectionType="OCR")}),
    "conditionalSets": template(conditionalSets=[{"name": "A"}]),
    "customBubbleFieldTypes.CUSTOM_1.direction": template(
        customBubbleFieldTypes={"CUSTOM_1": {"bubbleValues": ["A"], "direction": "up"}}
    ),
    "pageDimensions: Field required": {key: value for key, value in template().items() if key != "pageDimensions"},
    "preProcessors.0.options": template(preProcessors=[{"name": "CropPage", "options": []}]),
    "an object of the file: 'Block' stands twice": json.dumps(template()).replace('"Block":', '"Block": {}, "Block":'),
    "bubbleValues and direction": template(fieldBlocks={"Block": block(fieldType="")}),
    "'q4' lies outside pageDimensions": template(fieldBlocks={"Block": block(labelsGap=300)}),
    "'q1' stands twice": template(fieldBlocks={"Block": block(), "Again": block()}),
    "customLabels.Roll: there is no field 'roll1'": template(customLabels={"Roll": ["roll1"]}),
    "customLabels: 'q1' stands twice": template(customLabels={"q1": ["q2"]}),
    "outputColumns: there is no field 'q9'": template(outputColumns=["q9"]),
    "FeatureBasedAlignment.reference": template(
        preProcessors=[{"name": "FeatureBasedAlignment", "options": {"reference": "r.png"}}]
    ),
    "CropOnLogo is not supported": template(preProcessors=[{"name": "CropOnLogo"}]),
    "WarpOnPoints is not supported": template(preProcessors=[{"name": "WarpOnPoints"}]),
    "CropOnMarkers.type: 'TWO_LINES' is not supported": template(
        preProcessors=[{"name": "CropOnMarkers", "options": {"type": "TWO_LINES"}}]
    ),
    "CropOnMarkers.defaultSelector: only CENTERS": template(
        preProcessors=[
            {"name": "CropOnMarkers", "options": {"type": "FOUR_MARKERS", "defaultSelector": "OUTER_CORNERS"}}
        ]
    ),
    "Unwarp is not supported": template(preProcessors=[{"name": "Unwarp"}]),
    "CropOnMarkers.relativePath": template(
        preProcessors=[{"name": "CropOnMarkers", "options": {"relativePath": "no.jpg"}}]
    ),
    "not valid JSON: Expecting property name enclosed in double quotes: line 1": "{",
    "too many brackets": '{"fieldBlocks": ' + "[" * 100_000,
    "Input should be a valid dictionary": "[]",
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


@pytest.mark.parametrize("content", [b'{"fieldBlocks": {}', b'\xef\xbb\xbf\n{"pages": [}', b'{"a": 1,}'])
def test_json_that_is_broken_is_told_where(tmp_path, content):
    path = tmp_path / "layout.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"not valid JSON: .*line") as refused:
        load_any(path)
    assert refused.value.file == path and refused.value.mend


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
