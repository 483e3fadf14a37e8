"""The registry of parts: names without an import, and errors that stay with the part that has them."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, Any, TypeVar

import pytest
from pydantic import BaseModel, create_model

from dlstream_common import InputError, Settings, load_settings
from dlstream_common.installing import pip_install
from dlstream_common.picking import a_class, a_module
from dlstream_common.plugins import PartError, Registry, UnknownPart, missing
from dlstream_common.tagged import Configurable, Tagged, tagged

S = TypeVar("S", bound=Settings)


class Tool(Configurable[S], ABC):
    """What the parts of these tests are."""

    settings_type = Settings

    @abstractmethod
    def use(self) -> str:
        """Says what it is."""


PART = """\
from test_plugins import Settings, Tool

class {name}Settings(Settings):
    size: int = 1

class {name}(Tool{argument}):
    {body}
    def use(self):
        return "{name}"
"""


def part(name: str, body: str = "", argument: str = "") -> str:
    return PART.format(name=name, body=body, argument=argument)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes a package `toolbox` with these modules; gives the registry of its parts."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))

    def make(pick: Any = None, group: str = "", reserved: tuple[str, ...] = (), **modules: str) -> Registry[Any]:
        (tmp_path / "toolbox").mkdir(exist_ok=True)
        (tmp_path / "toolbox" / "__init__.py").touch()
        for name, text in modules.items():
            (tmp_path / "toolbox" / f"{name}.py").write_text(text)
        for name in [name for name in sys.modules if name.partition(".")[0] in ("toolbox", "stranger")]:
            monkeypatch.delitem(sys.modules, name)
        from test_plugins import Tool as Base  # the class that the modules import, under this name

        return Registry("tool", "toolbox", [str(tmp_path / "toolbox")], pick or a_class(Base), group, reserved=reserved)

    return make


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Installs a package of a stranger's: its entry points, and a module of its own."""

    def make(package: str, points: str, code: str = "") -> None:
        site = tmp_path / package
        (site / f"{package}-2.1.dist-info").mkdir(parents=True)
        (site / f"{package}-2.1.dist-info" / "METADATA").write_text(f"Name: {package}\nVersion: 2.1\n")
        (site / f"{package}-2.1.dist-info" / "entry_points.txt").write_text(f"[dlstream.tools]\n{points}\n")
        if code:
            (site / "stranger.py").write_text(code)
        monkeypatch.syspath_prepend(str(site))

    return make


def test_a_module_in_the_folder_is_a_part(folder):
    tools = folder(hammer=part("Hammer"), saw=part("Saw"), _helpers="raise OSError")
    assert list(tools) == ["hammer", "saw"]
    assert tools["hammer"]().use() == "Hammer"
    assert "toolbox.saw" not in sys.modules, "imported when it is asked for"


def test_a_class_of_a_package_is_a_part(folder, install):
    install("stranger", "drill = stranger:Drill", part("Drill"))
    tools = folder(hammer=part("Hammer"), group="dlstream.tools")
    assert list(tools) == ["drill", "hammer"]
    assert "stranger" not in sys.modules
    assert tools["drill"]().use() == "Drill"
    assert str(tools.origin("drill")) == "stranger 2.1 (stranger:Drill)"


def test_an_unknown_name_is_refused_with_the_nearest(folder):
    with pytest.raises(UnknownPart, match=r"tool: found 'hamer'; expected one of hammer, saw. Did you mean 'hammer'\?"):
        folder(hammer=part("Hammer"), saw=part("Saw")).load("hamer")


def test_a_missing_library_is_an_error_of_its_part_alone(folder):
    tools = folder(hammer=part("Hammer"), laser="import no_such_vendor\n" + part("Laser"))
    with pytest.raises(PartError, match=r"tool 'laser': found no library no_such_vendor .* pip install no_such_vendor"):
        tools.load("laser")
    assert tools["hammer"]().use() == "Hammer"
    assert list(tools.importable()) == ["hammer"]


def test_a_library_that_a_part_names_is_told_before_it_runs(folder):
    laser = part("Laser", 'requires = {"no_such_vendor": "vendor-sdk", "sys": "never"}')
    tools = folder(laser=laser)
    assert missing(tools.load("laser")) == {"no_such_vendor": pip_install("vendor-sdk")}
    with pytest.raises(PartError, match=r"found no library no_such_vendor on this machine; .* pip install vendor-sdk"):
        tools.usable("laser")


@pytest.mark.parametrize(
    ("points", "code", "expected"),
    [
        ("drill = stranger:Drill", "1 / 0", r"ZeroDivisionError.*stranger.py, line 1"),
        ("drill = stranger:Drill", "Drill = 3", r", the int 3 that is no Tool; expected a subclass of Tool"),
        ("drill = stranger:Drill", "class Drill: ...", r", a class that is no Tool; expected a subclass of Tool"),
        ("drill = stranger:Drll", part("Drill"), r"AttributeError"),
        (
            "drill = stranger:Drill",
            part("Drill").replace("use", "us"),
            r", a subclass of Tool without the methods use; expected all",
        ),
        (
            "drill = stranger:Drill",
            part("Drill", 'name = "drl"'),
            r"calls itself 'drl'; expected the name of its entry point",
        ),
        (
            "drill = stranger:Drill",
            part("Drill", argument="[Path]").replace("import", "import Path,", 1),
            r", whose settings are Path; expected settings that are a subclass of Settings",
        ),
        ("drill = stranger.moved:Drill", part("Drill"), r"ModuleNotFoundError"),
        ("drill = stranger:Drill", "raise SystemExit(3)", r"SystemExit"),
        ("drill = stranger:Drill", "def (", r"SyntaxError.*stranger.py, line 1"),
    ],
)
def test_a_broken_package_is_named_and_breaks_nothing_else(folder, install, points: str, code: str, expected: str):
    install("stranger", points, code)
    tools = folder(hammer=part("Hammer"), group="dlstream.tools")
    with pytest.raises(PartError, match=rf"tool 'drill': found stranger 2.1 .*{expected}.*makers of stranger 2.1"):
        tools.load("drill")
    assert tools["hammer"]().use() == "Hammer"


