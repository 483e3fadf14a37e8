"""The two documents of DDS Security 1.1 in a keystore: how a domain is protected, and what an identity may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from xml.etree import ElementTree

_Tree = Mapping[str, "str | _Tree | Sequence[_Tree]"]
_EVERY_DOMAIN: _Tree = {"id_range": {"min": "0", "max": "232"}}
"""So that ROS_DOMAIN_ID can be chosen when the rig is started."""
_SCHEMA = "http://www.omg.org/spec/DDS-SECURITY/20170901/omg_shared_ca_{}.xsd"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"


def governance() -> bytes:
    """Nobody without a certificate takes part, and all that is said is encrypted: as SROS2's own default."""
    topics: _Tree = {
        "topic_expression": "*",
        "enable_discovery_protection": "true",
        "enable_liveliness_protection": "true",
        "enable_read_access_control": "true",
        "enable_write_access_control": "true",
        "metadata_protection_kind": "ENCRYPT",
        "data_protection_kind": "ENCRYPT",
    }
    domain: _Tree = {
        "domains": _EVERY_DOMAIN,
        "allow_unauthenticated_participants": "false",
        "enable_join_access_control": "true",
        "discovery_protection_kind": "ENCRYPT",
        "liveliness_protection_kind": "ENCRYPT",
        "rtps_protection_kind": "SIGN",
        "topic_access_rules": {"topic_rule": topics},
    }
    root = _document("governance")
    _add(root, {"domain_access_rules": {"domain_rule": domain}})
    return _text(root)


def permissions(name: str, denied: Sequence[str], begin: datetime, end: datetime, allowed: Sequence[str] = ()) -> bytes:
    """What the identity `name` may do: all but publish the topics `denied`.

    Args:
        denied: DDS topics, with * for any part of a name. The first rule that fits counts.
        begin, end: when the permission holds; UTC.
        allowed: those of the denied topics that it may publish all the same.
    """
    first: _Tree = {"allow_rule": {"domains": _EVERY_DOMAIN, "publish": _topics(allowed)}} if allowed else {}
    deny: _Tree = {"deny_rule": {"domains": _EVERY_DOMAIN, "publish": _topics(denied)}} if denied else {}
    allow: _Tree = {"domains": _EVERY_DOMAIN, "publish": _topics(["*"]), "subscribe": _topics(["*"])}
    root = _document("permissions")
    grant = ElementTree.SubElement(ElementTree.SubElement(root, "permissions"), "grant", {"name": name})
    validity: _Tree = {"not_before": _time(begin), "not_after": _time(end)}
    _add(grant, {"subject_name": f"CN={name}", "validity": validity, **first})
    _add(grant, {**deny, "allow_rule": allow, "default": "DENY"})
    return _text(root)


def _topics(names: Sequence[str]) -> _Tree:
    return {"topics": [{"topic": name} for name in names]}


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def _document(kind: str) -> ElementTree.Element:
    return ElementTree.Element("dds", {f"{{{_INSTANCE}}}noNamespaceSchemaLocation": _SCHEMA.format(kind)})


def _add(parent: ElementTree.Element, content: _Tree) -> None:
    for name, value in content.items():
        element = ElementTree.SubElement(parent, name)
        if isinstance(value, str):
            element.text = value
        else:
            for part in [value] if isinstance(value, Mapping) else value:
                _add(element, part)


def _text(root: ElementTree.Element) -> bytes:
    ElementTree.register_namespace("xsi", _INSTANCE)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"
