"""A settings class as ROS parameters: descriptors, limits and validation from one definition.

A field with the settings of a part, such as a filter, is a parameter with the part's name (`filter`), and one for each
of the part's keys (`filter.noise`). Which keys there are depends on the name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from dlstream_common.credentials import masked
from dlstream_common.errors import DlstreamError
from dlstream_common.node_options import ROS_PARAMETERS
from dlstream_common.problems import did_you_mean, suggest
from dlstream_common.settings import former_key
from dlstream_common.tagged import Tagged
from dlstream_common.yaml.annotations import without_tags
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
_LARGEST = 1e12
"""The limit of a number that has none: ROS's ranges have two ends."""


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
        choice = _choice(field)
        if choice is None:
            _declare(node, name, field)
            continue
        _declare_choice(node, name, field, choice)
        below = fields_below(node, name, choice)
        for old in set(node.get_parameters_by_prefix(name)) - {key.partition(".")[2] for key in below}:
            node.undeclare_parameter(f"{name}.{old}")  # of a part that was replaced
        for key, inner in below.items():
            _declare(node, key, inner)


def _declare(node: Node, name: str, field: FieldInfo) -> None:
    if node.has_parameter(name):
        return
    try:
        value = None if field.is_required() else _to_ros(field.get_default(call_default_factory=True))
        if value is None:
            node.declare_parameter(name, parameter_type(field.annotation), descriptor(field))
        else:
            node.declare_parameter(name, value, descriptor(field))
    except Exception as error:
        raise ParameterError(f"parameter {name} of {node.get_name()}: {error}") from error


def _declare_choice(node: Node, name: str, field: FieldInfo, choice: Tagged) -> None:
    """Declares the parameter that names a part; a file may also say it as in a rig: `filter: {type: kalman}`."""
    named = node._parameter_overrides.pop(f"{name}.{choice.tag}", None)
    if named is not None:
        node._parameter_overrides.setdefault(name, Parameter(name, named.type_, named.value))
    if node.has_parameter(name):
        return
    default = getattr(field.get_default(call_default_factory=True), choice.tag)
    words = ParameterDescriptor(
        description=" ".join((field.description or "").split()),
        additional_constraints=f"one of {', '.join(choice.names)}",
    )
    try:
        node.declare_parameter(name, default, words)
    except Exception as error:
        raise ParameterError(f"parameter {name} of {node.get_name()}: {error}") from error


def _choice(field: FieldInfo) -> Tagged | None:
    """How a field selects a part; None if it does not."""
    return next((item for item in field.metadata if isinstance(item, Tagged)), None)


def fields_below(node: Node, name: str, choice: Tagged) -> dict[str, FieldInfo]:
    """The keys of the part that a parameter names now, by parameter."""
    model = choice.known(node.get_parameter(name).value)
    fields = model.model_fields if model is not None else {}
    return {f"{name}.{key}": field for key, field in fields.items() if key != choice.tag}


