"""The page in a real browser: Debian's chromium, driven by selenium, with the real runtime."""

import base64
import contextlib
import functools
import http.server
import io
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from export_models import as_if_trained
from fabrication import fabricate
from PIL import Image

from keras_gans import latent, web, zoo
from keras_gans.core.signature import domains, takes_masks, translates
from keras_gans.images import grids
from keras_gans.web import runtime

selenium = pytest.importorskip("selenium", reason="selenium is not installed")
from selenium import webdriver  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.large,
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER),
        reason="needs a browser: apt-get install chromium chromium-driver",
    ),
]

ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"  # no network but this machine
PHONE = {"width": 390, "height": 844, "pixelRatio": 2.0, "touch": True}
LEVELS = 0.1  # mean distance from Keras' picture, of 255: no other picture passes for it


# === Pages ===


@pytest.fixture(scope="module")
def ort():
    try:
        return runtime.find()
    except RuntimeError as error:
        pytest.skip(str(error))


def vivid(model):
    """Weights that make pictures of many colours, without the chaos of large random ones."""
    for network in model.networks_to_export().values():
        as_if_trained(network)
        for weight in network.weights:
            if "kernel" in weight.path:
                fan = math.prod(weight.shape[:-1])
                weight.assign(weight * (2.0 / math.sqrt(fan)))
    return model


def line_drawings(spec):
    pictures = np.ones(spec.shape, "float32")
    for number in range(len(pictures)):
        pictures[number, 4 + number % 8 : -4, 2 + number % 28] = -1.0
    return pictures


def varied(model):
    """A mean style that is not 0; first weights make images of many colours already."""
    mean = model.generator_ema.get_layer("truncation").mean
    mean.assign(np.random.default_rng(0).normal(0.0, 0.3, mean.shape))
    return model


def made(name, ort, folder, precisions=("float32",), prepared=vivid, **changes):
    model = prepared(zoo.get(name, seed=0, **{**zoo.entry(name).tiny, **changes}))
    examples = None
    if translates(model) and not (domains(model) or takes_masks(model)):
        examples = [tuple(map(line_drawings, model.batch_spec(64)))]
    elif translates(model):
        # Noise: in flat pictures instance norm finds nothing but rounding errors to enlarge.
        examples = [fabricate(model, 64)]
    web.write(model, folder, precisions=precisions, examples=examples, runtime_path=ort)
    return folder, model


@pytest.fixture(scope="module")
def translator(ort, tmp_path_factory):
    folder = tmp_path_factory.mktemp("translator") / "page"
    return made("pix2pix", ort, folder, image_size=64)


@pytest.fixture(scope="module")
def both_ways(ort, tmp_path_factory):
    return made("cyclegan", ort, tmp_path_factory.mktemp("both_ways") / "page")


@pytest.fixture(scope="module")
def filling(ort, tmp_path_factory):
    return made("inpainting", ort, tmp_path_factory.mktemp("filling") / "page")


@pytest.fixture(scope="module")
def labelled(ort, tmp_path_factory):
    """A latent model of two heads of classes and two attributes."""
    folder = tmp_path_factory.mktemp("labelled") / "page"
    return made("cdcgan", ort, folder, num_classes=(3, 2), num_attributes=2)


@pytest.fixture(scope="module")
def styled(ort, tmp_path_factory):
    """A model with styles, classes and an attribute."""
    folder = tmp_path_factory.mktemp("styled") / "page"
    return made("stylegan2", ort, folder, prepared=varied, num_classes=3, num_attributes=1)


@contextlib.contextmanager
def running(server):
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def serving(folder):
    return running(web.server(folder, port=0))


# === The browser ===


