"""The ZIP of a QTI package: imsmanifest.xml, an XML file an item, pictures; tags are keywords of its metadata (LOM)."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from engine.bank.bundle import Bundle
from engine.bank.markup import pictures, printable
from engine.bank.qti.incoming import question_of, unified
from engine.bank.qti.outgoing import element_of, identifier_of
from engine.bank.question import Question
from engine.bank.safe import FOREIGN, Archive, leads_out, parse_xml
from engine.bank.tags import NUMBER, fields_of, tags_of
from engine.errors import InputError

MANIFEST = "imsmanifest.xml"
CONTENT = "http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1"
LOM = "http://ltsc.ieee.org/xsd/LOM"
ITEM = "imsqti_item_xml"  # resource types of items begin so
PICTURES = "pictures"


def read_qti(data: bytes, path: Path) -> Bundle:
    """Questions of a QTI package, in the order of its manifest.

    Raises:
        InputError: it is no package; or one that is hostile (see `engine.bank.safe`).
    """
    archive = Archive(data, path)
    manifest = archive.read(MANIFEST)
    if manifest is None:
        raise InputError(f"no {MANIFEST} in it", file=path, mend="export the questions as a QTI package")
    bundle = Bundle()
    for resource in parse_xml(manifest, f"{path}/{MANIFEST}").iter("resource"):
        href = unquote(resource.get("href", ""))
        if not resource.get("type", "").startswith(ITEM):
            if resource.get("type", "").startswith("imsqti"):
                bundle.notes.add("left out, a part of the package that is no item", href or "?")
            continue
        item = _member(archive, href)
        if item is None:
            bundle.notes.add("left out, named in the manifest and not there", href)
            continue
        keywords = [" ".join("".join(one.itertext()).split()) for one in resource.iter("keyword")]
        root = parse_xml(item, f"{path}/{href}")
        question = question_of(unified(root), fields_of(filter(None, keywords)), bundle, _finder(archive, href, bundle))
        bundle.questions += [question] if question else []
    return bundle


def read_item(data: bytes, path: Path) -> Bundle:
    """The question of an item's own XML file, without a package; pictures are not looked for.

    Raises:
        InputError: it is no item, or hostile XML.
    """
    root = unified(parse_xml(data, path))
    if root.tag != "assessmentitem":
        raise InputError(f"<{root.tag}>, expected a QTI item or Moodle's <quiz>", file=path, mend=FOREIGN)
    bundle = Bundle()
    question = question_of(root, {}, bundle, lambda source: None)
    bundle.questions += [question] if question else []
    return bundle


def _member(archive: Archive, name: str) -> bytes | None:
    """A file of the package by its path.

    Raises:
        InputError: the path leads out of the package.
    """
    if leads_out(name):
        raise InputError(f"{name!r} leads out of the package", file=archive.path, mend=FOREIGN)
    return archive.read(name)


def _finder(archive: Archive, href: str, bundle: Bundle) -> Callable[[str], str | None]:
    """Source of a picture, as an item says it, → the name it is kept under."""

    def picture(source: str) -> str | None:
        if source.startswith(("http://", "https://")):
            return source
        name = posixpath.normpath(posixpath.join(posixpath.dirname(href), unquote(source)))
        data = _member(archive, name)
        return bundle.keep(name, data) if data is not None else None

    return picture


def write_qti(bundle: Bundle) -> bytes:
    """The questions as a QTI 3.0 package; equal bundles give equal bytes."""
    manifest = Element("manifest", xmlns=CONTENT, identifier="yuejuan-bank")
    about = SubElement(manifest, "metadata")
    SubElement(about, "schema").text = "QTI Package"
    SubElement(about, "schemaversion").text = "3.0.0"
    SubElement(manifest, "organizations")
    resources = SubElement(manifest, "resources")
    files: dict[str, bytes] = {}
    for number, one in enumerate(bundle.questions, 1):
        identifier = identifier_of(one.question, number)
        href = f"items/{number:05}.xml"
        files[href] = _document(element_of(one, identifier, lambda name: f"../{PICTURES}/{name}", bundle.notes))
        shown = [name for text in one.texts() for name in pictures(text) if name in bundle.pictures]
        _resource(resources, one, identifier, href, [f"{PICTURES}/{name}" for name in dict.fromkeys(shown)])
    files |= {f"{PICTURES}/{name}": data for name, data in bundle.pictures.items()}
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {MANIFEST: _document(manifest), **files}.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return data.getvalue()


def _resource(resources: Element, one: Question, identifier: str, href: str, shown: list[str]) -> None:
    resource = SubElement(resources, "resource", identifier=identifier, type=f"{ITEM}v3p0", href=href)
    general = SubElement(SubElement(SubElement(resource, "metadata"), "lom", xmlns=LOM), "general")
    for tag in [*tags_of(one), *([f"{NUMBER}:{one.question}"] if identifier != one.question else [])]:
        SubElement(SubElement(general, "keyword"), "string", language="zh-CN").text = printable(tag)
    for file in (href, *shown):
        SubElement(resource, "file", href=file)


def _document(root: Element) -> bytes:
    if root.tag == "manifest":
        indent(root, "  ")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="utf-8") + b"\n"
