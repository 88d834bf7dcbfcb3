"""StyleGAN2: styles from a mapping network modulate every convolution of a synthesis network.

The game, one update of each player per batch, with w = f(z) and pictures g(w):

    D: min  mean softplus(D(G(z))) + mean softplus(-D(x)) + gamma / 2 * |grad D(x)|^2
    G: min  mean softplus(-D(G(z))) + 2 * mean((|J^T y| - a)^2)          z ~ N(0, I)

gamma's term (R1) comes at every 16th update and is 16 times as heavy; the last one, path length
regularization, at every 4th and 4 times as heavy: J = dg / dw, y ~ N(0, 1 / pixels), a the running
mean of |J^T y|. It makes steps of equal length in w change pictures by equal amounts. For nine
batches of ten the last places of w come from a second z (style mixing).

Networks

    f      z (and a dense code of the label, each of mean square 1) -> `mapping_layers` dense
           layers, leaky ReLU 0.2, learning rate times 0.01
    g      learned 4x4 -> for each size a convolution that doubles (none at 4x4) and one that does
           not, 3x3, modulated by A w and demodulated; noise, bias and leaky ReLU after each; what a
           1x1 convolution makes RGB of is added to the doubled picture of the size before
    D      1x1 from RGB -> residual blocks that halve -> 4x4: minibatch deviation, 3x3, dense,
           logit; with labels the logit is the product with a code of the label
    Feature maps at size r: min(channel_base / r, channel_max). All kernels N(0, 1), scaled in the
    call. Doubling and halving go through the filter [1, 3, 3, 1].

Training: Adam, beta_1 0, beta_2 0.99; weights averaged with a half-life in images. Pictures are
made of the averaged weights and drawn towards the mean style (`truncation`, psi in the papers).

Papers: Karras et al., 2019, https://arxiv.org/abs/1912.04958 (StyleGAN2)
        Karras et al., 2018, https://arxiv.org/abs/1812.04948 (styles, mixing, truncation)
        Karras et al., 2020, https://arxiv.org/abs/2006.06676 (labels, adaptive augmentation)

Departures: penalties join the losses of their players, so there is one Adam step a batch for each
and no correction of its constants for the lazy ones; D is updated before G, as in all of the zoo;
R1 is taken at the pictures as D sees them, after augmentation; the first steps of the averages are
forgotten sooner ((1 + t) / (10 + t)); everything is computed in float32 (or one precision of
Keras'), without the reference's clipping at 256 of half precision. `stylegan2_avatars` is sized for
drawn faces and two CPU cores, and its D also classifies (`class_weight`): G is asked for what D
sees as the label, as in AC-GAN (https://arxiv.org/abs/1610.09585), because the projection alone
hardly tells a smile of four pixels. D learns to classify from real pictures alone. Its pictures are
always moved before D sees them, as 7,000 are few, and path length is not regularized, as the
reference has it for its smallest pictures.
"""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from keras_gans import losses
from keras_gans.core.conditioning import Conditions
from keras_gans.core.signature import Psi, Signature, Styles
from keras_gans.games.adversarial import ConditionalGAN
from keras_gans.games.loss import Loss
from keras_gans.layers import (
    ConstantInput,
    ConstantNoise,
    EqualizedConv2D,
    EqualizedDense,
    FIRUpsample2D,
    MinibatchStdDev,
    ModulatedConv2D,
    NoiseInjection,
    PixelNorm,
    RepeatStyle,
    StyleAt,
    Truncation,
)
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import (
    check_choice,
    check_positive,
    check_share,
    check_weight,
    is_number,
)
from keras_gans.zoo._registry import register

_MEAN_DECAY = 0.995  # of the mean style, a step
_LENGTH_DECAY = 0.99  # of the mean path length, each time it is looked at
_LENGTH_INTERVAL = 4
_DIRECTIONS = 8  # of the styles that exports describe
_SPREAD_STYLES = 512  # from which the spread along them is estimated
ARCHITECTURES = ("resnet", "orig")
NOISES = ("constant", "random", "none")


