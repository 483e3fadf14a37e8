"""What a page is told of the rig's time: pictures of a bag that is played are as old as the bag."""

from __future__ import annotations

import json
import re
import urllib.request

import pytest


@pytest.mark.parametrize("simulated", [False, True])
def test_a_page_knows_whether_the_rigs_time_is_simulated(start_node, wait_for, simulated):
    node = start_node("dlstream_panel.ros.node", port=0, cameras=["top"], use_sim_time=simulated)
    wait_for(lambda: "open http" in node.output, "the address of the page")
    address = re.search(r"open (http\S+?)/?(?:$|\s|#)", node.output, re.MULTILINE)[1]
    with urllib.request.urlopen(f"{address}/api/hello") as answer:
        assert json.loads(answer.read())["simulated"] is simulated
