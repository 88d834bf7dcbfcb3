"""What SAGAN and BigGAN share: residual blocks, conditional norm, self-attention, discriminator.

    up      conditional norm, ReLU, nearest neighbours x2, c3, conditional norm, ReLU, c3;
            beside it nearest neighbours x2, c1
    first   c3, ReLU, c3, average pooling; beside it average pooling, c1
    down    ReLU, c3, ReLU, c3, average pooling; beside it c1, average pooling
    plain   ReLU, c3, ReLU, c3; beside it what came in

Spectral norm on every kernel, those of the conditional norm's gains and shifts included.

References: Zhang et al., 2018, https://arxiv.org/abs/1805.08318; Brock, Donahue & Simonyan, 2018,
https://arxiv.org/abs/1809.11096 (appendix B)
"""

import keras
from keras import layers, ops

from keras_gans.layers import (
    Attention2D,
    BatchNorm,
    LearnedGain,
    SpectralConv2D,
    SpectralDense,
    Upsample2D,
)

#: Of all batch norms.
EPSILON = 1e-4

_LARGEST_ATTENTION = 16


def attention_side(image_size):
    """Side of the maps that attend to themselves: half the picture's, halved down to 16 at most."""
    side = image_size // 2
    while side > _LARGEST_ATTENTION and side % 2 == 0:
        side //= 2
    return side


def pooled_features(image, width):
    """Images (N, side, side, channels) -> features of D, summed over the last map, (N, width).

    Blocks of `width` features that halve the side down to 8 or less, and two that leave it; one
    attends to itself.
    """
    attended = attention_side(image.shape[1])
    x = first(image, width)
    x = attention(x) if x.shape[1] == attended else x
    while x.shape[1] > 8:
        x = down(x, width)
        x = attention(x) if x.shape[1] == attended else x
    for _ in range(2):
        x = plain(x)
    return ops.sum(layers.ReLU()(x), axis=(1, 2))


def projection_discriminator(conditions, image_size, image_channels, width):
    """Images (N, side, side, channels) in [-1, 1] and labels -> logits (N, 1)."""
    image = keras.Input((image_size, image_size, image_channels), name="image")
    label = conditions.input()
    phi = pooled_features(image, width)
    psi = dense(phi, 1, dtype="float32")
    embedding = dense(conditions.code(label), width, use_bias=False)
    projection = ops.sum(embedding * phi, axis=1, keepdims=True)
    logits = layers.Add(dtype="float32", name="logits")([psi, projection])
    return keras.Model([image, label], logits, name="discriminator")


def conv(x, width, size=3, use_bias=True):
    """A convolution of the same size, with spectral norm."""
    return SpectralConv2D(
        *(width, size),
        padding="same",
        use_bias=use_bias,
        kernel_initializer="orthogonal",
    )(x)


def dense(x, units, use_bias=True, **kwargs):
    """A dense layer with spectral norm."""
    return SpectralDense(units, use_bias=use_bias, kernel_initializer="orthogonal", **kwargs)(x)


def norm(x, code):
    """Batch norm whose gain, 1 + W_g code, and shift, W_b code, are the label's own."""
    width = x.shape[-1]
    gain, shift = (dense(code, width, use_bias=False) for _ in range(2))
    x = BatchNorm(center=False, scale=False, epsilon=EPSILON)(x)
    return x * (1.0 + gain[:, None, None, :]) + shift[:, None, None, :]


def up(x, width, code):
    """A block of G, which doubles the side."""
    shortcut = conv(Upsample2D()(x), width, 1)
    x = Upsample2D()(layers.ReLU()(norm(x, code)))
    x = layers.ReLU()(norm(conv(x, width), code))
    return layers.Add()([shortcut, conv(x, width)])


def first(image, width):
    """The first block of D, which halves the side."""
    shortcut = conv(layers.AveragePooling2D(2)(image), width, 1)
    x = conv(layers.ReLU()(conv(image, width)), width)
    return layers.Add()([shortcut, layers.AveragePooling2D(2)(x)])


def down(x, width):
    """A block of D that halves the side."""
    branch = layers.AveragePooling2D(2)(_branch(x, width))
    return layers.Add()([layers.AveragePooling2D(2)(conv(x, width, 1)), branch])


def plain(x):
    """A block of D that leaves the side."""
    return layers.Add()([x, _branch(x, x.shape[-1])])


def _branch(x, width):
    x = conv(layers.ReLU()(x), width)
    return conv(layers.ReLU()(x), width)


def attention(x):
    """Returns x + gamma * attention, gamma learned from 0; keys and values at half the side."""
    width = x.shape[-1]
    queries = conv(x, max(width // 8, 1), 1, use_bias=False)
    keys = conv(x, max(width // 8, 1), 1, use_bias=False)
    values = conv(x, max(width // 2, 1), 1, use_bias=False)
    keys, values = layers.MaxPooling2D(2)(keys), layers.MaxPooling2D(2)(values)
    mixed = conv(Attention2D()([queries, keys, values]), width, 1, use_bias=False)
    return layers.Add()([x, LearnedGain()(mixed)])