def sizes_up_to(image_size):
    """4, 8, ... `image_size`.

    Raises:
        ValueError: for a side that is no power of two from 8.
    """
    if image_size < 8 or image_size & (image_size - 1):
        raise ValueError(
            "`image_size` must be a power of two, 8 at least, because every block doubles a side "
            f"of 4. Received: image_size={image_size}"
        )
    return [2**level for level in range(2, image_size.bit_length())]


# === Networks ===


def mapping(latent_dim, style_dim, conditions, num_layers):
    """Latents (N, latent_dim) and labels -> w (N, style_dim)."""
    latent = keras.Input((latent_dim,), name="latent")
    x = PixelNorm(name="norm")(latent)
    inputs = [latent]
    if conditions:
        label = conditions.input()
        inputs.append(label)
        code = EqualizedDense(style_dim, name="embed")(conditions.code(label))
        x = layers.Concatenate(name="joined")([x, PixelNorm(name="embed_norm")(code)])
    for number in range(num_layers):
        x = EqualizedDense(
            style_dim, lr_multiplier=0.01, activation="leaky_relu", name=f"fc{number}"
        )(x)
    return keras.Model(inputs if conditions else latent, x, name="mapping")


def synthesis(image_size, image_channels, style_dim, widths):
    """Styles (N, places, style_dim), noise (N, r, r, 1) for each layer -> pictures, unbounded."""
    places = 2 * len(widths)
    styles = keras.Input((places, style_dim), name="styles")
    noises, image, place = [], None, 0

    def style(width, name):
        w = StyleAt(place, name=f"{name}_w")(styles)
        return EqualizedDense(width, bias_start=1.0, name=f"{name}_style")(w)

    def convolved(x, width, name, side, upsample):
        noise = keras.Input((side, side, 1), name=f"noise_{name}")
        noises.append(noise)
        conv = ModulatedConv2D(width, 3, upsample=upsample, name=name)
        x = conv([x, style(x.shape[-1], name)])
        return NoiseInjection(name=f"{name}_noise")([x, noise])

    for side, width in widths.items():
        if side == 4:
            x = ConstantInput(4, width, name="b4_input")(styles)
        else:
            x = convolved(x, width, f"b{side}_conv0", side, True)
            place += 1
        x = convolved(x, width, f"b{side}_conv1", side, False)
        place += 1
        # The next block's first convolution takes the style of this place too.
        name = f"b{side}_torgb"
        rgb = ModulatedConv2D(image_channels, 1, demodulate=False, name=name)(
            [x, style(width, name)]
        )
        rgb = _Bias(name=f"{name}_bias")(rgb)
        if image is not None:
            rgb = layers.Add(name=f"b{side}_image")(
                [FIRUpsample2D(name=f"b{side}_image_up")(image), rgb]
            )
        image = rgb
    return keras.Model([styles, *noises], image, name="synthesis")


def generator(mapping, synthesis, conditions):
    """Latents (and labels) -> pictures (N, side, side, channels) in [-1, 1]."""
    latent = keras.Input(mapping.inputs[0].shape[1:], name="latent")
    label = [conditions.input()] if conditions else []
    w = mapping([latent, *label] if label else latent)
    w = Truncation(name="truncation")(w)
    places = synthesis.inputs[0].shape[1]
    styles = RepeatStyle(places, name="styles")(w)
    noises = [_constant_noise(noise)(w) for noise in synthesis.inputs[1:]]
    image = _Clip(dtype="float32", name="image")(synthesis([styles, *noises]))
    return keras.Model([latent, *label] if label else latent, image, name="generator")


def _constant_noise(noise):
    return ConstantNoise(noise.shape[1], name=noise.name)


