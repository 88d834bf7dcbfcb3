import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from keras_gans.data.decode import UnreadableError
from keras_gans.data.image_converter import ImageConverter

quick = settings(max_examples=30, deadline=None)


def pixels(channels=None, dtype=np.uint8):
    sides = st.tuples(st.integers(1, 7), st.integers(1, 7))
    if channels is not None:
        sides = sides.map(lambda shape: (*shape, channels))
    return sides.flatmap(lambda shape: hnp.arrays(dtype, shape))


def file(image, format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    buffer.seek(0)
    return buffer


def read(image, channels, format="PNG", size=None, fit="crop", **options):
    """The picture after a file and a converter to its own size, or of `size` (height, width)."""
    height, width = size or (image.height, image.width)
    arrived = ImageConverter(height, width, channels, fit).read(file(image, format, **options))
    assert arrived.dtype == np.uint8 and arrived.shape == (height, width, channels)
    return arrived.astype(int)


def on_white(colour, alpha):
    alpha = alpha[..., None] / 255
    return colour * alpha + 255 * (1 - alpha)


# === Every kind of picture arrives right ===


@quick
@given(pixels())
def test_grey(grey):
    image = Image.fromarray(grey)
    assert np.array_equal(read(image, 1)[..., 0], grey)
    assert np.array_equal(read(image, 3), np.repeat(grey[..., None], 3, axis=-1))


@quick
@given(pixels(3), st.sampled_from(["PNG", "WEBP", "BMP"]))
def test_rgb(rgb, format):
    options = {"lossless": True} if format == "WEBP" else {}
    image = Image.fromarray(rgb)
    assert np.array_equal(read(image, 3, format, **options), rgb)
    luminance = rgb @ [0.299, 0.587, 0.114]
    assert np.abs(read(image, 1, format, **options)[..., 0] - luminance).max() <= 1


@quick
@given(pixels(4))
def test_rgba_is_seen_on_white(rgba):
    expected = on_white(rgba[..., :3], rgba[..., 3])
    assert np.abs(read(Image.fromarray(rgba), 3) - expected).max() <= 1


@quick
@given(pixels(2))
def test_grey_with_alpha_is_seen_on_white(grey_alpha):
    expected = on_white(grey_alpha[..., :1], grey_alpha[..., 1])
    assert np.abs(read(Image.fromarray(grey_alpha), 1) - expected).max() <= 1


@quick
@given(pixels(), hnp.arrays(np.uint8, (256, 3)))
def test_palette(index, palette):
    image = Image.fromarray(index)
    image.putpalette(palette.tobytes())
    assert image.mode == "P"
    assert np.array_equal(read(image, 3), palette[index])


@quick
@given(pixels(), hnp.arrays(np.uint8, (256, 3)), st.binary(min_size=256, max_size=256))
def test_palette_with_transparency_is_seen_on_white(index, palette, alphas):
    image = Image.fromarray(index)
    image.putpalette(palette.tobytes())
    expected = on_white(palette[index], np.frombuffer(alphas, np.uint8)[index])
    assert np.abs(read(image, 3, transparency=alphas) - expected).max() <= 1


@quick
@given(pixels(3))
def test_one_transparent_colour_is_seen_as_white(rgb):
    key = rgb[0, 0]
    arrived = read(Image.fromarray(rgb), 3, transparency=tuple(key.tolist()))
    hidden = (rgb == key).all(axis=-1, keepdims=True)
    assert np.array_equal(arrived, np.where(hidden, 255, rgb))


@quick
@given(pixels(dtype=np.uint16))
def test_16_bits_are_scaled_and_not_clipped(grey):
    assert np.array_equal(read(Image.fromarray(grey), 1)[..., 0], np.round(grey / 257))


def test_16_bits_with_a_transparent_level():
    grey = np.array([[0, 20_000, 40_000, 65_535]], np.uint16)
    arrived = read(Image.fromarray(grey), 1, transparency=20_000)
    assert arrived[0, :, 0].tolist() == [0, 255, 156, 255]


def test_black_and_white():
    image = Image.fromarray(np.eye(5, dtype=np.uint8) * 255).convert("1")
    assert np.array_equal(read(image, 1)[..., 0], np.eye(5) * 255)


def test_a_gif_shows_its_first_frame():
    frames = [Image.new("P", (4, 4), colour) for colour in (1, 2)]
    for frame in frames:
        frame.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    arrived = read(frames[0], 3, "GIF", save_all=True, append_images=frames[1:])
    assert (arrived == [255, 0, 0]).all()


@pytest.mark.parametrize("cmyk", [(0, 0, 0, 0), (255, 0, 0, 0), (0, 80, 160, 40), (0, 0, 0, 255)])
def test_cmyk_jpeg(cmyk):
    arrived = read(Image.new("CMYK", (16, 16), cmyk), 3, "JPEG", quality=95)
    expected = [(255 - ink) * (255 - cmyk[3]) / 255 for ink in cmyk[:3]]
    assert np.abs(arrived - expected).max() <= 3


@pytest.mark.parametrize("mode, colour", [("L", 90), ("RGB", (200, 30, 90))])
def test_jpeg(mode, colour):
    arrived = read(Image.new(mode, (16, 16), colour), 3, "JPEG", quality=95)
    assert np.abs(arrived - np.array(colour)).max() <= 3


TURNS = {
    1: lambda seen: seen,
    2: lambda seen: seen[:, ::-1],
    3: lambda seen: seen[::-1, ::-1],
    4: lambda seen: seen[::-1],
    5: lambda seen: seen.T,
    6: lambda seen: np.rot90(seen, -1),
    7: lambda seen: seen.T[::-1, ::-1],
    8: lambda seen: np.rot90(seen),
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pictures_are_set_upright(orientation, dtype):
    stored = (np.arange(15).reshape(3, 5) * (257 if dtype == np.uint16 else 1)).astype(dtype)
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = TURNS[orientation](np.arange(15).reshape(3, 5))
    arrived = read(Image.fromarray(stored), 1, size=upright.shape, exif=exif)
    assert np.array_equal(arrived[..., 0], upright)


@quick
@given(st.sampled_from([1, 3, 4]).flatmap(pixels), st.integers(1, 9), st.sampled_from([1, 3]))
def test_an_array_gives_the_pixels_its_file_gives(array, side, channels):
    converter = ImageConverter(side, side, channels)
    image = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    assert np.array_equal(converter.from_array(array), converter.read(file(image)))


@quick
@given(pixels(1, np.uint16))
def test_an_array_of_16_bits_gives_the_pixels_its_file_gives(array):
    converter = ImageConverter(*array.shape)
    assert np.array_equal(
        converter.from_array(array), converter.read(file(Image.fromarray(array[..., 0])))
    )


# === Fitting ===


@quick
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["crop", "stretch"]))
def test_one_colour_stays_that_colour_at_any_size(height, width, fit):
    arrived = read(Image.new("RGB", (width, height), (10, 200, 99)), 3, size=(8, 6), fit=fit)
    assert (arrived == [10, 200, 99]).all()


