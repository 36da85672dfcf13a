"""Make the pictures in ``source/way`` from ``source/way.svg``, each with one part lit: ``python notebooks/way.py``.

Colab shows no SVG in a text cell, so the lessons carry small PNG pictures. The browser of the tests draws them.
"""

import io
import re
import shutil

from PIL import Image
from playwright.sync_api import sync_playwright

from build import SOURCE

DRAWING = SOURCE / "way.svg"
WIDTH, HEIGHT = 760, 250


def parts() -> list[str]:
    """The names of the parts that can be lit."""
    return re.findall(r'<g id="(\w+)"', DRAWING.read_text())


def main() -> None:
    drawing = DRAWING.read_text()
    (SOURCE / "way").mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for part in parts():
            lit = drawing.replace(f'id="{part}"', f'id="{part}" class="lit"')
            page.set_content(f"<body style='margin:0'>{lit}</body>")
            picture = Image.open(io.BytesIO(page.screenshot())).convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
            picture.save(SOURCE / "way" / f"{part}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
