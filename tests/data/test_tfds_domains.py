import hashlib
import socket
import zipfile

import numpy as np
import pytest

from keras_gans import data
from keras_gans.data import examples

tfds = pytest.importorskip("tensorflow_datasets")

COUNTS = {"trainA": 4, "trainB": 10, "testA": 2, "testB": 3}


class MadeDomains(tfds.core.GeneratorBasedBuilder):
    """Like TFDS' cycle_gan: pictures of one level, from 100 in B; test's 50 above train's."""

    VERSION = tfds.core.Version("1.0.0")
    SKIP_REGISTERING = True

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "label": tfds.features.ClassLabel(names=["A", "B"]),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples(name, count) for name, count in COUNTS.items()}

    def _generate_examples(self, name, count):
        for number in range(count):
            level = number + 100 * name.endswith("B") + 50 * name.startswith("test")
            yield number, {"image": np.full((9, 7, 3), level, np.uint8), "label": name[-1]}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Where the made set lies, prepared by TFDS."""
    tfds.disable_progress_bar()
    folder = tmp_path_factory.mktemp("tfds")
    MadeDomains(data_dir=folder).download_and_prepare()
    return folder


@pytest.fixture(params=["up front", "while training"])
def when(request, monkeypatch):
    """When the set is read; the result must not differ."""
    if request.param == "while training":
        monkeypatch.setattr(examples, "UP_FRONT_BYTES", 0)


def load(folder, model, source="tfds:made_domains", **options):
    return data.load(source, model, data_dir=folder, **options)


def test_an_epoch_is_the_larger_domain(when, prepared, make_unpaired, both_levels):
    batches = load(
        prepared, make_unpaired(batch_size=3), drop_remainder=False, seed=1, jitter=False
    )
    assert len(batches) == 4 == sum(1 for _ in batches)
    epochs = [both_levels(batches) for _ in range(2)]
    for first, second in epochs:
        assert sorted(second) == list(range(100, 110))
        assert [sorted(first[start : start + 4]) for start in (0, 4)] == [[0, 1, 2, 3]] * 2
        assert len(set(first[8:])) == 2
    assert epochs[0] != epochs[1] and epochs[0][1] != epochs[1][1]


def test_splits_are_made_of_the_domains(when, prepared, make_unpaired, both_levels):
    def shown(split):
        batches = load(prepared, make_unpaired(), split=split, shuffle=False, jitter=False)
        return [sorted(half) for half in both_levels(batches)]

    assert [set(half) for half in shown("train")] == [set(range(4)), set(range(100, 110))]
    assert [set(half) for half in shown("test")] == [{50, 51}, {150, 151, 152}]
    assert [len(set(half)) for half in shown("train[:50%]")] == [2, 5]


def test_it_jitters_in_training(when, prepared, make_unpaired):
    a, b = next(iter(load(prepared, make_unpaired((6, 9), (3, 1)))))
    assert a.shape == (1, 6, 9, 3) and b.shape == (1, 6, 9, 1)


def test_a_set_is_prepared_once_for_both_domains(tmp_path, make_unpaired, both_levels, monkeypatch):
    prepares = []
    prepare = MadeDomains.download_and_prepare

    def count(self, *args, **kwargs):
        prepares.append(1)
        return prepare(self, *args, **kwargs)

    monkeypatch.setattr(MadeDomains, "download_and_prepare", count)
    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: MadeDomains(data_dir=data_dir))
    batches = load(tmp_path, make_unpaired(), manual_dir=tmp_path)
    assert sorted(both_levels(batches)[1]) == list(range(100, 110)) and prepares == [1]


@pytest.fixture
def offline(monkeypatch):
    def fail(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_cycle_gan_without_a_network_names_its_archive(offline, tmp_path, make_unpaired):
    with pytest.raises(ConnectionError, match=r"archives \(horse2zebra.zip\).*`manual_dir`"):
        load(tmp_path, make_unpaired(), "tfds:cycle_gan/horse2zebra")


def test_cycle_gan_is_prepared_from_its_archive_alone(
    offline, tmp_path, make_unpaired, both_levels, save, monkeypatch
):
    archive = tmp_path / "manual" / "horse2zebra.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as file:
        for name, count in COUNTS.items():
            for number in range(count):
                level = number + 100 * name.endswith("B")
                picture = save(tmp_path / "made" / f"{name}{number}.png", level, size=16)
                file.write(picture, f"horse2zebra/{name}/n{number}.png")
    # TFDS knows the published archive's checksum; this one has another.
    url = "https://efrosgans.eecs.berkeley.edu/cyclegan/datasets/horse2zebra.zip"
    checksum = hashlib.sha256(archive.read_bytes()).hexdigest()
    known = tfds.builder_cls("cycle_gan").url_infos
    made = tfds.core.download.checksums.UrlInfo(archive.stat().st_size, checksum, archive.name)
    monkeypatch.setitem(known, url, made)
    batches = load(
        tmp_path,
        make_unpaired(16),
        "tfds:cycle_gan/horse2zebra",
        manual_dir=archive.parent,
        jitter=False,
    )
    first, second = both_levels(batches)
    assert set(first) == set(range(4)) and sorted(second) == list(range(100, 110))


def test_a_damaged_archive_is_one_sentence(offline, tmp_path, make_unpaired):
    (tmp_path / "horse2zebra.zip").write_bytes(b"half of it")
    with pytest.raises(
        ValueError, match="horse2zebra.zip, has wrong checksum. .* download it again"
    ) as refused:
        load(tmp_path, make_unpaired(), "tfds:cycle_gan/horse2zebra", manual_dir=tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("split", ["trainA", "all+test", "", "train[:10%]+test"])
def test_another_form_of_split_is_refused(prepared, make_unpaired, split):
    with pytest.raises(ValueError, match="splits train and test, .*trainA and trainB are made of"):
        load(prepared, make_unpaired(), split=split)


@pytest.mark.parametrize(
    "split, message",
    [
        ("validation", "'validationA'"),
        ("train[:0%]", "made_domains has no pictures in split 'trainA.:0%.'"),
    ],
)
def test_splits_that_are_not_there_are_refused(prepared, make_unpaired, split, message):
    with pytest.raises(ValueError, match=message):
        load(prepared, make_unpaired(), split=split)


def test_a_set_without_domains_is_refused(tmp_path, make_unpaired, monkeypatch):
    class MadePlain(MadeDomains):
        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples("trainA", 2)}

    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: MadePlain(data_dir=data_dir))
    with pytest.raises(
        ValueError, match="no split 'trainA'. It has: train. This model learns from two domains"
    ):
        load(tmp_path, make_unpaired(), "tfds:made_plain")


def test_domains_are_no_classes(prepared, make_model):
    assert data.class_names("tfds:made_domains", data_dir=prepared) is None
    assert data.class_names("tfds:cycle_gan/horse2zebra", data_dir=prepared) is None
    with pytest.raises(ValueError, match="its A and B are the domains of an unpaired set, not cl"):
        load(prepared, make_model(num_classes=2), split="trainA+trainB")


def test_one_domain_is_a_set_of_pictures(prepared, make_model, levels):
    batches = load(prepared, make_model(), split="trainB", batch_size=10)
    assert sorted(levels(batches)) == list(range(100, 110))
