"""The layouts that are known: those that are shipped, and those that an office brings."""

from __future__ import annotations

from pathlib import Path

from services.reconciliation.domain.deb.layout import Layout, LayoutError
from services.reconciliation.domain.deb.layout_file import read_layout

SHIPPED = Path(__file__).parents[1] / "layouts"


def layout_in(path: Path) -> Layout:
    """Return the layout in a file.

    Raises:
        LayoutError: it cannot be read, or contradicts itself; the message names file and key.
    """
    try:
        return read_layout(path.read_text(encoding="utf-8"))
    except LayoutError as error:
        raise LayoutError(f"{path.name}: {error}") from error
    except UnicodeDecodeError as error:
        raise LayoutError(f"{path.name}: the file is not UTF-8") from error
    except OSError as error:
        raise LayoutError(f"{path.name}: {error.strerror}") from error


def shipped_layouts() -> dict[str, Layout]:
    """Return the layouts that are shipped, by name."""
    return _layouts_in(SHIPPED)


def all_layouts(folder: Path | None) -> dict[str, Layout]:
    """Return the layouts that are shipped and those in an office's folder, by name.

    Raises:
        LayoutError: the folder is not there, a layout contradicts itself, or has a name that
            another has.
    """
    layouts = shipped_layouts()
    if folder is None:
        return layouts
    if not folder.is_dir():
        raise LayoutError(f"there is no folder {folder} of layouts")
    for name, layout in _layouts_in(folder).items():
        if name in layouts:
            raise LayoutError(f"name: a layout {name} is shipped; give yours another name")
        layouts[name] = layout
    return layouts


def _layouts_in(folder: Path) -> dict[str, Layout]:
    layouts: dict[str, Layout] = {}
    for path in sorted(folder.glob("*.toml")):
        layout = layout_in(path)
        if layout.name in layouts:
            raise LayoutError(f"{path.name}: name: another file describes {layout.name}, too")
        layouts[layout.name] = layout
    return layouts