def parameter_fields(node: Node, model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a settings class by the name of their parameter, those of the parts that it names included."""
    found = dict(model.model_fields)
    for name, field in model.model_fields.items():
        choice = _choice(field)
        if choice is not None and node.has_parameter(name):
            found.update(fields_below(node, name, choice))
    return found


def read_settings(node: Node, model: type[Model], overrides: Iterable[Parameter] = ()) -> Model:
    """The node's parameters, or `overrides` instead of them, as validated settings.

    Raises:
        ParameterError: names each parameter that is missing or wrong, its value and what was expected.
    """
    replaced = {parameter.name: parameter for parameter in overrides}

    def given(name: str) -> dict[str, Any]:
        parameter = replaced.get(name) or node.get_parameter_or(name, Parameter(name))
        if parameter.type_ == Parameter.Type.NOT_SET:
            return {}
        return {name.rpartition(".")[2]: _value(parameter, _SECRETS.get(node, {}))}

    values: dict[str, Any] = {}
    marks = [former_key(field) for field in model.model_fields.values()]
    newer = {key for mark in marks if mark is not None for key in mark.now}
    for name, field in model.model_fields.items():
        values |= given(name)
        if name in newer and values.get(name) == _default(field):
            del values[name]  # not said: a former key may say it
        choice = _choice(field)
        if choice is not None and name in values:
            part = {choice.tag: values[name]}
            for key, inner in fields_below(node, name, choice).items():
                part |= {last: value for last, value in given(key).items() if value != _default(inner)}
            values[name] = part
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = [f"parameter {_complaint(model, item, node.get_name())}" for item in error.errors()]
        raise ParameterError("\n".join(lines)) from error


def _complaint(model: type[BaseModel], item: ErrorDetails, node: str) -> str:
    key = ".".join(str(part) for part in without_tags(model, tuple(item["loc"])))
    context, what, hint = item.get("ctx", {}), shown(item["input"]), ""
    if item["type"] == "missing":
        what, wanted = "nothing", "this parameter, which is required"
    elif item["type"] == "union_tag_invalid":
        names = [name.strip(" '") for name in str(context["expected_tags"]).split(",")]
        what, wanted, hint = (
            f"'{context['tag']}'",
            f"one of {', '.join(names)}",
            did_you_mean(str(context["tag"]), names),
        )
    elif item["type"] == "part_error":
        what, wanted, hint = context["found"], context["expected"], context["suggestion"]
    elif item["type"] == "misfit":
        key = f"{key}.{context['key']}".lstrip(".")
        what, wanted = shown(item["input"].get(context["key"])), item["msg"]
    else:
        wanted = expected(item)
    return f"{key} of {node}: found {what}; expected {wanted}{f'. {hint}' if hint else ''}"


def _default(field: FieldInfo) -> Any:
    return _to_ros(field.get_default(call_default_factory=True))


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
        if name not in known and not name.startswith(ROS_PARAMETERS):
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
    low, high, constraints = _limits(field)
    result.additional_constraints = result.additional_constraints or constraints
    kind = parameter_type(field.annotation)
    if kind == Parameter.Type.INTEGER and (low is not None or high is not None):
        first = -(2**63) if low is None else int(low)
        last = 2**63 - 1 if high is None else int(high)
        result.integer_range = [IntegerRange(from_value=first, to_value=last, step=0)]
    elif kind == Parameter.Type.DOUBLE and (low is not None or high is not None):
        lowest = -_LARGEST if low is None else float(low)
        highest = _LARGEST if high is None else float(high)
        result.floating_point_range = [FloatingPointRange(from_value=lowest, to_value=highest, step=0.0)]
    return result


def _limits(field: FieldInfo) -> tuple[float | None, float | None, str]:
    """The least and the greatest value, and in words which of them is excluded: ROS's ranges have no "more than"."""
    low = high = None
    words = []
    exact = _plain(field.annotation) is int
    for item in field.metadata:
        low = getattr(item, "ge", low)
        high = getattr(item, "le", high)
        for name, word, step in (("gt", "more", 1), ("lt", "less", -1)):
            limit = getattr(item, name, None)
            if limit is None:
                continue
            bound = limit + step if exact else limit
            low, high = (bound, high) if name == "gt" else (low, bound)
            words += [] if exact else [f"{word} than {limit:g}"]
    return low, high, ", ".join(words)


def refusal(field: FieldInfo, value: Any) -> str:
    """Why a field can't have a value, as far as the value alone shows it; empty if it can."""
    choice = _choice(field)
    names = choice.names if choice is not None else _literals(field.annotation)
    if names and value not in names:
        hint = f". {did_you_mean(str(value), [str(name) for name in names])}".removesuffix(". ")
        return f"found {shown(value)}; expected one of {', '.join(str(name) for name in names)}{hint}"
    for item in field.metadata:
        for name, word in (("gt", "more"), ("lt", "less")):
            if isinstance(value, float) and getattr(item, name, None) == value:
                return f"found {shown(value)}; expected {word} than {value:g}"
    return ""


def _literals(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _to_ros(value: Any) -> Any:
    """A default in rclpy's form; None if it has none (an empty list has no type)."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_to_ros(item) for item in value] or None
    return value
