"""OneRoster 1.1 and 1.2 (CSV in a zip): pupils with their classes and schools, as a list for the roster import."""

from __future__ import annotations

import zipfile
from pathlib import Path

from engine.errors import InputError
from engine.files import csv_tables, decode
from engine.intake.grid import Grid

_FILES = ("users.csv", "classes.csv", "orgs.csv", "enrollments.csv")
_MAX_BYTES = 1 << 28  # of one of them, unpacked


def is_oneroster(archive: zipfile.ZipFile) -> bool:
    """Whether a zip is a OneRoster bundle."""
    return {"users.csv", "classes.csv"} <= set(_parts(archive))


def read_oneroster(archive: zipfile.ZipFile, path: Path) -> Grid:
    """A row a pupil: the identifier (sourcedId where there is none), name, class and school.

    A pupil's class is the homeroom, or else the first class they are enrolled in; rows "tobedeleted" don't count.
    Lines are those of users.csv.

    Raises:
        InputError: a file of the bundle is missing or too long.
    """
    users, classes, orgs, enrolments = (_records(archive, name, path) for name in _FILES)
    schools = {row["sourcedId"]: row.get("name", "") for row in orgs if row.get("type", "school") == "school"}
    groups = {row["sourcedId"]: row for row in classes}
    class_of: dict[str, dict[str, str]] = {}
    for row in enrolments:
        group = groups.get(row.get("classSourcedId", ""))
        if group and row.get("role", "student") == "student":
            known = class_of.setdefault(row.get("userSourcedId", ""), group)
            if group.get("classType") == "homeroom" != known.get("classType"):
                class_of[row["userSourcedId"]] = group
    grid = Grid(path, "users.csv")
    grid.add(1, ["学籍号", "姓名", "班级", "学校"])
    for row in users:
        if row.get("role", "student") == "student" or row["sourcedId"] in class_of:
            group = class_of.get(row["sourcedId"], {})
            school = group.get("schoolSourcedId") or row.get("orgSourcedIds", "").split(",")[0]
            name = row.get("familyName", "") + row.get("givenName", "")
            if name.isascii():
                name = f"{row.get('givenName', '')} {row.get('familyName', '')}".strip()
            code = row.get("identifier") or row["sourcedId"]
            grid.add(int(row["line"]), [code, name, group.get("title", ""), schools.get(school, "")])
    return grid


def _parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """The CSV files of a bundle, in whatever folder of the zip."""
    return {name.rpartition("/")[2].lower(): name for name in archive.namelist()}


def _records(archive: zipfile.ZipFile, name: str, path: Path) -> list[dict[str, str]]:
    """The rows of a file that are to stay, by column, and the `line` they stand on."""
    part = _parts(archive).get(name)
    if part is None:
        raise InputError(
            f"the OneRoster bundle has no {name}", file=path, mend="export it again, as bulk and not as delta"
        )
    if archive.getinfo(part).file_size > _MAX_BYTES:
        raise InputError(
            f"{name} is longer than {_MAX_BYTES >> 20} MB", file=path, mend="check where the file comes from"
        )
    table = csv_tables(decode(archive.read(part), path), path)[0]
    if table.error is not None:
        raise table.error
    head, *rows = table.rows or [[]]
    if "sourcedId" not in head:
        raise InputError(
            f"{name} has no column sourcedId", file=path, mend="headers are case-sensitive; export it again"
        )
    found = [dict(zip(head, row, strict=False)) | {"line": str(line)} for line, row in enumerate(rows, 2) if any(row)]
    return [row for row in found if row.get("status", "").casefold() != "tobedeleted"]
