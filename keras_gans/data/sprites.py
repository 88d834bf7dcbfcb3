"""Sprites in motion: clips of bundled emoji that are moved by known affine motion.

Each clip shows two emoji that turn, grow and wander over a patterned ground that drifts, all at a
steady pace, so that the flow between frames is known exactly. The source is a sketch of each frame:
white, darker where a colour channel changes. A clip is drawn when it is asked for and is always the
same.
"""

import dataclasses
import functools

import numpy as np

from keras_gans.data import emoji

SIDE = 64
_SPRITES = 2
_SPEED, _DRIFT = 2.5, 1.0  # pixels a frame, of sprites and of the ground, at most
_TURN, _GROWTH = 0.08, 0.02  # radians and share a frame, at most
_GAIN = 3.0  # of the sketch: how much darker than the change of colour
_WHITE = 250  # of an emoji's ground, whose edges are not quite white


@dataclasses.dataclass(frozen=True)
class Clips:
    """Clips of one length, and their exact flow.

    Attributes:
        sources: sketches, uint8 (N, frames, 64, 64, 3).
        targets: the frames, uint8 (N, frames, 64, 64, 3).
        flows: float32 (N, frames, 64, 64, 3): where each pixel was in the frame before, across and
            down in pixels from its place, and 1 where it was to be seen there, else 0. All of the
            first frame is 0.
    """

    sources: np.ndarray
    targets: np.ndarray
    flows: np.ndarray


def numbers(split):
    """The clips of a split: one for each of its emoji, by the emoji's number, (count,)."""
    test = emoji.splits() == "test"
    chosen = {"train": ~test, "test": test, "all": np.ones(len(test), bool)}[split]
    return np.flatnonzero(chosen)


def clips(which, frames):
    """Draws clips.

    Args:
        which: numbers of `numbers(split)`, (N,).
        frames: of each clip. A longer clip begins as the shorter one does.

    Returns:
        `Clips`.
    """
    drawn = [_clip(int(number), frames) for number in which]
    return Clips(*(np.stack(part) for part in zip(*drawn, strict=True)))


def _clip(number, frames):
    rng = np.random.default_rng((2018, number))
    tests = emoji.splits() == "test"
    others = np.flatnonzero(tests == tests[number])  # a split shows nothing of another
    shown = [number, *rng.choice(others, _SPRITES - 1)]
    layers = [_ground(rng), *(_sprite(one, rng) for one in shown[::-1])]
    shots = [_shot(layers, time) for time in range(frames)]
    targets = np.stack([shot[0] for shot in shots])
    before = [None, *shots[:-1]]
    flows = [_flow(layers, t, now, old) for t, (now, old) in enumerate(zip(shots, before))]  # noqa: B905
    return np.stack([_sketch(frame) for frame in targets]), targets, np.stack(flows)


# === What moves ===


@dataclasses.dataclass(frozen=True)
class _Layer:
    """A picture (H, W, 3), its mask (H, W), where its middle is and how it moves each frame."""

    picture: np.ndarray
    mask: np.ndarray
    start: np.ndarray
    speed: np.ndarray
    size: float
    growth: float
    angle: float
    turn: float

    def matrix(self, time):
        """From places in the picture, about its middle, to places in the frame."""
        angle, size = self.angle + self.turn * time, self.size * (1 + self.growth) ** time
        return size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def centre(self, time):
        return self.start + self.speed * time

    def to_picture(self, places, time):
        """Where in the picture places (..., 2) of the frame lie, across and down."""
        middle = (np.array(self.picture.shape[1::-1]) - 1) / 2
        return (places - self.centre(time)) @ np.linalg.inv(self.matrix(time)).T + middle

    def to_frame(self, places, time):
        """Where in the frame places (..., 2) of the picture lie."""
        middle = (np.array(self.picture.shape[1::-1]) - 1) / 2
        return (places - middle) @ self.matrix(time).T + self.centre(time)


def _sprite(number, rng):
    picture, mask = _cut_out(number)
    return _Layer(
        *(picture, mask, rng.uniform(0.3 * SIDE, 0.7 * SIDE, 2), rng.uniform(-_SPEED, _SPEED, 2)),
        *(rng.uniform(0.4, 0.7), rng.uniform(-_GROWTH, _GROWTH)),
        *(rng.uniform(-0.3, 0.3), rng.uniform(-_TURN, _TURN)),
    )


