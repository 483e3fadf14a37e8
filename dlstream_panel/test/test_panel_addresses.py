"""The address on which the panel listens: any way to write it is the one that a browser sends back."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dlstream_panel.access import Access
from dlstream_panel.settings import PanelSettings
from dlstream_panel.tokens import Tokens

TOKENS = Tokens("c" * 32, "v" * 32)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("2001:DB8:0:0::1", "[2001:db8::1]"),
        ("0:0:0:0:0:0:0:1", "[::1]"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("192.168.1.20", "192.168.1.20"),
    ],
)
def test_its_link_is_known_as_a_browser_sends_it(address, host):
    access = Access(PanelSettings(address=address).hosts, 8642, TOKENS)
    assert access.links()["control"].startswith(f"http://{host}:8642/")
    assert access.knows_host(f"{host}:8642")
    assert access.is_own_origin(f"http://{host}:8642", f"{host}:8642")


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "::0", "0:0:0:0:0:0:0:0", "::ffff:0.0.0.0"])
def test_every_address_needs_names_however_it_is_written(address):
    with pytest.raises(ValidationError, match="names as well"):
        PanelSettings(address=address)
    settings = PanelSettings(address=address, names=["rig1.lab"])
    assert settings.needs_token
    assert settings.hosts == ("rig1.lab", "localhost", "127.0.0.1", "[::1]")


@pytest.mark.parametrize("address", ["fe80::1%eth0", "rig1.lab", "", "1.2.3"])
def test_what_no_browser_can_open_is_refused(address):
    with pytest.raises(ValidationError, match=r"an address without a scope|an IP address of this machine"):
        PanelSettings(address=address)
