import gzip
import pathlib
import socket
import sys
import warnings

import numpy as np
import pytest

from keras_gans import data
from keras_gans.data import examples

tfds = pytest.importorskip("tensorflow_datasets")

MNIST = pathlib.Path(__file__).parents[3] / "shared" / "data" / "mnist"
COUNT = 30


class _Made(tfds.core.GeneratorBasedBuilder):
    """A set of one-level pictures, `example(number)` each."""

    VERSION = tfds.core.Version("1.0.0")
    SKIP_REGISTERING = True

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(COUNT), "test": self._generate_examples(8)}

    def _generate_examples(self, count):
        for number in range(count):
            yield number, self.example(number)


class MadeLabelled(_Made):
    def _info(self):
        features = {
            "picture": tfds.features.Image(shape=(None, None, 3)),
            "kind": tfds.features.ClassLabel(names=["ant", "bee", "cow"]),
            "other_picture": tfds.features.Image(shape=(2, 2, 1)),
            "other_kind": tfds.features.ClassLabel(num_classes=2),
            "text": tfds.features.Text(),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("picture", "kind"),
        )

    def example(self, number):
        pixels = np.full((9, 7, 3), number, np.uint8)
        others = {"other_picture": pixels[:2, :2, :1] + 100, "other_kind": 0, "text": "text"}
        return {"picture": pixels, "kind": number % 3, **others}


