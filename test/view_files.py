"""The files for rviz2, Foxglove and rqt, and what they ask of a rig."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from diagnostic_msgs.msg import DiagnosticArray
from visualization_msgs.msg import MarkerArray

from dlstream_common.ros import EVENT
from dlstream_msgs.msg import Event, ExperimentStatus

CONFIG = Path(__file__).resolve().parents[1] / "config"
RVIZ: dict[str, Any] = yaml.safe_load((CONFIG / "dlstream.rviz").read_text())["Visualization Manager"]
FOXGLOVE: dict[str, Any] = json.loads((CONFIG / "dlstream.foxglove.json").read_text())
DIAGNOSTICS: dict[str, Any] = yaml.safe_load((CONFIG / "diagnostics.yaml").read_text())["/**"]["ros__parameters"]

CORE_PANELS = {
    "3D",
    "DiagnosticStatusPanel",
    "DiagnosticSummary",
    "Gauge",
    "Image",
    "Indicator",
    "Parameters",
    "Plot",
    "RawMessages",
    "RosOut",
    "SourceInfo",
    "StateTransitions",
    "Tab",
    "Table",
    "TopicGraph",
}
"""What Foxglove itself brings and we could use, by the names in its layout files; `RosOut` is its Log."""

RVIZ_TYPES = {"Image": "sensor_msgs/msg/Image", "MarkerArray": "visualization_msgs/msg/MarkerArray"}
FOXGLOVE_TYPES = {
    "DiagnosticSummary": "diagnostic_msgs/msg/DiagnosticArray",
    "Image": "sensor_msgs/msg/Image",
    "RosOut": "rcl_interfaces/msg/Log",
}


RVIZ_KEYS = {
    "Image": {"Normalize Range", "Min Value", "Max Value", "Median window", "Topic"},
    "MarkerArray": {"Namespaces", "Topic"},
    "Axes": {"Length", "Radius", "Reference Frame"},
    "Orbit": {"Target Frame", "Distance", "Focal Point", "Near Clip Distance", "Pitch", "Yaw"},
    "Topic": {"Value", "Depth", "History Policy", "Reliability Policy", "Durability Policy"},
    "Global Options": {"Background Color", "Fixed Frame", "Frame Rate"},
}
"""What rviz 14 reads of each, besides Class, Name, Enabled and Value; it passes over any other key without a word."""

FOXGLOVE_KEYS = {
    "DiagnosticSummary": {"topicToRender", "minLevel", "pinnedIds", "hardwareIdFilter", "sortByLevel"},
    "Image": {"imageMode"},
    "Parameters": set(),
    "Plot": {"paths", "showLegend", "legendDisplay", "isSynced", "xAxisVal", "followingViewWidth"},
    "RawMessages": {"topicPath", "diffEnabled", "diffMethod", "diffTopicPath", "showFullMessageForDiff"},
    "RosOut": {"topicToRender", "searchTerms", "minLogLevel"},
    "StateTransitions": {"paths", "isSynced"},
}
"""What Foxglove's panels read that we write, by the types of their configurations."""
FOXGLOVE_PATH_KEYS = {"value", "label", "enabled", "timestampMethod"}


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    """The kind of each panel of the Foxglove layout, and its settings."""
    return ((name.partition("!")[0], config) for name, config in FOXGLOVE["configById"].items())


def placed(layout: Any) -> list[str]:
    """The panels that a Foxglove layout shows."""
    return [layout] if isinstance(layout, str) else placed(layout["first"]) + placed(layout["second"])


def paths() -> list[str]:
    """The message paths that the Foxglove layout draws or prints."""
    found = [path["value"] for _, config in panels() for path in config.get("paths", [])]
    return found + [config["topicPath"] for _, config in panels() if "topicPath" in config]


