"""Options of Keras' own layers that ours offer too: each works, in training and after it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import layers

MAPS, FEATURES = (3, 8, 8, 6), (3, 6)
L2, UNIT = keras.regularizers.L2(0.1), keras.constraints.UnitNorm()

OF_KERNELS = (
    {"use_bias": False},
    {"kernel_initializer": "he_normal", "bias_initializer": "ones"},
    {"kernel_regularizer": L2, "bias_regularizer": L2, "activity_regularizer": L2},
    {"kernel_constraint": UNIT, "bias_constraint": UNIT},
)
OF_ALL = ({}, {"dtype": "float64"}, {"dtype": "mixed_float16"}, {"trainable": False})
OF_CONVOLUTIONS = (
    {"strides": 2},
    {"strides": (1, 2)},
    {"padding": "same"},
    {"dilation_rate": 2},
    {"groups": 2},
    {"activation": "relu"},
)
OF_BATCH_NORM = (
    {"scale": False},
    {"center": False},
    {"scale": False, "center": False},
    {"synchronized": True, "scale": False},
    {"gamma_initializer": "zeros", "beta_initializer": "ones"},
    {"gamma_regularizer": L2, "beta_regularizer": L2},
    {"gamma_constraint": UNIT, "beta_constraint": UNIT},
    {"moving_mean_initializer": "ones", "moving_variance_initializer": "zeros"},
)
OF_DROPOUT = (
    {"seed": 3},
    {"rate": 0.0},
    {"noise_shape": (3, 1, 1, 6)},
    {"noise_shape": (None, 1, 1, None)},
)
OFFERED = {
    layers.BatchNorm: ({}, [(MAPS, OF_BATCH_NORM), (FEATURES, OF_BATCH_NORM)]),
    layers.BilinearUpsample2D: (
        {},
        [(MAPS, [{"coordinates": kind} for kind in ("half_pixel", "corners", "legacy")])],
    ),
    layers.BicubicShrink2D: ({}, [(MAPS, [{"made": 3, "taken": 4}])]),
    layers.BlurDown: ({}, [(MAPS, ())]),
    layers.BlurUp: ({}, [(MAPS, ())]),
    layers.ClipInInference: ({}, [(MAPS, ()), (FEATURES, ())]),
    layers.Dropout: ({"rate": 0.5}, [(MAPS, OF_DROPOUT)]),
    layers.EqualizedConv2D: (
        {"filters": 4, "kernel_size": 3},
        [(MAPS, [{"use_bias": False}, {"downsample": True}, {"activation": "leaky_relu"}])],
    ),
    layers.EqualizedDense: (
        {"units": 4},
        [(FEATURES, [{"use_bias": False}, {"lr_multiplier": 0.1}, {"activation": "leaky_relu"}])],
    ),
    layers.FIRUpsample2D: ({}, [(MAPS, ())]),
    layers.InstanceNorm: ({}, [(MAPS, [{"affine": True}, {"affine": True, "dtype": "float64"}])]),
    layers.LayerNorm2D: ({}, [(MAPS, [{"epsilon": 1e-3}])]),
    layers.LearnedBasis: ({"side": 4}, [(FEATURES, ())]),
    layers.LearnedGain: ({}, [(MAPS, ()), (FEATURES, ())]),
    layers.Maxout: (
        {"units": 4, "pieces": 3},
        [(FEATURES, OF_KERNELS), ((3, 5, 6), ()), (MAPS, ())],
    ),
    layers.MinibatchStdDev: ({}, [(MAPS, [{"group_size": 1}, {"group_size": 3}])]),
    layers.NarrowConv2D: ({"filters": 2, "kernel_size": 3}, [(MAPS, OF_KERNELS)]),
    layers.PixelNorm: ({}, [(FEATURES, ())]),
    layers.PixelShuffle2D: ({}, [((3, 8, 8, 8), ())]),
    layers.PixelUnshuffle2D: ({}, [((3, 8, 8, 8), ())]),
    layers.ReflectionPadding2D: ({}, [(MAPS, [{"padding": n} for n in (0, 1, 3, 7, (0, 1))])]),
    layers.SpectralConv2D: (
        {"filters": 4, "kernel_size": 3},
        [(MAPS, (*OF_KERNELS, *OF_CONVOLUTIONS))],
    ),
    layers.SpectralDense: (
        {"units": 4},
        [(FEATURES, (*OF_KERNELS, {"activation": "relu"})), (MAPS, ())],
    ),
    layers.StochasticDropout: ({"rate": 0.5}, [(MAPS, OF_DROPOUT)]),
    layers.TorchConvTranspose2D: ({"filters": 4}, [(MAPS, OF_KERNELS)]),
    layers.Upsample2D: ({}, [(MAPS, ())]),
}


def _named(options):
    """A name that is the same in every process: objects show where they lie."""
    return ",".join(
        f"{name}={type(value).__name__ if 'object at' in repr(value) else value}"
        for name, value in options.items()
    )


ALL = [
    pytest.param(
        kind, shape, {**needed, **given}, id=f"{kind.__name__}{len(shape)}-{_named(given)}"
    )
    for kind, (needed, shapes) in OFFERED.items()
    for shape, options in shapes
    for given in (*OF_ALL, *options)
]


def test_every_layer_is_here():
    # Without kernels and slopes, or with more beside the maps: their tests are elsewhere.
    others = {
        *(
            layers.Attention2D,
            layers.FillHoles,
            layers.ImagePool,
            layers.LabelColumns,
            layers.LabelMaps,
            layers.OneHotMaps,
        ),
        *(layers.ConstantInput, layers.ConstantNoise, layers.ModulatedConv2D),
        *(layers.NoiseInjection, layers.RepeatStyle, layers.StyleAt, layers.Truncation),
        *(layers.IsEmpty, layers.Mix, layers.Warp),
    }
    assert {getattr(layers, name) for name in layers.__all__} == {*OFFERED, *others}


@pytest.mark.parametrize(("kind", "shape", "options"), ALL)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("sizes", ["fixed", "free"])
def test_an_option_that_is_offered_works(kind, shape, options, training, sizes):
    layer = kind.from_config(kind(**options).get_config())
    inputs = np.random.default_rng(0).normal(size=shape).astype(layer.compute_dtype)
    layer.build(shape)
    free = [None if sizes == "free" else side for side in shape[:-1]]

    @tf.function(input_signature=[tf.TensorSpec([*free, shape[-1]], layer.compute_dtype)])
    def called(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=training)
            loss = tf.reduce_sum(tf.cast(outputs, "float32") ** 2) + sum(
                tf.cast(term, "float32") for term in layer.losses
            )
        return outputs, tape.gradient(loss, [inputs, *layer.trainable_variables])

    outputs, gradients = called(inputs)
    assert outputs.shape == layer.compute_output_shape(shape)
    assert outputs.dtype == layer.compute_dtype
    assert all(np.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (layers.BatchNorm, {"axis": 1}),
        (layers.BatchNorm, {"renorm": True}),
        (layers.Maxout, {"units": 4, "pieces": 3, "activation": "relu"}),
        *(
            (layers.NarrowConv2D, {"filters": 2, "kernel_size": 3, **options})
            for options in (*OF_CONVOLUTIONS, {"data_format": "channels_first"})
        ),
        (layers.NarrowConv2D, {"filters": 2, "kernel_size": (3, 5)}),
        (layers.TorchConvTranspose2D, {"filters": 2, "activation": "relu"}),
        (layers.TorchConvTranspose2D, {"filters": 2, "data_format": "channels_first"}),
        (layers.TorchConvTranspose2D, {"filters": 2, "output_padding": 0}),
    ],
    ids=str,
)
def test_an_option_that_is_not_offered_is_refused(kind, options):
    """In training it would be left out without a word."""
    with pytest.raises(ValueError, match=f"{kind.__name__} has no other"):
        kind(**options)


@pytest.mark.parametrize(
    "layer", [layers.SpectralConv2D(4, 3, lora_rank=2), layers.SpectralDense(4, lora_rank=2)]
)
def test_adapters_of_a_normalised_kernel_are_refused(layer):
    with pytest.raises(ValueError, match="`lora_rank`"):
        layer.build(MAPS)
