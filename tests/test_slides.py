"""The slides of each lesson, in a browser without a network: nothing is cut off, all can be read from the last row."""

import re

import pytest
import system

import build
import slides
from helpers.errors import TutorialError

DECKS = [(page, track) for page in build.pages() for track in build.TRACKS]
IDS = [f"{page.stem}-{track}" for page, track in DECKS]
# Letters of a slide that is 720 pixels high: 24 are what a drawing's labels may have, 30 the text.
SEEN = """() => {
  const slide = Reveal.getCurrentSlide(), box = slide.getBoundingClientRect(), found = [];
  for (const one of slide.querySelectorAll('h1, h2, h3, p, li, img, code, td')) {
    const at = one.getBoundingClientRect();
    if (at.width && (at.left < 0 || at.top < 0 || at.right > innerWidth + 1 || at.bottom > innerHeight - 24 || one.scrollWidth > one.clientWidth + 1))
      if (one.tagName != 'CODE') found.push(one.tagName + ' is cut off: ' + (one.textContent || one.alt).slice(0, 60));
    if (one.tagName != 'IMG' && parseFloat(getComputedStyle(one).fontSize) < 30) found.push('small letters: ' + one.textContent.slice(0, 60));
    if (one.tagName == 'IMG' && (!one.alt || !one.naturalWidth)) found.push('a picture without its text or its data');
  }
  return found;
}"""


@pytest.mark.parametrize(("page", "track"), DECKS, ids=IDS)
def test_each_part_has_slides_and_each_slide_one_idea(page, track):
    texts = [cell.source for cell in slides.deck(page, track).cells]
    keys = [
        text
        for text in texts
        if text.startswith("### ") and "<img" not in text and "](" not in text and "![" not in text
    ]
    shown = [text for text in texts if "<img" in text or "![" in text]
    assert len(keys) >= 8 and len(shown) >= 3
    for part in build.facts(page)["parts"]:
        assert f"## {part}" in [text.partition("\n")[0] for text in texts]
    for text in keys:
        words = re.sub(r"[*`_]", "", text.partition("\n\n")[2])
        assert len(words) < 420 and words.count("\n\n") < 3 and "{{" not in words, text


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slides")
    slides.reveal(folder)
    for page, track in DECKS:
        build.write(folder / f"{page.stem}-{track}.html", slides.page_of(slides.deck(page, track)))
    return folder


@pytest.mark.browser
@pytest.mark.xdist_group("slides")
@pytest.mark.parametrize("name", IDS)
def test_nothing_is_cut_off(playwright, made, name):
    browser = playwright.chromium.launch(
        executable_path=system.chromium(), args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"]
    )
    page = browser.new_page(viewport={"width": slides.WIDTH, "height": slides.HEIGHT})
    problems, loaded = [], []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda asked: loaded.append(asked.url))
    page.goto((made / f"{name}.html").as_uri())
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    count = page.evaluate("Reveal.getTotalSlides()")
    assert count > 15
    for number in range(count):
        page.evaluate(f"Reveal.slide({number})")
        page.wait_for_timeout(30)
        problems += [f"slide {number + 1}: {problem}" for problem in page.evaluate(SEEN)]
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("Reveal.getIndices().h") == 1
    browser.close()
    assert not problems
    assert all(url.startswith(("file:", "data:", "blob:")) for url in loaded)


def test_without_a_network_one_sentence_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(TutorialError, match="make the slides once where there is a network"):
        slides.reveal(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_changed_file_of_revealjs_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setitem(slides.REVEAL_SHA256, "dist/reveal.js", "0" * 64)
    with pytest.raises(TutorialError, match="nothing was written"):
        slides.reveal(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_sentence_for_slides_stands_in_the_lesson_without_its_marks(tmp_path, monkeypatch):
    page = build.pages()[0]
    text = page.read_text()
    (tmp_path / page.name).write_text(
        text.replace("\n## Load\n", "\n## Load\n\n{{key}}A *mark* of `ours`.{{/key}} More.\n", 1)
    )
    cells = build.build(tmp_path / page.name, build.Variant("pytorch")).cells
    assert any("A *mark* of `ours`. More." in cell.source for cell in cells)
    assert not any("keys" in cell.metadata or "{{" in cell.source for cell in cells)
    cells = build.build(tmp_path / page.name, build.Variant("pytorch"), keys=True).cells
    assert "A *mark* of `ours`." in [key for cell in cells for key in cell.metadata.get("keys", [])]
