"""How the documentation is built: ``make docs``."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from docutils import nodes

import trueup

sys.path.insert(0, str(Path(__file__).parent))

project = "trueup"
author = copyright = "The trueup developers"
version = release = trueup.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_nb", "commands"]
exclude_patterns = ["**.ipynb_checkpoints"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}

html_static_path = ["_static"]
html_css_files = ["trueup.css"]
html_theme = "pydata_sphinx_theme"
html_title = f"trueup {version}"
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars: dict[str, list[str]] = {"tutorial": []}
html_show_sourcelink = False
html_copy_source = False
# options keep their two dashes
smartquotes = False

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

# the notebook is kept without outputs and run at each build; it needs no network
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
templates_path = ["_templates"]
autosummary_generate = True
numpydoc_show_class_members = False
python_use_unqualified_type_names = True

# a name of ours that leads nowhere is a warning; those of other projects cannot be looked up offline
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!trueup\b).*")]

os.environ.setdefault("MPLBACKEND", "agg")
_PUBLIC = {f"{home}.{name}": f"trueup.{name}" for name, home in trueup._HOME.items()}


def _resolve(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """A name by the module it is defined in: its public page, or plain text where it exists but has none."""
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py":
        return None
    for home, public in _PUBLIC.items():
        if target == home or target.startswith(f"{home}."):
            full = public + target.removeprefix(home)
            domain = env.get_domain("py")
            return domain.resolve_xref(
                env, node["refdoc"], app.builder, node.get("reftype", "obj"), full, node, contnode
            ) or nodes.literal(text=full)
    # without a dot it is a name of a module's own
    return contnode if "." not in target or _exists(target) else None


def _exists(dotted: str) -> bool:
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for name in parts[cut:]:
            found = getattr(found, name, None)
        return found is not None
    return False


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("missing-reference", _resolve)
