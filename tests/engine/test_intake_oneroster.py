"""engine.intake.oneroster: a OneRoster bundle is a roster."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.intake.roster import draft_roster

BUNDLE = {
    "manifest.csv": "propertyName,value\noneroster.version,1.2\n",
    "orgs.csv": "sourcedId,status,name,type\no1,,云岭一中,school\nd1,,玉溪市,district\n",
    "classes.csv": "sourcedId,title,classType,schoolSourcedId\nc1,数学走班A,scheduled,o1\nc2,初二1班,homeroom,o1\n",
    "users.csv": "sourcedId,status,identifier,givenName,familyName,role,orgSourcedIds\n"
    "u1,,26010101,芳,王,student,o1\nu2,,,Anna,Smith,student,o1\nt1,,,强,李,teacher,o1\nu3,tobedeleted,,三,张,student,o1\n",
    "enrollments.csv": "sourcedId,classSourcedId,userSourcedId,role\n"
    "e1,c1,u1,student\ne2,c2,u1,student\ne3,c2,u2,student\ne4,c2,t1,teacher\ne5,c2,u3,student\n",
}


def bundle(path: Path, parts: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(f"export/{name}", "\ufeff" + text)
    return path


def test_pupils_with_their_homeroom_and_school(tmp_path: Path) -> None:
    draft = draft_roster([bundle(tmp_path / "a.zip", BUNDLE)])
    assert draft.complaints.errors == []
    assert draft.made["roster"].to_pydict() == {
        "学籍号": ["26010101", "u2"],
        "姓名": ["王芳", "Anna Smith"],
        "班级": ["初二1班", "初二1班"],
        "学校": ["云岭一中", "云岭一中"],
    }


@pytest.mark.parametrize("lost", ["enrollments.csv", "orgs.csv"])
def test_an_incomplete_bundle_is_refused(tmp_path: Path, lost: str) -> None:
    with pytest.raises(InputError, match=lost):
        draft_roster([bundle(tmp_path / "a.zip", {name: text for name, text in BUNDLE.items() if name != lost})])


def test_headers_are_case_sensitive(tmp_path: Path) -> None:
    parts = BUNDLE | {"orgs.csv": BUNDLE["orgs.csv"].replace("sourcedId", "SOURCEDID")}
    with pytest.raises(InputError, match=r"orgs\.csv has no column sourcedId"):
        draft_roster([bundle(tmp_path / "a.zip", parts)])
