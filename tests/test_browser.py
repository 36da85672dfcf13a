"""The lessons in a real browser: ``make browser``, and ``make screenshots`` for the pictures of README.md.

JupyterLab is started by ``make lab`` in a copy of the notebooks, and driven in a headless Chromium. If there is none:
``apt-get install chromium``, or ``playwright install chromium``. Pictures of each run are kept in ``runs/browser``.
"""

import functools
import json
import os
import re
import shutil
import signal
import subprocess
import time
import uuid
from pathlib import Path

import pytest
import system
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

import build
from helpers import environments

ROOT = Path(__file__).parents[1]
ATTACK = "<img src=x onerror=\"window.hacked = 'yes'\"> a fine film"
MINUTE = 60_000  # milliseconds
# All cells stay in the page, also those out of sight, so that the tests can look at them.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
}
README_PICTURES = ["start-light-1280.png", "classify-pytorch-light-1280.png", "mistakes-pytorch-light-1280.png"]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="session")
def artefacts(request):
    """The folder for the pictures; at the end README's are copied to where ``--screenshots`` says."""
    folder = ROOT / "runs" / "browser"
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    if chosen := request.config.getoption("--screenshots"):
        for name in README_PICTURES:
            shutil.copy(folder / name, ROOT / chosen / name)


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """``make lab`` in a copy of the project, so that running the notebooks changes none; gives its address, with {} for a workspace."""
    folder = tmp_path_factory.mktemp("lab")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder)
    for name in ("notebooks", "benchmarks/results", "requirements"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("my_awesome_model*", ".ipynb_*"))
    (folder / ".venv").symlink_to(ROOT / ".venv")
    chosen = folder / "settings" / "@jupyterlab"
    for name, values in SETTINGS.items():
        file = chosen / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    environment = os.environ | {
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "TUTORIAL_OUTPUT": "my_awesome_model",  # beside each notebook, as a learner has it
        "PYTHONPATH": str(ROOT),
        "HF_HOME": str(folder / "hf"),
    }
    log = folder / "lab.log"
    command = ["make", "lab", "ARGS=--no-browser --port=0 --allow-root"]
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 60
        while not (found := list((folder / "runtime").glob("jpserver-*.json"))):
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        information = json.loads(found[0].read_text())
        assert information["token"] and "127.0.0.1" in information["url"], "not on loopback with a token"
        # A workspace of its own for each visitor: no tabs of the one before.
        yield f"{information['url']}lab/workspaces/{{}}/tree/index.ipynb?token={information['token']}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


@pytest.fixture(scope="session")
def browser(playwright):
    browser = playwright.chromium.launch(executable_path=system.chromium(), args=["--no-sandbox"])
    yield browser
    browser.close()


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    yield page
    page.close()


@pytest.fixture(params=build.TRACKS)
def track(request):
    return request.param


def start_page(page: Page, lab: str):
    """Land where ``make lab`` lands; gives the links to the lessons."""
    page.goto(lab.format(uuid.uuid4()))
    expect(page.get_by_role("heading", name="Text classification with Hugging Face")).to_be_visible(timeout=MINUTE)
    return notebook(page).locator(".jp-RenderedMarkdown a[href*='.ipynb']")


def open_lesson(page: Page, lab: str, link: str) -> None:
    """From the start page by a click."""
    links = start_page(page, lab)
    links.and_(page.locator(f"[href*='{link}']")).click()
    expect(notebook(page).locator(".jp-Cell").first).to_be_visible(timeout=MINUTE)


def notebook(page: Page):
    """The notebook in front."""
    return page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")


def menu(page: Page, *path: str) -> None:
    """Choose from JupyterLab's menus; the last name is that of the entry, as it begins."""
    page.get_by_role("menubar").first.get_by_text(path[0], exact=True).click()
    for name in path[1:-1]:
        page.locator(".lm-Menu").last.get_by_text(name, exact=True).hover()
    entry = re.compile(rf"^{path[-1]}(?! High Contrast)")
    kinds = (page.get_by_role(kind, name=entry) for kind in ("menuitem", "menuitemcheckbox"))
    functools.reduce(lambda one, other: one.or_(other), kinds).last.click()