def discriminator(conditions, image_size, image_channels, widths, style_dim, options):
    """Pictures (N, side, side, channels) (and labels) -> logits (N, 1).

    Args:
        conditions: of the labels.
        image_size: side.
        image_channels: of what D sees.
        widths: `{side: feature maps}`.
        style_dim: length of the label's code before it is mapped.
        options: `(architecture, group size of the minibatch deviation, layers of the label's map,
            whether there is a second output, the logits (N, code) of a classifier)`.
    """
    architecture, group, map_layers, classifies = options
    image = keras.Input((image_size, image_size, image_channels), name="image")
    x = _conv(widths[image_size], 1, name=f"b{image_size}_fromrgb")(image)
    sides = sorted(widths, reverse=True)
    for side, half in zip(sides, sides[1:], strict=False):
        x = _block(x, side, widths[side], widths[half], architecture == "resnet")
    x = MinibatchStdDev(group, dtype="float32", name="b4_mbstd")(x)
    x = _conv(widths[4], 3, name="b4_conv")(x)
    x = layers.Flatten(name="b4_flat")(x)
    x = EqualizedDense(widths[4], activation="leaky_relu", name="b4_fc")(x)
    if not conditions:
        logits = EqualizedDense(1, dtype="float32", name="logits")(x)
        return keras.Model(image, logits, name="discriminator")
    label = conditions.input()
    code = EqualizedDense(style_dim, name="embed")(conditions.code(label))
    code = PixelNorm(name="embed_norm")(code)
    for number in range(map_layers):
        code = EqualizedDense(
            style_dim, lr_multiplier=0.01, activation="leaky_relu", name=f"map_fc{number}"
        )(code)
    features = EqualizedDense(style_dim, dtype="float32", name="out")(x)
    outputs = _Projection(dtype="float32", name="logits")([features, code])
    if classifies:
        classes = EqualizedDense(conditions.code_length, dtype="float32", name="classes")(x)
        outputs = [outputs, classes]
    return keras.Model([image, label], outputs, name="discriminator")


def _conv(width, kernel_size, name, **options):
    return EqualizedConv2D(width, kernel_size, activation="leaky_relu", name=name, **options)


def _block(x, side, width, narrower, residual):
    """From one size to its half."""
    y = _conv(width, 3, name=f"b{side}_conv0")(x)
    y = _conv(narrower, 3, name=f"b{side}_conv1", downsample=True)(y)
    if not residual:
        return y
    skip = EqualizedConv2D(narrower, 1, downsample=True, use_bias=False, name=f"b{side}_skip")(x)
    y = layers.Add(name=f"b{side}_sum")([skip, y])
    return layers.Rescaling(math.sqrt(0.5), name=f"b{side}_scaled")(y)


def _rounded(values):
    """Plain numbers of four decimals, for a manifest."""
    return np.round(values.astype("float64"), 4).tolist()


def _named_like(tensors):
    """New inputs of the same names and shapes."""
    return [
        keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name) for tensor in tensors
    ]


@keras.saving.register_keras_serializable("keras_gans")
class _Bias(keras.layers.Layer):
    """Adds a number to each channel."""

    def build(self, input_shape):
        self.bias = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="bias")

    def call(self, inputs):
        return inputs + ops.cast(self.bias, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("keras_gans")
class _Clip(keras.layers.Layer):
    """Bounds pictures to [-1, 1]: the network's are not."""

    def call(self, inputs):
        return ops.clip(inputs, -1.0, 1.0)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("keras_gans")
class _Projection(keras.layers.Layer):
    """Features and a label's code (N, C) -> their product over sqrt(C), (N, 1)."""

    def call(self, inputs):
        features, code = inputs
        product = ops.sum(features * ops.cast(code, features.dtype), axis=1, keepdims=True)
        return product * (1.0 / math.sqrt(features.shape[-1]))

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], 1)


# === The game ===