@contextlib.contextmanager
def chromium(profile, *flags, phone=False):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1200,1000",
        f"--user-data-dir={profile}",
        *flags,
    ):
        options.add_argument(flag)
    if phone:
        options.add_experimental_option("mobileEmulation", {"deviceMetrics": PHONE})
    options.add_experimental_option("prefs", {"download.default_directory": str(profile)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        yield browser
    finally:
        browser.quit()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile"), ALONE) as one:
        yield one


def element(browser, name):
    return browser.find_element(By.ID, name)


def settled(browser, timeout=120):
    """Waits until the newest question is answered, or something failed; returns which."""
    body = browser.find_element(By.TAG_NAME, "body")
    WebDriverWait(browser, timeout, 0.05).until(
        lambda _: body.get_attribute("data-state") in ("ready", "failed")
    )
    return body.get_attribute("data-state")


def opened(browser, url):
    browser.get(url)
    state = settled(browser)
    assert state == "ready", element(browser, "problem").text


def refusal(browser, url):
    browser.get(url)
    assert settled(browser) == "failed"
    assert not element(browser, "main").is_displayed()
    problem = element(browser, "problem")
    assert problem.is_displayed() and problem.get_attribute("role") == "alert"
    return problem.text


def pixels(browser, canvas):
    """A canvas as uint8 (height, width, 3)."""
    url = browser.execute_script(
        "return document.getElementById(arguments[0]).toDataURL('image/png')", canvas
    )
    data = base64.b64decode(url.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def distance(picture, other):
    return np.abs(picture.astype("float32") - other.astype("float32")).mean()


def circle(browser, radius=60):
    canvas = element(browser, "drawing")
    actions = ActionChains(browser, duration=5)
    actions.move_to_element_with_offset(canvas, radius, 0).click_and_hold()
    for step in range(1, 33):
        angle = step * math.pi / 16
        place = round(radius * math.cos(angle)), round(radius * math.sin(angle))
        actions.move_to_element_with_offset(canvas, *place)
    actions.release().perform()
    settled(browser)


def shape(picture):
    """A picture of a latent model as the page shows it."""
    shown = grids.to_uint8(picture)
    return np.repeat(shown, 3, axis=-1) if shown.shape[-1] == 1 else shown


# === Drawing ===


@pytest.mark.parametrize("phone", [False, True])
def test_a_drawing_is_answered_as_keras_answers_it(translator, tmp_path, phone):
    folder, model = translator
    with serving(folder) as url, chromium(tmp_path / "profile", ALONE, phone=phone) as browser:
        opened(browser, url)
        empty, before = pixels(browser, "drawing"), pixels(browser, "result")
        circle(browser)
        drawn, answer = pixels(browser, "drawing"), pixels(browser, "result")
        assert drawn.shape == (64, 64, 3)
        assert 20 < np.count_nonzero((drawn != empty).any(axis=-1)) < 1000
        expected = grids.to_uint8(model.translate(drawn / 127.5 - 1.0))
        assert expected.std() > 10  # a picture, of which a wrong one would differ
        assert distance(answer, expected) <= LEVELS
        assert distance(answer, before) > 5 * LEVELS

        element(browser, "undo").click()
        settled(browser)
        assert np.array_equal(pixels(browser, "drawing"), empty)
        assert np.array_equal(pixels(browser, "result"), before)
        width = browser.execute_script("return document.documentElement.scrollWidth")
        assert width <= browser.execute_script("return innerWidth")


def test_eraser_clear_and_width(translator, browser):
    with serving(translator[0]) as url:
        opened(browser, url)
        empty = pixels(browser, "drawing")
        circle(browser)
        thin = np.count_nonzero((pixels(browser, "drawing") != empty).any(axis=-1))
        element(browser, "eraser").click()
        circle(browser)
        assert np.array_equal(pixels(browser, "drawing"), empty)
        element(browser, "pencil").click()
        width = element(browser, "width")
        width.send_keys(Keys.END)
        circle(browser)
        thick = np.count_nonzero((pixels(browser, "drawing") != empty).any(axis=-1))
        assert thick > 2 * thin
        element(browser, "clear").click()
        assert np.array_equal(pixels(browser, "drawing"), empty)


def test_all_of_it_by_keyboard(translator, browser):
    with serving(translator[0]) as url:
        opened(browser, url)
        empty, before = pixels(browser, "drawing"), pixels(browser, "result")
        for _ in range(20):
            browser.switch_to.active_element.send_keys(Keys.TAB)
            if browser.switch_to.active_element.get_attribute("id") == "drawing":
                break
        keys = browser.switch_to.active_element
        keys.send_keys(Keys.ARROW_LEFT * 10, " ", Keys.ARROW_RIGHT * 20, Keys.ARROW_DOWN * 10, " ")
        keys.send_keys(Keys.ARROW_UP * 3)  # the pen is up
        settled(browser)
        changed = (pixels(browser, "drawing") != empty).any(axis=-1)
        assert changed[32, 22:43].all() and changed[32:43, 42].all()
        assert distance(pixels(browser, "result"), before) > 0
        assert "row" in element(browser, "status").text
        keys.send_keys("u")
        assert np.array_equal(pixels(browser, "drawing"), empty)
        keys.send_keys("x")
        WebDriverWait(browser, 10).until(
            lambda _: not np.array_equal(pixels(browser, "drawing"), empty)
        )
        keys.send_keys(Keys.CONTROL, "z")
        assert np.array_equal(pixels(browser, "drawing"), empty)


def test_pictures_and_examples_arrive_as_they_are(translator, browser, tmp_path):
    folder, model = translator
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype("uint8")
    Image.fromarray(picture).save(tmp_path / "mine.png")
    with serving(folder) as url:
        opened(browser, url)
        element(browser, "file").send_keys(str(tmp_path / "mine.png"))
        WebDriverWait(browser, 10).until(lambda _: "loaded" in element(browser, "status").text)
        settled(browser)
        assert np.array_equal(pixels(browser, "drawing"), picture)
        expected = grids.to_uint8(model.translate(picture / 127.5 - 1.0))
        assert distance(pixels(browser, "result"), expected) <= LEVELS

        (tmp_path / "note.png").write_text("no picture")
        element(browser, "file").send_keys(str(tmp_path / "note.png"))
        WebDriverWait(browser, 10).until(
            lambda _: "not a picture" in element(browser, "status").text
        )
        element(browser, "example").click()
        WebDriverWait(browser, 10).until(lambda _: "Example" in element(browser, "status").text)
        examples = [np.asarray(Image.open(path)) for path in (folder / "examples").iterdir()]
        shown = pixels(browser, "drawing")
        assert any(np.array_equal(shown, example) for example in examples)


def mask_of(browser):
    """The hole on the page, bool (height, width): what is not transparent."""
    alpha = """
      const canvas = document.getElementById("drawing");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return [canvas.height, canvas.width, Array.from(data.filter((_, i) => i % 4 === 3))];
    """
    height, width, values = browser.execute_script(alpha)
    return np.reshape(values, (height, width)) > 0


def filled(model, picture, mask):
    return grids.to_uint8(model.inpaint(picture / 127.5 - 1.0, mask))


def test_a_painted_hole_is_filled_as_keras_fills_it(filling, browser, tmp_path):
    folder, model = filling
    with serving(folder) as url:
        opened(browser, url)
        WebDriverWait(browser, 10).until(lambda _: "Example" in element(browser, "status").text)
        settled(browser)
        assert element(browser, "pencil").text == "Brush"
        assert not element(browser, "colours").is_displayed()
        picture, begun = pixels(browser, "beneath"), mask_of(browser)
        examples = [np.asarray(Image.open(path)) for path in (folder / "examples").iterdir()]
        assert any(np.array_equal(picture, example) for example in examples)
        assert begun[16, 16] and not begun[0, 0] and 0.05 < begun.mean() < 0.2
        answer, expected = pixels(browser, "result"), filled(model, picture, begun)
        assert np.abs(expected.astype(int) - picture)[begun].mean() > 10
        assert distance(answer, expected) <= LEVELS

        element(browser, "clear").click()
        settled(browser)
        assert not mask_of(browser).any()
        assert distance(pixels(browser, "result"), picture) <= LEVELS
        circle(browser)
        ring = mask_of(browser)
        assert ring.any() and not ring[16, 16]
        assert distance(pixels(browser, "result"), filled(model, picture, ring)) <= LEVELS
        element(browser, "eraser").click()
        circle(browser)
        assert not mask_of(browser).any()
        element(browser, "undo").click()
        settled(browser)
        assert np.array_equal(mask_of(browser), ring)

        other = np.random.default_rng(0).integers(0, 256, picture.shape).astype("uint8")
        Image.fromarray(other).save(tmp_path / "mine.png")
        element(browser, "file").send_keys(str(tmp_path / "mine.png"))
        WebDriverWait(browser, 10).until(lambda _: "mine.png" in element(browser, "status").text)
        settled(browser)
        assert np.array_equal(pixels(browser, "beneath"), other)
        assert np.array_equal(mask_of(browser), ring)
        assert distance(pixels(browser, "result"), filled(model, other, ring)) <= LEVELS


def test_both_directions_of_a_cyclegan(both_ways, browser):
    folder, model = both_ways
    with serving(folder) as url:
        opened(browser, url)
        direction = Select(element(browser, "network"))
        assert [option.text for option in direction.options] == ["A → B", "B → A"]
        for text, name in (("A → B", "ab"), ("B → A", "ba")):
            direction.select_by_visible_text(text)
            assert settled(browser) == "ready"
            circle(browser)
            drawn = pixels(browser, "drawing")
            expected = grids.to_uint8(model.translate(drawn / 127.5 - 1.0, direction=name))
            assert distance(pixels(browser, "result"), expected) <= LEVELS


@pytest.mark.parametrize("broken", [False, True])
def test_of_several_choices_the_newest_is_shown(both_ways, browser, tmp_path, broken):
    """Also where the one before it is slower, or cannot be loaded at all."""
    folder, model = shutil.copytree(both_ways[0], tmp_path / "page"), both_ways[1]
    if broken:
        flip_a_bit("generator_ba.onnx")(folder)
    arrived, released = threading.Event(), threading.Event()

    class Slow(_Silent):
        def do_GET(self):
            if self.path.endswith("generator_ba.onnx"):
                arrived.set()
                released.wait(60)
            super().do_GET()

    handler = functools.partial(Slow, directory=str(folder))
    with running(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)) as url:
        opened(browser, url)
        direction = Select(element(browser, "network"))
        direction.select_by_visible_text("B → A")
        assert arrived.wait(60)
        element(browser, "example").click()  # of a network that is not there yet
        assert not element(browser, "problem").is_displayed()
        direction.select_by_visible_text("A → B")
        threading.Timer(1.0, released.set).start()
        settled(browser)
        WebDriverWait(browser, 10).until(lambda _: released.is_set())
        time.sleep(1.0)  # for the slower one to come after all
        assert settled(browser) == "ready"
        assert not element(browser, "problem").is_displayed()
        circle(browser)
        drawn = pixels(browser, "drawing")
        expected = grids.to_uint8(model.translate(drawn / 127.5 - 1.0, direction="ab"))
        assert distance(pixels(browser, "result"), expected) <= LEVELS
        assert "Ready" in element(browser, "status").text


def test_the_result_can_be_kept(translator, tmp_path):
    with serving(translator[0]) as url, chromium(tmp_path, ALONE) as browser:
        opened(browser, url)
        circle(browser)
        element(browser, "download").click()
        path = tmp_path / "generator.png"
        WebDriverWait(browser, 20).until(lambda _: path.exists() and path.stat().st_size)
        kept = np.asarray(Image.open(path).convert("RGB"))
        assert np.array_equal(kept, pixels(browser, "result"))


# === Latents ===


def steer(browser, values):
    """Sets every slider, as a person would; returns the latent, which sliders round."""
    if not element(browser, "others").get_attribute("open"):
        with contextlib.suppress(selenium.common.exceptions.ElementNotInteractableException):
            element(browser, "others-title").click()  # hidden where there are few
    given = browser.execute_async_script(
        """
        const [values, done] = arguments;
        setTimeout(() => done(values.map((value, i) => {
          const slider = document.getElementById(`latent-${i}`);
          slider.value = value;
          slider.dispatchEvent(new Event("input"));
          return Number(slider.value);
        })), 100);
        """,
        [float(value) for value in values],
    )
    settled(browser)
    return np.array(given, "float32")


def sampled(model, point, labels):
    return shape(model.sample(latents=point[None], labels=labels[:2], attributes=labels[2:])[0])


def test_sliders_classes_and_attributes_move_the_picture(labelled, browser):
    folder, model = labelled
    point = latent.draw(1, model.latent_dim, seed=1)[0]
    with serving(folder) as url:
        opened(browser, url)
        point = steer(browser, point)
        seen = [pixels(browser, "result")]
        assert distance(seen[0], sampled(model, point, [0, 0, 0, 0])) <= LEVELS
        moves = [
            (lambda: Select(element(browser, "class-label_0")).select_by_index(2), [2, 0, 0, 0]),
            (lambda: Select(element(browser, "class-label_1")).select_by_index(1), [2, 1, 0, 0]),
            (lambda: element(browser, "attribute-attributes-1").click(), [2, 1, 0, 1]),
        ]
        for move, labels in moves:
            move()
            settled(browser)
            seen.append(pixels(browser, "result"))
            assert distance(seen[-1], sampled(model, point, labels)) <= LEVELS
            assert distance(seen[-1], seen[-2]) > 5 * LEVELS
        element(browser, "latent-0").send_keys(Keys.END)  # by keyboard
        settled(browser)
        assert distance(pixels(browser, "result"), seen[-1]) > 5 * LEVELS
        point[0] = 3.0
        assert distance(pixels(browser, "result"), sampled(model, point, [2, 1, 0, 1])) <= LEVELS


def test_ways_between_points_and_arithmetic_are_those_of_python(labelled, browser):
    folder, model = labelled
    with serving(folder) as url:
        opened(browser, url)
        points = []
        for number, point in enumerate(latent.draw(3, model.latent_dim, seed=2), start=1):
            points.append(steer(browser, point))
            element(browser, "save").click()
            WebDriverWait(browser, 10).until(
                lambda _, n=number: len(browser.find_elements(By.CSS_SELECTOR, "#saved li")) == n
            )
        a, b, c = points

        element(browser, "reckon").click()
        settled(browser)
        expected = sampled(model, latent.arithmetic(a, b, c), [0, 0, 0, 0])
        assert distance(pixels(browser, "result"), expected) <= LEVELS

        way = element(browser, "way")
        way.send_keys(Keys.END)
        settled(browser)
        assert distance(pixels(browser, "result"), sampled(model, b, [0, 0, 0, 0])) <= LEVELS
        for _ in range(50):
            way.send_keys(Keys.ARROW_LEFT)
        settled(browser)
        middle = latent.spherical(a, b, 3)[1]
        assert distance(pixels(browser, "result"), sampled(model, middle, [0, 0, 0, 0])) <= LEVELS

        Select(element(browser, "class-label_0")).select_by_index(1)
        browser.find_element(By.CSS_SELECTOR, "#saved li:nth-child(3) button").click()
        settled(browser)  # a point brings its labels back
        assert distance(pixels(browser, "result"), sampled(model, c, [0, 0, 0, 0])) <= LEVELS
        before = pixels(browser, "result")
        element(browser, "random").click()
        settled(browser)
        assert distance(pixels(browser, "result"), before) > 0


def test_saved_points_keep_their_class_on_the_way_and_in_arithmetic(labelled, browser):
    folder, model = labelled
    with serving(folder) as url:
        opened(browser, url)
        points = []
        for number, point in enumerate(latent.draw(2, model.latent_dim, seed=5)):
            Select(element(browser, "class-label_0")).select_by_index(1 + number)
            points.append(steer(browser, point))
            element(browser, "save").click()
            WebDriverWait(browser, 10).until(
                lambda _, n=number + 1: (
                    len(browser.find_elements(By.CSS_SELECTOR, "#saved li")) == n
                )
            )
        a, b = points
        way = element(browser, "way")
        for key, point, label in ((Keys.END, b, 2), (Keys.HOME, a, 1)):
            way.send_keys(key)
            settled(browser)
            expected = sampled(model, point, [label, 0, 0, 0])
            assert distance(pixels(browser, "result"), expected) <= LEVELS
            assert Select(element(browser, "class-label_0")).first_selected_option.text
        Select(element(browser, "class-label_0")).select_by_index(0)
        element(browser, "reckon").click()
        settled(browser)
        found = pixels(browser, "result")
        assert distance(found, sampled(model, latent.arithmetic(a, b, b), [1, 0, 0, 0])) <= LEVELS


def test_vectors_agree_with_python(labelled, browser):
    a, b = latent.draw(2, 16, seed=3)
    with serving(labelled[0]) as url:
        opened(browser, url)
        script = """
        const [pairs, done] = arguments;
        import("./vectors.mjs").then((vectors) => done(pairs.map(([a, b]) => (
          [0, 0.25, 0.5, 0.75, 1].map((way) => (
            Array.from(vectors.spherical(Float32Array.from(a), Float32Array.from(b), way))))))));
        """
        pairs = [(a, b), (a, -a), (a, 2 * a), (a, 0 * a)]
        found = browser.execute_async_script(script, [[x.tolist(), y.tolist()] for x, y in pairs])
        for (start, end), points in zip(pairs, found, strict=True):
            np.testing.assert_allclose(points, latent.spherical(start, end, 5), atol=1e-5)


def test_the_latent_page_fits_a_phone(labelled, tmp_path):
    with serving(labelled[0]) as url, chromium(tmp_path, ALONE, phone=True) as browser:
        opened(browser, url)
        width = browser.execute_script("return document.documentElement.scrollWidth")
        assert width <= browser.execute_script("return innerWidth")
        browser.execute_script("window.scrollTo(0, document.body.scrollHeight)")
        picture = element(browser, "result").rect
        scrolled = browser.execute_script("return window.scrollY")
        assert scrolled <= picture["y"] < scrolled + PHONE["height"] / 2  # still in sight


# === Styles ===


def slide(browser, name, value):
    """Moves a slider as a person would."""
    browser.execute_script(
        """
        const slider = document.getElementById(arguments[0]);
        slider.value = arguments[1];
        slider.dispatchEvent(new Event("input"));
        """,
        name,
        value,
    )
    settled(browser)


def keep(browser):
    """Saves the point; returns how many there are."""
    before = len(browser.find_elements(By.CSS_SELECTOR, "#saved li"))
    element(browser, "save").click()
    WebDriverWait(browser, 10).until(
        lambda _: len(browser.find_elements(By.CSS_SELECTOR, "#saved li")) == before + 1
    )
    return before + 1


def tile(browser, number):
    """Shows a saved point."""
    browser.find_element(By.CSS_SELECTOR, f"#saved li:nth-child({number}) button").click()
    settled(browser)
    return pixels(browser, "result")


def styles_of(model, point, label=0, psi=1.0):
    return model.styles(latents=point[None], labels=[label], attributes=[0], truncation=psi)


def drawn_of(model, styles):
    return shape(model.synthesize(styles)[0])


def test_truncation_moves_all_latents_to_the_mean(styled, browser):
    folder, model = styled
    points = latent.draw(2, model.latent_dim, seed=1)
    with serving(folder) as url:
        opened(browser, url)
        assert not element(browser, "network-row").is_displayed()
        assert element(browser, "styles").is_displayed()
        truncation = element(browser, "psi")
        assert truncation.accessible_name.startswith("Truncation")
        seen = []
        for point in points:
            point = steer(browser, point)
            truncation.send_keys(Keys.END)
            settled(browser)
            expected = drawn_of(model, styles_of(model, point))
            assert distance(pixels(browser, "result"), expected) <= LEVELS
            slide(browser, "psi", 0.3)
            expected = drawn_of(model, styles_of(model, point, psi=0.3))
            assert distance(pixels(browser, "result"), expected) <= LEVELS
            truncation.send_keys(Keys.HOME)  # by keyboard
            settled(browser)
            assert truncation.get_attribute("aria-valuetext") == "0.00"
            seen.append(pixels(browser, "result"))
        assert np.array_equal(*seen)
        mean = np.broadcast_to(model.mean_style(), (1, model.style_dim))
        assert distance(seen[0], drawn_of(model, mean)) <= LEVELS


def test_styles_are_mixed_with_a_saved_point(styled, browser):
    folder, model = styled
    points = latent.draw(2, model.latent_dim, seed=2)
    with serving(folder) as url:
        opened(browser, url)
        Select(element(browser, "class-label")).select_by_index(2)
        first = steer(browser, points[0])
        slide(browser, "psi", 0.8)
        keep(browser)
        Select(element(browser, "class-label")).select_by_index(1)
        second = steer(browser, points[1])
        slide(browser, "psi", 1.0)
        unmixed = pixels(browser, "result")
        assert not element(browser, "place").is_enabled()
        partner = Select(element(browser, "partner"))
        partner.select_by_visible_text("Point 1")
        settled(browser)
        place = element(browser, "place")
        place.send_keys(Keys.HOME, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
        settled(browser)
        assert place.get_attribute("aria-valuetext") == f"3 of {model.places}"
        mixed = styles_of(model, second, 1)
        mixed[:, 2:] = styles_of(model, first, 2, psi=0.8)[:, 2:]
        found = pixels(browser, "result")
        assert distance(found, drawn_of(model, mixed)) <= LEVELS
        assert distance(found, unmixed) > 5 * LEVELS
        # Kept with the point, also after its partner was forgotten.
        keep(browser)
        browser.find_element(By.CSS_SELECTOR, "#saved li:nth-child(1) .forget").click()
        assert partner.first_selected_option.text == "Point 1 (forgotten)"
        partner.select_by_visible_text("none")
        settled(browser)
        assert distance(pixels(browser, "result"), unmixed) == 0
        assert np.array_equal(tile(browser, 1), found)
        assert place.get_attribute("value") == "3"


def test_directions_move_the_styles(styled, browser):
    folder, model = styled
    (point,) = latent.draw(1, model.latent_dim, seed=3)
    about = model.describe_tensors()["styles"]
    with serving(folder) as url:
        opened(browser, url)
        point = steer(browser, point)
        before = pixels(browser, "result")
        sliders = browser.find_elements(By.CSS_SELECTOR, "#direction-sliders input")
        names = [slider.accessible_name for slider in sliders]
        assert names == [f"Direction {number + 1}" for number in range(8)]
        sliders[0].send_keys(Keys.END)  # by keyboard
        settled(browser)
        slide(browser, "direction-2", -1.5)
        found = pixels(browser, "result")
        moved = styles_of(model, point)
        moved += 3.0 * about["spread"][0] * np.array(about["directions"][0], "float32")
        moved -= 1.5 * about["spread"][2] * np.array(about["directions"][2], "float32")
        assert distance(found, drawn_of(model, moved)) <= LEVELS
        assert distance(found, before) > 5 * LEVELS
        keep(browser)
        element(browser, "unmoved").click()
        settled(browser)
        assert np.array_equal(pixels(browser, "result"), before)
        keep(browser)
        assert np.array_equal(tile(browser, 1), found)
        assert [slider.get_attribute("value") for slider in sliders[:3]] == ["3", "0", "-1.5"]
        # The way between two points leads through their settings, from one image to the other.
        element(browser, "way").send_keys(Keys.END)
        settled(browser)
        assert distance(pixels(browser, "result"), before) <= LEVELS
        slide(browser, "way", 0.5)
        assert sliders[0].get_attribute("value") == "1.5"


def test_models_without_styles_have_no_controls_for_them(labelled, browser):
    with serving(labelled[0]) as url:
        opened(browser, url)
        assert not element(browser, "styles").is_displayed()


def test_the_page_with_styles_fits_a_phone_and_loads_no_more_than_it_runs(styled, tmp_path):
    with serving(styled[0]) as url, chromium(tmp_path, ALONE, phone=True) as browser:
        opened(browser, url)
        width = browser.execute_script("return document.documentElement.scrollWidth")
        assert width <= browser.execute_script("return innerWidth")
        loaded = browser.execute_script(
            "return performance.getEntriesByType('resource').map((entry) => entry.name)"
        )
        assert not any(name.endswith("generator.onnx") for name in loaded)


# === Where and how it is served ===


def test_a_cold_start_needs_nothing_from_elsewhere(translator, tmp_path):
    with serving(translator[0]) as url, chromium(tmp_path, ALONE) as browser:
        opened(browser, url)
        loaded = browser.execute_script(
            "return performance.getEntriesByType('resource').map((entry) => entry.name)"
        )
        assert loaded and all(address.startswith(url) for address in loaded)
        complaints = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
        assert not complaints
        blocked = browser.execute_async_script(
            """
            const done = arguments[0];
            document.addEventListener("securitypolicyviolation", (event) => done(event.blockedURI));
            fetch("http://example.com/").catch(() => {});
            """
        )
        assert "example.com" in blocked
        assert "2 threads" in element(browser, "time").text or os.cpu_count() != 2


def test_any_web_server_can_host_it(translator, browser):
    folder, model = translator
    handler = functools.partial(_Silent, directory=str(folder))
    with running(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)) as url:
        opened(browser, url)  # without the headers that threads need
        assert "1 thread" in element(browser, "time").text
        circle(browser)
        expected = grids.to_uint8(model.translate(pixels(browser, "drawing") / 127.5 - 1.0))
        assert distance(pixels(browser, "result"), expected) <= LEVELS


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


# === What is missing ===


@pytest.fixture
def damaged(translator, tmp_path):
    """A page of the test's own, to be damaged."""
    return shutil.copytree(translator[0], tmp_path / "damaged")


def hash_of_nothing(folder):
    content = json.loads((folder / "manifest.json").read_text())
    content["files"][0]["sha256"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(content))


def flip_a_bit(name):
    def damage(folder):
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / name).write_bytes(data)

    return damage


def cut_short(folder):
    data = (folder / "generator.onnx").read_bytes()
    (folder / "generator.onnx").write_bytes(data[:-100])


def lead_out(path):
    def damage(folder):
        content = json.loads((folder / "manifest.json").read_text())
        content["files"][0]["path"] = path
        (folder / "manifest.json").write_text(json.dumps(content))

    return damage


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (hash_of_nothing, ["generator.onnx is not the file that was exported", "0000", "again"]),
        (flip_a_bit("generator.onnx"), ["generator.onnx is not the file that was exported"]),
        (flip_a_bit("ort/ort-wasm-simd-threaded.wasm"), ["threaded.wasm is not the file that was"]),
        (cut_short, ["generator.onnx is not the file that was exported", "bytes"]),
        (lambda f: (f / "generator.onnx").unlink(), ["generator.onnx is missing", "404"]),
        (lambda f: (f / "manifest.json").write_text("{"), ["manifest.json cannot be read"]),
        (lambda f: (f / "manifest.json").write_text("{}"), ["not the manifest of a keras_gans"]),
        (lambda f: (f / "manifest.json").unlink(), ["manifest.json is missing"]),
        (lambda f: (f / "ort/ort.wasm.min.mjs").unlink(), ["ort.wasm.min.mjs is missing", "404"]),
        (flip_a_bit("ort/ort.wasm.min.mjs"), ["ort.wasm.min.mjs is not the file that was"]),
        (flip_a_bit("ort/ort-wasm-simd-threaded.mjs"), ["threaded.mjs is not the file that was"]),
        (lead_out("//elsewhere/generator.onnx"), ["outside the folder"]),
        (lead_out("\t//elsewhere/generator.onnx"), ["outside the folder"]),
    ],
)
def test_damage_is_refused_in_words(damaged, browser, damage, words):
    damage(damaged)
    handler = functools.partial(_Silent, directory=str(damaged))
    with running(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)) as url:
        said = refusal(browser, url)
    for word in words:
        assert word in said


