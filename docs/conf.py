"""The site that `make docs` builds: Sphinx on the pages of this folder, and on what the code says of itself."""

from __future__ import annotations

import sys
from pathlib import Path

from dlstream import __version__

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent / "tools")]

project = "dlstream"
author = "the authors of dlstream"
copyright = author
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "generated_pages",
    "api_pages",
]
exclude_patterns = ["_ext"]

myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 4
highlight_language = "none"  # an indented block is a command or its output
napoleon_numpy_docstring = False
napoleon_use_rtype = False  # "Returns: (N, 3): ..." is a shape, not a type
napoleon_custom_sections = [("Attributes", "params_style")]  # of dataclasses: what they are made of
add_module_names = False
toc_object_entries_show_parents = "hide"
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
