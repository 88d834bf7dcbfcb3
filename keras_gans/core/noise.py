"""Random numbers of training that survive a restart: stateless, by seed, step, draw and replica."""

import zlib

import tensorflow as tf

from keras_gans.core.mixin import Mixin

# The draw's number and the replica's are folded into one, which keeps two replicas from ever
# sharing a draw.
_MAX_REPLICAS = 4096

# Streams beside the latents, whose draws are the numbers from 0. The place of a name in this list
# is part of every saved run: new streams are named freely and lie above all of these.
_FIRST_STREAMS = (
    "real_noise", "fake_noise", "real_augment", "fake_augment", "real_flip", "fake_flip", "replay",
    "mix", "dragan", "dequantise",
)  # fmt: skip
_FIRST, _LATER = 1000, 2**40


class Noise(Mixin):
    """What a `train_step` draws from. Mixed into `GAN`, which counts the steps."""

    def normal(self, shape, draw=0):
        """Standard normal noise of this training step.

        Args:
            shape: of the noise.
            draw: number of the draw within the step; equal numbers give equal noise.

        Every step, and every replica of a step, draws other noise; a run that is stopped and
        resumed draws what it would have drawn.
        """
        return tf.random.stateless_normal(shape, self.step_seed(draw))

    def uniform(self, shape, stream, draw=0):
        """Uniform noise in [0, 1) of this training step, of a stream of its own.

        Args:
            shape: of the noise.
            stream: name of what it is for; two streams never share a draw.
            draw: number of the draw within the step and the stream.
        """
        return tf.random.stateless_uniform(shape, self.stream_seed(stream, draw))

    def step_seed(self, draw=0):
        """Seed of a draw of this training step, for TensorFlow's stateless random operations."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        # In 64 bits before the sum: the numbers of streams are large.
        return tf.random.fold_in(
            tf.stack([tf.constant(self.seed, tf.int64), tf.convert_to_tensor(self.step.value)]),
            draw * _MAX_REPLICAS + tf.cast(replica, tf.int64),
        )

    def stream_seed(self, stream, draw=0):
        """Seed of a draw other than the latents, told apart by its stream."""
        if stream in _FIRST_STREAMS:
            place = _FIRST + len(_FIRST_STREAMS) * draw + _FIRST_STREAMS.index(stream)
        else:
            place = _LATER + zlib.crc32(stream.encode()) + draw * 2**32
        return self.step_seed(place)
