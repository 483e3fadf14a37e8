"""What was answered in one folder is not shown in another one on the same port; in a browser, else it is skipped."""

from __future__ import annotations

import signal
import socket

from panel_tools import choose, link_of, needs_chromium, step

pytestmark = needs_chromium
WRITTEN = "document.getElementById('w-written').innerText"


def test_what_was_written_in_one_folder_is_not_said_of_the_next_one(start, tmp_path, chromium):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    server = start("panel", str(tmp_path / "first"), "--port", port)
    page = chromium.open(link_of(server))
    page.until("document.querySelectorAll('#w-template option').length > 3")
    page.click("[name=w-kind][value=synthetic]")
    step(page, "protocol")
    choose(page, "w-template", "demo")
    page.until("document.querySelectorAll('.w-field').length > 10")
    step(page, "files")
    page.until("!document.getElementById('w-write').disabled")
    page.run("document.getElementById('w-write').focus()")
    page.press("Enter")
    page.until(f"{WRITTEN}.startsWith('Written: my_rig.yaml')")
    page.until("document.activeElement.id === 'w-write'")  # which could not be pressed meanwhile
    page.until("!document.getElementById('w-run').disabled")
    for name, template in (("first", "demo"), ("second", "")):
        server.process.send_signal(signal.SIGINT)
        server.wait()
        page.run("window.before = true; 0")
        server = start("panel", str(tmp_path / name), "--port", port)
        page.until(f"window.before === undefined && document.getElementById('w-folder').innerText.endsWith('{name}')")
        page.until(f"document.getElementById('w-template').value === '{template}'")
        page.until("document.querySelectorAll('#w-template option').length > 3")
        step(page, "files")
        page.until("document.querySelectorAll('#step-problems p').length > 0")  # the answers have been looked at
        assert page.run("document.getElementById('w-run').disabled"), name
        assert not page.run(f"{WRITTEN}.startsWith('Written')"), name
        assert page.run("document.querySelector('#steps [data-step=files]').dataset.state") != "done"
    assert list((tmp_path / "second").iterdir()) == []
    assert [error for error in page.errors if "ERR_CONNECTION_REFUSED" not in error] == []