def run_all(page: Page, track: str, seconds: int = 1_800) -> None:
    """Run > Run All Cells, until the last cell is done; no cell may show an error. The kernel is that of ``track``, unasked."""
    menu(page, "Edit", "Clear Outputs of All Cells")
    prompts = notebook(page).locator(".jp-CodeCell .jp-InputPrompt")
    last = notebook(page).locator(".jp-CodeCell").last.locator(".jp-InputPrompt")
    expect(last).to_have_text("[ ]:")
    for _ in range(6):  # JupyterLab drops the command while the kernel is starting
        expect(page.get_by_text(re.compile(rf"{environments.NAMES[track]} .*\| Idle"))).to_be_visible(timeout=MINUTE)
        menu(page, "Run", "Run All Cells")
        page.wait_for_timeout(5_000)
        if prompts.first.text_content() != "[ ]:":
            break
    deadline = time.monotonic() + seconds
    errors = notebook(page).locator("[data-mime-type='application/vnd.jupyter.error']")
    while not re.fullmatch(r"\[\d+\]:", last.text_content() or "") or "[*]:" in prompts.all_text_contents():
        assert errors.count() == 0, errors.first.text_content()
        assert time.monotonic() < deadline, f"not done: {prompts.all_text_contents()}"
        page.wait_for_timeout(500)
    assert errors.count() == 0, errors.first.text_content()


def panel(page: Page, control: str):
    """The panel that has a control with this name."""
    return notebook(page).locator(".widget-vbox", has=page.get_by_label(control, exact=True)).last


def check_pictures(page: Page) -> None:
    """Every picture has alternative text and was loaded."""
    pictures = (
        notebook(page)
        .locator("img")
        .evaluate_all("all => all.map(one => [one.alt, one.naturalWidth, one.src.slice(0, 60)])")
    )
    assert len(pictures) >= 5
    unnamed = [source for alt, _, source in pictures if not alt.strip() or alt.startswith("No description")]
    assert not unnamed
    broken = [alt for alt, width, source in pictures if width == 0 and source.startswith("data:")]
    assert not broken


def check_names(page: Page, control: str) -> None:
    """The accessibility tree has a name for every control of the panel."""
    tree = panel(page, control).aria_snapshot()
    assert re.search(r'- heading ".+" \[level=3\]', tree), tree
    controls = re.findall(r"- (button|textbox|combobox|checkbox|slider|spinbutton|meter)(.*)", tree)
    assert len(controls) >= 3, tree
    assert all(re.match(r' ".+"', rest) for _, rest in controls), tree
    # axe-core, over the panel: nothing serious that is ours.
    panel(page, control).evaluate("panel => panel.setAttribute('data-axe', 'here')")
    found = Axe().run(page, context="[data-axe=here]").response["violations"]
    panel(page, control).evaluate("panel => panel.removeAttribute('data-axe')")
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not serious, [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in serious]


def photograph(page: Page, what, name: str, artefacts: Path) -> None:
    """A picture of ``what`` at two widths and in both themes."""
    for theme in ("Light", "Dark"):
        menu(page, "Settings", "Theme", f"JupyterLab {theme}")
        for width in (1280, 700):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(700)
            if what is not page:
                what.scroll_into_view_if_needed()
            what.screenshot(path=artefacts / f"{name}-{theme.lower()}-{width}.png")
    menu(page, "Settings", "Theme", "JupyterLab Light")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.wait_for_timeout(700)  # a click while JupyterLab draws the theme is lost


def press_until_focused(page: Page, name: str, key: str = "Tab", times: int = 12) -> None:
    """Go on by keyboard until the control with this name has the focus."""
    read = (
        "() => { const e = document.activeElement;"
        " return (e.labels && e.labels[0] ? e.labels[0].textContent : e.textContent || '').trim() }"
    )
    for _ in range(times):
        page.keyboard.press(key)
        if page.evaluate(read) == name:
            return
    raise AssertionError(f"{name} cannot be reached by {key}")