class MadeFaces(_Made):
    """Attributes as CelebA has them, and several heads."""

    def _info(self):
        attributes = {name: np.bool_ for name in ("Smiling", "Male", "Young")}
        features = {
            "image": tfds.features.Image(shape=(8, 8, 1)),
            "attributes": {**attributes, "age": np.int64},
            "hair": tfds.features.ClassLabel(names=["red", "black", "none"]),
            "hat": tfds.features.ClassLabel(names=["no", "yes"]),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def example(self, number):
        return {
            "image": np.full((8, 8, 1), number, np.uint8),
            "attributes": {
                "Smiling": number % 2 == 1,
                "Male": number % 3 == 0,
                "Young": number < 9,
                "age": number,
            },
            "hair": number % 3,
            "hat": number % 2,
        }


class MadeGrey16(_Made):
    def _info(self):
        features = {"image": tfds.features.Image(shape=(8, 8, 1), dtype=np.uint16)}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def example(self, number):
        return {"image": np.full((8, 8, 1), number * 257, np.uint16)}


class MadeUnlabelledTest(_Made):
    """Published without the labels of its test split."""

    def _info(self):
        features = {
            "photo": tfds.features.Image(shape=(8, 8, 1)),
            "label": tfds.features.ClassLabel(num_classes=3),
            "mask": tfds.features.LabeledImage(labels=2, shape=(8, 8, 1)),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def example(self, number):
        pixels = np.full((8, 8, 1), number, np.uint8)
        return {"photo": pixels, "label": -1, "mask": pixels % 2}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Where the made sets lie, prepared by TFDS."""
    folder = tmp_path_factory.mktemp("tfds")
    tfds.disable_progress_bar()
    shards = tfds.download.DownloadConfig(num_shards=3)  # their order is part of the set's order
    for made in (MadeLabelled, MadeFaces, MadeGrey16, MadeUnlabelledTest):
        made(data_dir=folder).download_and_prepare(download_config=shards)
    return folder


@pytest.fixture(params=["up front", "while training"])
def when(request, monkeypatch):
    """When the set is read; the result must not differ."""
    if request.param == "while training":
        monkeypatch.setattr(examples, "UP_FRONT_BYTES", 0)


@pytest.fixture
def offline(monkeypatch):
    def fail(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


# === Reading ===


def test_pictures_and_labels(when, data_dir, make_model, levels, labels):
    model = make_model(num_classes=3)
    batches = data.load("tfds:made_labelled", model, data_dir=data_dir, seed=1)
    assert len(batches) == COUNT // 4
    epochs = [list(batches), list(batches)]
    for epoch in epochs:
        shown = levels(epoch)
        assert len(set(shown)) == len(shown) == 28 and set(shown) < set(range(COUNT))
        assert labels(epoch) == [level % 3 for level in shown]
    assert levels(epochs[0]) != levels(epochs[1])
    again = data.load("tfds:made_labelled", model, data_dir=data_dir, seed=1)
    assert levels(again) == levels(epochs[0])


def test_the_order_is_the_sets_own_where_nothing_is_shuffled(when, data_dir, make_model, levels):
    batches = data.load(
        "tfds:made_labelled",
        make_model(),
        data_dir=data_dir,
        shuffle=False,
        drop_remainder=False,
    )
    own = tfds.builder("made_labelled", data_dir=data_dir).as_dataset(split="train")
    assert levels(batches) == [int(example["picture"][0, 0, 0]) for example in own]


def test_splits_are_in_the_language_of_tfds(when, data_dir, make_model, levels):
    def shown(split):
        return levels(
            data.load(
                "tfds:made_labelled",
                make_model(),
                split=split,
                data_dir=data_dir,
                shuffle=False,
                drop_remainder=False,
            )
        )

    assert len(shown("test")) == 8
    assert shown("train[:5]") + shown("train[5:]") == shown("train")
    assert len(shown("train[:50%]+test")) == 23


def test_16_bits_are_scaled(when, data_dir, make_model, levels):
    batches = data.load(
        "tfds:made_grey16", make_model(channels=3), data_dir=data_dir, drop_remainder=False
    )
    assert sorted(levels(batches)) == list(range(COUNT))


def test_what_is_changed_is_counted_as_of_folders(when, request, data_dir, make_model):
    def account(name, model, **options):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            found = data.load(f"tfds:{name}", model, data_dir=data_dir, **options).account
        said = " ".join(str(one.message) for one in told)
        assert all(remark in said for remark in found.remarks)
        return found

    up_front = "up front" in request.node.callspec.id
    grey = account("made_grey16", make_model(8, 3))
    assert grey.remarks[:2] == [
        f"All {COUNT} pictures of 'train' are grey, made colour.",
        f"All {COUNT} pictures of 'train' are of 16 bits, made 8.",
    ]
    photos = account("made_labelled", make_model(8, 1), split="test", fit="stretch")
    assert photos.remarks[0] == "All 8 pictures of 'test' are in colour, made grey."
    if up_front:
        names = [f"test {number}" for number in range(8)]
        assert photos.changed == {"not square, squeezed": names}
        assert "Changed 8: 8 not square, squeezed." in photos.summary()
    else:
        assert "read while training" in photos.remarks[1] and not photos.changed
    assert not account("made_labelled", make_model((9, 7), 3)).changed
    assert not account("made_unlabelled_test", make_model(8, 1)).remarks[1:]


def test_class_names(data_dir):
    assert data.class_names("tfds:made_labelled", data_dir=data_dir) == ("ant", "bee", "cow")
    assert data.class_names("tfds:made_grey16", data_dir=data_dir) is None
    assert data.class_names("tfds:mnist", data_dir=data_dir) == tuple("0123456789")


def test_attributes_and_several_heads(when, data_dir, make_model, levels, labels):
    def load(model, **options):
        return list(data.load("tfds:made_faces", model, data_dir=data_dir, seed=1, **options))

    epoch = load(make_model(num_classes=0, num_attributes=3))
    assert labels(epoch) == [[n % 2, int(n % 3 == 0), int(n < 9)] for n in levels(epoch)]
    epoch = load(make_model(num_classes=(3, 2)))
    assert labels(epoch) == [[n % 3, n % 2] for n in levels(epoch)]
    model = make_model(num_classes=2, num_attributes=2)
    epoch = load(model, heads=["hat"], attributes=["Young", "Smiling"])
    assert labels(epoch) == [[n % 2, int(n < 9), n % 2] for n in levels(epoch)]


def test_label_names(data_dir, make_model):
    faces = {"hair": ("red", "black", "none"), "hat": ("no", "yes")}
    every = {"heads": faces, "attributes": ("Smiling", "Male", "Young")}
    assert data.label_names("tfds:made_faces", data_dir=data_dir) == every
    model = make_model(num_classes=(3, 2))
    chosen = data.label_names("tfds:made_faces", model, data_dir=data_dir)
    assert chosen == {"heads": faces, "attributes": ()}
    celeba = data.label_names("tfds:celeb_a", data_dir=data_dir)
    assert not celeba["heads"] and len(celeba["attributes"]) == 40
    assert {"Smiling", "Eyeglasses", "Male"} < set(celeba["attributes"])


# === Refusals ===


def test_a_missing_package_is_named(make_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r'pip install "keras-gans\[tfds\]"'):
        data.load("tfds:mnist", make_model())


@pytest.mark.parametrize(
    "source, message",
    [
        ("tfds:mnits", "has no set called 'mnits'. Did you mean 'mnist'"),
        (
            "tfds:cycle_gan/horse2zebre",
            "no configuration 'horse2zebre'. Did you mean 'horse2zebra'.*maps",
        ),
        ("tfds:mnist/colour", "no configuration 'colour'. It has none"),
        ("tfds:mnist:9.9.9", "mnist:9.9.9 cannot be built: .*9.9.9, only"),
        ("tfds:not a name", "has no set|cannot be built: "),
        ("tfds:glue/cola", "holds no pictures. Its features: sentence, label, idx"),
    ],
)
def test_sets_that_cannot_be_are_refused(make_model, tmp_path, source, message):
    with pytest.raises(ValueError, match=message) as refused:
        data.load(source, make_model(), data_dir=tmp_path)
    assert "\n" not in str(refused.value)


def test_a_set_without_labels_is_refused_for_classes(data_dir, make_model):
    with pytest.raises(ValueError, match="made_grey16 has no labels .it has no ClassLabel"):
        data.load("tfds:made_grey16", make_model(num_classes=3), data_dir=data_dir)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("made_grey16", {"num_classes": 0, "num_attributes": 2}, "no attributes.*features: image"),
        ("made_faces", {"num_classes": 0, "num_attributes": 2}, "has 3 attributes .Smiling, Male"),
        ("made_faces", {"num_classes": (3, 3)}, "3 classes of 'hair' and 2 classes of 'hat'"),
        ("made_labelled", {"num_classes": (3, 2, 2)}, "has 2 heads .* ClassLabel features"),
    ],
)
def test_labels_the_set_has_not_are_refused(data_dir, make_model, source, options, message):
    with pytest.raises(ValueError, match=message):
        data.load(f"tfds:{source}", make_model(**options), data_dir=data_dir)


def test_labels_of_several_heads_outside_the_classes_are_refused(data_dir, make_model, monkeypatch):
    import tensorflow as tf

    class Missing(MadeFaces):
        def example(self, number):
            return {**super().example(number), "hat": -1}

    built = Missing(data_dir=data_dir)
    built.download_and_prepare()
    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: built)
    model = make_model(num_classes=(3, 2))
    with pytest.raises(ValueError, match="labels of 'hat' must be from 0 to 1, .* from -1 to -1"):
        data.load("tfds:missing", model, data_dir=data_dir)
    monkeypatch.setattr(examples, "UP_FRONT_BYTES", 0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="labels .*must be"):
        next(iter(data.load("tfds:missing", model, data_dir=data_dir)))


def test_another_number_of_classes_is_refused_before_anything_is_downloaded(make_model, tmp_path):
    with pytest.raises(ValueError, match=r"has 10 classes, .*num_classes=3.*num_classes=10"):
        data.load("tfds:mnist", make_model(num_classes=3), data_dir=tmp_path)


@pytest.mark.parametrize("split", ["validation", "train[:10", "train[:300%]"])
def test_an_unknown_split_lists(data_dir, make_model, split):
    with pytest.raises(ValueError, match="has no split .* It has: .*test.*10%"):
        data.load("tfds:made_labelled", make_model(), split=split, data_dir=data_dir)


def test_labels_outside_the_classes_are_refused(data_dir, make_model):
    model = make_model(num_classes=3)
    with pytest.raises(ValueError, match="labels must be from 0 to 2, .* from -1 to -1"):
        data.load("tfds:made_unlabelled_test", model, data_dir=data_dir)


def test_labels_outside_the_classes_are_refused_while_reading(data_dir, make_model, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(examples, "UP_FRONT_BYTES", 0)
    batches = data.load("tfds:made_unlabelled_test", make_model(num_classes=3), data_dir=data_dir)
    with pytest.raises(tf.errors.InvalidArgumentError, match="labels must be from 0 to 2"):
        next(iter(batches))


def test_a_mask_is_not_a_picture(data_dir, make_model, levels):
    batches = data.load(
        "tfds:made_unlabelled_test", make_model(), data_dir=data_dir, drop_remainder=False
    )
    assert sorted(levels(batches)) == list(range(COUNT))


def test_one_of_several_kinds_of_labels_is_not_guessed(make_model, tmp_path, monkeypatch):
    class MadeManyLabels(_Made):
        def _info(self):
            label = tfds.features.ClassLabel(num_classes=2)
            features = {"image": tfds.features.Image(shape=(8, 8, 1)), "hat": label, "hair": label}
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def example(self, number):
            return {"image": np.full((8, 8, 1), number, np.uint8), "hat": 0, "hair": 1}

    built = MadeManyLabels(data_dir=tmp_path)
    built.download_and_prepare()
    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: built)
    assert len(data.load("tfds:made_many_labels", make_model(), data_dir=tmp_path)) == COUNT // 4
    assert data.class_names("tfds:made_many_labels", data_dir=tmp_path) is None
    with pytest.raises(ValueError, match="has no labels .it has several, hat, hair, and names"):
        data.load("tfds:made_many_labels", make_model(num_classes=2), data_dir=tmp_path)


def test_a_set_of_pairs_is_refused(make_model, tmp_path, monkeypatch):
    class MadePairs(_Made):
        def _info(self):
            features = {name: tfds.features.Image(shape=(8, 8, 1)) for name in ("left", "right")}
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

    built = MadePairs(data_dir=tmp_path)
    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: built)
    with pytest.raises(ValueError, match=r"several pictures in an example \(left, right\)"):
        data.load("tfds:made_pairs", make_model(), data_dir=tmp_path)


def test_pictures_of_other_channels_are_refused(make_model, tmp_path, monkeypatch):
    class MadeDepth(_Made):
        def _info(self):
            features = {"image": tfds.features.Image(shape=(8, 8, 1), dtype=np.float32)}
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

    built = MadeDepth(data_dir=tmp_path)
    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: built)
    with pytest.raises(ValueError, match="1 channels and float32 cannot be made grey or RGB"):
        data.load("tfds:made_depth", make_model(), data_dir=tmp_path)


# === Downloading ===


def test_without_a_network_one_sentence_names_the_archives(offline, make_model, tmp_path):
    with pytest.raises(ConnectionError) as refused:
        data.load("tfds:mnist", make_model(), data_dir=tmp_path)
    message = str(refused.value)
    for part in (str(tmp_path), "cannot be reached", "manual_dir", "train-images-idx3-ubyte.gz"):
        assert part in message
    assert "\n" not in message


def test_an_archive_that_is_missing_from_manual_dir_is_noticed(offline, make_model, tmp_path):
    (tmp_path / "t10k-images-idx3-ubyte.gz").touch()
    with pytest.raises(ConnectionError, match="cannot be reached"):
        data.load("tfds:mnist", make_model(), data_dir=tmp_path, manual_dir=tmp_path)


def test_a_download_that_fails_is_one_sentence(make_model, tmp_path, monkeypatch):
    import requests

    def fail(self, *, download_config):
        raise requests.exceptions.ConnectionError("Max retries exceeded\nwith url")

    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: ["an address"])
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    with pytest.raises(ConnectionError, match="Max retries exceeded. .*`manual_dir`") as refused:
        data.load("tfds:mnist", make_model(), data_dir=tmp_path)
    assert "\n" not in str(refused.value)


def test_a_set_that_must_be_downloaded_by_hand_says_how(offline, make_model, tmp_path):
    with pytest.raises(ValueError, match="by hand.*`manual_dir`.*ILSVRC2012") as refused:
        data.load("tfds:imagenet2012", make_model(), data_dir=tmp_path)
    assert "\n" not in str(refused.value)


def test_a_manual_dir_that_is_no_folder_is_refused(make_model, tmp_path):
    with pytest.raises(ValueError, match="manual_dir='.*none' is not a folder"):
        data.load("tfds:mnist", make_model(), manual_dir=tmp_path / "none")


@pytest.mark.large
@pytest.mark.skipif(not MNIST.is_dir(), reason="the archives of MNIST are not here")
def test_mnist_is_prepared_from_its_archives_without_a_network(offline, make_model, tmp_path):
    model = make_model(28, num_classes=10, batch_size=1_000)
    parts = []
    for split in ("train", "test"):
        batches = data.load(
            "tfds:mnist", model, split=split, data_dir=tmp_path, manual_dir=MNIST, shuffle=False
        )
        parts += batches.as_numpy_iterator()
    images, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    came = _sorted_rows(np.round((images + 1) * 127.5), labels)

    files = [_idx("train-images-idx3", 16), _idx("t10k-images-idx3", 16)]
    published = [_idx("train-labels-idx1", 8), _idx("t10k-labels-idx1", 8)]
    assert came == _sorted_rows(np.concatenate(files), np.concatenate(published))


def _idx(name, header):
    content = gzip.decompress((MNIST / f"{name}-ubyte.gz").read_bytes())
    return np.frombuffer(content, np.uint8, offset=header)


def _sorted_rows(images, labels):
    """Pictures with their labels, in an order of their own: TFDS shuffles as it writes."""
    rows = np.column_stack([images.reshape(len(labels), -1), labels]).astype(np.uint8)
    return sorted(row.tobytes() for row in rows)