def test_without_webassembly_it_says_so(translator, tmp_path):
    flags = (ALONE, "--js-flags=--jitless")
    with serving(translator[0]) as url, chromium(tmp_path, *flags) as browser:
        assert "WebAssembly is off or missing" in refusal(browser, url)


def test_at_an_insecure_address_it_says_what_to_do(translator, tmp_path):
    rules = "--host-resolver-rules=MAP pages.test 127.0.0.1"
    handler = functools.partial(_Silent, directory=translator[0])  # ours answers its own names only
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    with running(server) as url, chromium(tmp_path, rules) as browser:
        said = refusal(browser, url.replace("127.0.0.1", "pages.test"))
    assert "https" in said and "localhost" in said


def test_without_javascript_or_a_server_it_says_so(translator, browser):
    browser.get((translator[0] / "index.html").as_uri())
    said = element(browser, "status").text
    assert "opened from the disk" in said and "keras-gans demo" in said


# === The command ===


def test_demo_from_a_run_to_an_answer(ort, browser, tmp_path):
    command = [sys.executable, "-m", "keras_gans"]
    subprocess.run(
        [*command, "train", "cdcgan_fashion", "--epochs", "1", "--steps-per-epoch", "1",
         "--batch-size", "8", "--set", "filters=4", "--runs-dir", tmp_path],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    run = tmp_path / "00001-cdcgan-fashion"
    made_at = []
    for _ in range(2):  # the second time the page is there already
        demo = subprocess.Popen(
            [*command, "demo", run, "--port", "0", "--no-open", "--runtime", ort],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            # Shells start what runs in the background deaf to Ctrl+C, and its children inherit it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            line = next(line for line in demo.stdout if line.startswith("Open"))
            opened(browser, line.split()[1])
            classes = Select(element(browser, "class-label")).options
            assert "Sneaker" in [option.text for option in classes]
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(timeout=30)
        made_at.append((run / "page" / "manifest.json").stat().st_mtime_ns)
    assert made_at[0] == made_at[1]
