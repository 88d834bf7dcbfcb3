"""The same network in operations that runtimes have fast kernels for.

TFLite's kernels are XNNPACK's where it has them and its reference ones where it does not. It has
none for reflection (a padding of 64 x 64 x 256 takes 20 times as long as by slices), and its
transposed convolutions take two to eight times as long as the convolutions they are made of.
(It has none for nearest-neighbour resizing either, but there the reference kernel is the fastest.)
"""

import dataclasses

import keras
import numpy as np
from keras import layers, ops

from keras_gans.layers import ReflectionPadding2D, TorchConvTranspose2D

_END = "."  # after a layer's name; without it `up_1` would be found in `up_10` and `up_1_1`


def lowered(network):
    """A network with the same inputs and outputs, made of plain convolutions and copies.

    Reflection is written as slices side by side, and a transposed convolution of stride s as a
    convolution for each of the s x s places of an output pixel in its block, and `depth_to_space`:
    the same products without the zeros in between. Batch norm and ReLU after it go into the
    convolutions, where the converter puts those of others.

    Args:
        network: functional `keras.Model`.

    Returns:
        A functional `keras.Model` with copies of the weights. All operations a layer became are
        named by its `mark`, but those of layers that make the outputs.
    """
    originals = {}
    made: dict[int, _Up] = {}  # what transposed convolutions became, by their outputs' identity

    def copied(layer):
        kind, config = type(layer), layer.get_config()
        if not isinstance(layer, keras.Layer):  # an operation: of no weights
            if layer.name not in network.output_names:  # lest a layer becomes one of its name
                config["name"] = layer.name + _END
            return kind.from_config(config)
        if layer.name not in network.output_names:
            kind = _SlicedReflection if kind is ReflectionPadding2D else kind
            config["name"] = layer.name + _END
        copy = kind.from_config(config)
        originals[id(copy)] = layer
        return copy

    def called(layer, *args, **kwargs):
        original = originals.get(id(layer))
        before, up = made.get(id(args[0])) if args else None, None
        if original is not None and original.name not in network.output_names:
            if _is_doubling(original):
                up = _Up.of(original, args[0])
            elif before is not None and isinstance(original, layers.BatchNormalization):
                up = before.normalised(original)
            elif before is not None and type(original) is layers.ReLU and not _is_leaky(original):
                up = dataclasses.replace(before, activation="relu", merged=f"{before.merged}relu_")
        if up is None:
            outputs = layer(*args, **kwargs)
            if original is not None:
                layer.set_weights(original.get_weights())
            return outputs
        outputs = up.written()
        if up.activation is None:
            made[id(outputs)] = up
            kept_alive.append(outputs)  # or another tensor might get its identity
        return outputs

    kept_alive: list[keras.KerasTensor] = []
    return keras.models.clone_model(network, clone_function=copied, call_function=called)


def mark(layer):
    """What the names of all operations contain that the layer of this name became."""
    return f"/{layer}{_END}"


class _SlicedReflection(ReflectionPadding2D):
    """Strips of the picture, put around it one by one."""

    def call(self, inputs, training=None):
        x, (first, last) = inputs, self.around
        for axis in (1, 2):
            before = [_strip(x, axis, place, place + 1) for place in range(first, 0, -1)]
            after = [_strip(x, axis, -place - 1, -place) for place in range(1, last + 1)]
            x = ops.concatenate([*before, x, *after], axis=axis)
        return x


def _strip(x, axis, first, last):
    return x[(slice(None),) * axis + (slice(first, last),)]


def _is_leaky(layer):
    config = layer.get_config()
    return config["max_value"] is not None or config["negative_slope"] or config["threshold"]


def _is_doubling(layer):
    return isinstance(layer, TorchConvTranspose2D) or (
        type(layer) is layers.Conv2DTranspose
        and layer.padding == "same"
        and layer.strides[0] == layer.strides[1] > 1
        and min(layer.kernel_size) >= layer.strides[0]
        and layer.dilation_rate == (1, 1)
        and layer.output_padding is None
        and layer.activation is keras.activations.linear
    )


