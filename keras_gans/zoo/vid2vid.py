"""vid2vid: a clip is translated frame by frame, each from the frames made before.

The game, one update of each player per clip, both from the same frames and the same D. s_t are the
frames to translate, x_t the true ones, y_t what is made of them, w_t the flow from x_t back to
x_(t-1), c_t 1 where it is sure, else 0:

    raw_t, f_t, m_t = G(s_(t-k) .. s_t, y_(t-k) .. y_(t-1))
    y_t             = m_t raw_t + (1 - m_t) warp(y_(t-1), f_t)

    G: min  a(D, (s, y)) + a(D, (s, raw)) + sum_n a(V_n, runs of y)
            + feature_weight * distance of D's and V_n's features of the same from those of x
            + flow_weight * (mean c_t |f_t - w_t| + mean c_t |warp(x_(t-1), f_t) - x_t|)
            + temporal_weight * mean c_t |y_t - warp(y_(t-1), w_t)|  +  mean c_t m_t
            + l1_weight * (mean |y_t - x_t| + mean |raw_t - x_t|)
    D: min  (r(D, (s, x)) + b(D, (s, y)) + r(D, (s, x)) + b(D, (s, raw))
            + sum_n r(V_n, runs of x) + b(V_n, runs of y)) / 2

where a and r are mean((logits - 1)^2) and b is mean(logits^2), summed over sizes.

Networks (`filters=128`, 3 halvings, 9 blocks)

    G    two encoders, of the s and of the y: c7s1-128, d256, d512, d1024, R1024 x 5; their sum goes
         into two branches of R1024 x 4, u512, u256, u128. One ends in c7s1-3 and tanh, raw; the
         other in c7s1-2 times 20, f in pixels, and in c7s1-1 and a sigmoid, m. Reflection padding
         at the 7x7 convolutions and in the blocks, instance norm, ReLU
    D    a PatchGAN for each of 2 sizes of pairs (s_t, frame): C64-C128-C256 stride 2, C512-C1
         stride 1, 4x4 with 2 pixels of padding, instance norm but at the first and last layer,
         leaky ReLU 0.2
    V_n  the same of runs: three frames that are n apart and the two flows w between them, over 20;
         n is 1 and, where clips have more than six frames, 3
    Every kernel N(0, 0.02), every bias 0.

Training: Adam 2e-4, beta_1 0.5; one clip a batch; 10 epochs of constant learning rate and 10 of
linear decay (counted in updates: the defaults are those of the 2,975 clips of Cityscapes); clips
begin with 6 frames, twice as many every 5 epochs.

Paper:     Wang, Liu, Zhu, Liu, Tao, Kautz & Catanzaro, 2018, https://arxiv.org/abs/1808.06601
Reference: NVIDIA/vid2vid, models/networks.py, models/vid2vid_model_G.py, models/vid2vid_model_D.py

The reference's option `no_first_img` is followed: a clip begins with nothing, zeros stand for the
frames before it, its first frame is the raw one alone, and the mask is drawn to 0 where flow is
sure, with a weight of 1. All frames of a clip make one update, as with the reference's
`max_frames_per_gpu` of as many, and are fed back without gradient (`n_frames_bp` of 1).

Departures:
- L1 in place of the distance of VGG19's features: its weights do not ship with the zoo.
- Instance norm in place of batch norm: a batch is one clip, whose frames are made one by one. Of an
  even picture, such as the zeros before a clip, it makes noise of what was rounded, so that what
  the second encoder gives of zeros is not added.
- The flow of frames that are 3 apart is that of the steps between, one after the other; the
  reference estimates it anew.
- Clips have their full length from the start; frames beyond the length that is due have no weight.
  They grow up to 12 frames; the paper's grow up to 30.
- No network for the foreground and no local enhancers for more than one scale are here.
- Flow comes with the data: FlowNet2 is not run in training, see `keras_gans.data.optical_flow`.
- Sources are pictures. The reference makes one channel for each class of a label map.
- Biases begin at 0; the reference leaves them as PyTorch draws them.

`vid2vid_sprites` is sized for two CPU cores: 64 pixels, 2 frames of the source and 1 made before,
an eighth of the features, less deep, one size of discriminators, and clips of 3 to 9 frames.
"""

