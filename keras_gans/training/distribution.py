"""Training on several devices and several machines, with TensorFlow's own strategies.

    strategy = distribution.strategy(devices=2)
    with strategy.scope():
        model = keras_gans.zoo.get("dcgan")
    model.fit(keras_gans.data.load("folder:photos", model), epochs=20)

A batch is shared out among the devices, each holds all weights, and an update is that of the whole
batch: the mean of all gradients. Every device draws noise of its own and has its own image pool.
Not yet run on a GPU: tried on parts of one CPU and with two processes on one machine.
"""

import contextlib
import functools
import json
import os
import socket
import time

import tensorflow as tf

from keras_gans.layers import BatchNorm

#: Seconds for which a worker waits for the others before it gives up.
PATIENCE = 300

_VARIABLE = "TF_CONFIG"
_EXAMPLE = (
    '{"cluster": {"worker": ["first:12345", "second:12345"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
_BETWEEN_TRIES = 0.2


def strategy(devices=None, workers=None, patience=PATIENCE):
    """The strategy to build a model and train it with; the same one for the same arguments.

    To be called before TensorFlow computes anything.

    Args:
        devices: GPUs of this machine or, where it has none, parts of its CPU, which is no faster
            and for trying things out. One where not given.
        workers: processes that train together, as a rule each on a machine of its own, with all
            its GPUs. Each finds the addresses of all, and its own number, in TF_CONFIG in its
            environment.
        patience: seconds for which to wait for the other workers.

    Returns:
        A `tf.distribute.Strategy`; TensorFlow's default one for one device.

    Raises:
        ValueError: for more devices than there are, both arguments, or a TF_CONFIG that is
            missing, cannot be read or is of another number of workers.
        TimeoutError: if another worker does not come; which.
        RuntimeError: if TensorFlow has computed something before.
    """
    if workers is not None:
        if devices is not None:
            raise ValueError(
                "A worker uses all GPUs of its machine: leave out `devices`, and hide GPUs with "
                "CUDA_VISIBLE_DEVICES."
            )
        return _multi_worker(*_cluster(workers), patience)
    names = _devices(devices)
    return tf.distribute.get_strategy() if len(names) == 1 else _mirrored(tuple(names))


# Two strategies in one process would mix up what their devices tell each other.


@functools.cache
def _mirrored(names):
    return tf.distribute.MirroredStrategy(names)


@functools.cache
def _multi_worker(addresses, number, patience):
    _wait_for(addresses, number, patience)
    return tf.distribute.MultiWorkerMirroredStrategy()


def is_chief():
    """Whether this process writes what all have made: the first worker, or the only process."""
    return _task().get("index", 0) == 0


def agree(number):
    """A whole number that the first worker knows, told to all; the number itself where alone.

    Args:
        number: of the first worker; those of the others do not count.
    """
    strategy = tf.distribute.get_strategy()
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return number
    own = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(
            number if is_chief() and context.replica_id_in_sync_group == 0 else 0, tf.int32
        )
    )
    return int(strategy.reduce("SUM", own, axis=None))


def synchronise_batch_norm(model):
    """Has batch norm work with the statistics of the whole batch instead of each device's share.

    Args:
        model: a `keras_gans.GAN`, before it is fitted.

    Raises:
        ValueError: if it has no batch norm.
    """
    found = [layer for layer in model._flatten_layers() if isinstance(layer, BatchNorm)]
    if not found:
        raise ValueError(f"{model.name} has no batch norm to synchronise.")
    for layer in found:
        layer.synchronized = True


# === One machine ===


def _devices(count):
    if count is None:
        return [None]
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise ValueError(f"`devices` must be a whole number of at least 1. Received: {count!r}")
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        if count > len(gpus):
            raise ValueError(
                f"This machine has {len(gpus)} GPU{'s' * (len(gpus) > 1)}. Received: "
                f"devices={count}"
            )
        return [f"GPU:{number}" for number in range(count)]
    if count > (os.cpu_count() or 1):
        raise ValueError(
            f"This machine has no GPU, and {os.cpu_count()} CPU cores to share the work among. "
            f"Received: devices={count}"
        )
    return _parts_of_cpu(count)


