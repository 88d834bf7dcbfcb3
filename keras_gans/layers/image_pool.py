"""A memory of generated pictures for the discriminator to learn from."""

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gans")
class ImagePool(keras.layers.Layer):
    """Hands out, half the time, an older picture than the one it is given.

    Until it is full the pool keeps every picture and hands it back. From then on a picture is
    either handed back or, with probability 0.5, takes the place of a random one in the pool,
    which is handed out instead. The pool is part of the graph and of what is saved. On several
    devices each has a pool of its own; all are saved where they are of one process, and of several
    processes those of the one that saves.

    Args:
        size: pictures it holds; 0 hands everything back.
        picture_shape: (H, W, C) of a picture.
        **kwargs: those of `keras.layers.Layer`.

    Call arguments:
        images: (N, H, W, C).
        seed: integer tensor of shape (2,), another at every call.

    Shapes: (N, H, W, C) -> the same.

    Reference: Shrivastava et al., 2017, https://arxiv.org/abs/1612.07828 (section 2.3), as Zhu
    et al., 2017, use it (section 4); junyanz/pytorch-CycleGAN-and-pix2pix, util/image_pool.py
    """

    def __init__(self, size, picture_shape, **kwargs):
        # Pictures are kept as they were: in another precision each stay would round them.
        super().__init__(**{"dtype": "float32", **kwargs})
        self.size, self.picture_shape = size, tuple(picture_shape)
        if size:
            self.images = self.add_weight(
                shape=(size, *self.picture_shape),
                initializer="zeros",
                trainable=False,
                name="images",
            )
            # Not int32: TensorFlow keeps such variables on the host, where XLA on a GPU cannot read
            # them.
            self.held = self.add_weight(
                shape=(), dtype="int64", initializer="zeros", trainable=False, name="held"
            )
        self.built = True

    def call(self, images, seed):
        if not self.size:
            return images
        seeds = tf.random.split(seed, tf.shape(images)[0])
        return tf.map_fn(
            self._exchange,
            (images, seeds),
            fn_output_signature=tf.TensorSpec(self.picture_shape, images.dtype),
            parallel_iterations=1,  # each sees what the one before left
        )

    def _exchange(self, picture_and_seed):
        picture, seed = picture_and_seed
        held = tf.convert_to_tensor(self.held.value)
        chance, choice = tf.unstack(tf.random.split(seed))
        # Of the replica's own variable, and in place: no copy of the whole pool.
        pictures = self.images.value.handle
        full = held >= self.size
        place = tf.where(
            full,
            # Drawn in int32, as before `held` was int64: the same seeds give the same places.
            tf.cast(tf.random.stateless_uniform((), choice, 0, self.size, tf.int32), tf.int64),
            held,
        )
        swap = full & (tf.random.stateless_uniform((), chance) < 0.5)
        old = tf.raw_ops.ResourceGather(resource=pictures, indices=place, dtype=self.images.dtype)
        kept = tf.where(swap | ~full, tf.cast(picture, old.dtype), old)
        with tf.control_dependencies([old]):
            tf.raw_ops.ResourceScatterUpdate(resource=pictures, indices=place, updates=kept)
            self.held.assign(tf.minimum(held + 1, self.size))
        return tf.where(swap, tf.cast(old, picture.dtype), picture)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        for name, copies in self._copies().items():
            for replica, pool in enumerate(copies[1:], start=1):
                store[f"{name}_{replica}"] = np.asarray(pool)

    def load_own_variables(self, store):
        own = {key: store[key] for key in store.keys()}
        others = {key: own.pop(key) for key in list(own) if "_" in key}
        super().load_own_variables(own)  # of the first replica, to all
        for name, copies in self._copies().items():
            for replica, pool in enumerate(copies[1:], start=1):
                if f"{name}_{replica}" in others:  # there may have been fewer
                    # Files of version 0.1 may hold `held` in int32.
                    pool.assign(np.asarray(others[f"{name}_{replica}"], pool.dtype.as_numpy_dtype))

    def _copies(self):
        """The variables of this process's replicas: `{name: [tf.Variable, ...]}`."""
        names = ("images", "held") if self.size else ()
        values = {name: getattr(self, name).value for name in names}
        return {name: list(getattr(value, "values", [value])) for name, value in values.items()}

    def get_config(self):
        return {**super().get_config(), "size": self.size, "picture_shape": self.picture_shape}
