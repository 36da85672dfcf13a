"""Draw the pictures of the text cells from their sources: ``python notebooks/draw.py``.

``source/way.svg`` gives a picture for each of its parts, with that part lit. Each ``source/pictures/NAME.svg`` gives
``NAME.png``, with the drawing's ``<desc>`` as its alternative text. Colab shows no SVG in a text cell, so the lessons carry
small PNG pictures. The browser of the tests draws them.
"""

import hashlib
import io
import re
import shutil
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import sync_playwright

from build import SOURCE

DRAWING = SOURCE / "way.svg"


def parts() -> list[str]:
    """The names of the parts of the way that can be lit."""
    return re.findall(r'<g id="(\w+)"', DRAWING.read_text())


def lit(way: str, part: str) -> str:
    """The drawing of the way with one part lit."""
    return way.replace(f'id="{part}"', f'id="{part}" class="lit"')


def draw(browser, svg: str, path: Path, colours: int) -> None:
    """Write a drawing as a PNG of so many colours, with a sum of its source: a test sees where one was not drawn again."""
    width, height = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', svg).groups())
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_content(f"<body style='margin:0'>{svg}</body>")
    picture = Image.open(io.BytesIO(page.screenshot())).convert("P", palette=Image.Palette.ADAPTIVE, colors=colours)
    about = PngInfo()
    about.add_text("Source", hashlib.sha256(svg.encode()).hexdigest())
    if alt := re.search(r"<desc>(.*?)</desc>", svg, re.S):
        about.add_text("Description", " ".join(alt[1].split()))
    path.parent.mkdir(exist_ok=True)
    picture.save(path, optimize=True, pnginfo=about)
    page.close()


def main() -> None:
    way = DRAWING.read_text()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for part in parts():
            draw(browser, lit(way, part), SOURCE / "way" / f"{part}.png", 16)
        for drawing in sorted((SOURCE / "pictures").glob("*.svg")):
            draw(browser, drawing.read_text(), drawing.with_suffix(".png"), 32)
        browser.close()


if __name__ == "__main__":
    main()