def test_two_parts_of_one_name_are_refused_by_both_their_names(folder, install):
    install("stranger", "hammer = stranger:Hammer\nsaw = stranger:Saw", part("Hammer") + part("Saw"))
    install("other", "saw = stranger:Saw")
    tools = folder(hammer=part("Hammer"), nail=part("Nail"), group="dlstream.tools")
    with pytest.raises(PartError, match=r"two parts of this name: toolbox \(toolbox.hammer\) and stranger 2.1 "):
        tools.load("hammer")
    with pytest.raises(PartError, match=r"two parts of this name: other 2.1 .* and stranger 2.1 "):
        tools.load("saw")
    assert tools["nail"]().use() == "Nail"


def test_a_word_that_files_use_for_something_else_is_no_name_of_a_part(folder, install):
    install("stranger", "auto = stranger:Drill\ndrill = stranger:Drill", part("Drill"))
    tools = folder(hammer=part("Hammer"), group="dlstream.tools", reserved=("auto",))
    with pytest.raises(
        PartError, match=r"tool 'auto': found stranger 2.1 .* means something else.*stranger 2.1 to rename"
    ):
        tools.load("auto")
    assert list(tools) == ["drill", "hammer"]
    with pytest.raises(UnknownPart, match=r"expected one of drill, hammer\. Did"):
        tools.load("hamer")
    assert "auto" in tools.origins(), "it is listed, with what is wrong"


def test_a_module_can_be_the_part(folder):
    assert folder(pick=a_module, tongs="GRIP = 5")["tongs"].GRIP == 5


def test_a_part_knows_its_settings(folder):
    tools = folder(hammer=part("Hammer", argument="[HammerSettings]"), saw=part("Saw"))
    assert tools["hammer"].settings_type.__name__ == "HammerSettings"
    settings = tagged(tools["hammer"].settings_type, "kind", "hammer")
    assert settings().model_dump() == {"size": 1, "kind": "hammer"}


@pytest.fixture
def chest(folder):
    """A settings class of which a key says what kind of tool it is about."""
    parts = {name.lower(): part(name, argument=f"[{name}Settings]") for name in ("Hammer", "Saw")}
    tools = folder(**parts, laser="import no_such_vendor")

    def settings(name: str) -> type[BaseModel]:
        return tagged(tools[name].settings_type, "kind", name)

    annotation = dict[str, Annotated[Any, Tagged("kind", tools, settings, tools)]]
    return create_model("Chest", __base__=Settings, tools=(annotation, ...))


def refused(model: type[BaseModel], path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_settings(path, model)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{kind: hamer}",
            ":2: tools.a.kind: found 'hamer'; expected one of hammer, laser, saw. Did you mean 'hammer'?",
        ),
        ("{size: 1}", ":2: tools.a.kind: found nothing; expected this key: one of hammer, laser, saw"),
        (
            "{kind: saw, sise: 1}",
            ":2: tools.a.sise: found the unknown key 'sise'; expected a known key. Did you mean 'size'?",
        ),
        ("{kind: saw, size: wide}", ":2: tools.a.size: found 'wide'; expected a whole number"),
        ("{kind: laser}", ":2: tools.a.kind: found 'laser': no library no_such_vendor on this machine"),
        ("saw", ":2: tools.a: found 'saw'; expected keys and values"),
    ],
)
def test_mistakes_are_told_as_in_any_settings(chest, tmp_path: Path, text: str, expected: str):
    assert expected in refused(chest, tmp_path / "chest.yaml", f"tools:\n  a: {text}\n")


def test_only_what_a_file_names_is_imported(chest, tmp_path: Path):
    (tmp_path / "chest.yaml").write_text("tools:\n  a: {kind: saw, size: 3}\n")
    loaded = load_settings(tmp_path / "chest.yaml", chest)
    assert loaded.model_dump() == {"tools": {"a": {"size": 3, "kind": "saw"}}}
    assert "toolbox.saw" in sys.modules
    assert "toolbox.hammer" not in sys.modules


def test_the_schema_has_every_kind(chest):
    schema = chest.model_json_schema()
    assert sorted(schema["$defs"]) == ["HammerSettings", "SawSettings"]
    kinds = schema["properties"]["tools"]["additionalProperties"]["oneOf"]
    assert [item.get("$ref", item.get("required")) for item in kinds] == [
        "#/$defs/HammerSettings",
        ["kind"],
        "#/$defs/SawSettings",
    ], "one that can't be imported may be named, with any keys"
