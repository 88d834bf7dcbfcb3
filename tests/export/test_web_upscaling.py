"""The page of models that upscale: its tiles are Python's, and it is used in a real browser."""

import json
import shutil
import subprocess

import numpy as np
import pytest
from fabrication import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from test_python_client import enlarge_kernels, photo

from keras_gans import web
from keras_gans.core import tiling
from keras_gans.images import grids
from keras_gans.web import runtime

needs_node = pytest.mark.skipif(not shutil.which("node"), reason="needs node")


def in_node(script, *arguments):
    """What a module script that imports tiling.mjs prints, as JSON."""
    module = (web.serving._PAGE / "tiling.mjs").as_uri()
    command = ["node", "--input-type=module", "-e", f"import * as tiling from '{module}';{script}"]
    done = subprocess.run(
        [*command, *map(json.dumps, arguments)], capture_output=True, text=True, timeout=60
    )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


PARTS = """
const sides = JSON.parse(process.argv[1]).map(
  ({ length, ...how }) => new tiling.Side(length, how));
const parts = (side) => side.starts.map((start, n) => {
  const { first, stop, weights } = side.part(n);
  return { start, first, stop, weights: [...weights] };
});
console.log(JSON.stringify(sides.map((side) => ({ tile: side.tile, parts: parts(side) }))));
"""


@needs_node
@settings(max_examples=5, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda length, tile, overlap, scale, multiple: {
                "length": length,
                "tile": tile * multiple,
                "overlap": min(overlap, tile * multiple // 2),
                "scale": scale,
                "multiple": multiple,
            },
            st.integers(1, 300),
            st.integers(2, 64),
            st.integers(0, 48),
            st.integers(2, 4),
            st.sampled_from([1, 2, 4]),
        ),
        min_size=20,
        max_size=40,
    )
)
def test_the_page_cuts_and_fades_as_python_does(sides):
    for how, found in zip(sides, in_node(PARTS, sides), strict=True):
        side = tiling.Side(
            how["length"], how["tile"], how["overlap"], how["scale"], how["multiple"]
        )
        assert found["tile"] == side.tile
        assert [part["start"] for part in found["parts"]] == side.starts
        for number, part in enumerate(found["parts"]):
            first, stop, weights = side.part(number)
            assert (part["first"], part["stop"]) == (first, stop)
            np.testing.assert_allclose(part["weights"], weights, atol=1e-6)


WHOLE = """
const [sides, data] = process.argv.slice(1).map((one) => JSON.parse(one));
const [height, width] = sides;
const how = { tile: 16, overlap: 8, scale: 2 };
const repeated = ({ data, width, height }) => {
  const made = { width: 2 * width, height: 2 * height };
  made.data = new Float32Array(16 * width * height);
  for (let y = 0; y < 2 * height; y += 1) for (let x = 0; x < 2 * width; x += 1) {
    const from = 4 * ((y >> 1) * width + (x >> 1));
    made.data.set(data.subarray(from, from + 4), 4 * (y * 2 * width + x));
  }
  return made;
};
const rows = [];
const most = Number(process.argv[3] ?? 1000);
const done = await tiling.enlarged({ data: Uint8ClampedArray.from(data), width, height },
  new tiling.Side(height, how), new tiling.Side(width, how), async (tile) => repeated(tile), {
    onRows: (part, first) => rows.push([first, part.height, ...part.data]),
    onTile: (count) => count < most,
  });
console.log(JSON.stringify({ done, rows }));
"""


@needs_node
@pytest.mark.parametrize("sides", [(1, 1), (5, 40), (16, 16), (33, 50)])
def test_tiles_are_joined_without_a_seam(sides):
    picture = np.concatenate([photo(*sides), np.full((*sides, 1), 255, "uint8")], -1)
    told = in_node(WHOLE, sides, picture.ravel().tolist())
    assert told["done"]
    bands = [np.array(row[2:]).reshape(row[1], -1, 4) for row in told["rows"]]
    assert [row[0] for row in told["rows"]] == np.cumsum([0, *map(len, bands[:-1])]).tolist()
    assert np.array_equal(np.concatenate(bands), picture.repeat(2, 0).repeat(2, 1))


@needs_node
def test_work_that_is_cancelled_ends():
    picture = np.concatenate([photo(40, 40), np.full((40, 40, 1), 255, "uint8")], -1)
    told = in_node(WHOLE, (40, 40), picture.ravel().tolist(), 3)
    assert not told["done"]
    assert not told["rows"]


# === In the browser ===

selenium = pytest.importorskip("selenium", reason="selenium is not installed")
import test_web_browser as driven  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

in_browser = [pytest.mark.large, driven.pytestmark[1]]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """(folder, model) of a page with a small network."""
    try:
        ort = runtime.find()
    except RuntimeError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("upscaler") / "page"
    model = tiny("realesrgan_video_x4")
    enlarge_kernels(model.generator)
    web.write(model, folder, precisions=("float32", "float16"), runtime_path=ort)
    return folder, model