def _parts_of_cpu(count):
    (cpu,) = tf.config.list_physical_devices("CPU")
    parts = [tf.config.LogicalDeviceConfiguration()] * count
    if count > len(tf.config.get_logical_device_configuration(cpu) or [None]):
        try:
            tf.config.set_logical_device_configuration(cpu, parts)
        except RuntimeError as error:
            raise RuntimeError(
                "The CPU can be parted only before TensorFlow computes anything. Call "
                "`distribution.strategy` first, in a new process."
            ) from error
    return [f"CPU:{number}" for number in range(count)]


# === Several machines ===


def _task():
    """The `task` of TF_CONFIG; empty where there is none."""
    return _config().get("task", {}) if os.environ.get(_VARIABLE) else {}


def _config():
    text = os.environ.get(_VARIABLE, "")
    if not text:
        raise ValueError(
            f"Each worker needs {_VARIABLE} in its environment: the addresses of all, and its own "
            f"number, such as {_VARIABLE}='{_EXAMPLE}'."
        )
    try:
        config = json.loads(text)
        if not isinstance(config, dict):
            raise TypeError("it is not an object")
        return config
    except (json.JSONDecodeError, TypeError) as error:
        raise ValueError(
            f"{_VARIABLE} cannot be read ({error}). It is JSON such as '{_EXAMPLE}'. Received: "
            f"{text[:200]!r}"
        ) from None


def _cluster(workers):
    """The addresses of all workers as (host, port), and the number of this one."""
    config = _config()
    try:
        named, task = config["cluster"]["worker"], config["task"]
        addresses = [_address(text) for text in named]
        number = task["index"]
        if set(config["cluster"]) != {"worker"} or task["type"] != "worker":
            raise ValueError("all are of the type 'worker'")
        if len(set(addresses)) < len(addresses):
            raise ValueError("every worker has an address of its own")
        if not isinstance(number, int) or not 0 <= number < len(addresses):
            raise ValueError(f"`index` is from 0 to {len(addresses) - 1}")
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(
            f"{_VARIABLE} is not that of a worker: {reason}. It is like '{_EXAMPLE}'. Received: "
            f"{json.dumps(config)[:200]}"
        ) from None
    if len(addresses) != workers:
        raise ValueError(f"{_VARIABLE} names {len(addresses)} workers, and `workers` is {workers}.")
    return tuple(addresses), number


def _address(text):
    host, colon, port = str(text).rpartition(":")
    if not (host and colon and port.isdigit() and 0 < int(port) < 2**16):
        raise ValueError(f"{text!r} is not host:port")
    return host, int(port)


def _wait_for(addresses, number, patience):
    """Returns when every other worker has been reached.

    TensorFlow itself waits for an hour, and no signal but SIGKILL reaches it there. A worker is
    reached here while it waits as well, and later when TensorFlow listens at the same address.
    """
    missing = {address for other, address in enumerate(addresses) if other != number}
    end = time.monotonic() + patience
    with _listening(addresses[number]):
        while missing:
            missing = {address for address in missing if not _reached(address)}
            if not missing:
                break
            if time.monotonic() > end:
                names = ", ".join(f"{host}:{port}" for host, port in sorted(missing))
                raise TimeoutError(
                    f"After {patience:g} seconds {len(missing)} of {len(addresses)} workers have "
                    f"not come ({names}). Start every worker with the same {_VARIABLE} but for "
                    "`index`, and let them reach each other's ports."
                )
            time.sleep(_BETWEEN_TRIES)


@contextlib.contextmanager
def _listening(address):
    try:
        server = socket.create_server(("", address[1]), backlog=128)
    except OSError as error:
        raise ValueError(
            f"This worker cannot listen at port {address[1]} ({error.strerror}). Give it another "
            f"in {_VARIABLE}, everywhere."
        ) from None
    with server:
        yield


def _reached(address):
    try:
        socket.create_connection(address, timeout=2).close()
    except OSError:
        return False
    return True
