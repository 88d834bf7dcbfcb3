"""The metrics against closed forms, plain loops and, where installed, the reference packages."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.evaluation.metrics import (
    FID,
    KID,
    DensityCoverage,
    InceptionScore,
    Modes,
    Pairs,
    PrecisionRecall,
)
from keras_gans.evaluation.metrics.collecting import Moments, Reservoir
from keras_gans.evaluation.metrics.fid import frechet
from keras_gans.evaluation.metrics.kid import discrepancy

ON_FEATURES = [FID, KID, DensityCoverage, PrecisionRecall]


def normal(count=400, dimension=6, mean=0.0, scale=1.0, seed=0):
    return np.random.default_rng(seed).normal(mean, scale, (count, dimension))


def fed(metric, real, fake, size=70):
    """In batches, the last of them smaller."""
    for start in range(0, len(real), size):
        metric.update(real=real[start : start + size])
    for start in range(0, len(fake), size):
        metric.update(fake=fake[start : start + size])
    return metric.result()


# === FID ===


def test_moments_are_those_of_all_at_once_even_far_from_the_origin():
    features = normal(mean=1e6)
    moments = Moments()
    for part in np.array_split(features, 7):
        moments.update(part)
    np.testing.assert_allclose(moments.mean, features.mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.covariance, np.cov(features.T), rtol=1e-6, atol=1e-9)


def test_frechet_distance_of_normal_distributions_in_closed_form():
    rng = np.random.default_rng(0)
    first, second = rng.uniform(0.1, 3, (2, 5))
    means = rng.normal(size=(2, 5))
    expected = np.sum((means[0] - means[1]) ** 2) + np.sum((np.sqrt(first) - np.sqrt(second)) ** 2)
    rotation, _ = np.linalg.qr(rng.normal(size=(5, 5)))  # commuting, and not diagonal
    covariances = [rotation @ np.diag(values) @ rotation.T for values in (first, second)]
    found = frechet(means[0], covariances[0], means[1], covariances[1])
    assert found == pytest.approx(expected, rel=1e-10)


def test_frechet_distance_of_covariances_that_do_not_commute():
    # Of 2 x 2: tr sqrt(AB) = sqrt(tr AB + 2 sqrt(det AB)).
    a, b = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[1.0, -0.5], [-0.5, 4.0]])
    trace = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))
    expected = np.trace(a) + np.trace(b) - 2 * trace
    assert frechet(np.zeros(2), a, np.zeros(2), b) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dimension", [6, 256])
def test_fid_of_a_set_with_itself_is_0(dimension):
    # Of features as networks have them: of very different sizes, many of them hardly there.
    features = normal(600, dimension) * np.logspace(1, -6, dimension) @ normal(dimension, dimension)
    assert fed(FID(), features, features) == pytest.approx(0.0, abs=1e-6)


# === KID ===


def test_kid_is_the_plain_sum_over_pairs():
    real, fake = normal(7, 3), normal(5, 3, mean=0.3, seed=1)

    def kernel(x, y):
        return (x @ y / 3 + 1) ** 3

    def mean(values):
        return sum(values) / len(values)

    expected = (
        mean([kernel(x, y) for i, x in enumerate(real) for j, y in enumerate(real) if i != j])
        + mean([kernel(x, y) for i, x in enumerate(fake) for j, y in enumerate(fake) if i != j])
        - 2 * mean([kernel(x, y) for x in real for y in fake])
    )
    assert discrepancy(real, fake) == pytest.approx(expected, rel=1e-12)
    mean_, deviation = fed(KID(subsets=3), real[:5], fake)  # each subset is all there is
    assert mean_ == pytest.approx(discrepancy(real[:5], fake)) and deviation < 1e-12


def test_kid_of_two_halves_of_a_set_is_0_on_average():
    values = [
        discrepancy(normal(40, 4, seed=seed), normal(40, 4, seed=1000 + seed))
        for seed in range(300)
    ]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 3 * error
    assert min(values) < 0 < max(values)  # unbiased, and so below 0 at times


def test_kid_sees_a_difference():
    assert fed(KID(10, 100), normal(), normal(mean=1.0, seed=1))[0] > 0.5


# === Neighbourhoods ===


def loops(real, fake, k):
    """The papers' equations as written."""

    def reach(features):
        return [np.sort(np.linalg.norm(features - x, axis=1))[k] for x in features]

    real_reach, fake_reach = reach(real), reach(fake)
    near = [
        [np.linalg.norm(x - y) < r for x, r in zip(real, real_reach, strict=True)] for y in fake
    ]
    back = [
        [np.linalg.norm(x - y) < r for y, r in zip(fake, fake_reach, strict=True)] for x in real
    ]
    return {
        "density": np.sum(near) / (k * len(fake)),
        "coverage": np.mean(np.any(near, axis=0)),
        "precision": np.mean(np.any(near, axis=1)),
        "recall": np.mean(np.any(back, axis=1)),
    }