def test_a_page_offers_photographs_and_free_sizes(page):
    folder, _ = page
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["files"][0]["inputs"][0]["shape"] == [1, None, None, 3]
    paths = manifest["page"]["examples"]["generator"]
    sizes = [Image.open(folder / path).size for path in paths]
    assert sizes and set(sizes) == {(240, 180)}


@pytest.fixture
def browser(tmp_path, request):
    phone = getattr(request, "param", False)
    with driven.chromium(tmp_path / "profile", driven.ALONE, phone=phone) as one:
        yield one


def says(browser, words, timeout=240):
    status = driven.element(browser, "status")
    WebDriverWait(browser, timeout, 0.05).until(lambda _: words in status.text)


def give(browser, path):
    driven.element(browser, "photograph").send_keys(str(path))


def photograph(folder, height=150, width=140):
    path = folder / "mine.jpg.png"
    picture = Image.fromarray(photo(height // 10, width // 10))
    picture.resize((width, height), Image.Resampling.BICUBIC).save(path)
    return path


class TestInTheBrowser:
    pytestmark = in_browser

    @pytest.mark.parametrize("browser", [False, True], indirect=True, ids=["desk", "phone"])
    def test_a_photograph_becomes_what_python_makes(self, page, browser, tmp_path):
        folder, model = page
        path = photograph(tmp_path)
        with driven.serving(folder) as url:
            driven.opened(browser, url)
            assert not driven.element(browser, "draw").is_displayed()
            give(browser, path)
            says(browser, "mine.jpg is ready")
            picture = np.asarray(Image.open(path))
            expected = grids.to_uint8(model.upscale(picture / 127.5 - 1.0, tile=128))
            assert expected.std() > 10
            given = driven.pixels(browser, "after")
            assert np.abs(given.astype(int) - expected).max() <= 2
            assert np.array_equal(driven.pixels(browser, "before"), picture)
            width = browser.execute_script("return document.documentElement.scrollWidth")
            assert width <= browser.execute_script("return innerWidth")
            driven.element(browser, "keep-larger").click()
            kept = tmp_path / "profile" / "mine.jpg-x4.png"
            WebDriverWait(browser, 20).until(lambda _: kept.is_file())
            assert np.array_equal(np.asarray(Image.open(kept).convert("RGB")), given)

    def test_the_slider_uncovers_the_picture_before(self, page, browser, tmp_path):
        with driven.serving(page[0]) as url:
            driven.opened(browser, url)
            give(browser, photograph(tmp_path, 40, 60))
            says(browser, "is ready")
            driven.element(browser, "actual").click()
            shares = []
            for value in (0, 25, 100):
                driven.slide(browser, "split", value)
                clip = "return getComputedStyle(document.getElementById('after')).clipPath"
                shares.append(browser.execute_script(clip))
        # Browsers shorten a length of nothing: "0px" or "0%".
        found = [share.split()[-1].rstrip(")").removesuffix("px").rstrip("%") for share in shares]
        assert found == ["0", "25", "100"]

    def test_work_is_cancelled_and_begun_again(self, page, browser, tmp_path):
        with driven.serving(page[0]) as url:
            driven.opened(browser, url)
            give(browser, photograph(tmp_path, 2000, 1900))
            button = driven.element(browser, "cancel")
            WebDriverWait(browser, 60, 0.05).until(lambda _: button.is_displayed())
            button.click()
            says(browser, "Stopped after")
            assert not driven.element(browser, "keep-larger").is_enabled()
            driven.element(browser, "sample").click()
            says(browser, "photograph-")
            assert driven.pixels(browser, "after").shape == (720, 960, 3)
            Select(driven.element(browser, "precision")).select_by_value("float16")
            says(browser, "Ready")
            says(browser, "is ready")

    def test_what_cannot_be_enlarged_is_said(self, page, browser, tmp_path):
        (tmp_path / "note.png").write_text("no picture")
        Image.new("RGB", (3000, 2500)).save(tmp_path / "wide.png")
        with driven.serving(page[0]) as url:
            driven.opened(browser, url)
            give(browser, tmp_path / "note.png")
            says(browser, "note.png is not a picture")
            give(browser, tmp_path / "wide.png")
            says(browser, "wide would become 12000 x 10000 pixels")

    def test_a_manifest_without_an_overlap_is_refused(self, page, browser, tmp_path):
        folder = shutil.copytree(page[0], tmp_path / "page")
        manifest = json.loads((folder / "manifest.json").read_text())
        for record in manifest["files"]:
            del record["inputs"][0]["overlap"]
        (folder / "manifest.json").write_text(json.dumps(manifest))
        with driven.running(web.server(folder, port=0)) as url:
            browser.get(url)
            assert driven.settled(browser) == "failed"
            assert "does not say by how much tiles" in driven.element(browser, "problem").text
