"""Settings whose type is given by a key: `source: video`, `type: screen`.

    Annotated[OutputSettings, Tagged("type", OUTPUTS, settings_of, OUTPUTS)]

It works like pydantic's discriminated unions, except that a class is imported only when a file names it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import Any, ClassVar, Generic, Literal, TypeVar, get_args

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from dlstream_common.picking import tags_of
from dlstream_common.plugins import PartError, Registry
from dlstream_common.settings import Settings

S = TypeVar("S", bound=Settings)


class Tagged:
    """Marks, in an annotation, one of several settings classes, selected by the key `tag`.

    Args:
        names: possible values of the key.
        model: returns the class for one of them; may raise PartError.
        registry: of the parts.
        wrap: converts valid settings of a name; by default they are kept as they are.
        name_is_enough: the name alone may stand for the mapping: `filter: kalman` for `filter: {type: kalman}`.
    """

    def __init__(
        self,
        tag: str,
        names: Iterable[str],
        model: Callable[[str], type[BaseModel]],
        registry: Registry[Any],
        wrap: Callable[[str, Any], Any] = lambda _, settings: settings,
        name_is_enough: bool = False,
    ) -> None:
        self.tag, self.model = tag, model
        self._names, self._registry = tuple(names), registry
        self.name_is_enough = name_is_enough
        self._wrap = wrap

    @property
    def names(self) -> tuple[str, ...]:
        """Possible values of the key; see `own_parts_only`."""
        hidden = self._registry.hidden()
        return tuple(name for name in self._names if name not in hidden) if hidden else self._names

    def known(self, name: object) -> type[BaseModel] | None:
        """The class of that name; None if there is none, or it can't be imported."""
        try:
            return self.model(name) if isinstance(name, str) and name in self.names else None
        except PartError:
            return None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices = {
            name: core_schema.with_info_plain_validator_function(partial(self._validate, name)) for name in self.names
        }
        written = core_schema.plain_serializer_function_ser_schema(_written, info_arg=True)
        union = core_schema.tagged_union_schema(choices, self.tag, serialization=written)  # type: ignore[arg-type]
        return core_schema.no_info_before_validator_function(self._mapping, union) if self.name_is_enough else union

    def _mapping(self, value: Any) -> Any:
        return {self.tag: value} if isinstance(value, (str, int, float)) else value

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        union = handler(core_schema.tagged_union_schema({name: self._described(name) for name in self.names}, self.tag))
        if not self.name_is_enough:
            return union
        return {"anyOf": [{"type": "string", "enum": list(self.names)}, union]}

    def _described(self, name: str) -> CoreSchema:
        model = self.known(name)
        if model is not None:
            return model.__pydantic_core_schema__
        field = core_schema.typed_dict_field(core_schema.literal_schema([name]), required=True)
        return core_schema.typed_dict_schema({self.tag: field}, extra_behavior="allow")  # its other keys are unknown

    def _validate(self, name: str, value: Any, info: core_schema.ValidationInfo) -> Any:
        try:
            model = self.model(name)
            if not isinstance(value, BaseModel) and info.mode == "json":  # as strict as `load_settings` is
                settings = model.model_validate_json(json.dumps(value), strict=True, context=info.context)
            else:
                settings = model.model_validate(value, context=info.context)
            return self._wrap(name, settings)
        except PartError as error:
            raise self._unusable(f"'{name}': {error.found}", error.expected, error.suggestion) from error
        except (ValidationError, RecursionError):
            raise
        except (Exception, SystemExit) as error:  # whatever other people's validators raise
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise self._unusable(f"'{name}': it can't be set up ({reason})", "one that can") from error

    def _unusable(self, found: str, expected: str, suggestion: str = "") -> PydanticCustomError:
        context = {"tag": self.tag, "found": found, "expected": expected, "suggestion": suggestion}
        return PydanticCustomError("part_error", "{expected}", context)


def _written(settings: BaseModel, info: core_schema.SerializationInfo) -> dict[str, Any]:
    """`model_dump` for settings of any class."""
    return settings.model_dump(
        mode=info.mode,
        by_alias=info.by_alias,
        exclude_unset=info.exclude_unset,
        exclude_defaults=info.exclude_defaults,
        exclude_none=info.exclude_none,
        round_trip=info.round_trip,
    )


@cache
def tagged(settings: type[BaseModel], tag: str, name: str) -> type[BaseModel]:
    """The settings class of a part, with the key `tag: name` added if the class does not have it."""
    if name in tags_of(settings, tag):
        return settings
    field = FieldInfo(default=name, description="Its type.")
    fields: dict[str, Any] = {tag: (Literal[name], field)}
    return create_model(
        settings.__name__, __base__=settings, __doc__=settings.__doc__, __module__=settings.__module__, **fields
    )


class Configurable(Generic[S]):
    """Base of parts with their own settings: `class Valve(Output[ValveSettings])` has `settings_type` ValveSettings.

    Attributes:
        requires: modules that it needs, each with its pip package, such as {"pypylon": "pypylon"}.
    """

    settings_type: ClassVar[type[Settings]]
    requires: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for base in cls.__dict__.get("__orig_bases__", ()):
            for argument in get_args(base):
                if isinstance(argument, type) and argument is not Any:  # whether they will do: see `a_class`
                    cls.settings_type = argument