@quick
@given(st.integers(0, 9), st.integers(0, 9), hnp.arrays(np.uint8, (15, 15)))
def test_a_picture_of_the_right_scale_is_cut_and_not_resampled(over, side, noise):
    # As high as the output and `over` wider, or the reverse: the middle, pixel for pixel.
    wide, size = noise[:6, : 6 + over], (6, 6)
    middle = wide[:, over // 2 : over // 2 + 6]
    assert np.array_equal(read(Image.fromarray(wide), 1, size=size)[..., 0], middle)
    assert np.array_equal(read(Image.fromarray(wide.T), 1, size=size)[..., 0], middle.T)


@pytest.mark.parametrize("factor", [2, 4])
def test_crop_is_scaling_and_then_cutting(factor):
    noise = np.random.default_rng(0).integers(0, 256, (8 * factor, 20 * factor), np.uint8)
    image = Image.fromarray(noise)
    scaled = np.asarray(image.resize((20, 8), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(read(image, 1, size=(8, 8))[..., 0] - scaled[:, 6:14]).max() <= 1


def test_stretch_shows_what_crop_cuts_off():
    bars = np.zeros((8, 24), np.uint8)
    bars[:, :8] = 255
    cropped = read(Image.fromarray(bars), 1, size=(8, 8))
    stretched = read(Image.fromarray(bars), 1, size=(8, 8), fit="stretch")
    assert cropped.max() == 0
    assert stretched[:, 0].min() > 240 and stretched[:, -1].max() < 15


@pytest.mark.parametrize("fit", ["crop", "stretch"])
def test_shrinking_does_not_alias(fit):
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    arrived = read(Image.fromarray(board), 1, size=(8, 8), fit=fit)
    assert np.abs(arrived - 127.5).max() < 10


@pytest.mark.parametrize("size", [(1, 2_000_000), (2_000_000, 1)])
def test_a_thread_of_a_picture_takes_no_memory(size):
    # Scaled until it covers the output, and only then cut, it would take gigabytes.
    assert (read(Image.new("L", size, 7), 1, size=(64, 64)) == 7).all()


@pytest.mark.parametrize("size", [(1200, 1600), (300, 2000), (2000, 300)])
def test_a_large_jpeg_is_close_to_its_slowly_decoded_self(size):
    coarse = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    photograph = Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC)
    jpeg = file(photograph, "JPEG", quality=90)
    decoded = Image.open(jpeg).convert("RGB")
    fast = ImageConverter(32, 32, 3).read(jpeg).astype(int)
    assert np.abs(fast - read(decoded, 3, size=(32, 32))).mean() < 0.5


# === What is not a picture ===

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
def test_a_truncated_file_is_unreadable(format):
    whole = file(NOISE, format).getvalue()
    with pytest.raises(UnreadableError, match="."):
        ImageConverter(64, 64, 3).read(io.BytesIO(whole[: len(whole) // 2]))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damage_is_unreadable_or_harmless(data):
    whole = bytearray(
        file(NOISE.resize((8, 8)), data.draw(st.sampled_from(["PNG", "JPEG", "BMP"]))).getvalue()
    )
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        arrived = ImageConverter(8, 8, 3).read(io.BytesIO(whole))
    except UnreadableError as error:
        assert str(error) and "\n" not in str(error)
    else:
        assert arrived.shape == (8, 8, 3) and arrived.dtype == np.uint8


@pytest.mark.parametrize("content", [b"", b"I am a text", b"\x89PNG\r\n\x1a\n"])
def test_not_a_picture(content):
    with pytest.raises(UnreadableError, match="not a PNG, JPEG, WebP, BMP, GIF, TIFF"):
        ImageConverter(8, 8, 3).read(io.BytesIO(content))


@pytest.mark.parametrize("format", ["EPS", "ICO", "PDF"])
def test_other_formats_are_not_even_tried(format):
    with pytest.raises(UnreadableError, match="not a PNG, JPEG, WebP, BMP, GIF, TIFF"):
        ImageConverter(64, 64, 3).read(file(NOISE, format))


@pytest.mark.parametrize("side", [11, 64])  # above the limit; where Pillow itself refuses
@pytest.mark.parametrize("look", ["read", "check"])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_bomb_is_unreadable(side, look, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    harmless, bomb = file(NOISE.resize((10, 10))), file(NOISE.resize((side, side)))
    getattr(ImageConverter(4, 4, 3), look)(harmless)
    with pytest.raises(UnreadableError, match="exceed.*bomb"):
        getattr(ImageConverter(4, 4, 3), look)(bomb)