@pytest.mark.parametrize("k", [1, 3, 5])
def test_neighbourhoods_are_those_of_the_equations(k):
    real, fake = normal(90, 4), normal(60, 4, mean=0.4, scale=0.8, seed=1)
    expected = loops(real, fake, k)
    assert fed(DensityCoverage(k), real, fake) == pytest.approx(
        (expected["density"], expected["coverage"])
    )
    assert fed(PrecisionRecall(k), real, fake) == pytest.approx(
        (expected["precision"], expected["recall"])
    )


def test_a_generator_of_one_mode_is_precise_and_covers_nothing():
    real = np.concatenate([normal(200, 3, mean=mean, scale=0.1, seed=mean) for mean in (0, 5)])
    fake = normal(200, 3, scale=0.1, seed=9)
    precision, recall = fed(PrecisionRecall(), real, fake)
    density, coverage = fed(DensityCoverage(), real, fake)
    assert precision > 0.9 and density > 0.7
    assert recall < 0.55 and coverage < 0.55


# === The others ===


def test_inception_score_between_its_ends():
    sure = InceptionScore(splits=2)
    sure.update(np.eye(4)[np.arange(80) // 2 % 4])
    assert sure.result() == pytest.approx((4.0, 0.0))
    one = InceptionScore(splits=2)
    one.update(np.tile([1.0, 0.0], (10, 1)))
    assert one.result() == pytest.approx((1.0, 0.0))
    mixed, batches = InceptionScore(splits=1), InceptionScore(splits=1)
    given = np.random.default_rng(0).dirichlet(np.ones(5), 30)
    mixed.update(given)
    for part in np.array_split(given, 4):
        batches.update(part)
    marginal = given.mean(0)
    expected = np.exp(np.mean(np.sum(given * np.log(given / marginal), axis=1)))
    assert mixed.result()[0] == pytest.approx(expected, rel=1e-12)
    assert batches.result()[0] == pytest.approx(expected, rel=1e-12)


def test_modes_are_counted_and_their_evenness_measured():
    modes = Modes(4)
    modes.update([0, 0, 1])
    modes.update(np.array([1]))
    found, divergence = modes.result()
    assert found == 2 and divergence == pytest.approx(np.log(2))
    modes.update([2, 2, 3, 3])
    assert modes.result() == pytest.approx((4, 0.0))


def test_pairs():
    targets = np.random.default_rng(0).uniform(-1, 1, (3, 16, 16, 3)).astype("float32")
    same = Pairs()
    same.update(targets, targets)
    assert same.result()["l1"] == 0 and same.result()["ssim"] == pytest.approx(1)
    other, parts = Pairs(), Pairs()
    outputs = np.clip(targets + 0.2, -1, 1)
    other.update(targets, outputs)
    for row in range(3):
        parts.update(targets[row : row + 1], outputs[row : row + 1])
    found = other.result()
    assert found["l1"] == pytest.approx(np.abs(targets - outputs).mean() / 2, rel=1e-5)
    pictures = [(x / 2 + 0.5).astype("float32") for x in (targets, outputs)]
    ssim = np.mean(tf.image.ssim(*pictures, 1.0))
    assert found["ssim"] == pytest.approx(ssim, rel=1e-5)
    error = np.mean((targets - outputs) ** 2, axis=(1, 2, 3))
    assert found["psnr"] == pytest.approx(np.mean(10 * np.log10(4 / error)), rel=1e-5)
    assert parts.result() == pytest.approx(found)


# === Memory ===


def test_a_reservoir_keeps_an_even_draw_of_bounded_size():
    kept = []
    for seed in range(200):
        reservoir = Reservoir(10, seed)
        for part in np.array_split(np.arange(100.0)[:, None], 9):
            reservoir.update(part)
        assert reservoir.features.shape == (10, 1) and reservoir.seen == 100
        kept.append(reservoir.features)
    assert np.mean(kept) == pytest.approx(49.5, abs=3 * 29 / np.sqrt(2000))
    few = Reservoir(10)
    few.update([[1.0], [2.0]])
    np.testing.assert_array_equal(few.features, [[1.0], [2.0]])


# === The reference packages ===


@pytest.mark.fidelity("torch", "torch_fidelity")
@pytest.mark.usefixtures("without_torchvision")
def test_kid_and_fid_are_those_of_torch_fidelity():
    import torch
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_kid import kernel_mmd

    real, fake = normal(500, 32), normal(500, 32, mean=0.2, scale=1.2, seed=1)
    statistics = [fid_features_to_statistics(torch.tensor(x)) for x in (real, fake)]
    theirs = fid_statistics_to_metric(*statistics, verbose=False)
    assert fed(FID(), real, fake) == pytest.approx(theirs["frechet_inception_distance"], rel=1e-3)
    theirs = kernel_mmd(real, fake)
    assert discrepancy(real, fake) == pytest.approx(float(theirs), rel=1e-3)


@pytest.mark.fidelity("prdc")
def test_neighbourhoods_are_those_of_prdc():
    import prdc

    real, fake = normal(300, 16), normal(300, 16, mean=0.2, seed=1)
    theirs = prdc.compute_prdc(real, fake, nearest_k=5)
    assert fed(DensityCoverage(5), real, fake) == pytest.approx(
        (theirs["density"], theirs["coverage"]), rel=1e-3
    )
    assert fed(PrecisionRecall(5), real, fake) == pytest.approx(
        (theirs["precision"], theirs["recall"]), rel=1e-3
    )


# === What cannot be ===


@pytest.mark.parametrize("metric", ON_FEATURES)
def test_too_few_are_refused_with_the_number_needed(metric):
    one = metric()
    one.update(real=normal(2, 3), fake=normal(1, 3))
    with pytest.raises(ValueError, match=f"{metric.__name__} needs at least [246] .* pictures"):
        one.result()


def test_fid_of_fewer_pictures_than_features_names_what_to_use():
    one = FID()
    one.update(real=normal(50, 64), fake=normal(100, 64))
    with pytest.raises(ValueError, match="at least 65 real.*Received: 50.*use KID"):
        one.result()


@pytest.mark.parametrize("metric", ON_FEATURES)
@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.zeros(5), "shape .N, dimension.. Received: .5,."),
        (np.full((2, 3), np.nan), "must be finite"),
        (np.zeros((2, 4)), "Received 4 values for each picture, after 3"),
    ],
)
def test_wrong_features_are_refused(metric, features, message):
    one = metric()
    one.update(real=normal(5, 3))
    with pytest.raises(ValueError, match=message):
        one.update(real=features)


def test_other_wrong_input_is_refused():
    with pytest.raises(ValueError, match="softmax"):
        InceptionScore().update(np.ones((2, 3)))
    with pytest.raises(ValueError, match="Received: 3. Give more, or use splits=1"):
        score = InceptionScore()
        score.update(np.full((3, 2), 0.5))
        score.result()
    with pytest.raises(ValueError, match="from 0 to 9. Received: 3 to 10"):
        Modes(10).update([3, 10])
    with pytest.raises(ValueError, match="needs pictures"):
        Modes(10).result()
    with pytest.raises(ValueError, match="11 x 11"):
        Pairs().update(np.zeros((1, 8, 8, 1)), np.zeros((1, 8, 8, 1)))
    with pytest.raises(ValueError, match="needs pictures"):
        Pairs().result()
