"""Dependencies point one way, and what the documents name exists."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import cli

ROOT = Path(__file__).parents[1]
ROOMS = {"engine", "omr", "report", "benchmarks", "stages", "demo", "cli"}
ALLOWED = {
    "engine": {"engine"},
    "omr": {"omr", "engine.tables", "engine.errors"},
    "report": {"report", "omr", "engine"},
    "demo": {"demo", "engine"},
    "stages": {"stages", "demo", "report", "omr", "engine"},
    "cli.py": {"stages", "engine.errors"},
}


def imports(path: Path) -> Iterator[str]:
    """Modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("room", ALLOWED)
def test_dependencies_point_one_way(room: str) -> None:
    files = [ROOT / room] if room.endswith(".py") else sorted((ROOT / room).rglob("*.py"))
    assert files
    for file in files:
        for name in imports(file):
            if name.split(".")[0] in ROOMS:
                allowed = any(name == other or name.startswith(other + ".") for other in ALLOWED[room])
                assert allowed, f"{file.relative_to(ROOT)} imports {name}"


def test_the_readme_names_every_verb_and_no_other() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    verbs = {command.name or command.callback.__name__ for command in cli._app.registered_commands}
    verbs |= {group.name for group in cli._app.registered_groups}
    named = set(re.findall(r"yuejuan ([a-z]+)", text)) | set(re.findall(r"`([a-z]+)`", text))
    assert verbs - named == set()
    assert set(re.findall(r"^    yuejuan ([a-z]+)", text, re.MULTILINE)) <= verbs


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/formats.md"])
def test_links_in_the_documents_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert (ROOT / page).parent.joinpath(target).exists(), target
