"""The tokens: made once, readable by their user only, and compared without telling how much was right."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlstream_panel.access import Access
from dlstream_panel.tokens import Role, TokenError, Tokens, check_tokens, read_or_make

TOKENS = Tokens("c" * 32, "v" * 32)


def test_bytes_that_are_no_text_are_no_cookie_and_no_token() -> None:
    tokens = Tokens("a" * 32, "b" * 32)
    for text in (b"\xff\xfe".decode("utf-8", "surrogateescape"), "\ud800", "ü", ""):
        assert tokens.role_of_cookie(text, 1) is None
        assert tokens.role_of(text) is None


def test_they_are_made_once_and_only_their_user_can_read_them(tmp_path):
    path = tmp_path / "deep" / "panel.token"
    tokens = read_or_make(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_or_make(path) == tokens
    assert len({tokens.control, tokens.view, read_or_make(tmp_path / "other").control}) == 3
    assert min(len(tokens.control), len(tokens.view)) >= 22, "128 bits"
    assert tokens.control not in repr(tokens)


def test_a_check_finds_what_could_not_be_used_and_makes_nothing(tmp_path):
    check_tokens(tmp_path / "deep" / "panel.token")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe", 0o600)
    for wrong in ("file", "file/panel.token", "link", "pipe"):
        with pytest.raises(TokenError, match=f"^token: found .*{wrong}"):
            check_tokens(tmp_path / wrong)
    read_or_make(tmp_path / "panel.token")
    check_tokens(tmp_path / "panel.token")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_can_read_is_refused(tmp_path, mode):
    path = tmp_path / "panel.token"
    read_or_make(path)
    path.chmod(mode)
    with pytest.raises(TokenError, match="chmod 600"):
        read_or_make(path)


def test_a_link_to_somebody_elses_file_is_refused(tmp_path):
    read_or_make(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(TokenError, match="can't be used"):
        read_or_make(tmp_path / "link")


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"[]", b"null", b"{}", b"\xff", b'{"control": 1, "view": 2}'),
        json.dumps({"control": "short", "view": "v" * 32}).encode(),
        json.dumps({"control": "a" * 32, "view": "a" * 32}).encode(),
    ],
)
def test_a_file_without_good_tokens_is_refused(tmp_path, text):
    path = tmp_path / "panel.token"
    path.write_bytes(text)
    path.chmod(0o600)
    with pytest.raises(TokenError, match=rf"^token: found .*{path}.*; expected .*\. [DN]"):
        read_or_make(path)


@given(st.text(max_size=60))
def test_no_other_token_has_a_role(text):
    expected = {TOKENS.control: Role.CONTROL, TOKENS.view: Role.VIEW}.get(text)
    assert TOKENS.role_of(text) is expected
    assert TOKENS.role_of_cookie(text, 80) is None


def test_a_cookie_holds_for_one_role_one_port_and_these_tokens():
    cookie = TOKENS.cookie(Role.VIEW, 8642)
    assert TOKENS.role_of_cookie(cookie, 8642) is Role.VIEW
    assert TOKENS.role_of_cookie(cookie, 8643) is None
    assert TOKENS.role_of_cookie(cookie.replace("view", "control"), 8642) is None
    assert Tokens("d" * 32, "w" * 32).role_of_cookie(cookie, 8642) is None
    assert TOKENS.control not in TOKENS.cookie(Role.CONTROL, 8642)


def test_the_cookie_is_hidden_from_scripts_and_other_sites():
    access = Access(["rig1.lab"], 8642, TOKENS)
    found = access.sign_in(TOKENS.control)
    assert found is not None
    assert found[1].startswith("dlstream_panel_8642=control.")
    assert "HttpOnly" in found[1]
    assert "SameSite=Strict" in found[1]
    assert access.sign_in("") is None


@given(st.text(max_size=40))
def test_only_its_own_names_and_its_own_page_are_known(text):
    access = Access(["127.0.0.1", "localhost"], 8642, None)
    own = {"127.0.0.1:8642", "localhost:8642"}
    assert access.knows_host(text) == (text.lower() in own)
    assert access.is_own_origin(text, "127.0.0.1:8642") == (text.lower() == "http://127.0.0.1:8642")
    assert not access.is_own_origin("http://localhost:8642", "127.0.0.1:8642"), "another name of the same page"
    assert not access.is_own_origin(f"http://{text}", text) or text.lower() in own
    assert not access.is_own_origin(None, "127.0.0.1:8642")


def test_on_the_port_that_browsers_leave_out_the_page_is_found():
    access = Access(["rig1.lab"], 80, None)
    assert access.knows_host("rig1.lab")
    assert access.is_own_origin("http://rig1.lab", "rig1.lab")
    assert access.links() == {"": "http://rig1.lab/"}
    assert not access.knows_host("rig1.lab:8080")
    assert not Access(["rig1.lab"], 8642, None).knows_host("rig1.lab")


def test_where_there_is_nothing_to_look_at_only_the_first_token_opens():
    access = Access(["rig1.lab"], 8641, TOKENS, lookers=False)
    assert list(access.links()) == ["control"]
    assert access.sign_in(TOKENS.view) is None
    assert access.role({access.cookie_name: TOKENS.cookie(Role.VIEW, 8641)}) is None
    role, header = access.sign_in(TOKENS.control) or (None, "")
    assert role is Role.CONTROL
    assert access.role({access.cookie_name: header.partition("=")[2].partition(";")[0]}) is Role.CONTROL
