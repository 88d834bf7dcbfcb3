"""The benchmarked networks of layers that Keras itself has, as its users would write them.

Nothing of keras_gans is in here: these are what `keras.Model.export(format="onnx")` and
`format="litert"` are measured on. Instance norm is `GroupNormalization` with a group for each
feature map, which is what Keras' documentation calls it.
"""

import keras
from keras import layers, ops


def resnet(side=256, blocks=9, filters=64):
    """The generator of CycleGAN: (N, side, side, 3) -> the same."""
    source = keras.Input((side, side, 3), name="source")
    x = _normalised(layers.Conv2D(filters, 7)(_reflected(source, 3)))
    for width in (2 * filters, 4 * filters):
        x = _normalised(layers.Conv2D(width, 3, strides=2)(layers.ZeroPadding2D(1)(x)))
    for _ in range(blocks):
        y = _normalised(layers.Conv2D(4 * filters, 3)(_reflected(x, 1)))
        y = layers.Conv2D(4 * filters, 3)(_reflected(y, 1))
        x = layers.Add()([x, layers.GroupNormalization(groups=-1, epsilon=1e-5)(y)])
    for width in (2 * filters, filters):
        x = _normalised(layers.Conv2DTranspose(width, 3, strides=2, padding="same")(x))
    x = layers.Conv2D(3, 7)(_reflected(x, 3))
    return keras.Model(source, layers.Activation("tanh", name="target")(x))


def unet(side=256, downs=8, filters=64):
    """The generator of pix2pix: (N, side, side, 3) -> the same."""
    widths = [filters * min(2**level, 8) for level in range(downs)]
    source = keras.Input((side, side, 3), name="source")
    x, skips = _down(source, widths[0]), []
    for level, width in enumerate(widths[1:], start=2):
        skips.append(x)
        x = _down(layers.LeakyReLU(0.2)(x), width)
        if level < downs:
            x = layers.BatchNormalization(epsilon=1e-5)(x)
    for level in range(downs, 1, -1):
        x = _up(layers.ReLU()(x), widths[level - 2])
        x = layers.BatchNormalization(epsilon=1e-5)(x)
        if downs > level > 4:
            x = layers.Dropout(0.5)(x)
        x = layers.Concatenate()([skips[level - 2], x])
    x = _up(layers.ReLU()(x), 3, use_bias=True)
    return keras.Model(source, layers.Activation("tanh", name="target")(x))


def dcgan(latent_dim=100, widths=(512, 256, 128, 64)):
    """The generator of DCGAN-64: (N, latent_dim) -> (N, 64, 64, 3)."""
    latent = keras.Input((latent_dim,), name="latent")
    x = layers.Dense(4 * 4 * widths[0], use_bias=False)(latent)
    x = layers.Reshape((4, 4, widths[0]))(x)
    x = layers.ReLU()(layers.BatchNormalization(epsilon=1e-5)(x))
    for width in widths[1:]:
        x = layers.ReLU()(layers.BatchNormalization(epsilon=1e-5)(_up(x, width)))
    return keras.Model(latent, layers.Activation("tanh", name="image")(_up(x, 3)))


def _reflected(x, pixels):
    return ops.pad(x, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)), mode="reflect")


def _normalised(x):
    return layers.ReLU()(layers.GroupNormalization(groups=-1, epsilon=1e-5)(x))


def _down(x, width):
    return layers.Conv2D(width, 4, strides=2, padding="same", use_bias=False)(x)


def _up(x, width, use_bias=False):
    return layers.Conv2DTranspose(width, 4, strides=2, padding="same", use_bias=use_bias)(x)
