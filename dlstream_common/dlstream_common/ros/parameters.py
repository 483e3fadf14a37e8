"""A settings class as ROS parameters: descriptors, limits and validation from one definition."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from dlstream_common.credentials import masked
from dlstream_common.errors import DlstreamError
from dlstream_common.problems import suggest
from dlstream_common.yaml.wording import expected, shown

Model = TypeVar("Model", bound=BaseModel)

_TYPES: dict[Any, Parameter.Type] = {
    bool: Parameter.Type.BOOL,
    int: Parameter.Type.INTEGER,
    float: Parameter.Type.DOUBLE,
    str: Parameter.Type.STRING,
    Path: Parameter.Type.STRING,
}
_ARRAYS = {
    bool: Parameter.Type.BOOL_ARRAY,
    int: Parameter.Type.INTEGER_ARRAY,
    float: Parameter.Type.DOUBLE_ARRAY,
    str: Parameter.Type.STRING_ARRAY,
    Path: Parameter.Type.STRING_ARRAY,
}
_SECRETS: WeakKeyDictionary[Node, dict[str, str]] = WeakKeyDictionary()
"""The values that nodes were given, by their masked form."""
_OF_ROS = ("use_sim_time", "qos_overrides", "start_type_description_service")


class ParameterError(DlstreamError):
    """A node's parameter that can't be used."""


def declare_settings(node: Node, model: type[BaseModel]) -> None:
    """Declares every field of `model` that the node doesn't have yet.

    Everyone can read declared values (/parameter_events, `ros2 param get`), so passwords in them are masked; the real
    value is kept for `read_settings`.

    Raises:
        ParameterError: a value given on the command line or in a parameter file has the wrong type or is out of range.
    """
    _keep_secrets(node)
    for name, field in model.model_fields.items():
        if node.has_parameter(name):
            continue
        try:
            value = None if field.is_required() else _to_ros(field.get_default(call_default_factory=True))
            if value is None:
                node.declare_parameter(name, parameter_type(field.annotation), descriptor(field))
            else:
                node.declare_parameter(name, value, descriptor(field))
        except Exception as error:
            raise ParameterError(f"parameter {name} of {node.get_name()}: {error}") from error


def read_settings(node: Node, model: type[Model], overrides: Iterable[Parameter] = ()) -> Model:
    """The node's parameters, or `overrides` instead of them, as validated settings.

    Raises:
        ParameterError: names each parameter that is missing or wrong, its value and what was expected.
    """
    replaced = {parameter.name: parameter for parameter in overrides}
    values = {}
    for name in model.model_fields:
        parameter = replaced.get(name) or node.get_parameter_or(name, Parameter(name))
        if parameter.type_ != Parameter.Type.NOT_SET:
            values[name] = _value(parameter, _SECRETS.get(node, {}))
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = []
        for item in error.errors():
            key = ".".join(str(part) for part in item["loc"])
            what = "nothing" if item["type"] == "missing" else shown(item["input"])
            wanted = "this parameter, which is required" if item["type"] == "missing" else expected(item)
            lines.append(f"parameter {key} of {node.get_name()}: found {what}; expected {wanted}")
        raise ParameterError("\n".join(lines)) from error


def _keep_secrets(node: Node) -> None:
    for name, parameter in node._parameter_overrides.items():
        if parameter.type_ == Parameter.Type.STRING and masked(parameter.value) != parameter.value:
            _SECRETS.setdefault(node, {})[masked(parameter.value)] = parameter.value
            node._parameter_overrides[name] = Parameter(name, Parameter.Type.STRING, masked(parameter.value))


def _value(parameter: Parameter, secrets: Mapping[str, str]) -> Any:
    value = parameter.value
    if isinstance(value, str):
        return secrets.get(value, value)
    return list(value) if hasattr(value, "__len__") else value


def refuse_unknown(node: Node, known: Iterable[str]) -> None:
    """Raises ParameterError if the command line or a file sets a parameter that the node doesn't have."""
    known = sorted(known)
    for name in node._parameter_overrides:
        if name not in known and not name.startswith(_OF_ROS):
            raise ParameterError(
                f"parameter {name} of {node.get_name()}: there is no such parameter. {suggest(name, known)}"
            )


def parameter_type(annotation: Any) -> Parameter.Type:
    """The ROS type of a field's annotation: str, int, float, bool, Path, Literal or a list or tuple of these."""
    annotation = _plain(annotation)
    if get_origin(annotation) in (list, tuple):
        return _ARRAYS[_plain(get_args(annotation)[0])]
    return _TYPES[annotation]


def _plain(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return _plain(next(item for item in get_args(annotation) if item is not type(None)))
    return annotation


def descriptor(field: FieldInfo) -> ParameterDescriptor:
    """Description, limits and choices of a field, as shown by `ros2 param describe`."""
    result = ParameterDescriptor(description=" ".join((field.description or "").split()))
    if get_origin(field.annotation) is Literal:
        result.additional_constraints = "one of " + ", ".join(str(item) for item in get_args(field.annotation))
    low, high = _limits(field)
    kind = parameter_type(field.annotation)
    if kind == Parameter.Type.INTEGER and (low is not None or high is not None):
        first = -(2**63) if low is None else int(low)
        last = 2**63 - 1 if high is None else int(high)
        result.integer_range = [IntegerRange(from_value=first, to_value=last, step=0)]
    elif kind == Parameter.Type.DOUBLE and (low is not None or high is not None):
        lowest = -sys.float_info.max if low is None else float(low)
        highest = sys.float_info.max if high is None else float(high)
        result.floating_point_range = [FloatingPointRange(from_value=lowest, to_value=highest, step=0.0)]
    return result


def _limits(field: FieldInfo) -> tuple[float | None, float | None]:
    low = high = None
    exact = _plain(field.annotation) is int
    for item in field.metadata:
        low = getattr(item, "ge", low)
        high = getattr(item, "le", high)
        if getattr(item, "gt", None) is not None:
            low = item.gt + 1 if exact else math.nextafter(item.gt, math.inf)
        if getattr(item, "lt", None) is not None:
            high = item.lt - 1 if exact else math.nextafter(item.lt, -math.inf)
    return low, high


def _to_ros(value: Any) -> Any:
    """A default in rclpy's form; None if it has none (an empty list has no type)."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_to_ros(item) for item in value] or None
    return value