def topics() -> dict[str, set[str]]:
    """The topics that rviz2 and Foxglove subscribe to, with the types that their displays show; none: every type."""
    asked: dict[str, set[str]] = {topic_of(path): set() for path in paths()}
    for display in RVIZ["Displays"]:
        if "Topic" in display:
            kind = display["Class"].rpartition("/")[2]
            asked.setdefault(display["Topic"]["Value"], set()).add(RVIZ_TYPES[kind])
    for kind, config in panels():
        topic = config.get("topicToRender") or config.get("imageMode", {}).get("imageTopic")
        if topic:
            asked.setdefault(topic, set()).add(FOXGLOVE_TYPES[kind])
    return asked


def topic_of(path: str) -> str:
    """The topic of a message path, such as /top/pose of `/top/pose.individuals[0].id`."""
    return re.split(r"[.\[{]", path, maxsplit=1)[0]


def at_path(path: str, message: Any) -> list[Any]:
    """What a message has at a path: fields, `[0]`, `[:]` and `{field=="text"}`."""
    found = [message]
    steps = path.removeprefix(topic_of(path))
    while steps:
        step = re.match(r'\.(\w+)|\[(\d+|:)\]|\{(\w+)=="([^"]*)"\}', steps)
        assert step, f"{path}: what is {steps!r}?"
        field, index, key, value = step.groups()
        if field:
            found = [getattr(item, field) for item in found]
        elif index == ":":
            found = [part for item in found for part in item]
        elif index:
            found = [item[int(index)] for item in found if len(item) > int(index)]
        else:
            found = [item for item in found if getattr(item, key) == value]
        steps = steps[step.end() :]
    return found


def analyzers() -> dict[str, list[str]]:
    """What diagnostic_aggregator compares with the names on /diagnostics, by the part of the rig."""
    return {name: item["regex"] for name, item in DIAGNOSTICS.items() if isinstance(item, dict)}


def parts_of(name: str) -> list[str]:
    """The parts under which diagnostic_aggregator lists a node: like it, by patterns for the whole name."""
    return [part for part, patterns in analyzers().items() if any(re.fullmatch(one, name) for one in patterns)]


def all_are_fed(observer: Any, wait_for: Any) -> None:
    """Waits until a running rig with the camera `top` publishes all that the three files show.

    That is each topic with its type, a value at each message path, markers in rviz2's fixed frame, and nodes of which
    each is in one part of the diagnostics.
    """
    messages = {
        topic: observer.collect(kind, topic, EVENT)
        for topic, kind in {
            "/diagnostics": DiagnosticArray,
            "/experiment/events": Event,
            "/experiment/status": ExperimentStatus,
            "/experiment/triggers": DiagnosticArray,
        }.items()
    }
    markers = observer.collect(MarkerArray, "/top/markers", EVENT)

    def types(topic: str) -> set[str]:
        """As which others publish a topic."""
        publishers = observer.node.get_publishers_info_by_topic(topic)
        return {item.topic_type for item in publishers if item.node_name != observer.node.get_name()}

    def values(path: str) -> list[Any]:
        """What has come at a path so far."""
        return [value for message in messages[topic_of(path)] for value in at_path(path, message)]

    def names() -> set[str]:
        """The nodes on /diagnostics."""
        return set(values("/diagnostics.status[:].name"))

    for topic, kinds in topics().items():
        wait_for(lambda topic=topic, kinds=kinds: types(topic) and kinds <= types(topic), f"{topic} as {kinds}")
    for path in paths():
        wait_for(lambda path=path: values(path), f"a value at {path}")
    for path in (item["value"] for kind, config in panels() if kind == "Plot" for item in config["paths"]):
        assert all(isinstance(float(value), float) for value in values(path)), "a plot needs numbers"
    wait_for(lambda: markers, "markers")
    frames = {marker.header.frame_id for message in markers for marker in message.markers}
    assert frames == {RVIZ["Global Options"]["Fixed Frame"]}, f"rviz2 would need transforms: markers lie in {frames}"
    for part in ("cameras", "experiment", "outputs", "pose", "recorder"):
        wait_for(lambda part=part: [part] in map(parts_of, names()), f"a node in the part {part} of the diagnostics")
    assert {name: parts_of(name) for name in names() if len(parts_of(name)) != 1} == {}, "each in one part"