@dataclasses.dataclass(frozen=True)
class _Up:
    """A transposed convolution of (N, H, W, C) to (N, stride H, stride W, features).

    Attributes:
        inputs: of it.
        kernel: (height, width, C, features).
        bias: (features,)
        stride: in both directions.
        crop: rows and columns of the full result that are left out before the first kept one.
        name: of the layer.
        activation: after it, or None.
        merged: what went into it, for a name of its own where it is needed without as well.
    """

    inputs: keras.KerasTensor
    kernel: np.ndarray
    bias: np.ndarray
    stride: int
    crop: tuple[int, int]
    name: str
    activation: str | None = None
    merged: str = ""

    @classmethod
    def of(cls, layer, inputs):
        kernel = ops.convert_to_numpy(layer.kernel).transpose(0, 1, 3, 2)
        features = kernel.shape[-1]
        bias = ops.convert_to_numpy(layer.bias) if layer.use_bias else np.zeros(features, "float32")
        stride = layer.strides[0]
        # SAME leaves out kernel - stride of the full result, the smaller half of it in front.
        crop = tuple((side - stride) // 2 for side in layer.kernel_size)
        crop = (1, 1) if isinstance(layer, TorchConvTranspose2D) else crop
        return cls(inputs, kernel, bias, stride, crop, layer.name)

    def normalised(self, norm):
        """Followed by batch norm, in inference."""
        mean, variance = map(ops.convert_to_numpy, (norm.moving_mean, norm.moving_variance))
        scale = 1.0 / np.sqrt(variance + norm.epsilon)
        scale = scale * ops.convert_to_numpy(norm.gamma) if norm.scale else scale
        shift = ops.convert_to_numpy(norm.beta) if norm.center else 0.0
        bias = (self.bias - mean) * scale + shift
        return dataclasses.replace(self, kernel=self.kernel * scale, bias=bias, merged="norm_")

    def written(self):
        """Convolutions, and their outputs put in place."""
        rows, columns = (
            [_taps(place, size, self.stride, crop) for place in range(self.stride)]
            for size, crop in zip(self.kernel.shape[:2], self.crop, strict=True)
        )
        vertical, horizontal = _margin(rows), _margin(columns)
        margin = layers.ZeroPadding2D(
            (vertical, horizontal), name=f"{self.name}{_END}{self.merged}margin"
        )
        x = margin(self.inputs)
        seen = [
            (_seen(row, *vertical), _seen(column, *horizontal))
            for row in rows
            for column in columns
        ]
        kernels = [self._kernel(row, column) for row in rows for column in columns]
        if len({kernel.shape for kernel in kernels}) == 1:
            # One convolution for all places, wherever in the inputs they look: fewer, wider.
            together = self._convolved(x, np.concatenate(kernels, axis=-1), "all", self.stride**2)
            features = np.cumsum([kernel.shape[-1] for kernel in kernels])
            outputs = [
                together[:, row, column, last - features[0] : last]
                for (row, column), last in zip(seen, features.tolist(), strict=True)
            ]
        else:
            outputs = [
                self._convolved(x[:, row, column, :], kernel, place)
                for place, ((row, column), kernel) in enumerate(zip(seen, kernels, strict=True))
            ]
        return ops.depth_to_space(ops.concatenate(outputs, axis=-1), self.stride)

    def _kernel(self, rows, columns):
        """Of the convolution that makes the pixels of one place in every block."""
        return self.kernel[np.ix_([tap for _, tap in rows], [tap for _, tap in columns])]

    def _convolved(self, x, kernel, name, places=1):
        conv = layers.Conv2D(
            kernel.shape[-1],
            kernel.shape[:2],
            activation=self.activation,
            name=f"{self.name}{_END}{self.merged}{name}",
        )
        outputs = conv(x)
        conv.set_weights([kernel, np.tile(self.bias, places)])
        return outputs


def _taps(place, size, stride, crop):
    """`[(offset, tap)]`: input m + offset meets this tap in output stride * m + place."""
    met = ((tap, divmod(place + crop - tap, stride)) for tap in range(size))
    return sorted((offset, tap) for tap, (offset, rest) in met if rest == 0)


def _margin(taps):
    """Zeros needed before and after the inputs."""
    offsets = [offset for place in taps for offset, _ in place]
    return max(0, -min(offsets)), max(0, *offsets)


def _seen(taps, before, after):
    """Which of the padded inputs the outputs of a place see, from first to last."""
    first, last = before + taps[0][0], taps[-1][0] - after
    return slice(first or None, last or None)
