"""The docstrings below the fields of a settings class, which are their descriptions.

pydantic has an option for this (`use_attribute_docstrings`). Up to Python 3.12 it searches every module and every stack
frame for each class, a third of the time that `dlstream check` takes to start. Here the source of a module is parsed
once for all its classes.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType


def field_docs(cls: type) -> Mapping[str, str]:
    """The docstrings below the fields that a class itself declares, by field name.

    Empty if the source can't be read, as for a class created at run time.
    """
    module = sys.modules.get(cls.__module__)
    return {} if module is None else _docs_of_module(module).get(cls.__qualname__, {})


@cache
def _docs_of_module(module: ModuleType) -> dict[str, dict[str, str]]:
    """The field docstrings of each class, by its qualified name."""
    file = getattr(module, "__file__", None) or ""
    linecache.checkcache(file)
    source = "".join(linecache.getlines(file))
    try:
        tree = ast.parse(source)
    except SyntaxError:  # the file has changed since its import
        return {}
    return {name: _docs_of_class(node) for name, node in _classes(tree, "")}


def _classes(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.ClassDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield prefix + child.name, child
            yield from _classes(child, f"{prefix}{child.name}.")
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _classes(child, f"{prefix}{child.name}.<locals>.")
        elif isinstance(child, ast.stmt):
            yield from _classes(child, prefix)


def _docs_of_class(node: ast.ClassDef) -> dict[str, str]:
    docs = {}
    for field, below in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            docs[field.target.id] = inspect.cleandoc(below.value.value)
    return docs
