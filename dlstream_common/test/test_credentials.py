"""Passwords in URLs are masked, wherever they stand, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlstream_common import DlstreamError, InputError, Problem, masked
from dlstream_common.credentials import is_masked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://operator:Hunter2!@127.0.0.1:8554/cam1", "rtsp://operator:***@127.0.0.1:8554/cam1"),
        ("rtsp://operator:p@ss@host/cam", "rtsp://operator:***@host/cam"),
        ("rtsp://operator:pa/ss@host/cam", "rtsp://operator:***@host/cam"),
        ("rtsp://operator:my pass@host/cam", "rtsp://operator:***@host/cam"),
        ("rtsp://operator:@host/cam", "rtsp://operator:***@host/cam"),
        ("https://k3y@host/cam", "https://***@host/cam"),
        ("http://host/video?user=a&pwd=b7&fps=3", "http://host/video?user=a&pwd=***&fps=3"),
        ("http://host/v?loginpass=b7#x", "http://host/v?loginpass=***#x"),
        ("http://host/cgi?loginuse=admin&loginpas=b7", "http://host/cgi?loginuse=admin&loginpas=***"),
        ("http://host/v?pastel=b7&x=pas", "http://host/v?pastel=b7&x=pas"),
        ("rtsp://operator:1234/5@host/cam", "rtsp://operator:***@host/cam"),
        ("rtsp://operator:1234/5@10.0.0.7", "rtsp://operator:***@10.0.0.7"),
        ("rtsp://operator:1234?5@host:554/cam", "rtsp://operator:***@host:554/cam"),
        ("rtsp://host:554/a,rtsp://c:d@i/y", "rtsp://host:554/a,rtsp://c:***@i/y"),
        ("http://host/v?access_token=b7", "http://host/v?access_token=***"),
        ("rtsp://host/user=admin_password=tlJwpbo6_channel=1", "rtsp://host/user=admin_password=***"),
        ("'rtsp://a:b@h/x', 'rtsp://c:d@i/y'", "'rtsp://a:***@h/x', 'rtsp://c:***@i/y'"),
        ("cam: {device: http://h/v?pwd=b7, fps: 3}", "cam: {device: http://h/v?pwd=***, fps: 3}"),
        ('cam: {device: "http://h/v?pwd=b7"}', 'cam: {device: "http://h/v?pwd=***"}'),
        ("rtsp://[::1]:554/a@b", "rtsp://[::1]:554/a@b"),
        ("rtsp://host:554/cam@1", "rtsp://host:554/cam@1"),
        ("rtsp://10.0.0.1:554/a@b.c", "rtsp://10.0.0.1:554/a@b.c"),
        ("http://host:80/?mail=a@b.de", "http://host:80/?mail=a@b.de"),
        ("http://host/keyframes?monkey=1", "http://host/keyframes?monkey=1"),
        ("/dev/video0, write to a:b@c", "/dev/video0, write to a:b@c"),
    ],
)
def test_secrets_alone_are_masked(text: str, shown: str):
    assert masked(text) == shown
    assert masked(shown) == shown


@given(st.text(st.characters(codec="utf-8", exclude_characters="@\n\"'", exclude_categories=["Cs"]), min_size=1))
def test_no_password_gets_through(password: str):
    secret = f"<{password}>"
    assert secret not in masked(f"opened rtsp://operator:{secret}@host:554/cam and more")


def test_errors_show_none():
    url = "rtsp://operator:Hunter2!@host/cam"
    assert "Hunter2" not in str(DlstreamError(f"camera '{url}': gone"))
    assert "Hunter2" not in str(InputError("rig.yaml", [Problem(("device",), f"'{url}'", "a camera")]))


def test_a_masked_url_is_known():
    assert is_masked("rtsp://operator:***@host/cam")
    assert not is_masked("rtsp://operator:Hunter2!@host/cam")
