"""TensorFlow Datasets: `tfds:NAME[/CONFIG]`."""

import copy
import pathlib
import socket
import urllib.parse
import urllib.request

import numpy as np
import tensorflow as tf

from keras_gans.data import examples
from keras_gans.data.account import Account
from keras_gans.data.errors import NoSuchSplitError
from keras_gans.utils.text import did_you_mean

_NAMED = 10
_ATTRIBUTES = "attributes"  # the feature that holds them


class TFDS:
    """A set of TensorFlow Datasets: pictures, with labels where it has a `ClassLabel`.

    Args:
        path: NAME or NAME/CONFIG, as `tfds.builder` takes it.
        split: in TFDS' own language: "train", "test", "train[:10%]".
        data_dir: where prepared data lies; TFDS' own place where not given.
        manual_dir: where downloaded archives lie. With all of them there the set is prepared
            without a network.
        account: an `Account`, of what is changed of the pictures.

    Raises:
        ImportError: if TensorFlow Datasets is not installed.
        ValueError: for an unknown set or configuration, or one that has no pictures.
    """

    has_photographs = False

    def __init__(self, path, split="train", *, data_dir=None, manual_dir=None, account=None):
        self.name, self._split = f"tfds:{path}", split
        self._account = Account() if account is None else account
        self._manual_dir = _existing_folder(self.name, manual_dir)
        self._tfds = _tensorflow_datasets(self.name)
        self._builder = self._build(path, data_dir)
        self._image, self._label, self.why_unlabelled = self._find_image(), None, None
        labels = self._features(self._tfds.features.ClassLabel)
        if len(labels) == 1 and self._builder.info.features[labels[0]].names == ["A", "B"]:
            self.why_unlabelled = "its A and B are the domains of an unpaired set, not classes"
        elif len(labels) == 1:
            self._label = labels[0]
        elif labels:
            self.why_unlabelled = (
                f"it has several, {', '.join(labels)}, and names none as target: name one, "
                f"heads=({labels[0]!r},)"
            )
        else:
            self.why_unlabelled = "it has no ClassLabel feature"

    @property
    def class_names(self):
        """Names of the classes by label, or None without labels."""
        return self._label and tuple(self._builder.info.features[self._label].names)

    @property
    def splits(self):
        """The names of its splits; none before it is prepared."""
        return tuple(self._builder.info.splits)

    def of_split(self, split):
        """The same set, prepared once for both, by another split."""
        other = copy.copy(self)
        other._split = split
        return other

    @property
    def head(self):
        """The name of the label, or None."""
        return self._label

    @property
    def heads(self):
        """`{name: names of its classes}` of every `ClassLabel`."""
        features = self._builder.info.features.items()
        kind = self._tfds.features.ClassLabel
        return {
            name: tuple(feature.names) for name, feature in features if isinstance(feature, kind)
        }

    @property
    def attributes(self):
        """The names of the booleans in the feature `attributes`."""
        inside = dict(self._builder.info.features.items()).get(_ATTRIBUTES)
        if not isinstance(inside, self._tfds.features.FeaturesDict):
            return ()
        return tuple(
            name for name, one in inside.items() if one.shape == () and one.np_dtype == np.bool_
        )

    @property
    def where_labels_are(self):
        """Where heads and attributes are looked for, a sentence."""
        return (
            "Heads are ClassLabel features, attributes the booleans of a feature 'attributes'. "
            f"Its features: {', '.join(self._builder.info.features)}."
        )

    def examples(self, converter, columns=None):
        """Returns the pictures, fitted by `converter`; downloads and prepares them first if needed.

        A split of up to `UP_FRONT_BYTES` on the disk is read now, a larger one while training.

        Raises:
            NoSuchSplitError: for an unknown split.
            ValueError: for pictures that cannot be made grey or RGB.
            ConnectionError: if the data must be downloaded and cannot be.
        """
        self._check_pictures()
        self.prepare()
        part = self._part()
        if not part.num_examples:
            raise ValueError(f"{self.name} has no pictures in split {self._split!r}.")
        read = self._read(converter, columns)
        in_memory = part.num_examples * converter.num_bytes <= examples.CACHE_BYTES
        if not in_memory or self._size_on_disk(part) > examples.UP_FRONT_BYTES:
            self._tell(converter, part.num_examples)
            return examples.Stream(read, part.num_examples)
        noted: dict = {}  # what is changed of each picture, by its number
        read = self._read(converter, columns, noted)
        arrays = {
            name: np.empty((part.num_examples, *spec.shape), spec.dtype.as_numpy_dtype)
            for name, spec in read.element_spec.items()
        }
        start = 0
        for batch in read.batch(256).prefetch(2).as_numpy_iterator():
            for name, column in arrays.items():
                column[start : start + len(batch[name])] = batch[name]
            start += len(batch["image"])
        self._tell(converter, part.num_examples, noted)
        return examples.Arrays(arrays["image"], arrays.get("label"))

    def _tell(self, converter, count, noted=None):
        """Counts what is changed of the pictures, by kind.

        Args:
            converter: an `ImageConverter`.
            count: pictures in the split.
            noted: `{number: kinds}` of those that were looked at; None where none was yet.
        """
        feature = self._builder.info.features[self._image]
        free = None in feature.shape[:2]
        sides = converter.shape[:2] if free else feature.shape[:2]
        shape = (*sides, feature.shape[-1])
        for kind in sorted(converter.changes_of_array(shape, feature.np_dtype)):
            self._account.remark(f"All {count} pictures of {self._split!r} are {kind}.")
        if free and noted is None:
            self._account.remark(
                f"Pictures of {self._split!r} are read while training: those of other proportions "
                f"than the model's are not counted. {converter.fit!r} is what is done with them."
            )
        for number, kinds in sorted((noted or {}).items()):
            self._account.change(f"{self._split} {number}", sorted(kinds))

    # === What the set has ===

    def _build(self, path, data_dir):
        name = path.split("/")[0].split(":")[0]
        try:
            return self._tfds.builder(path, data_dir=data_dir)
        except self._tfds.core.registered.DatasetNotFoundError:
            known = self._tfds.list_builders(with_community_datasets=False)
            raise ValueError(
                f"TensorFlow Datasets has no set called {name!r}.{did_you_mean(name, known)} "
                "See https://www.tensorflow.org/datasets/catalog for all."
            ) from None
        except Exception as error:
            # From an unknown version to an import that fails inside the set's own code.
            self._check_config(name, path)
            reason = _first_line(error).rpartition('}": ')[2]  # behind TFDS' own arguments
            raise ValueError(f"{self.name} cannot be built: {reason}.") from error

    def _check_config(self, name, path):
        try:
            configs = list(self._tfds.builder_cls(name).builder_configs)
        except Exception:  # the set's own code does not import
            return
        wanted = path.partition("/")[2].partition(":")[0]
        if wanted and wanted not in configs:
            has = f"Its configurations: {', '.join(configs)}." if configs else "It has none."
            raise ValueError(
                f"tfds:{name} has no configuration {wanted!r}.{did_you_mean(wanted, configs)} {has}"
            ) from None

    def _find_image(self):
        names = self._features(self._tfds.features.Image)
        if len(names) == 1:
            return names[0]
        if names:
            raise ValueError(
                f"{self.name} has several pictures in an example ({', '.join(names)}) and does not "
                "say which is meant. It cannot be loaded as single pictures."
            )
        has = ", ".join(self._builder.info.features)
        raise ValueError(f"{self.name} holds no pictures. Its features: {has}.")

    def _features(self, kind):
        """The names of the features of a kind; of one only, where the set says which is meant."""
        info = self._builder.info
        masks = self._tfds.features.LabeledImage  # an `Image` to TFDS; its pixels are class numbers
        names = [
            name
            for name, feature in info.features.items()
            if isinstance(feature, kind) and not isinstance(feature, masks)
        ]
        supervised = tf.nest.flatten(info.supervised_keys or ())  # the set's own input and target
        for meant in (*supervised, "image", "label"):
            if meant in names:
                return [meant]
        return names

    def _check_pictures(self):
        feature = self._builder.info.features[self._image]
        channels = feature.shape[-1]
        if channels not in (1, 3, 4) or feature.np_dtype not in (np.uint8, np.uint16):
            raise ValueError(
                f"{self.name}: pictures of {channels} channels and {np.dtype(feature.np_dtype)} "
                "cannot be made grey or RGB; 1, 3 or 4 channels of uint8 or uint16 can."
            )

    def _part(self):
        splits = self._builder.info.splits
        try:
            return splits[self._split]
        except Exception as error:  # KeyError, ValueError or AssertionError, by what is wrong
            raise NoSuchSplitError(
                f"{self.name} has no split {self._split!r}. It has: {', '.join(splits)}, and parts "
                f"of them such as '{next(iter(splits), 'train')}[:10%]'."
            ) from error

    def _size_on_disk(self, part):
        whole = self._builder.info.splits.total_num_examples
        return self._builder.info.dataset_size * part.num_examples / max(whole, 1)

    # === Reading ===

    def _read(self, converter, columns, noted=None):
        """Dataset of fitted pictures in the set's own order, with `label` if asked for.

        Where sides are free, what is changed of them is added to `noted`, `{number: kinds}`.
        """
        free = None in self._builder.info.features[self._image].shape[:2]

        def fitted_to(image, number):
            if noted is not None and free:
                of_sides = (*image.shape[:2], converter.channels)
                if kinds := converter.changes_of_array(of_sides, np.uint8):
                    noted[int(number)] = kinds
            return converter.from_array(image)

        wanted: dict = {self._image: True}
        if columns:
            wanted.update(dict.fromkeys(columns.heads, True))
        if columns and columns.attributes:
            wanted[_ATTRIBUTES] = dict.fromkeys(columns.attributes, True)
        data = self._builder.as_dataset(
            split=self._split,
            shuffle_files=False,
            decoders=self._tfds.decode.PartialDecoding(wanted),
            read_config=self._tfds.ReadConfig(try_autocache=False),
        )

        def fit(number, example):
            image = example[self._image]
            if image.shape != converter.shape or image.dtype != tf.uint8:
                image = tf.numpy_function(fitted_to, [image, number], tf.uint8)
            fitted = {"image": tf.ensure_shape(image, converter.shape)}
            if columns:
                found = [example[name] for name in columns.heads]
                found += [example[_ATTRIBUTES][name] for name in columns.attributes]
                fitted["label"] = columns.joined(found)
            return fitted

        return data.enumerate().map(fit, num_parallel_calls=tf.data.AUTOTUNE)

    # === Downloading ===

    def prepare(self):
        """Downloads and prepares the set where it is not prepared yet.

        Raises:
            ConnectionError: if it must be downloaded and cannot be.
            ValueError: if it must be downloaded by hand, or an archive is damaged.
        """
        if self._builder.is_prepared():
            return
        by_hand = self._builder.MANUAL_DOWNLOAD_INSTRUCTIONS
        if not by_hand and (hosts := self._unreachable_hosts()):
            raise ConnectionError(self._no_download(f"{' and '.join(hosts)} cannot be reached"))
        config = self._tfds.download.DownloadConfig(
            manual_dir=self._manual_dir, try_download_gcs=self._manual_dir is None
        )
        try:
            self._builder.download_and_prepare(download_config=config)
        except (OSError, self._tfds.download.DownloadError) as error:
            raise ConnectionError(self._no_download(_first_line(error))) from error
        except self._tfds.core.download.download_manager.NonMatchingChecksumError as error:
            raise ValueError(
                f"{self.name}: {_first_line(error)}. The archive is not the one that was published "
                "or only a part of it; download it again."
            ) from error
        except AssertionError as error:
            if not by_hand:
                raise
            raise ValueError(
                f"{self.name} must be downloaded by hand; then give the folder its files lie in as "
                f"`manual_dir`. {' '.join(by_hand.split())}"
            ) from error

    def _unreachable_hosts(self):
        """The hosts the archives lie on, where none of them has an address.

        Without a network TFDS itself tries for three minutes before it gives up.
        """
        downloads = pathlib.Path(self._builder.data_dir_root) / "downloads"
        if urllib.request.getproxies() or any(downloads.glob("*.INFO")):
            return []  # a proxy looks addresses up by itself; what has been downloaded is used
        hosts = {urllib.parse.urlparse(url).hostname for url in self._missing_archives()} - {None}
        return [] if any(map(_has_address, hosts)) else sorted(hosts)

    def _missing_archives(self):
        """Addresses of the archives that are not in `manual_dir`."""
        archives = self._archives()
        if self._manual_dir is None:
            return list(archives)
        return [
            url
            for url, info in archives.items()
            if not info.filename or not (self._manual_dir / info.filename).exists()
        ]

    def _archives(self):
        """What the set is downloaded from, by address; TFDS lists that of all configurations."""
        archives = self._builder.url_infos or {}
        config = getattr(self._builder.builder_config, "name", None)
        own = {
            url: info
            for url, info in archives.items()
            if info.filename and info.filename.partition(".")[0] == config
        }
        return own or archives

    def _no_download(self, reason):
        archives = [info.filename for info in self._archives().values() if info.filename]
        more = ", ..." if len(archives) > _NAMED else ""
        named = f" ({', '.join(archives[:_NAMED])}{more})" if archives else ""
        return (
            f"{self.name} is not prepared in {self._builder.data_dir_root} and cannot be "
            f"downloaded: {reason}. Without a network, put its archives{named} into a folder and "
            "give that as `manual_dir`, or give the folder of a prepared copy as `data_dir`."
        )


def _tensorflow_datasets(name):
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise ImportError(
            f"{name} needs TensorFlow Datasets ({error}). Install it: "
            'pip install "keras-gans[tfds]"'
        ) from error
    return tensorflow_datasets


def _existing_folder(name, path):
    if path is None:
        return None
    folder = pathlib.Path(path).expanduser()
    if not folder.is_dir():
        raise ValueError(f"{name}: manual_dir={str(path)!r} is not a folder.")
    return folder


def _has_address(host):
    try:
        return bool(socket.getaddrinfo(host, None))
    except OSError:
        return False


def _first_line(error):
    return (str(error).strip().split("\n")[0] or type(error).__name__).rstrip(".:")
