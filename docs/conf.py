"""The site that `make docs` builds: Sphinx on the pages of this folder, and on what the code says of itself."""

from __future__ import annotations

import site
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
# dlstream's own environment, behind Sphinx's: the API pages import the packages that they describe.
site.addsitedir(str(ROOT / ".venv" / "lib" / VERSION / "site-packages"))
sys.path[:0] = [str(HERE / "_ext"), str(ROOT / "tools")]

from dlstream import __version__  # noqa: E402: found by the lines above

project = "dlstream"
author = "the authors of dlstream"
copyright = author
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton", "generated_pages", "api_pages"]
exclude_patterns = ["_ext", "examples/README.md"]

myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 4
highlight_language = "none"  # an indented block is a command or its output
default_role = "code"  # docstrings write `name`, as Markdown does

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100

html_theme = "furo"
html_title = f"dlstream {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
copybutton_prompt_text = "$ "
