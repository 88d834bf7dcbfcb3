"""How soon the page stands, and how soon it answers a stroke or a slider, in a headless Chromium.

    python benchmarks/page.py [RUN ...] [--entries NAME ...] [--rounds 9]

Without runs: the entries `pix2pix_emoji`, `cyclegan_emoji` and `stylegan2_avatars` (64 px) and
`pix2pix` (256 px) with random weights, whose time is that of trained ones. Needs chromium and
chromedriver, selenium, and npm or a runtime it fetched before. Every opening is cold: a new browser
profile, no network but loopback.

    opening     from asking for the page to the first answer shown
    stroke      64 px drawn by mouse events: from the question to the answer shown
    slider      a latent's or, of models with styles, a direction's, moved by a key: likewise
    computing   the part of that spent in WebAssembly
"""

import argparse
import pathlib
import shutil
import statistics
import tempfile
import threading

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from keras_gans import training, web, zoo
from keras_gans.core.signature import translates

ENTRIES = ("pix2pix_emoji", "cyclegan_emoji", "pix2pix", "stylegan2_avatars")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=1200,1000", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
#: Notes when the page is first ready; put into it before its own code runs.
WATCH = """
new MutationObserver((_, observer) => {
  if (document.body?.dataset.state === "ready") {
    window.openedAfter = performance.now();
    observer.disconnect();
  }
}).observe(document, { subtree: true, childList: true, attributes: true });
"""


def measured(url):
    """Milliseconds of one cold opening, and of the answer to one stroke or move of a slider."""
    with tempfile.TemporaryDirectory() as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        browser = webdriver.Chrome(options=options, service=service)
        try:
            browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
            browser.get(url)
            wait_until_ready(browser)
            opening = browser.execute_script("return window.openedAfter")
            if browser.find_element(By.ID, "draw").is_displayed():
                stroke(browser)
            else:
                slide(browser)
            wait_until_ready(browser)
            return opening, *(
                float(browser.find_element(By.ID, "result").get_attribute(f"data-{name}"))
                for name in ("answering", "computing")
            )
        finally:
            browser.quit()


def wait_until_ready(browser):
    body = browser.find_element(By.TAG_NAME, "body")
    WebDriverWait(browser, 60, 0.02).until(lambda _: body.get_attribute("data-state") == "ready")


def stroke(browser):
    canvas = browser.find_element(By.ID, "drawing")
    actions = ActionChains(browser, duration=5)
    actions.move_to_element_with_offset(canvas, -32, 0).click_and_hold()
    for x in range(-24, 33, 8):
        actions.move_to_element_with_offset(canvas, x, 0)
    actions.release().perform()


def slide(browser):
    sliders = browser.find_elements(By.CSS_SELECTOR, "#direction-sliders input, #latent-0")
    sliders[0].send_keys(Keys.ARROW_RIGHT)


def measure(title, model, examples, rounds):
    with tempfile.TemporaryDirectory() as place:
        page = pathlib.Path(place) / "page"
        web.write(model, page, examples=examples)
        size = sum(file.stat().st_size for file in page.rglob("*") if file.is_file())
        with web.server(page, port=0) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            found = [measured(web.address(server)) for _ in range(rounds)]
            server.shutdown()
    question = "stroke" if translates(model) else "slider"
    medians = [statistics.median(values) for values in zip(*found, strict=True)]
    print(
        f"{title:24s} {size / 1e6:6.1f} MB  opening {medians[0]:6.0f} ms  "
        f"{question} {medians[1]:5.0f} ms  computing {medians[2]:5.0f} ms",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=pathlib.Path, nargs="*", metavar="RUN")
    parser.add_argument("--entries", nargs="*", default=ENTRIES, metavar="NAME")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    for path in arguments.runs:
        run = training.open_run(path)
        model = run.load_model()
        measure(path.name, model, training.examples(run.options, model), arguments.rounds)
    for name in () if arguments.runs else arguments.entries:
        options = training.Options(name, data=zoo.entry(name).data or "bundled:emoji/edges")
        model = zoo.get(name)
        examples = training.examples(options, model) if translates(model) else None
        measure(name, model, examples, arguments.rounds)
