import io

import numpy as np
import pytest
from PIL import Image

from keras_gans.data.decode import NotAPairError, UnreadableError
from keras_gans.data.image_converter import ImageConverter
from keras_gans.data.pair_converters import SideBySide, TwoFiles

GREY, RGB = ImageConverter(8, 8, 1, "stretch"), ImageConverter(8, 8, 3, "stretch")


def halves(left, right, height=8, width=8):
    return np.repeat(np.array([[left, right]] * height, np.uint8), width, axis=1)


def test_the_left_half_comes_first(tmp_path, save):
    pair = SideBySide(GREY, GREY).read(save(tmp_path / "1.png", halves(10, 200)))
    assert pair.shape == (8, 8, 2) and pair.dtype == np.uint8
    assert (pair[..., 0] == 10).all() and (pair[..., 1] == 200).all()


@pytest.mark.parametrize("size", [(7, 7), (32, 32), (1, 1)])
@pytest.mark.parametrize("fit", ["stretch", "crop"])
def test_scaling_does_not_blend_the_halves(tmp_path, save, size, fit):
    converter = ImageConverter(8, 8, 1, fit)
    pair = SideBySide(converter, converter).read(save(tmp_path / "1.png", halves(0, 255, *size)))
    assert (pair[..., 0] == 0).all() and (pair[..., 1] == 255).all()


@pytest.mark.parametrize("width", [8 * 40, 8 * 40 + 1, 333])
def test_a_large_jpeg_is_halved_in_the_middle_however_it_is_decoded(tmp_path, save, width):
    path = save(tmp_path / "1.jpg", halves(40, 200, width, width), quality=95, subsampling=0)
    pair = SideBySide(GREY, GREY).read(path).astype(int)
    # Behind an edge a JPEG rings by some levels, in the block it runs through.
    assert abs(pair[..., 0] - 40).max() <= 8 and abs(pair[..., 1] - 200).max() <= 8


def test_channels_are_those_of_each_converter(tmp_path, save):
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[..., 0] = 255
    path = save(tmp_path / "1.png", pixels)
    assert SideBySide(GREY, RGB).read(path)[0, 0].tolist() == [76, 255, 0, 0]
    assert SideBySide(RGB, GREY).read(path)[0, 0].tolist() == [255, 0, 0, 76]
    paths = [save(tmp_path / side / "1.png", pixels) for side in "AB"]
    assert TwoFiles(GREY, RGB).read(*paths)[0, 0].tolist() == [76, 255, 0, 0]


def turned(pixels, orientation):
    """A JPEG of these upright pixels as a camera saves it that was held otherwise."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    transposed = {6: Image.Transpose.ROTATE_90, 3: Image.Transpose.ROTATE_180}[orientation]
    file = io.BytesIO()
    Image.fromarray(pixels).transpose(transposed).save(file, "JPEG", exif=exif, quality=95)
    return file


@pytest.mark.parametrize("orientation", [3, 6])
def test_turned_pictures_are_halved_upright(tmp_path, orientation):
    path = tmp_path / "1.jpg"
    path.write_bytes(turned(halves(40, 200, 65, 64), orientation).getvalue())
    converter = SideBySide(GREY, GREY)
    converter.check(path)  # 128 wide and not 65
    pair = converter.read(path).astype(int)
    assert abs(pair[..., 0] - 40).max() <= 8 and abs(pair[..., 1] - 200).max() <= 8


def test_turned_pictures_have_the_size_they_are_seen_in(tmp_path, save):
    path = tmp_path / "1.jpg"
    path.write_bytes(turned(np.zeros((9, 64), np.uint8), 6).getvalue())
    converter = TwoFiles(GREY, GREY)
    upright = save(tmp_path / "2.png", np.zeros((9, 64), np.uint8))
    converter.check(path, upright)
    assert converter.read(path, upright).shape == (8, 8, 2)
    lying = save(tmp_path / "3.png", np.zeros((64, 9), np.uint8))
    for look in (converter.check, converter.read):
        with pytest.raises(NotAPairError, match="1.jpg is 64 x 9 pixels, but .*3.png is 9 x 64"):
            look(path, lying)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((8, 15), "15 x 8 pixels have no two halves"),
        ((8, 8), "8 x 8 pixels are not twice as wide as high"),
        ((90, 160), "160 x 90 pixels are not twice as wide as high"),
        ((16, 8), "8 x 16 pixels are not twice as wide as high"),
    ],
)
def test_what_is_not_twice_as_wide_as_high_is_no_pair(tmp_path, save, size, message):
    path = save(tmp_path / "1.png", np.zeros(size, np.uint8))
    converter = SideBySide(GREY, GREY)
    for look in (converter.check, converter.read):
        with pytest.raises(NotAPairError, match=message):
            look(path)


def test_pairs_may_be_two_of_the_output_s_proportions(tmp_path, save):
    wide = ImageConverter(6, 8, 1, "stretch")
    converter = SideBySide(wide, wide)
    for size in ((6, 16), (8, 16), (100, 204)):
        assert converter.read(save(tmp_path / "1.png", np.zeros(size, np.uint8))).shape == (6, 8, 2)


def test_files_of_different_size_are_refused_with_both_sizes(tmp_path, save):
    paths = save(tmp_path / "a.png", 0, size=8), save(tmp_path / "b.png", 0, size=9)
    converter = TwoFiles(GREY, GREY)
    for look in (converter.check, converter.read):
        with pytest.raises(
            NotAPairError, match="a.png is 8 x 8 pixels, but .*b.png is 9 x 9 pixels"
        ):
            look(*paths)


def test_the_broken_one_of_two_files_is_named(tmp_path, save):
    good, broken = save(tmp_path / "good.png", 0), tmp_path / "broken.png"
    broken.write_text("I am a text")
    converter = TwoFiles(GREY, GREY)
    for look in (converter.check, converter.read):
        with pytest.raises(UnreadableError, match="broken.png: not a PNG"):
            look(good, broken)
        with pytest.raises(UnreadableError, match="broken.png: not a PNG"):
            look(broken, good)
