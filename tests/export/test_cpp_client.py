"""`export/cpp/client.cpp`: the Python client's pictures, where it can be built."""

import json
import os
import pathlib
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image
from test_python_client import (
    answering,
    client,
    copied,
    made,
    photo,
    reaching_out,
    same_pictures,
    styled,  # noqa: F401  a fixture
)

from keras_gans import export
from keras_gans.images import grids

SOURCE = pathlib.Path(__file__).parents[2] / "export" / "cpp"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The client, built. Where ONNXRUNTIME_ROOT is set it has to be."""
    wanted = "ONNXRUNTIME_ROOT" in os.environ
    if not wanted and not shutil.which("cmake"):
        pytest.skip("the C++ client is not built: no cmake")
    build = tmp_path_factory.mktemp("build")
    ready = subprocess.run(["cmake", "-S", SOURCE, "-B", build], capture_output=True, text=True)
    if not wanted and ready.returncode:
        pytest.skip(f"the C++ client is not built: {' '.join(ready.stderr.split())[:300]}")
    assert ready.returncode == 0, ready.stdout + ready.stderr
    done = subprocess.run(["cmake", "--build", build], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return build / "client"


@pytest.fixture(scope="module")
def conditional(tmp_path_factory):
    names = {
        "classes": {"kind": ["dress", "coat", "bag"], "colour": ["red", "blue"]},
        "attributes": ["long", "striped"],
    }
    return made(
        tmp_path_factory.mktemp("conditional"), "cdcgan", "onnx", names,
        num_classes=(3, 2), num_attributes=2,
    )  # fmt: skip


@pytest.fixture(scope="module")
def unpaired(tmp_path_factory):
    return made(tmp_path_factory.mktemp("unpaired"), "cyclegan", "onnx")


def run(program, *arguments):
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)


def test_the_same_latents_give_the_same_pictures(program, conditional, tmp_path):
    folder, model = conditional
    latents = np.random.default_rng(0).normal(size=(3, model.latent_dim)).astype("float32")
    latents.tofile(tmp_path / "latents")
    done = run(
        program, folder, "--output", tmp_path / "sheet.ppm", "--count", 3, "--label", "coat,1",
        "--attribute", "striped", "--latents", tmp_path / "latents",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    expected = model.sample(labels=[1, 1], attributes=[0, 1], latents=latents)
    given = np.asarray(Image.open(tmp_path / "sheet.ppm")).reshape(3, *expected.shape[1:])
    assert same_pictures(given, expected)


@pytest.mark.parametrize("options", [{}, {"latent_distribution": "uniform"}])
def test_latents_are_drawn_by_the_seed(program, tmp_path, options):
    folder, _ = made(tmp_path, "dcgan", "onnx", **options)
    sheets = []
    for seed in (0, 0, 1):
        done = run(program, folder, "--output", tmp_path / "sheet.ppm", "--seed", seed)
        assert done.returncode == 0, done.stderr
        sheets.append((tmp_path / "sheet.ppm").read_bytes())
    assert sheets[0] == sheets[1] != sheets[2]
    assert np.asarray(Image.open(tmp_path / "sheet.ppm")).std() > 5


@pytest.mark.parametrize("psi", [None, 0.0, 0.6])
def test_networks_with_styles_run_as_one_or_with_psi_in_a_row(program, styled, tmp_path, psi):  # noqa: F811
    folder, model = styled
    folder = copied(folder, tmp_path / "reversed", lambda content: content["files"].reverse())
    latents = model.draw_latents(2, seed=1)
    latents.tofile(tmp_path / "latents")
    done = run(
        program, folder, "--output", tmp_path / "sheet.ppm", "--count", 2, "--label", "c",
        "--latents", tmp_path / "latents", *(() if psi is None else ("--psi", psi)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    expected = model.sample(labels=[2, 2], attributes=[0], latents=latents, truncation=psi)
    given = np.asarray(Image.open(tmp_path / "sheet.ppm")).reshape(expected.shape)
    assert same_pictures(given, expected)


def test_a_psi_that_cannot_be_gets_one_sentence(program, styled, conditional, tmp_path):  # noqa: F811
    for folder, arguments, words in (
        (styled[0], ["--psi", "1.5"], "--psi must be a number in [0.0,1.0]"),
        (styled[0], ["--psi", "nan"], "--psi must be a number in [0.0,1.0]"),
        (styled[0], ["--psi", "much"], "Not understood: --psi much"),
        (styled[0], ["--psi", "1", "--network", "generator"], "leave --network out"),
        (styled[0], ["--network", "synthesis"], "no such ONNX file: network 'synthesis'"),
        (conditional[0], ["--psi", "1"], "for --psi: a mapping network"),
    ):
        done = run(program, folder, "--output", tmp_path / "out.ppm", *arguments)
        assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1
        assert not (tmp_path / "out.ppm").exists()


@pytest.mark.parametrize("network", ["generator_ab", "generator_ba"])
def test_pictures_of_any_size_are_translated(program, unpaired, tmp_path, network):
    for size in ((37, 50), (16, 64)):
        Image.fromarray(photo(*size)).save(tmp_path / "photo.ppm")
        arguments = ("--picture", tmp_path / "photo.ppm", "--network", network)
        done = run(program, unpaired[0], "--output", tmp_path / "out.ppm", *arguments)
        assert done.returncode == 0, done.stderr
        given = np.asarray(Image.open(tmp_path / "out.ppm"))
        expected = client.Network(unpaired[0], network).translate(photo(*size), size="own")
        assert same_pictures(given, expected / 127.5 - 1.0)


def test_mistakes_get_one_sentence(program, conditional, unpaired, tmp_path):
    def changed(name, **values):
        def change(content):
            for record in content["files"]:
                record.update(values)

        return copied(conditional[0], tmp_path / name, change)

    newer = copied(conditional[0], tmp_path / "newer", lambda c: c.update(format_version=2))
    cut = tmp_path / "cut.ppm"
    cut.write_bytes(b"P6\n4 4\n255\nabc")
    output = tmp_path / "out.ppm"
    for folder, arguments, words in (
        (tmp_path, [], "Cannot read"),
        (newer, [], "not of 'keras_gans.export' version 1"),
        (changed("hash", sha256="0" * 64), [], "has changed since it was exported"),
        (changed("outside", path="../hash/generator.onnx"), [], "leads out of the export"),
        (changed("absolute", path="/etc/passwd"), [], "leads out of the export"),
        (changed("format", format="tflite"), [], "no such ONNX file"),
        (conditional[0], ["--network", "critic"], "no such ONNX file"),
        (conditional[0], ["--label", "dres,red"], "Unknown: 'dres'. Give a number from 0 to 2"),
        (conditional[0], ["--label", "dress"], "A label is 2 classes"),
        (conditional[0], ["--attribute", "wide"], "Unknown: 'wide'"),
        (conditional[0], ["--label", ""], "A label is 2 classes"),
        (conditional[0], ["--label", "dress,"], "Unknown: ''"),
        (conditional[0], ["--label", "dress,red,"], "A label is 2 classes"),
        (conditional[0], ["--count", "none"], "Not understood"),
        (conditional[0], ["--count", "2x"], "Not understood"),
        (conditional[0], ["--count", "0"], "Not understood"),
        (conditional[0], ["--seed", "-1"], "Not understood"),
        (conditional[0], ["--seed", "1 2"], "Not understood"),
        (conditional[0], ["--seed"], "takes a value"),
        (conditional[0], ["--latents", cut, "--count", "9"], "fewer latents"),
        (conditional[0], ["--picture", cut], "takes no --picture"),
        (unpaired[0], [], "give --picture"),
        (unpaired[0], ["--picture", cut], "is cut off"),
    ):
        done = run(program, folder, "--output", output, *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("Error: ") and words in done.stderr, done.stderr
        assert done.stderr.count("\n") == 1
    assert not output.exists()


def test_a_fixed_batch(program, conditional, tmp_path):
    """A fixed batch is filled with copies."""
    _, model = conditional
    export.export(model, tmp_path / "three", formats="onnx", batch_size=3)
    latents = np.random.default_rng(0).normal(size=(2, model.latent_dim)).astype("float32")
    latents.tofile(tmp_path / "latents")
    done = run(
        program, tmp_path / "three", "--output", tmp_path / "sheet.ppm", "--count", 2,
        "--latents", tmp_path / "latents",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    expected = model.sample(labels=[0, 0], latents=latents)
    given = np.asarray(Image.open(tmp_path / "sheet.ppm")).reshape(expected.shape)
    assert same_pictures(given, expected)


def test_a_picture_that_does_not_fit(program, unpaired, tmp_path):
    folder = copied(unpaired[0], tmp_path / "fixed")
    content = json.loads((folder / "manifest.json").read_text())
    content["files"][0]["inputs"][0]["shape"] = [1, 64, 64, 3]
    (folder / "manifest.json").write_text(json.dumps(content))
    Image.fromarray(photo(16, 32)).save(tmp_path / "photo.ppm")
    arguments = ("--picture", tmp_path / "photo.ppm", "--output", tmp_path / "out.ppm")
    done = run(program, folder, *arguments)
    assert done.returncode == 2 and "Scale or convert it first." in done.stderr


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ("64 288230376151711808", "a side above 65535"),
        ("4294967296 4294967296", "a side above 65535"),
        ("65536 1", "a side above 65535"),
        ("65535 65535", "is cut off"),
        ("-4 4", "is no PPM"),
    ],
)
def test_sides_that_cannot_be(program, unpaired, tmp_path, size, message):
    (tmp_path / "photo.ppm").write_bytes(f"P6\n{size}\n255\n".encode())
    done = run(
        program, unpaired[0], "--picture", tmp_path / "photo.ppm", "--output", tmp_path / "out.ppm"
    )
    assert done.returncode == 2 and message in done.stderr, done.stderr


@pytest.mark.parametrize(
    "answer",
    [
        np.zeros((1, 64, 64), "float32"),
        np.zeros((1, 64, 64, 3, 1), "float32"),
        np.zeros((1, 63, 64, 3), "float32"),
        np.zeros((1, 64, 63, 3), "float32"),
        np.zeros((1, 64, 64, 2), "float32"),
        np.zeros((0, 64, 64, 3), "float32"),
        np.zeros((1, 64, 64, 3), "float16"),
        np.zeros((1, 64, 64, 3), "uint8"),
    ],
    ids=lambda answer: f"{answer.dtype}{answer.shape}",
)
def test_answers_that_are_not_the_pictures_asked_for(program, unpaired, tmp_path, answer):
    folder = answering(unpaired[0], tmp_path / "other", answer)
    Image.fromarray(photo(64, 64)).save(tmp_path / "photo.ppm")
    done = run(
        program, folder, "--picture", tmp_path / "photo.ppm", "--output", tmp_path / "out.ppm"
    )
    assert done.returncode == 2 and "not float32 pictures" in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"multiple_of": 0}, "multiple_of is 0, which cannot be"),
        ({"multiple_of": -4}, "multiple_of is -4, which cannot be"),
        ({"multiple_of": 2**62}, "cannot be"),
        ({"multiple_of": 2**64 - 4}, "cannot be"),
        ({"multiple_of": 1.5}, "cannot be"),
        ({"value_range": [1.0, 1.0]}, "is empty"),
        ({"shape": [0, None, None, 3]}, "A batch of 0"),
    ],
)
def test_manifests_that_cannot_be(program, unpaired, tmp_path, about, message):
    def change(content):
        for record in content["files"]:
            record["inputs"][0].update(about)

    folder = copied(unpaired[0], tmp_path / "changed", change)
    Image.fromarray(photo(16, 16)).save(tmp_path / "photo.ppm")
    done = run(
        program, folder, "--picture", tmp_path / "photo.ppm", "--output", tmp_path / "out.ppm"
    )
    assert done.returncode == 2 and message in done.stderr, done.stderr


def test_nothing_is_left_where_a_folder_is_in_the_way(program, conditional, tmp_path):
    (tmp_path / "sheet").mkdir()
    done = run(program, conditional[0], "--output", tmp_path / "sheet")
    assert done.returncode == 2 and "Cannot write" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["sheet"]


def test_weights_in_other_files_are_not_read(program, unpaired, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "private.bin").write_bytes(bytes(2**20))
    Image.fromarray(photo(64, 64)).save(tmp_path / "photo.ppm")
    source = copied(unpaired[0], tmp_path / "one")
    content = json.loads((source / "manifest.json").read_text())
    for side in ("inputs", "outputs"):
        content["files"][0][side][0]["shape"] = [None, 64, 64, 3]
    (source / "manifest.json").write_text(json.dumps(content))
    folder = reaching_out(source, tmp_path / "other", "private.bin")
    done = run(program, folder, "--picture", "photo.ppm", "--output", "out.ppm")
    assert done.returncode == 2 and "private.bin" in done.stderr


def test_a_file_that_is_none_is_not_waited_for(program, conditional, tmp_path):
    folder = copied(conditional[0], tmp_path / "other")
    (folder / "generator.onnx").unlink()
    os.mkfifo(folder / "generator.onnx")
    done = run(program, folder, "--output", tmp_path / "out.ppm")
    assert done.returncode == 2 and "Cannot read" in done.stderr


# === upscale ===


# === Filling holes ===


@pytest.fixture(scope="module")
def filling(tmp_path_factory):
    return made(tmp_path_factory.mktemp("filling"), "inpainting", "onnx")


def filled(program, folder, picture, mask, place):
    Image.fromarray(picture).save(place / "photo.ppm")
    Image.fromarray(np.uint8(mask)).save(place / "hole.pgm")
    return run(
        program, folder, "--output", place / "filled.ppm", "--picture", place / "photo.ppm",
        "--mask", place / "hole.pgm",
    )  # fmt: skip


@pytest.mark.parametrize("size", [(32, 32), (44, 50)])
def test_holes_are_filled_as_keras_fills_them(program, filling, tmp_path, size):
    folder, model = filling
    picture, mask = photo(*size), np.zeros(size, bool)
    mask[5:20, 8:30] = True
    done = filled(program, folder, picture, 255 * mask, tmp_path)
    assert done.returncode == 0, done.stderr
    given = np.asarray(Image.open(tmp_path / "filled.ppm"))
    assert same_pictures(given, model.inpaint(picture / 127.5 - 1.0, mask, size="own"))
    np.testing.assert_array_equal(given[~mask], picture[~mask])
    assert (given[mask] != picture[mask]).any()


def test_masks_that_cannot_be_get_one_sentence(program, filling, unpaired, tmp_path):
    picture = photo(32, 32)
    hole = np.zeros((32, 32), "uint8")
    hole[4:9, 4:9] = 255
    for mask, words in (
        (hole[:20], "has 32 x 20 pixels, and its picture 32 x 32"),
        (hole // 2, "has other values than 255"),
        (0 * hole, "a mask without a hole"),
        (np.stack([hole] * 3, -1), "is in colour"),
    ):
        done = filled(program, filling[0], picture, mask, tmp_path)
        assert done.returncode == 2 and words in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) == 1 and not (tmp_path / "filled.ppm").exists()
    done = filled(program, unpaired[0], picture, hole, tmp_path)
    assert done.returncode == 2 and "takes no --mask" in done.stderr
    Image.fromarray(picture).save(tmp_path / "photo.ppm")
    arguments = ["--output", tmp_path / "filled.ppm", "--picture", tmp_path / "photo.ppm"]
    done = run(program, filling[0], *arguments)
    assert done.returncode == 2 and "give --mask" in done.stderr


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory):
    folder = tmp_path_factory.mktemp("upscaler")
    return made(folder, "realesrgan_video_x4", "onnx", image_size=96)


def upscaled(program, folder, picture, place, *arguments):
    """What the program makes of a picture, uint8 (H, W, C)."""
    Image.fromarray(picture).save(place / "small.ppm")
    files = ("--picture", place / "small.ppm", "--output", place / "large.ppm")
    done = run(program, "upscale", folder, *files, *arguments)
    assert done.returncode == 0, done.stderr
    return np.asarray(Image.open(place / "large.ppm"))


def assert_kerass(given, model, picture, tile):
    expected = grids.to_uint8(model.upscale(picture.astype("float32") / 127.5 - 1, tile=tile))
    assert given.shape == expected.shape
    assert np.abs(given.astype(int) - expected).max() <= 2
    assert picture.size < 1000 or expected.std() > 5, "pictures that are grey prove nothing"


@pytest.mark.parametrize(
    ("sides", "tile"),
    [((150, 131), None), ((61, 230), 96), ((128, 300), 97), ((7, 40), 96), ((1, 1), None)],
)
def test_photographs_of_any_size_are_upscaled_as_keras_does(
    program, upscaler, tmp_path, sides, tile
):
    folder, model = upscaler
    arguments = () if tile is None else ("--tile", tile)
    large = upscaled(program, folder, photo(*sides), tmp_path, *arguments)
    assert_kerass(large, model, photo(*sides), tile or 128)


def test_upscaled_sides_that_must_be_multiples(program, tmp_path):
    folder, model = made(tmp_path, "realesrgan_x2", "onnx", times=2)
    large = upscaled(program, folder, photo(101, 133), tmp_path, "--tile", 96)
    assert_kerass(large, model, photo(101, 133), 96)


def test_a_file_of_a_fixed_tile_and_batch_in_the_other_layout(program, upscaler, tmp_path):
    _, model = upscaler
    export.export(
        model, tmp_path / "fixed", formats="onnx", batch_size=2, image_size=96, layout="NCHW"
    )
    large = upscaled(program, tmp_path / "fixed", photo(150, 131), tmp_path)
    assert_kerass(large, model, photo(150, 131), 96)


def test_what_cannot_be_upscaled_gets_one_sentence(program, upscaler, unpaired, tmp_path):
    def changed(name, side, **about):
        def change(content):
            for record in content["files"]:
                tensor = record[side][0]
                tensor.update(about)
                for key in [key for key, value in about.items() if value == "none"]:
                    del tensor[key]

        return copied(upscaler[0], tmp_path / name, change)

    small, output = tmp_path / "small.ppm", tmp_path / "large.ppm"
    Image.fromarray(photo(40, 30)).save(small)
    (tmp_path / "grey.pgm").write_bytes(b"P5\n2 2\n255\nabcd")
    (tmp_path / "letter.ppm").write_text("Dear Sir")
    Image.fromarray(np.zeros((5000, 5000, 3), "uint8")).save(tmp_path / "wide.ppm")
    for folder, arguments, words in (
        (changed("a", "outputs", scale="none"), (), "says no scale above 1"),
        (changed("b", "inputs", overlap="none"), (), "says no scale above 1"),
        (unpaired[0], (), "says no scale above 1"),
        (changed("c", "outputs", scale=0), (), "scale is 0, which cannot be"),
        (changed("d", "outputs", scale=3), (), "does not enlarge 3 times"),
        (changed("e", "inputs", overlap=-1), (), "overlap is -1, which cannot be"),
        (changed("f", "inputs", overlap="48"), (), "cannot be"),
        (changed("g", "inputs", tile=[0, 128]), (), "tile is 0, which cannot be"),
        (changed("h", "inputs", tile=[128, 50]), (), "cannot be joined"),
        (changed("i", "inputs", smallest=20_000), ("--tile", "20000"), "too large"),
        (upscaler[0], ("--tile", "95"), "at least 96 pixels"),
        (upscaler[0], ("--tile", "1000000"), "at least 96 pixels"),
        (upscaler[0], ("--tile", "0"), "Not understood"),
        (upscaler[0], ("--label", "red"), "A label is 0 classes"),
        (upscaler[0], ("--picture", tmp_path / "letter.ppm"), "is no PPM"),
        (upscaler[0], ("--picture", tmp_path / "grey.pgm"), "does not fit"),
        (upscaler[0], ("--picture", tmp_path / "wide.ppm"), "are more than 268435456"),
        (upscaler[0], ("--picture", tmp_path / "none.ppm"), "Cannot read"),
    ):
        arguments = ("--picture", small, "--output", output, *arguments)
        done = run(program, "upscale", folder, *arguments)
        assert done.returncode == 2, words
        assert done.stderr.startswith("Error: ") and words in done.stderr, (words, done.stderr)
        assert done.stderr.count("\n") == 1
    done = run(program, upscaler[0], "--picture", small, "--output", output, "--tile", 96)
    assert done.returncode == 2 and "--tile is of `client upscale EXPORT`" in done.stderr
    assert not output.exists()
