"""What others' files look like: every known look, what is unknown, and what cannot be read."""

import re

import numpy as np
import pytest
from test_dcgan_importing import discriminator_state, generator_state, random_model
from test_esrgan_importing import PUBLISHED, compact, dense, nested, state_of
from test_rdn_importing import rdn_layers, rrdn_layers, saved
from test_stylegan2_importing import CONDITIONAL, SMALL, networks_of, pytorch_file, tensorflow_file
from test_tfjs import layer, write
from test_torch_files import save
from typer.testing import CliRunner

from keras_gans import cli, zoo
from keras_gans.interop import identify, import_checkpoints

ZEROS = np.zeros


def look(path):
    (found,) = identify(path)
    return found


def kernels(*names, shape=(4, 4, 3, 3)):
    return {name: ZEROS(shape, "float32") for name in names}


# === Upscalers ===


@pytest.mark.parametrize(
    "sizes, name, words",
    [
        ({}, "realesrgan_x4", "ESRGAN's network of 2 blocks, 4 feature maps, for scale 4"),
        ({"scale": 2}, "realesrgan_x2", "for scale 2"),
    ],
)
def test_rrdbnet(sizes, name, words, tmp_path):
    save(tmp_path / "x.pth", state_of(dense(**sizes)))
    found = look(tmp_path / "x.pth")
    assert words in found.words and zoo.entry(found.name).config.get("scale", 4) == (
        zoo.entry(name).config.get("scale", 4)
    )
    assert found.part == "" and found.tensors == len(state_of(dense(**sizes)))


def test_the_compact_network(tmp_path):
    save(tmp_path / "x.pth", state_of(compact()))
    found = look(tmp_path / "x.pth")
    assert "compact network of 2 inner convolutions, 4 feature maps, for scale 4" in found.words
    made = import_checkpoints(tmp_path / "x.pth", found.name, perceptual="none")
    assert made.imported["generator"].tensors == found.tensors


@pytest.mark.parametrize("suffix", [".param", ".bin"])
def test_both_files_of_ncnn(suffix, tmp_path):
    found = look(PUBLISHED / f"realesr-animevideov3{suffix}")
    assert found.name == "realesrgan_video_x4" and "16 inner convolutions" in found.words


@pytest.mark.parametrize(
    "layers, name, words",
    [
        (rdn_layers(), "rdn", "RDN of ISR with 2 blocks of 2 convolutions, 6 feature maps"),
        (rdn_layers(blocks=10, convs=3, scale=3), "rdn_small", "10 blocks of 3"),
        (rrdn_layers(scale=4), "rrdn", "RRDN of ISR with 2 blocks of 2 dense blocks of 2"),
    ],
)
def test_models_of_tensorflow_js(layers, name, words, tmp_path):
    found = look(saved(tmp_path, layers)[0])
    assert found.name == name and words in found.words and "for scale" in found.words
    assert found.tensors == 2 * sum(one["class_name"] == "Conv2D" for one in layers)


def test_other_models_of_tensorflow_js(tmp_path):
    layers = [layer("InputLayer", "in"), layer("Dense", "d\x1b[2J", ["in"])]
    found = look(write(tmp_path, [], {}, layers=layers))
    assert found.name is None and found.tensors == 0
    assert "no network that is known here (in InputLayer; d" in found.words
    assert "\x1b" not in found.words


# === Others ===


def test_dcgan_in_parts(tmp_path):
    model = random_model()
    states = {"netG": generator_state(model), "netD": discriminator_state(model)}
    nested(tmp_path / "x.tar", **states)
    found = {one.part: one for one in identify(tmp_path / "x.tar")}
    assert {part: one.name for part, one in found.items()} == {"netG": "dcgan", "netD": "dcgan"}
    assert "generator of PyTorch's example of DCGAN" in found["netG"].words
    assert "discriminator of PyTorch's" in found["netD"].words
    assert {part: one.tensors for part, one in found.items()} == {
        part: len(state) for part, state in states.items()
    }


@pytest.mark.parametrize("make", [pytorch_file, tensorflow_file])
@pytest.mark.parametrize("sizes, classes", [(SMALL, ""), (CONDITIONAL, ", 3 classes")])
def test_pickles_of_stylegan2(make, sizes, classes, tmp_path):
    found = look(make(tmp_path / "x.pkl", networks_of(**sizes)))
    assert f"StyleGAN2 for pictures of 16 x 16 pixels{classes}" == found.words
    assert found.name.startswith("stylegan2") and found.tensors > 10