import keras
from keras import layers, ops

from keras_gans.core.model import GAN
from keras_gans.games.clips import ClipGAN, chained, in_pixels, merged, parted, warped
from keras_gans.games.loss import Loss
from keras_gans.layers import (
    InstanceNorm,
    IsEmpty,
    Mix,
    NarrowConv2D,
    ReflectionPadding2D,
    TorchConvTranspose2D,
    Warp,
)
from keras_gans.optimizers import Adam, LinearDecay
from keras_gans.utils.checks import check_multiple, check_positive, check_weight
from keras_gans.zoo import _multiscale
from keras_gans.zoo._registry import register

_LARGEST_FLOW = 20.0  # what flow is a multiple of, in pixels
_RUN = 3  # frames that a video discriminator sees
_WIDEST = 512  # feature maps of a discriminator


def generator(source_channels, target_channels, window, filters, num_downs, num_blocks):
    """Frames (N, H, W, C) of `window` sources and of what was made before -> four (N, H, W, c).

    H and W are multiples of 2 ** num_downs. The outputs are frame, raw frame, flow and mask.
    """
    source = keras.Input((None, None, window * source_channels), name="source")
    previous = keras.Input((None, None, (window - 1) * target_channels), name="previous")
    shared = num_blocks - num_blocks // 2
    newest = previous[..., -target_channels:]
    first = IsEmpty(name="first")(newest)
    x = _encoded(source, filters, num_downs, shared, "source")
    past = _encoded(previous, filters, num_downs, shared, "previous")
    # Nothing of zeros: instance norm makes noise of the rounding of even maps.
    x = layers.Add()([x, layers.Multiply()([past, 1.0 - first])])
    raw = _branch(x, filters, num_downs, num_blocks // 2, "raw")
    moved = _branch(x, filters, num_downs, num_blocks // 2, "flow")
    raw = layers.Activation("tanh", dtype="float32")(_last(raw, target_channels, "raw"))
    flow = layers.Rescaling(_LARGEST_FLOW, dtype="float32")(_last(moved, 2, "flow"))
    mask = layers.Activation("sigmoid", dtype="float32")(_last(moved, 1, "mask"))
    warped = Warp(dtype="float32")([newest, flow])
    share = layers.Maximum(dtype="float32")([mask, first])
    target = Mix(dtype="float32", name="target")([raw, warped, share])
    return keras.Model([source, previous], [target, raw, flow, mask], name="generator")


def _encoded(x, filters, num_downs, num_blocks, name):
    x = _conv(filters, 7, f"{name}_c7s1")(ReflectionPadding2D(3)(x))
    x = layers.ReLU()(InstanceNorm()(x))
    for level in range(1, num_downs + 1):
        # Padded on all sides, as in PyTorch: SAME would pad right and bottom only.
        x = layers.ZeroPadding2D(1)(x)
        x = _conv(filters * 2**level, 3, f"{name}_down_{level}", strides=2)(x)
        x = layers.ReLU()(InstanceNorm()(x))
    return _blocks(x, filters * 2**num_downs, num_blocks, name)


def _branch(x, filters, num_downs, num_blocks, name):
    x = _blocks(x, filters * 2**num_downs, num_blocks, f"{name}_branch")
    for level in range(num_downs, 0, -1):
        width = filters * 2 ** (level - 1)
        up = TorchConvTranspose2D(width, kernel_initializer=_normal(), name=f"{name}_up_{level}")
        x = layers.ReLU()(InstanceNorm()(up(x)))
    return x


def _blocks(x, width, count, name):
    for block in range(1, count + 1):
        y = _conv(width, 3, f"{name}_block_{block}_1")(ReflectionPadding2D(1)(x))
        y = layers.ReLU()(InstanceNorm()(y))
        y = _conv(width, 3, f"{name}_block_{block}_2")(ReflectionPadding2D(1)(y))
        x = layers.Add()([x, InstanceNorm()(y)])
    return x


def _last(x, channels, name):
    x = ReflectionPadding2D(3)(x)
    return NarrowConv2D(channels, 7, kernel_initializer=_normal(), name=f"{name}_c7s1_out")(x)


def discriminator(channels, filters, num_layers, num_scales, name):
    """PatchGANs at sizes 1, 1/2, ..: pictures (N, H, W, channels) -> a list of feature maps.

    Of each size the maps come from the first convolution to the logits, the largest size first.
    """
    image = keras.Input((None, None, channels), name="image")
    x, found = image, []
    for scale in range(1, num_scales + 1):
        found += _patches(x, filters, num_layers, f"scale_{scale}")
        x = _multiscale.halved(x)
    return keras.Model(image, found, name=name)


def _patches(x, filters, num_layers, name):
    found = []
    for level in range(1, num_layers + 2):
        width = min(filters * 2 ** (level - 1), _WIDEST)
        strides = 2 if level <= num_layers else 1
        conv = _conv(width, 4, f"{name}_conv_{level}", strides=strides)
        x = conv(layers.ZeroPadding2D(2)(x))
        x = layers.LeakyReLU(0.2)(x if level == 1 else InstanceNorm()(x))
        found.append(x)
    logits = _conv(1, 4, f"{name}_logits")(layers.ZeroPadding2D(2)(x))
    return [*found, layers.Activation("linear", dtype="float32")(logits)]


def _conv(width, size, name, strides=1):
    return layers.Conv2D(width, size, strides=strides, kernel_initializer=_normal(), name=name)


def _normal():
    return keras.initializers.RandomNormal(0.0, 0.02)


class _Players:
    """Networks that each optimizer moves: of a model by the length of its clips, else all."""

    def __get__(self, model, owner=None):
        spacings = (1, _RUN) if model is None else model.spacings
        videos = [f"video_discriminator_{apart}" for apart in spacings]
        return {"generator": ("generator",), "discriminator": ("discriminator", *videos)}


@keras.saving.register_keras_serializable("keras_gans")
class Vid2Vid(ClipGAN):
    """Clips to clips, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square frames in training: a multiple of 2 ** num_downs, at least
            twice that, 32, and 16 * 2 ** (discriminator_scales - 1).
        source_channels: of the frames to translate, 3 for colour, 1 for grey.
        target_channels: of the frames to make.
        frames: of each clip in training, at least 3.
        window: how many frames of the source the generator sees, at least 2; it sees one less of
            those it made before.
        filters: feature maps of the generator's first convolutions.
        num_downs: halvings of the side.
        num_blocks: residual blocks on each way through the generator, at least 2; half of them, or
            one more than half, are before the branches.
        discriminator_filters: feature maps of the discriminators' first convolutions.
        discriminator_layers: their halvings.
        discriminator_scales: sizes at which each of them looks.
        feature_weight: of the distance of the discriminators' features.
        flow_weight: of the two losses of flow.
        temporal_weight: of what changes between frames beyond the true flow.
        l1_weight: of the distance from the true frames.
        first_frames: of each clip, at the beginning of training, at least 3.
        grow_every: clips after which twice as many frames count, up to `frames`.
        constant_steps: updates before the learning rate begins to fall.
        decay_steps: updates of its linear fall to zero.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: for a size, number or weight that cannot be.
    """

    players = _Players()  # type: ignore[assignment]
    boundary = 0.5  # logits near 1 say real and near 0 fake

    logged = (
        *GAN.logged,
        *("adversarial_loss", "feature_loss", "l1_loss"),
        *("flow_loss", "warp_loss", "temporal_loss", "mask_loss"),
    )
    losses_in_words = (
        "Losses are means over the frames of a clip that count already. The discriminator's and "
        "the adversarial loss are least squares, summed over frames, raw frames and runs of three "
        "frames, and over sizes; accuracies are of all frames at the largest size. All others are "
        "as they are before they are multiplied by their weights; flow_loss is in pixels."
    )

    def __init__(
        self,
        image_size=256,
        source_channels=3,
        target_channels=3,
        *,
        frames=12,
        window=3,
        filters=128,
        num_downs=3,
        num_blocks=9,
        discriminator_filters=64,
        discriminator_layers=3,
        discriminator_scales=2,
        feature_weight=10.0,
        flow_weight=10.0,
        temporal_weight=10.0,
        l1_weight=10.0,
        first_frames=6,
        grow_every=14_875,
        constant_steps=29_750,
        decay_steps=29_750,
        **kwargs,
    ):
        check_positive("frames", frames, least=_RUN)
        check_positive("first_frames", first_frames, least=_RUN)
        check_positive("window", window, least=2)
        check_positive("num_blocks", num_blocks, least=2)
        for name, value in (
            ("filters", filters),
            ("num_downs", num_downs),
            ("discriminator_filters", discriminator_filters),
            ("discriminator_layers", discriminator_layers),
            ("discriminator_scales", discriminator_scales),
            ("grow_every", grow_every),
        ):
            check_positive(name, value)
        for name, value in (
            ("feature_weight", feature_weight),
            ("flow_weight", flow_weight),
            ("temporal_weight", temporal_weight),
            ("l1_weight", l1_weight),
        ):
            check_weight(name, value)
        least = max(32, 2 * 2**num_downs, 16 * 2 ** (discriminator_scales - 1))
        reason = f"num_downs={num_downs} halve it"
        check_multiple("image_size", image_size, 2**num_downs, reason, least=least)
        super().__init__(**kwargs)
        self.image_size, self.frames, self.window = image_size, frames, window
        self.source_channels, self.target_channels = source_channels, target_channels
        self.filters, self.num_downs, self.num_blocks = filters, num_downs, num_blocks
        self.discriminator_filters = discriminator_filters
        self.discriminator_layers = discriminator_layers
        self.discriminator_scales = discriminator_scales
        self.feature_weight, self.flow_weight = feature_weight, flow_weight
        self.temporal_weight, self.l1_weight = temporal_weight, l1_weight
        self.first_frames, self.grow_every = first_frames, grow_every
        self.constant_steps, self.decay_steps = constant_steps, decay_steps
        self.generator = generator(
            source_channels, target_channels, window, filters, num_downs, num_blocks
        )
        judge = (discriminator_filters, discriminator_layers, discriminator_scales)
        pair = source_channels + target_channels
        self.discriminator = discriminator(pair, *judge, "discriminator")
        for apart in self.spacings:
            name = f"video_discriminator_{apart}"
            channels = _RUN * target_channels + 2 * (_RUN - 1)
            setattr(self, name, discriminator(channels, *judge, name))
        self.built = True

    @property
    def spacings(self):
        """How far apart the three frames lie that the video discriminators see."""
        return [apart for apart in (1, _RUN) if apart * (_RUN - 1) < self.frames]

    @property
    def stride(self):  # type: ignore[override]
        """What the sides of frames to translate must be a multiple of."""
        return 2**self.num_downs

    @property
    def smallest(self):  # type: ignore[override]
        """2 pixels in the middle, where 1 would have nothing to reflect; 4 at the 7x7's."""
        return max(2 * self.stride, 4)

    def optimizers(self, images=None):
        constant, decay = self.constant_and_decay(images)
        schedule = LinearDecay(2e-4, constant, decay)
        return {player: Adam(schedule, beta_1=0.5, name=player) for player in self.players}

    def reference_layers(self):
        """`{network: {module name in the reference's checkpoints: our layer's name}}`."""
        judges = _discriminator_modules(self.discriminator_layers, self.discriminator_scales)
        judged = self.players["discriminator"]
        return {
            "generator": _generator_modules(self.num_downs, self.num_blocks),
            **dict.fromkeys(judged, judges),
        }

    # === Losses ===

    def discriminator_loss(self, source, target, flow, made):
        weights = self.frame_weights()
        real = self.features_of_frames(source, target)
        fake = self.features_of_frames(source, made.frames)
        raw = self.features_of_frames(source, made.raw)
        # The real frames are beside both.
        value = 2.0 * self._squares(real, 1.0, weights)
        value += self._squares(fake, 0.0, weights) + self._squares(raw, 0.0, weights)
        for run in self.runs(target, made.frames, flow):
            value += self._squares(run.real, 1.0, run.weights)
            value += self._squares(run.fake, 0.0, run.weights)
        logits = (self._of_scales(features, last=True)[0] for features in (real, fake))
        return Loss(0.5 * value, *logits)

    def generator_loss(self, source, target, flow, made):
        weights = self.frame_weights()
        real = self.features_of_frames(source, target)
        adversarial, features = 0.0, 0.0
        judged = [
            (real, self.features_of_frames(source, frames), weights)
            for frames in (made.frames, made.raw)
        ]
        judged += [(r.real, r.fake, r.weights) for r in self.runs(target, made.frames, flow)]
        for true, fake, weight in judged:
            adversarial += self._squares(fake, 1.0, weight)
            features += self._distance_of_features(fake, true, weight)
        l1 = _mean(ops.abs(made.frames - target) + ops.abs(made.raw - target), weights)
        flow_losses = self._flow_losses(target, flow, made, weights)
        value = adversarial + self.feature_weight * features + self.l1_weight * l1
        value += self.flow_weight * (flow_losses["flow_loss"] + flow_losses["warp_loss"])
        value += self.temporal_weight * flow_losses["temporal_loss"] + flow_losses["mask_loss"]
        return Loss(
            value, adversarial_loss=adversarial, feature_loss=features, l1_loss=l1, **flow_losses
        )

    def _flow_losses(self, target, flow, made, weights):
        """What the paper asks of flow; of the first frame of a clip nothing is sure."""
        true, sure = in_pixels(flow)
        before = ops.concatenate([ops.zeros_like(target[:, :1]), target[:, :-1]], axis=1)
        moved = warped(before, made.flow)
        expected = ops.stop_gradient(warped(made.previous, true))
        return {
            "flow_loss": _mean(sure * ops.abs(made.flow - true), weights),
            "warp_loss": _mean(sure * ops.abs(moved - target), weights),
            "temporal_loss": _mean(sure * ops.abs(made.frames - expected), weights),
            "mask_loss": _mean(sure * made.mask, weights),
        }

    def frame_weights(self):
        """1 for each frame of a clip that counts by now, 0 for those beyond, (frames,)."""
        doublings = ops.cast(self.images_shown.value // self.grow_every, "float32")
        length = self.first_frames * 2.0 ** ops.minimum(doublings, 16.0)
        return ops.cast(ops.arange(self.frames, dtype="float32") < length, "float32")

    def features_of_frames(self, source, frames):
        """D's features of all frames beside their sources, each (N, T, h, w, C)."""
        pairs = ops.concatenate([source, frames], axis=-1)
        return [parted(x, self.frames) for x in self.discriminator(merged(pairs), training=True)]

    def runs(self, target, frames, flow):
        """Runs of three frames, true and made, as the video discriminators see them.

        Those of one spacing do not overlap; the first one begins with the clip.

        Returns:
            A list of `_Run`, one for each spacing.
        """
        steps, _ = in_pixels(flow)
        return [self._runs(target, frames, steps, apart) for apart in self.spacings]

    def _runs(self, target, frames, steps, apart):
        judge = self.networks[f"video_discriminator_{apart}"]
        ends = list(range((_RUN - 1) * apart, self.frames, _RUN * apart))
        flows = chained(steps, apart)
        weights = ops.stack([self.frame_weights()[end] for end in ends])

        def features(clips):
            runs = [_run(clips, flows, end, apart) for end in ends]
            found = judge(merged(ops.stack(runs, axis=1)), training=True)
            return [parted(x, len(ends)) for x in found]

        return _Run(features(target), features(frames), weights)

    def _squares(self, features, label, weights):
        """Least squares of the logits, summed over scales."""
        return sum(
            _mean(ops.square(logits - label), weights)
            for logits in self._of_scales(features, last=True)
        )

    def _distance_of_features(self, fake, true, weights):
        share = 4.0 / (self.discriminator_layers + 1) / self.discriminator_scales
        pairs = zip(
            self._of_scales(fake, last=False), self._of_scales(true, last=False), strict=True
        )
        return share * sum(
            _mean(ops.abs(one - ops.stop_gradient(other)), weights) for one, other in pairs
        )

    def _of_scales(self, features, last):
        """The logits of all scales, or all features before them."""
        each = self.discriminator_layers + 2
        return [x for number, x in enumerate(features, start=1) if (number % each == 0) == last]


class _Run:
    """Features of runs of frames, each (N, runs, h, w, C), and the weights of the runs."""

    def __init__(self, real, fake, weights):
        self.real, self.fake, self.weights = real, fake, weights


def _mean(values, weights):
    """Mean of (N, T, h, w, C) over all but frames, then over the frames that count; 0 of none."""
    of_frames = ops.mean(ops.cast(values, "float32"), axis=(0, 2, 3, 4))
    return ops.sum(of_frames * weights) / ops.maximum(ops.sum(weights), 1.0)


def _run(clips, flows, end, apart):
    """Three frames and the two flows between them, as one picture (N, H, W, channels)."""
    frames = [clips[:, end - apart * back] for back in (2, 1, 0)]
    between = [flows[:, end - apart * back] / _LARGEST_FLOW for back in (1, 0)]
    return ops.concatenate([*frames, *between], axis=-1)


def _generator_modules(num_downs, num_blocks):
    modules: dict[str, str] = {}
    shared = num_blocks - num_blocks // 2
    for theirs, ours in (("seg", "source"), ("img", "previous")):
        parts = {1: "c7s1", **{1 + 3 * n: f"down_{n}" for n in range(1, num_downs + 1)}}
        first = 4 + 3 * num_downs
        modules |= {f"model_down_{theirs}.{at}": f"{ours}_{part}" for at, part in parts.items()}
        modules |= _block_modules(f"model_down_{theirs}", first, shared, ours)
    for theirs, ours in (("img", "raw"), ("flow", "flow")):
        modules |= _block_modules(f"model_res_{theirs}", 0, num_blocks // 2, f"{ours}_branch")
        ups = enumerate(range(num_downs, 0, -1))
        modules |= {f"model_up_{theirs}.{3 * at}": f"{ours}_up_{level}" for at, level in ups}
    last = {"img": "raw", "flow": "flow", "w": "mask"}.items()
    return modules | {f"model_final_{theirs}.1": f"{ours}_c7s1_out" for theirs, ours in last}


def _block_modules(theirs, first, count, ours):
    return {
        f"{theirs}.{first + block - 1}.conv_block.{at}": f"{ours}_block_{block}_{number}"
        for block in range(1, count + 1)
        for number, at in ((1, 1), (2, 5))
    }


def _discriminator_modules(num_layers, num_scales):
    """The reference counts sizes from the smallest."""
    return {
        f"scale{num_scales - scale}_layer{level - 1}.0": (
            f"scale_{scale}_logits" if level == num_layers + 2 else f"scale_{scale}_conv_{level}"
        )
        for scale in range(1, num_scales + 1)
        for level in range(1, num_layers + 3)
    }


_ENTRY: dict = {
    "task": "video_translation",
    "paper": "Wang et al., 2018, https://arxiv.org/abs/1808.06601",
    "tiny": {
        "image_size": 32,
        "frames": 3,
        "window": 2,
        "filters": 4,
        "num_downs": 2,
        "num_blocks": 2,
        "discriminator_filters": 4,
        "discriminator_layers": 2,
        "discriminator_scales": 1,
    },
}

register(
    "vid2vid",
    Vid2Vid,
    parameters={
        "generator": 364_685_446,
        "discriminator": 5_535_618,
        "video_discriminator_1": 5_549_954,
        "video_discriminator_3": 5_549_954,
    },
    recipe={"epochs": 20, "batch_size": 1, "jitter": False},
    **_ENTRY,
)
register(
    "vid2vid_sprites",
    Vid2Vid,
    parameters={
        "generator": 695_094,
        "discriminator": 43_633,
        "video_discriminator_1": 45_425,
        "video_discriminator_3": 45_425,
    },
    recipe={"epochs": 14, "batch_size": 1, "jitter": False},
    **_ENTRY,
    data="bundled:sprites",
    image_size=64,
    frames=9,
    first_frames=3,
    grow_every=5_000,
    window=2,
    filters=16,
    num_downs=2,
    num_blocks=4,
    discriminator_filters=16,
    discriminator_layers=2,
    discriminator_scales=1,
)