def _ground(rng):
    """A field of soft checks that drifts; it is larger than the frame on all sides."""
    side, check = 3 * SIDE, rng.uniform(10, 20)
    light, dark = rng.uniform(128, 255, 3), rng.uniform(64, 192, 3)
    waves = np.sin(np.arange(side) * np.pi / check + rng.uniform(0, np.pi))
    share = 0.5 + 0.5 * np.clip(4 * waves[:, None] * waves[None], -1, 1)
    picture = light * share[..., None] + dark * (1 - share[..., None])
    return _Layer(
        *(picture, np.ones((side, side)), np.full(2, (SIDE - 1) / 2)),
        *(rng.uniform(-_DRIFT, _DRIFT, 2), 1.0, 0.0, rng.uniform(-0.5, 0.5), 0.0),
    )


@functools.lru_cache(maxsize=4096)
def _cut_out(number):
    """An emoji (64, 64, 3) and its mask, without the white around it."""
    picture = _emoji()[number]
    white = (picture >= _WHITE).all(-1)
    around = np.zeros_like(white)
    around[[0, -1]], around[:, [0, -1]] = white[[0, -1]], white[:, [0, -1]]
    while True:  # what is white and touches what lies around does so too
        grown = around.copy()
        grown[1:] |= around[:-1]
        grown[:-1] |= around[1:]
        grown[:, 1:] |= around[:, :-1]
        grown[:, :-1] |= around[:, 1:]
        grown &= white
        if (grown == around).all():
            return picture.astype("float64"), (~around).astype("float64")
        around = grown


@functools.cache
def _emoji():
    return emoji.pictures("twemoji", np.ones(len(emoji.splits()), bool))


# === Frames ===


def _shot(layers, time):
    """A frame, uint8 (64, 64, 3), and the number of the layer that each pixel shows."""
    frame, shown = np.zeros((SIDE, SIDE, 3)), np.zeros((SIDE, SIDE), int)
    for number, layer in enumerate(layers):
        places = layer.to_picture(_places(), time)
        inside = _sampled(layer.mask[..., None], places)[..., 0] > 0.5
        frame = np.where(inside[..., None], _sampled(layer.picture, places, border=True), frame)
        shown = np.where(inside, number, shown)
    return np.clip(np.rint(frame), 0, 255).astype("uint8"), shown


def _flow(layers, time, now, before):
    flow = np.zeros((SIDE, SIDE, 3), "float32")
    if before is None:
        return flow
    for number, layer in enumerate(layers):
        there = layer.to_frame(layer.to_picture(_places(), time), time - 1)
        mine = now[1] == number
        flow[mine, :2] = (there - _places())[mine]
        flow[mine, 2] = _seen(before[1] == number, there)[mine]
    return flow


def _seen(shown, places):
    """Whether all of what a place is interpolated from shows the layer: 0 or 1."""
    return _sampled(shown[..., None].astype("float64"), places)[..., 0] > 0.999


@functools.cache
def _places():
    """Across and down of each pixel, (64, 64, 2)."""
    return np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1).astype("float64")


def _sampled(picture, places, border=False):
    """A picture (H, W, C) at places (..., 2), bilinearly; nothing outside, or its border."""
    height, width, _ = picture.shape
    last = np.array([width - 1, height - 1])
    inside = ((places >= 0) & (places <= last)).all(-1, keepdims=True)
    near = np.clip(places, 0, last)
    low = np.minimum(near.astype(int), last - 1)
    (x, y), share = np.moveaxis(low, -1, 0), near - low
    right, down = share[..., :1], share[..., 1:]
    upper = picture[y, x] * (1 - right) + picture[y, x + 1] * right
    lower = picture[y + 1, x] * (1 - right) + picture[y + 1, x + 1] * right
    made = upper * (1 - down) + lower * down
    return made if border else made * inside


def _sketch(frame):
    """White, darker where a channel changes, uint8 of the frame's shape."""
    values = frame.astype("float64")
    down, across = np.gradient(values, axis=0), np.gradient(values, axis=1)
    change = _GAIN * np.hypot(down, across)
    return (255 - np.minimum(change, 255)).astype("uint8")