@keras.saving.register_keras_serializable("keras_gans")
class StyleGAN2(ConditionalGAN):
    """StyleGAN2, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures, a power of two, 8 at least.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of z.
        style_dim: length of w.
        num_classes: classes of the labels, a tuple for several heads; 0 for none.
        num_attributes: binary attributes, further columns of the labels.
        channel_base: feature maps at size r are this over r,
        channel_max: and this at most.
        mapping_layers: dense layers of the mapping network.
        architecture: of D: "resnet", or "orig" without residuals.
        minibatch_group: pictures whose deviation D sees.
        label_layers: dense layers of D's map of a label.
        style_mixing: share of batches for which styles of two latents are mixed.
        path_length: weight of path length regularization, 2 in the paper; 0 for none.
        class_weight: of the labels' cross-entropies in both players' losses, against the
            adversarial ones of 1, for which D also classifies; 0, as in the papers, for none.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`; `r1` is gamma) and those of
            `keras_gans.GAN`.

    Raises:
        ValueError: for sizes the networks cannot build, or tricks that cannot be.
    """

    batch_size = 32
    paper_tricks = {"r1": 1.0, "penalty_interval": 16, "ema_kimg": 10.0}

    def __init__(
        self,
        image_size=256,
        image_channels=3,
        *,
        latent_dim=512,
        style_dim=512,
        num_classes=0,
        num_attributes=0,
        channel_base=16_384,
        channel_max=512,
        mapping_layers=2,
        architecture="resnet",
        minibatch_group=4,
        label_layers=8,
        style_mixing=0.9,
        path_length=2.0,
        class_weight=0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_choice("architecture", architecture, ARCHITECTURES)
        check_share("style_mixing", style_mixing)
        check_weight("class_weight", class_weight)
        for name, value in (
            ("latent_dim", latent_dim),
            ("style_dim", style_dim),
            ("channel_base", channel_base),
            ("channel_max", channel_max),
            ("mapping_layers", mapping_layers),
            ("minibatch_group", minibatch_group),
        ):
            check_positive(name, value)
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim, self.style_dim = latent_dim, style_dim
        self.channel_base, self.channel_max = channel_base, channel_max
        self.mapping_layers, self.architecture = mapping_layers, architecture
        self.minibatch_group, self.label_layers = minibatch_group, label_layers
        self.style_mixing, self.path_length = style_mixing, path_length
        conditions = self._conditions = Conditions(num_classes, num_attributes)
        self.num_classes, self.num_attributes = conditions.num_classes, conditions.num_attributes
        self._set_class_weight(class_weight)
        widths = {
            side: max(1, min(channel_base // side, channel_max)) for side in sizes_up_to(image_size)
        }
        mapped = mapping(latent_dim, style_dim, conditions, mapping_layers)
        drawn = synthesis(image_size, image_channels, style_dim, widths)
        self.set_players(
            generator(mapped, drawn, conditions),
            discriminator(
                conditions,
                image_size,
                self.judged_channels,
                widths,
                style_dim,
                (architecture, minibatch_group, label_layers, class_weight > 0),
            ),
        )
        self.mean_length = self._state("mean_path_length", 0.0 if path_length else None)

    def _set_class_weight(self, weight):
        self.class_weight = weight
        if not weight:
            return
        if not self.conditions:
            raise ValueError(
                "`class_weight` weighs how D classifies labels, and this model has none. Give "
                f"`num_classes` or `num_attributes`, or leave it out. Received: {weight}"
            )
        self.log_also(
            "class_loss",
            "class_accuracy",
            in_words="class_loss is the cross-entropy of the discriminator's second output on real "
            "images, added over all heads and attributes, before it is multiplied by class_weight; "
            "class_accuracy is the share of them that it names rightly.",
        )

    # === Roles ===

    def batch_roles(self):
        return super().batch_roles() if self.conditions else {"image": self.image}

    def draw_labels(self, count, seed):
        return super().draw_labels(count, seed) if self.conditions else None

    def signature(self):
        (whole,) = super().signature().values()
        styles = Styles(self.places, self.style_dim)
        return {
            "generator": whole,
            "mapping": Signature({**whole.inputs, "psi": Psi()}, {"styles": styles}),
            "synthesis": Signature({"styles": styles}, dict(whole.outputs)),
        }

    def networks_to_export(self):
        """The whole generator, and its two halves, between which programs mix and move styles."""
        whole = self.sampling_network
        return {
            "generator": self.conditions.to_export(whole),
            "mapping": self.conditions.to_export(self._mapping_to_export(whole)),
            "synthesis": self._synthesis_to_export(whole),
        }

    def _mapping_to_export(self, whole):
        latent, *labels = _named_like(whole.inputs)
        psi = keras.Input((1,), name="psi")
        w = whole.get_layer("mapping").call([latent, *labels] if labels else latent)
        w = whole.get_layer("truncation")([w, psi])
        styles = RepeatStyle(self.places, name="styles")(w)
        return keras.Model([latent, *labels, psi], styles, name="mapping")

    def _synthesis_to_export(self, whole):
        network = whole.get_layer("synthesis")
        (styles,) = _named_like(network.inputs[:1])
        noises = [whole.get_layer(noise.name)(styles) for noise in network.inputs[1:]]
        image = whole.get_layer("image")(network.call([styles, *noises]))
        return keras.Model(styles, image, name="synthesis")

    def inputs_between_networks(self, count, seed):
        return {"synthesis": {"styles": self._usual_styles(count, seed)}}

    def _usual_styles(self, count, seed):
        labels = (
            {} if not self.conditions else self.conditions.asked(self.conditions.draw(count, seed))
        )
        return self.styles(count, seed=seed, **labels)

    def describe_tensors(self):
        """Like that of other models; of the styles also directions, and the spread along each."""
        described = super().describe_tensors()
        w = self._usual_styles(_SPREAD_STYLES, seed=0)[:, 0]
        if not all(np.isfinite(kernel).all() for kernel in (w, *self._style_kernels())):
            return described  # of weights that have diverged, which the export refuses
        found = self.directions(min(_DIRECTIONS, self.style_dim))
        role = Styles(
            self.places,
            self.style_dim,
            directions=tuple(tuple(_rounded(direction)) for direction in found),
            spread=tuple(_rounded((w @ found.T).std(axis=0))),
        )
        return {**described, "styles": role.describe()}

    # === Losses ===

    def discriminator_loss(self, real, fake):
        real_said, fake_said = self.judge_both(real, fake)
        if not self.class_weight:
            return Loss(losses.logistic(real_said, fake_said), real_said, fake_said)
        (real_logits, real_classes), (fake_logits, _) = real_said, fake_said
        class_loss = self.label_cross_entropy(real.labels, real_classes)
        return Loss(
            losses.logistic(real_logits, fake_logits) + self.class_weight * class_loss,
            real_logits,
            fake_logits,
            class_loss=class_loss,
            class_accuracy=self.label_accuracy(real.labels, real_classes),
        )

    def generator_loss(self, real, fake):
        if not self.class_weight:
            return Loss(losses.non_saturating(self.judge(fake)))
        logits, classes = self.judge(fake)
        class_loss = self.label_cross_entropy(fake.labels, classes)
        return Loss(losses.non_saturating(logits) + self.class_weight * class_loss)

    def generator_penalty(self, real):
        if not self.path_length:
            return None
        penalty = self.lazily(lambda: self._path_length_penalty(real), _LENGTH_INTERVAL)
        return self.path_length * penalty

    def _path_length_penalty(self, like):
        """`mean((|J^T y| - a)^2)` of half a batch, after a has followed."""
        count = like.count // 2 or 1
        draw = like.draw + self.discriminator_steps + 1
        labels = None
        if like.labels is not None:
            labels = tf.nest.map_structure(lambda leaf: leaf[:count], like.labels)
        styles = self._styles_in_training(count, labels, draw)
        noise = self.path_length_noise(count, draw)
        with tf.GradientTape() as tape:
            tape.watch(styles)
            images = self._drawn_in_training(styles, count, draw)
            product = tf.reduce_sum(tf.cast(images, tf.float32) * noise)
        slope = tf.cast(tape.gradient(product, styles), tf.float32)
        # The slope of a root is infinite at 0.
        squares = tf.reduce_mean(tf.reduce_sum(tf.square(slope), axis=2), axis=1)
        lengths = tf.sqrt(squares + 1e-12)
        mean = tf.convert_to_tensor(self.mean_length.value)
        mean = mean + (1.0 - _LENGTH_DECAY) * (tf.stop_gradient(tf.reduce_mean(lengths)) - mean)
        self.mean_length.assign(mean)
        return tf.reduce_mean(tf.square(lengths - mean))

    def path_length_noise(self, count, draw):
        """Y of path length regularization, N(0, 1 / pixels), of the pictures' shape."""
        shape = (count, self.image_size, self.image_size, self.image_channels)
        noise = tf.random.stateless_normal(shape, self.stream_seed("path_length", draw))
        return noise / self.image_size

    def optimizers(self, images=None):
        return {
            player: Adam(2.5e-3, beta_1=0.0, beta_2=0.99, epsilon=1e-8, name=player)
            for player in self.players
        }

    # === Play ===

    @property
    def places(self):
        """Styles of one picture: one for each modulated layer that has its own."""
        return self.generator.get_layer("synthesis").inputs[0].shape[1]

    def generate_to_learn(self, count, labels, draw):
        styles = self._styles_in_training(count, labels, draw)
        return self._drawn_in_training(styles, count, draw)

    def _styles_in_training(self, count, labels, draw):
        """(count, places, style_dim), mixed for most batches; the mean style follows."""
        latents = self.latents(count, draw)
        w = self._mapped(self.generator, latents, labels)
        self.generator.get_layer("truncation").follow(tf.stop_gradient(w), _MEAN_DECAY)
        styles = tf.repeat(w[:, None], self.places, axis=1)
        if not self.style_mixing:
            return styles
        chance, cut = tf.unstack(self.uniform((2,), "style_mixing", draw))
        cut = 1 + tf.cast(cut * (self.places - 1), tf.int32)
        first = tf.where(chance < self.style_mixing, cut, self.places)
        others = tf.random.stateless_normal(
            tf.shape(latents), self.stream_seed("mixed_latents", draw)
        )
        others = tf.repeat(self._mapped(self.generator, others, labels)[:, None], self.places, 1)
        from_first = tf.range(self.places) < first
        return tf.where(from_first[None, :, None], styles, others)

    def _drawn_in_training(self, styles, count, draw):
        network = self.generator.get_layer("synthesis")
        return network([styles, *self.noise_of(count, draw).values()], training=True)

    def noise_of(self, count, draw):
        """`{input of the synthesis network: normal noise}` of this step."""
        return {
            noise.name: tf.random.stateless_normal(
                (count, *noise.shape[1:]), self.stream_seed(noise.name, draw)
            )
            for noise in self.generator.get_layer("synthesis").inputs[1:]
        }

    def _mapped(self, generator, latents, labels):
        inputs = latents if labels is None else [latents, *tf.nest.flatten(labels)]
        return generator.get_layer("mapping")(inputs)

    def _average(self, images):
        super()._average(images)
        if self.tricks.averages:  # an average already: what it was is no use to anybody
            mean = self.generator.get_layer("truncation").mean
            self.generator_ema.get_layer("truncation").mean.assign(mean)

    # === Pictures ===

    def sample(
        self,
        count=None,
        *,
        labels=None,
        attributes=None,
        seed=None,
        latents=None,
        truncation=None,
        cutoff=None,
        noise="constant",
    ):
        """Generated pictures.

        Args:
            count: how many; 16, or as many as there are labels or latents, where not given.
            labels: the class of each picture, or one class for all, as of conditional families;
                of models without labels they are refused.
            attributes: likewise.
            seed: for the latents, and noise where it is random; another draw each call where not
                given.
            latents: (N, latent_dim) to use instead of drawing.
            truncation: psi: 1 leaves styles as they are, 0 makes all of them the mean style.
            cutoff: places of the styles, from the coarsest, that truncation acts on; all where
                not given.
            noise: "constant", one draw that belongs to the model; "random", another for each
                picture; or "none".

        Returns:
            float32 (N, image_size, image_size, image_channels) in [-1, 1].

        Raises:
            ValueError: for labels outside the classes or of a model without any, not as many as
                pictures, or values of the other arguments that cannot be.
        """
        styles = self.styles(
            count,
            labels=labels,
            attributes=attributes,
            seed=seed,
            latents=latents,
            truncation=truncation,
            cutoff=cutoff,
        )
        return self.synthesize(styles, noise=noise, seed=seed)

    def draw_latents(self, count, seed=None, truncation=None):
        self._checked_psi(truncation)  # of styles, not of latents
        return super().draw_latents(count, seed)

    def from_latents(self, latents, truncation=None, **asked):
        return self.sample(latents=latents, truncation=truncation, **asked)

    def styles(
        self,
        count=None,
        *,
        labels=None,
        attributes=None,
        seed=None,
        latents=None,
        truncation=None,
        cutoff=None,
    ):
        """The styles that `sample` draws pictures from: to mix, move and project.

        Args:
            count: as of `sample`, like all others.
            labels: see `sample`.
            attributes: see `sample`.
            seed: see `sample`.
            latents: see `sample`.
            truncation: see `sample`.
            cutoff: see `sample`.

        Returns:
            float32 (N, places, style_dim), W+: of one picture all places are alike, unless
            `cutoff` truncates some of them only.

        Raises:
            ValueError: as `sample`.
        """
        psi = self._checked_psi(truncation)
        if cutoff is not None:
            check_positive("cutoff", cutoff)
        if self.conditions:
            labels, attributes = self.numbered(labels, attributes)
            labels = self.conditions.each(labels, attributes, count=count, latents=latents)
            count = len(labels)
        elif labels is not None or attributes is not None:
            raise ValueError(
                f"{self.name} has no labels: leave `labels` and `attributes` out, or use a model "
                "that was made with `num_classes` or `num_attributes`."
            )
        latents = self._given_or_drawn(latents, count, seed, None)
        inputs = [latents] if labels is None else [latents, labels]
        w = self.in_chunks(self._part("mapping"), *inputs)
        styles = np.repeat(w[:, None], self.places, axis=1)
        if psi < 1.0:  # exactly as they are otherwise
            mean, moved = self.mean_style(), slice(None, cutoff)
            styles[:, moved] = mean + psi * (styles[:, moved] - mean)
        return styles

    def directions(self, count=8):
        """Directions in w that change pictures most, whatever w is.

        They are eigenvectors of the sum of A A^T over the modulated convolutions, whose styles are
        A w: closed-form factorisation of what the networks have learned (Shen & Zhou, 2020,
        https://arxiv.org/abs/2007.06600).

        Args:
            count: how many, from the strongest.

        Returns:
            float32 (count, style_dim), of length 1; add multiples of one to styles.

        Raises:
            ValueError: for more than there are.
        """
        check_positive("count", count)
        if count > self.style_dim:
            raise ValueError(f"There are {self.style_dim} directions. Received: count={count}.")
        joined = np.concatenate(self._style_kernels(), axis=1).astype("float64")
        _, vectors = np.linalg.eigh(joined @ joined.T)  # from the weakest
        found = vectors.T[::-1][:count]
        # Of the two signs the one whose largest number is above 0.
        largest = np.take_along_axis(found, np.abs(found).argmax(axis=1)[:, None], axis=1)
        return (found * np.sign(largest)).astype("float32")

    def _style_kernels(self):
        """A of each modulated convolution, (style_dim, width)."""
        network = self._part("synthesis")
        names = [noise.name.removeprefix("noise_") for noise in network.inputs[1:]]
        return [ops.convert_to_numpy(network.get_layer(f"{name}_style").kernel) for name in names]

    def mean_style(self):
        """The mean of w over the latents of training, float32 (style_dim,)."""
        return ops.convert_to_numpy(self._part("truncation").mean)

    def synthesize(self, styles, *, noise="constant", seed=None):
        """Pictures of styles.

        Args:
            styles: float (N, places, style_dim), or (N, style_dim), one for all places.
            noise: see `sample`.
            seed: of random noise; another draw each call where not given.

        Returns:
            float32 (N, image_size, image_size, image_channels) in [-1, 1].

        Raises:
            ValueError: for styles of another shape, or another kind of noise.
        """
        check_choice("noise", noise, NOISES)
        styles = np.asarray(styles, "float32")
        if styles.ndim == 2:
            styles = np.repeat(styles[:, None], self.places, axis=1)
        if styles.shape[1:] != (self.places, self.style_dim):
            raise ValueError(
                f"`styles` must have shape (N, {self.places}, {self.style_dim}) or (N, "
                f"{self.style_dim}). Received: {styles.shape}."
            )
        network = self._part("synthesis")
        maps = self._noise_maps(network, len(styles), noise, seed)
        return np.clip(self.in_chunks(network, styles, *maps), -1.0, 1.0)

    def _noise_maps(self, network, count, kind, seed):
        """Noise for each layer, (count, side, side, 1)."""
        generator = np.random.default_rng(seed)
        maps = []
        for noise in network.inputs[1:]:
            shape = (count, *noise.shape[1:])
            if kind == "random":
                maps.append(generator.standard_normal(shape, "float32"))
                continue
            found = ops.convert_to_numpy(self._part(noise.name).noise)[None, :, :, None]
            maps.append(np.broadcast_to(found * (kind == "constant"), shape))
        return maps

    def _part(self, name):
        """A part of the generator that makes pictures for people."""
        return self.sampling_network.get_layer(name)

    def _checked_psi(self, psi):
        if psi is None:
            return 1.0
        if not is_number(psi) or not 0.0 <= psi <= 1.0:
            raise ValueError(
                "`truncation` is psi here, from 0 (the mean picture) to 1 (all variety). "
                f"Received: {psi!r}"
            )
        return float(psi)


_ENTRY: dict = {
    "task": "unconditional",
    "paper": "Karras et al., 2019, https://arxiv.org/abs/1912.04958, with the configurations of "
    "Karras et al., 2020, https://arxiv.org/abs/2006.06676",
}
_TINY = {
    "image_size": 16,
    "latent_dim": 8,
    "style_dim": 8,
    "channel_base": 64,
    "channel_max": 8,
    "mapping_layers": 2,
}

register(
    "stylegan2",
    StyleGAN2,
    parameters={"generator": 23_191_522, "discriminator": 24_001_089},
    **_ENTRY,
    tiny=_TINY,
    r1=0.8192,
    ema_kimg=5.0,
    augment=("blit", "geometry", "color_transform"),
    ada_target=0.6,
)
register(
    "stylegan2_1024",
    StyleGAN2,
    parameters={"generator": 30_370_060, "discriminator": 29_012_513},
    **_ENTRY,
    tiny=_TINY,
    image_size=1024,
    channel_base=32_768,
    mapping_layers=8,
    r1=10.0,
    generator_learning_rate=2e-3,
    discriminator_learning_rate=2e-3,
)
register(
    "stylegan2_cifar10",
    StyleGAN2,
    parameters={"generator": 20_215_315, "discriminator": 23_089_664},
    **{**_ENTRY, "task": "class_conditional"},
    tiny={**_TINY, "num_classes": 10},
    image_size=32,
    num_classes=10,
    channel_base=32_768,
    architecture="orig",
    minibatch_group=32,
    style_mixing=0.0,
    path_length=0.0,
    r1=0.01,
    ema_kimg=500.0,
)
register(
    "stylegan2_avatars",
    StyleGAN2,
    parameters={"generator": 783_880, "discriminator": 900_901},
    recipe={"epochs": 80},
    **{**_ENTRY, "task": "class_conditional"},
    data="bundled:avatars",
    tiny=_TINY,
    image_size=64,
    num_classes=(6, 8, 3),
    num_attributes=4,
    latent_dim=128,
    style_dim=128,
    channel_base=1024,
    channel_max=128,
    label_layers=0,
    path_length=0.0,
    class_weight=1.0,
    r1=0.3,
    ema_kimg=5.0,
    augment=("translation",),
)
