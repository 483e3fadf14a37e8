"""What Sphinx needs to tell of pydantic settings, and to link types by the name under which they are imported."""

from __future__ import annotations

import inspect
from typing import Any

from docutils import nodes
from generated_pages import home, packages, public
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.typing import stringify_annotation


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", add_fields)
    app.connect("autodoc-process-signature", short_signature)
    app.connect("autodoc-skip-member", skip_fields)
    app.connect("missing-reference", find_public)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def add_fields(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Below the docstring of a pydantic class: the fields that have no docstring, which autodoc leaves out."""
    if what != "class" or not issubclass(thing, BaseModel):
        return
    documented = ModuleAnalyzer.for_module(thing.__module__).find_attr_docs()
    own = [key for key in inspect.get_annotations(thing) if key in thing.model_fields]
    lines.append("")
    for key in own:
        if (thing.__qualname__, key) in documented:
            continue
        field = thing.model_fields[key]
        value = field.get_default()
        default = "" if value is PydanticUndefined or value is None else f" Default: ``{value!r}``."
        kind = stringify_annotation(field.annotation).replace("collections.abc.", "")
        lines.append(f":param {key}: ``{kind}`` {' '.join((field.description or '').split())}{default}")


def short_signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    """Settings are made from a file: their list of keys stands below, not in the signature."""
    return ("", None) if what == "class" and inspect.isclass(thing) and issubclass(thing, BaseModel) else None


def skip_fields(app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Leaves out what pydantic adds to every model."""
    return True if name in ("model_config", "model_post_init") else None


def find_public(app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.Element) -> nodes.Node | None:
    """A type by its public name; one that has no page (NumPy's, pydantic's, our own private ones) stays plain text."""
    if node.get("refdomain") != "py":
        return None
    public_name = names().get(node["reftarget"])
    if public_name is None:
        return contnode
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", public_name, node, contnode) or contnode


_names: dict[str, str] = {}


def names() -> dict[str, str]:
    """The module in which each public thing is written, to the package from which it is imported."""
    if not _names:
        for package in packages():
            for module in public(package):
                for name in module.__all__:
                    thing = getattr(module, name)
                    if hasattr(thing, "__qualname__") and home(thing, package) == package:
                        for written in (f"{thing.__module__}.{thing.__qualname__}", thing.__qualname__):
                            _names.setdefault(written, f"{module.__name__}.{name}")
    return _names