def test_the_first_lesson(lab, page, track, artefacts):
    open_lesson(page, lab, f"{track}/01_text_classification")
    run_all(page, track)
    check_pictures(page)

    # Classify: type, press, read the label and the probabilities back.
    classify = panel(page, "Pick")
    check_names(page, "Pick")
    box = classify.get_by_label("Review", exact=True)
    box.fill("A dull film, and a waste of time.")
    classify.get_by_role("button", name="Classify").click()
    expect(classify.get_by_text("waste", exact=True)).to_be_visible(timeout=MINUTE)
    said = classify.get_by_role("status").text_content()
    label, probability = re.fullmatch(r"(NEGATIVE|POSITIVE), with probability ([\d.]+)", said).groups()
    meters = classify.get_by_role("meter")
    values = {meter.get_attribute("aria-label"): float(meter.get_attribute("value")) for meter in meters.all()}
    assert values[label] == float(probability) == max(values.values())
    assert sum(values.values()) == pytest.approx(1, abs=0.002)
    expect(classify.get_by_text("Pushed most")).to_be_visible()
    photograph(page, classify, f"classify-{track}", artefacts)

    # What is typed is text, never HTML.
    box.fill(ATTACK)
    classify.get_by_role("button", name="Classify").click()
    expect(classify.get_by_text("onerror=").last).to_be_visible(timeout=MINUTE)
    assert page.evaluate("window.hacked") is None and classify.locator("img").count() == 0

    # The data browser, by keyboard alone.
    browse = panel(page, "Search")
    check_names(page, "Search")
    browse.get_by_label("Search").focus()
    page.keyboard.type("the")
    place = browse.get_by_role("status")
    expect(place).to_have_text(re.compile(r"review 1 of [\d,]+"))
    found = place.text_content()
    press_until_focused(page, "Label")
    for key in ("Space", "ArrowDown", "Enter"):  # an arrow on the closed list would be JupyterLab's own
        page.keyboard.press(key)
    expect(place).not_to_have_text(found)
    press_until_focused(page, "Show tokens")
    page.keyboard.press("Space")
    expect(browse.get_by_text("The model reads")).to_be_visible()
    press_until_focused(page, "Next")
    page.keyboard.press("Enter")
    expect(place).to_have_text(re.compile(r"review 2 of [\d,]+"))
    photograph(page, browse, f"browse-{track}", artefacts)


def test_the_second_lesson(lab, page, track, artefacts):
    open_lesson(page, lab, f"{track}/02_error_analysis")
    run_all(page, track)
    check_pictures(page)

    # The mistakes, by keyboard alone.
    mistakes = panel(page, "Which")
    check_names(page, "Which")
    place = mistakes.get_by_role("status").first
    expect(place).to_have_text(re.compile(r"mistake 1 of \d+"))
    mistakes.get_by_label("Which").focus()
    press_until_focused(page, "Next")
    page.keyboard.press("Space")
    expect(place).to_have_text(re.compile(r"mistake 2 of \d+"))
    press_until_focused(page, "Show the words that pushed", "Shift+Tab")
    page.keyboard.press("Space")
    expect(mistakes.get_by_text("Pushed most")).to_be_visible(timeout=MINUTE)
    photograph(page, mistakes, f"mistakes-{track}", artefacts)


def test_the_third_lesson(lab, page, track):
    open_lesson(page, lab, f"{track}/03_inside")
    run_all(page, track)
    check_pictures(page)


def test_the_start_page(lab, page, artefacts):
    links = start_page(page, lab).all_text_contents()
    assert len(links) == 2 * len(build.pages()) * len(build.TRACKS)
    assert all(re.fullmatch(r"about \d+ min", text) for text in links[::2]) and {*links[1::2]} == {"exercises"}, links
    # The file browser shows lessons, and nothing about Jupyter's news covers them.
    names = page.locator(".jp-DirListing-itemName")
    expect(names.filter(has_text="pytorch")).to_be_visible(timeout=MINUTE)
    assert {*names.all_text_contents()} <= {"pytorch", "tensorflow", "index.ipynb"}
    assert page.get_by_text("Jupyter news").count() == 0
    photograph(page, page, "start", artefacts)
