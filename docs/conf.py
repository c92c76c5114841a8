"""How the documentation is built."""

from importlib import metadata

project = "indiopay"
author = "The indiopay contributors"
release = metadata.version("indiopay")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
myst_heading_anchors = 3
html_title = f"indiopay {release}"

autodoc_member_order = "groupwise"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
smartquotes = False  # what stands in the source stands on the page, to the code point
