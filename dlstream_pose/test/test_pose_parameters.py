"""Engines and filters as ROS parameters: a name, and the keys of what it names."""

from __future__ import annotations

import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters

MODULE = "dlstream_pose.ros.node"


def names(observer) -> set[str]:
    answer = observer.call(ListParameters, "/pose/list_parameters", ListParameters.Request())
    return {name for name in answer.result.names if name.startswith(("filter", "engine"))}


def value_of(observer, name: str) -> float:
    answer = observer.call(GetParameters, "/pose/get_parameters", GetParameters.Request(names=[name]))
    return answer.values[0].double_value


def set_text(observer, name: str, text: str) -> bool:
    value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=text)
    request = SetParameters.Request(parameters=[Parameter(name=name, value=value)])
    return observer.call(SetParameters, "/pose/set_parameters", request).results[0].successful


FORMER = {
    "threads",
    "filter_noise",
    "filter_agility",
    "filter_gap",
    "filter_confidence",
    "filter_cutoff",
    "filter_beta",
}


def test_the_keys_of_the_filter_are_parameters_and_change_with_it(start_node, observer, spot_network):
    node = start_node(
        MODULE, network=spot_network, cameras=["top"], autostart=False, filter="kalman", **{"filter.noise": 2.5}
    )
    shared = {"engine", "engine.threads", "filter", "filter.gap", "filter.min_confidence"}
    assert names(observer) - FORMER == shared | {"filter.noise", "filter.agility"}
    assert value_of(observer, "filter.noise") == 2.5
    asked = DescribeParameters.Request(names=["filter", "filter.noise"])
    kind, noise = observer.call(DescribeParameters, "/pose/describe_parameters", asked).descriptors
    assert kind.additional_constraints == "one of none, kalman, one_euro"
    assert noise.description.startswith("Error of a measured keypoint")
    assert noise.floating_point_range[0].to_value == 1000.0
    assert not set_text(observer, "filter", "gauss"), "a choice that there is none of"
    assert not set_text(observer, "predict", "later")
    assert set_text(observer, "filter", "one_euro")
    assert names(observer) - FORMER == shared | {"filter.cutoff", "filter.beta"}
    transition = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE))
    assert observer.call(ChangeState, "/pose/change_state", transition).success, node.output
    assert not set_text(observer, "filter", "kalman"), "only while the node is unconfigured"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (
            {"filter": "kalmn"},
            "parameter filter of pose: found 'kalmn'; expected one of none, kalman, one_euro. Did you",
        ),
        ({"filter": "kalman", "filter.nois": 2.0}, "filter.nois of pose: there is no such parameter. Did you mean"),
        ({"filter": "kalman", "filter.noise": -2.0}, "parameter filter.noise of pose: Invalid parameter value"),
        (
            {"filter": "kalman", "filter.noise": 2.0, "filter_noise": 3.0},
            "parameter filter_noise of pose: found 3.0; expected only the newer key filter.noise",
        ),
    ],
)
def test_a_wrong_parameter_is_named(start_node, spot_network, parameters, expected):
    node = start_node(MODULE, network=spot_network, cameras=["top"], **parameters)
    assert node.wait() == 1
    assert expected in node.output
    assert "Traceback" not in node.output
