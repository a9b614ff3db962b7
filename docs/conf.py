"""The documentation site: `make docs` builds it from this folder with Sphinx."""

import os
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS / "site"), str(DOCS.parent / "package")]
os.environ |= {"COLUMNS": "88", "NO_COLOR": "1"}  # of the help of commands

from goalscope import __version__  # noqa: E402

project = "goalscope"
author = "The goalscope developers"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "goalscope_site"]
exclude_patterns = ["site"]
default_role = "code"  # docstrings write names between single backticks

myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # results are written by commands, some without a title

autodoc_default_options = {"members": True, "imported-members": True, "member-order": "bysource"}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "furo"
html_title = "goalscope"
html_copy_source = False
html_show_copyright = False
html_static_path = ["site/static"]
html_css_files = ["site.css"]
html_theme_options = {
    "light_css_variables": {"code-font-size": "75%"},  # lines of 100 characters fit
    "source_repository": "https://github.com/goalscope/goalscope/",
    "source_branch": "main",
    "source_directory": "docs/",
}
