"""Walking and reckoning in latent space: interpolation, arithmetic, walks.

All functions take and return float32 NumPy arrays whose last axis is the latent's; what comes
out goes to `model.sample(latents=...)`.
"""

import numpy as np


def draw(count, latent_dim, seed=None, distribution="normal", truncation=None):
    """Latents, (count, latent_dim); the same for the same seed.

    Args:
        count: how many.
        latent_dim: length of each.
        seed: of the draw; another at each call where None.
        distribution: "normal", standard, or "uniform", U(-1, 1).
        truncation: numbers of normal latents farther from 0 than this are drawn again, which
            gives up variety for pictures closer to what the generator knows well; 2 is a start.

    Raises:
        ValueError: for a truncation below 0.1, or of uniform latents, which have no tails.

    Reference: Brock, Donahue & Simonyan, 2018, https://arxiv.org/abs/1809.11096 (section 3.1)
    """
    if truncation is not None:
        _check_truncation(truncation, distribution)
    shape, seeds = (count, latent_dim), np.random.SeedSequence(seed)
    generator = np.random.default_rng(seeds)
    if distribution == "uniform":
        return generator.uniform(-1.0, 1.0, shape).astype("float32")
    latents = generator.standard_normal(shape)
    if truncation is not None:
        # All are drawn again, and few taken: so the first latents do not depend on the count.
        while (beyond := np.abs(latents) > truncation).any():
            again = np.random.default_rng(seeds.spawn(1)[0]).standard_normal(shape)
            latents = np.where(beyond, again, latents)
    return latents.astype("float32")


def _check_truncation(truncation, distribution):
    if distribution == "uniform":
        raise ValueError(
            "`truncation` cuts the tails of normal latents, and this model's are uniform in "
            "[-1, 1]. Leave it out."
        )
    if not truncation >= 0.1:
        raise ValueError(
            "`truncation` is how far from 0 a latent's numbers may lie, at least 0.1; 2 cuts "
            f"little, 0.5 much. Received: {truncation}"
        )


def linear(start, end, steps):
    """Points on the straight line between two latents, both ends included.

    Args:
        start: latent, shape (..., latent_dim).
        end: latent of the same shape.
        steps: number of points, at least 2.

    Returns:
        (steps, ..., latent_dim)

    Normal latents lie near a sphere; the middle of a straight line lies well inside it, where
    the generator has seldom been. `spherical` stays on it.
    """
    start, end, weights = _ends(start, end, steps)
    return ((1.0 - weights) * start + weights * end).astype("float32")


def spherical(start, end, steps):
    """Points on the great circle between two latents, both ends included.

    The angle turns evenly and the length changes evenly from one latent's to the other's. Where
    the two point the same or the opposite way there is no one such circle, and the line is taken.

    Args:
        start: latent, shape (..., latent_dim).
        end: latent of the same shape.
        steps: number of points, at least 2.

    Returns:
        (steps, ..., latent_dim)

    Reference: White, 2016, https://arxiv.org/abs/1609.04468
    """
    start, end, weights = _ends(start, end, steps)
    lengths = [np.linalg.norm(latent, axis=-1, keepdims=True) for latent in (start, end)]
    directions = [
        latent / np.maximum(length, 1e-12)
        for latent, length in zip((start, end), lengths, strict=True)
    ]
    cosine = np.clip(np.sum(directions[0] * directions[1], -1, keepdims=True), -1.0, 1.0)
    angle = np.arccos(cosine)
    sine = np.sin(angle)
    curved = sine > 1e-6
    divisor = np.where(curved, sine, 1.0)
    direction = (
        np.sin((1.0 - weights) * angle) / divisor * directions[0]
        + np.sin(weights * angle) / divisor * directions[1]
    )
    length = (1.0 - weights) * lengths[0] + weights * lengths[1]
    straight = (1.0 - weights) * start + weights * end
    return np.where(curved, length * direction, straight).astype("float32")


def arithmetic(a, b, c):
    """`mean(a) - mean(b) + mean(c)`: smiling woman - neutral woman + neutral man = smiling man.

    Args:
        a: latents of examples, (N, latent_dim); averaged, because single ones are unstable.
        b: latents of other examples, (M, latent_dim).
        c: latents of more examples, (K, latent_dim).

    Returns:
        (latent_dim,)

    Reference: Radford, Metz & Chintala, 2015, https://arxiv.org/abs/1511.06434 (section 6.3.2)
    """
    means = [np.mean(np.atleast_2d(np.asarray(group, "float64")), axis=0) for group in (a, b, c)]
    if len({mean.shape for mean in means}) > 1:
        raise ValueError(
            "Latents in arithmetic must be of one length. Received lengths: "
            f"{', '.join(str(mean.shape[-1]) for mean in means)}."
        )
    return (means[0] - means[1] + means[2]).astype("float32")


def walk(corners, steps, *, closed=True):
    """A path through several latents, on great circles from each to the next.

    Args:
        corners: (N, latent_dim), N at least 2.
        steps: points from one corner to the next, the first included.
        closed: come back to the first corner, so that a film of it loops.

    Returns:
        (N * steps, latent_dim), or ((N - 1) * steps + 1, latent_dim) where not closed.
    """
    corners = np.asarray(corners, "float32")
    if len(corners) < 2:
        raise ValueError(f"A walk needs two corners at least. Received: {len(corners)}")
    ends = np.concatenate([corners[1:], corners[:1]]) if closed else corners[1:]
    legs = [
        spherical(start, end, steps + 1)[:-1] for start, end in zip(corners, ends, strict=False)
    ]
    if not closed:
        legs.append(corners[-1:])
    return np.concatenate(legs)


def _ends(start, end, steps):
    start, end = np.asarray(start, "float64"), np.asarray(end, "float64")
    if start.shape != end.shape:
        raise ValueError(
            "Latents to interpolate between must have one shape. "
            f"Received: {start.shape} and {end.shape}."
        )
    if steps < 2:
        raise ValueError(f"`steps` counts both ends, so it is at least 2. Received: {steps}")
    weights = np.linspace(0.0, 1.0, steps).reshape(steps, *[1] * start.ndim)
    return start[None], end[None], weights
