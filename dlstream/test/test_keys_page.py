from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_keys_is_what_the_settings_say():
    spec = importlib.util.spec_from_file_location("document_keys", ROOT / "tools" / "document_keys.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "reference" / "keys.md").read_text() == module.text(), "run tools/document_keys.py"
