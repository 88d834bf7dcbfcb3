"""What carries styles from a mapping network to a synthesis network."""

import keras
from keras import ops

_EPSILON = 1e-8  # under the root


@keras.saving.register_keras_serializable("keras_gans")
class PixelNorm(keras.layers.Layer):
    """Scales each vector along the last axis to a mean square of 1.

        y = x / sqrt(mean(x^2) + 1e-8)

    Shapes: (..., C) -> (..., C)

    Reference: Karras et al., 2017, https://arxiv.org/abs/1710.10196 (section 4.2)
    """

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        scale = ops.rsqrt(ops.mean(x * x, axis=-1, keepdims=True) + _EPSILON)
        return ops.cast(x * scale, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("keras_gans")
class Truncation(keras.layers.Layer):
    """Styles drawn towards their mean: `mean + psi (w - mean)`.

    Less variety for pictures that the networks know well. The mean is followed in training by who
    trains, see `follow`.

    Shapes: w (N, C), psi (N, 1) -> (N, C); without psi w as it is

    Reference: Karras et al., 2018, https://arxiv.org/abs/1812.04948 (appendix B)
    """

    def build(self, input_shape):
        shape = input_shape[0] if isinstance(input_shape[0], (tuple, list)) else input_shape
        self.mean = self.add_weight(
            shape=(shape[-1],),
            initializer="zeros",
            trainable=False,
            name="mean",
            aggregation="mean",
        )

    def call(self, inputs):
        if not isinstance(inputs, (list, tuple)):
            return inputs
        w, psi = inputs
        return self.mean + ops.cast(psi, w.dtype) * (w - self.mean)

    def follow(self, w, decay):
        """Moves the mean towards that of a batch of styles."""
        now = ops.mean(ops.cast(w, "float32"), axis=0)
        self.mean.assign(self.mean + (1.0 - decay) * (now - self.mean))

    def compute_output_shape(self, input_shape):
        return input_shape[0] if isinstance(input_shape[0], (tuple, list)) else input_shape


@keras.saving.register_keras_serializable("keras_gans")
class RepeatStyle(keras.layers.Layer):
    """The same style at all places: (N, C) -> (N, places, C).

    A product with ones, whose number is fixed: `keras.layers.RepeatVector` leaves arithmetic with
    shapes in exported graphs.

    Args:
        places: how many.
        **kwargs: those of `keras.layers.Layer`.
    """

    def __init__(self, places, **kwargs):
        super().__init__(**kwargs)
        self.places = places

    def call(self, inputs):
        return inputs[:, None, :] * ops.ones((1, self.places, 1), inputs.dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.places, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "places": self.places}


@keras.saving.register_keras_serializable("keras_gans")
class StyleAt(keras.layers.Layer):
    """The style of one place among those of all: (N, places, C) -> (N, C).

    Args:
        place: from 0.
        **kwargs: those of `keras.layers.Layer`.
    """

    def __init__(self, place, **kwargs):
        super().__init__(**kwargs)
        self.place = place

    def call(self, inputs):
        # No axis is dropped by indexing, which converters of integers do not know.
        chosen = inputs[:, self.place : self.place + 1, :]
        return ops.reshape(chosen, (-1, inputs.shape[-1]))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "place": self.place}


@keras.saving.register_keras_serializable("keras_gans")
class ConstantInput(keras.layers.Layer):
    """A learned picture that all pictures begin with, whatever comes in.

    Args:
        side: of the square picture.
        channels: feature maps.
        **kwargs: those of `keras.layers.Layer`.

    One stands for all pictures of a batch: what comes next multiplies it by what each has of its
    own.

    Shapes: (N, ...) -> (1, side, side, channels)

    Reference: Karras et al., 2018, https://arxiv.org/abs/1812.04948 (section 2)
    """

    def __init__(self, side, channels, **kwargs):
        super().__init__(**kwargs)
        self.side, self.channels = side, channels

    def build(self, input_shape):
        self.picture = self.add_weight(
            shape=(self.side, self.side, self.channels),
            initializer=keras.initializers.RandomNormal(0.0, 1.0),
            name="picture",
        )

    def call(self, inputs):
        return ops.cast(self.picture, self.compute_dtype)[None]

    def compute_output_shape(self, input_shape):
        return (1, self.side, self.side, self.channels)

    def get_config(self):
        return {**super().get_config(), "side": self.side, "channels": self.channels}


@keras.saving.register_keras_serializable("keras_gans")
class ConstantNoise(keras.layers.Layer):
    """Normal noise that is drawn once and kept, (1, side, side, 1) whatever comes in.

    Args:
        side: of the square map.
        **kwargs: those of `keras.layers.Layer`.
    """

    def __init__(self, side, **kwargs):
        super().__init__(**kwargs)
        self.side = side

    def build(self, input_shape):
        self.noise = self.add_weight(
            shape=(self.side, self.side),
            initializer=keras.initializers.RandomNormal(0.0, 1.0),
            trainable=False,
            name="noise",
        )

    def call(self, inputs):
        return ops.cast(self.noise, self.compute_dtype)[None, :, :, None]

    def compute_output_shape(self, input_shape):
        return (1, self.side, self.side, 1)

    def get_config(self):
        return {**super().get_config(), "side": self.side}