@pytest.mark.parametrize(
    "state, name, words",
    [
        (
            kernels("model.1.weight", "model.10.conv_block.1.weight", "model.11.weight"),
            *("cyclegan", "ResNet generator"),
        ),
        (
            kernels("model.model.0.weight", "model.model.1.model.1.weight"),
            *("pix2pix", "U-Net generator"),
        ),
        (kernels("input.input", "convs.0.conv.weight"), "stylegan2", "generator of StyleGAN2"),
        (kernels("synthesis.L0_36_512.weight"), None, "StyleGAN3"),
        (kernels("backbone.synthesis.b4.const"), None, "EG3D"),
        (kernels("neck.0.weight", "bottleneck.0.weight", "head.0.weight"), None, "Fast-SRGAN"),
        (kernels("upsampler.0.weight", "residual_layer.0.conv1.weight"), None, "EDSR"),
        (kernels("layers.0.residual_group.blocks.0.norm1.weight"), None, "a transformer"),
        (kernels("conv_after_body.weight", "conv_before_upsample.0.weight"), None, "HAT"),
        (kernels("conv1.weight_orig", "conv9.weight"), None, "U-Net discriminator"),
        (kernels("style_convs.0.modulated_conv.weight"), None, "GFPGAN"),
        (kernels("features.0.weight"), None, "features.0.weight (4, 4, 3, 3)"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "_orig_mod.", "module."])
def test_other_networks(state, name, words, prefix, tmp_path):
    save(tmp_path / "x.pth", {prefix + key: array for key, array in state.items()})
    found = look(tmp_path / "x.pth")
    assert words in found.words and found.name == name
    unknown = "has not" in found.words or "no network that is known" in found.words
    assert unknown or found.name or "StyleGAN3" in words or "EG3D" in words


def test_fast_srgan_is_refused_by_a_sentence(tmp_path):
    state = kernels("neck.0.weight", "bottleneck.0.weight", "head.0.weight")
    save(tmp_path / "x.pt", {f"_orig_mod.{key}": array for key, array in state.items()})
    with pytest.raises(ValueError, match=r"holds no generator of ESRGAN.*neck\.0\.weight"):
        import_checkpoints(tmp_path / "x.pt", "realesrgan_x4")


def test_what_is_named_can_be_imported(tmp_path):
    path = saved(tmp_path, rrdn_layers())[0]
    assert import_checkpoints(path, look(path).name).imported["generator"].tensors > 10


# === What cannot be read ===


def refused(path):
    with pytest.raises(ValueError) as failure:
        identify(path)
    return str(failure.value)


@pytest.mark.parametrize("suffix", [".pth", ".pkl", ".json", ".param", ".keras", ""])
@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"PK\x03\x04damaged", b"\x80\x04damaged"])
def test_damaged_and_empty_files_are_refused_by_name(suffix, content, tmp_path):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    (tmp_path / "x.bin").write_bytes(content)
    assert f"x{suffix}" in refused(path)


def test_a_truncated_checkpoint_is_refused(tmp_path):
    save(tmp_path / "x.pth", state_of(compact()))
    content = (tmp_path / "x.pth").read_bytes()
    for length in (10, len(content) // 2, len(content) - 30):
        (tmp_path / "x.pth").write_bytes(content[:length])
        assert "x.pth" in refused(tmp_path / "x.pth")


@pytest.mark.parametrize("suffix", ["", ".pth", ".json", ".param"])
def test_folders_and_missing_files_are_refused(suffix, tmp_path):
    assert "none" in refused(tmp_path / f"none{suffix}")
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()
    (tmp_path / "folder.bin").write_bytes(b"")
    assert "folder" in refused(folder)


# === What a terminal is shown ===


def command(*arguments):
    return CliRunner().invoke(cli.app, ["import", *map(str, arguments)])


def test_names_that_would_steer_a_terminal_do_not(tmp_path):
    save(tmp_path / "x.pth", kernels("evil\x1b[31m\n\r.weight"))
    result = command(tmp_path / "x.pth")
    assert result.exit_code == 0, result.output
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", result.output)
    assert r"evil\x1b[31m\n\r.weight" in "".join(result.output.splitlines())


def test_parts_that_would_steer_a_terminal_do_not(tmp_path):
    nested(tmp_path / "x.pth", **{"part\x1b]0;x\x07": state_of(compact())})
    result = command(tmp_path / "x.pth")
    assert result.exit_code == 0, result.output
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", result.output)


def test_the_next_command_is_said(tmp_path):
    path = saved(tmp_path, rrdn_layers())[0]
    result = command(path)
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "looks like RRDN of ISR" in said and "--as rrdn --output model.keras" in said


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path):
    (tmp_path / "model.json").write_text("{")
    result = command(tmp_path / "model.json")
    assert result.exit_code == 2 and "no readable JSON" in result.output
    assert "Traceback" not in result.output
