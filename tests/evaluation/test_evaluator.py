"""Figures of models: what is compared with what, and what is refused."""

import json
import tracemalloc

import keras
import numpy as np
import pytest
from fabrication import fabricate, tiny

from keras_gans import training
from keras_gans.core.measuring import seed_of
from keras_gans.evaluation import evaluate_model, features, metrics
from keras_gans.evaluation.evaluator import METRICS, Evaluator
from keras_gans.images import grids
from keras_gans.training.callbacks import Metrics


@pytest.fixture
def extractor():
    """Eight features of pictures, always the same ones."""
    keras.utils.set_random_seed(0)
    return features.of_model(
        keras.Sequential(
            [
                keras.layers.Input((8, 8, 1)),
                keras.layers.Flatten(),
                keras.layers.Dense(8, activation="relu"),
            ],
            name="eight",
        )
    )


def batch_of(model, count=30):
    """Batches of noise as `data.load` would make them."""
    half = count // 2
    return [fabricate(model, half, seed=1), fabricate(model, count - half, seed=2)]


def test_figures_are_those_of_the_metrics(extractor):
    model = tiny("gan")
    batches = batch_of(model)
    evaluate = Evaluator(batches, extractor, ["fid", "kid", "precision_recall"])
    found = evaluate(model)
    assert set(found) == {
        *("fid_eight", "kid_eight", "kid_eight_deviation", "precision_eight", "recall_eight")
    }
    fid = metrics.FID()
    for batch in batches:
        fid.update(real=extractor(batch))
    for _, fake in evaluate._generated(model):
        fid.update(fake=extractor(fake))
    assert found["fid_eight"] == pytest.approx(fid.result(), rel=1e-9)


def test_asking_again_gives_the_same_and_other_seeds_others(extractor):
    model = tiny("gan")
    evaluate = Evaluator(batch_of(model), extractor, ["kid"])
    assert evaluate(model) == evaluate(model)
    other = Evaluator(batch_of(model), extractor, ["kid"], seed=1)
    assert other(model) != evaluate(model)


def test_a_generator_of_the_real_pictures_is_at_no_distance(extractor):
    model = tiny("gan")
    batches = batch_of(model, 40)
    left = list(batches)
    model.sample = lambda count, seed: np.concatenate([left.pop(0), left.pop(0)])
    found = Evaluator(batches, extractor, ["fid", "density_coverage"])(model)
    assert found["fid_eight"] == pytest.approx(0, abs=1e-6)
    assert found["coverage_eight"] == 1


def test_labels_are_asked_for_as_the_real_pictures_have_them(extractor):
    model = tiny("cgan")
    asked = []
    sample = model.sample

    def noted(**kwargs):
        asked.append(kwargs["labels"])
        return sample(**kwargs)

    model.sample = noted
    batches = batch_of(model)
    Evaluator(batches, extractor, ["kid"])(model)
    assert np.array_equal(np.concatenate(asked), np.concatenate([b[1] for b in batches]))


def test_heads_and_attributes_are_asked_for():
    model = tiny("cdcgan", num_classes=(3, 2), num_attributes=2, image_channels=1)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (12, 4))
    images = rng.uniform(-1, 1, (12, 16, 16, 1)).astype("float32")
    seen = features.of_model(
        keras.Sequential([keras.layers.Input((16, 16, 1)), keras.layers.Flatten()], name="pixels")
    )
    found = Evaluator([(images, labels)], seen, ["kid"])(model)
    assert np.isfinite(found["kid_pixels"])


def test_figures_do_not_depend_on_how_the_data_was_batched(extractor):
    model = tiny("cgan")
    images, labels = (np.concatenate(column) for column in zip(*batch_of(model, 600), strict=True))
    whole = Evaluator([(images, labels)], extractor, ["kid"], count=555)
    parts = [(images[at : at + 64], labels[at : at + 64]) for at in range(0, 600, 64)]
    apart = Evaluator(parts, extractor, ["kid"], count=555)
    assert whole.count == apart.count == 555
    assert whole(model) == apart(model)


def test_count_is_the_most_and_all_where_there_are_fewer(extractor):
    model = tiny("gan")
    assert Evaluator(batch_of(model), extractor, ["kid"], count=17).count == 17
    assert Evaluator(batch_of(model), extractor, ["kid"]).count == 30
    assert Evaluator(batch_of(model), extractor, ["kid"], count=None).count == 30


@pytest.mark.parametrize("name", ["gan", "cgan"])
def test_truncation_is_of_the_latents_and_in_the_protocol(extractor, name):
    model = tiny(name)
    drawn, draw = [], model.draw_latents

    def noted(*args, **kwargs):
        drawn.append(draw(*args, **kwargs))
        return drawn[-1]

    model.draw_latents = noted
    evaluate = Evaluator(batch_of(model), extractor, ["kid", "path_length"], truncation=0.5)
    evaluate(model)
    assert len(drawn) == 3 and all(np.abs(latents).max() <= 0.5 for latents in drawn)
    assert evaluate.protocol(model)["truncation"] == 0.5
    assert "truncation" not in Evaluator(batch_of(model), extractor, ["kid"]).protocol(model)


def test_translators_have_no_latents_to_cut():
    model = tiny("pix2pix")
    with pytest.raises(
        ValueError, match="`truncation` is of latents, and Pix2Pix|pix2pix has none"
    ):
        Evaluator(batch_of(model, 4), None, ["pairs"], truncation=2)(model)


class Streamed:
    """Batches of 100 large pictures, 5 MB each, made when they are asked for."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        for seed in range(self.batches):
            yield np.random.default_rng(seed).random((100, 64, 64, 3), "float32")


class Corner:
    """Features that cost nothing, and a generator of as little."""

    name, dimension, sha256, resize = "corner", 4, None, None

    def __call__(self, images):
        return np.array(images[:, :2, :2, 0].reshape(len(images), -1), "float64")

    def signature(self):
        return {}

    def sample(self, count, seed):
        return np.random.default_rng(seed).random((count, 2, 2, 1), "float32")


def test_real_pictures_are_never_all_in_memory():
    peaks = []
    for batches in (10, 60):
        tracemalloc.start()
        Evaluator(Streamed(batches), Corner(), ["kid"])(Corner())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 10e6  # they take 250 MB more


def test_an_iterator_is_refused(extractor):
    model = tiny("gan")
    with pytest.raises(ValueError, match="an iterator cannot be. Give the dataset"):
        Evaluator(iter(batch_of(model)), extractor, ["kid"])


def test_too_few_pictures_are_refused_with_what_to_use_instead(extractor):
    model = tiny("gan")
    with pytest.raises(ValueError, match="eight has features, 8, .* there are 8: use kid"):
        Evaluator(batch_of(model), extractor, ["fid"], count=8)
    with pytest.raises(ValueError, match="density_coverage needs 6 pictures"):
        Evaluator(batch_of(model), extractor, ["density_coverage"], count=5)
    with pytest.raises(ValueError, match="no real pictures"):
        Evaluator([], extractor, ["kid"])
    few = Evaluator(batch_of(model), extractor, count=8)
    assert few.names == ("kid", "precision_recall", "density_coverage")
    assert "use kid" in few.left_out["fid"]


def test_metrics_of_other_models_are_refused(extractor):
    model = tiny("gan")
    extractor.taps = ("as if it showed maps",)
    for name in ("pairs", "perceptual"):
        with pytest.raises(ValueError, match="from latents. Leave it out"):
            Evaluator(batch_of(model), extractor, [name])(model)
    with pytest.raises(ValueError, match="moves latents"):
        translator = tiny("pix2pix")
        Evaluator(batch_of(translator), None, ["path_length"])(translator)
    with pytest.raises(ValueError, match=f"Metrics are {METRICS[0]}"):
        Evaluator(batch_of(model), extractor, ["fit"])


@pytest.mark.parametrize("name", ["inception_score", "modes"])
def test_metrics_of_classes_want_an_extractor_that_knows_some(extractor, name):
    with pytest.raises(ValueError, match=f"{name}: of classes, and eight knows none. Use the"):
        Evaluator(batch_of(tiny("gan")), extractor, [name])


def test_metrics_of_classes_see_what_the_classifier_sees():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    classifier = keras.Sequential(layers, name="three")
    model = tiny("gan")
    extractor = features.of_model(classifier, logits=True)
    evaluate = Evaluator(batch_of(model, 40), extractor, ["inception_score", "modes"])
    ((_, fake),) = evaluate._generated(model)
    # Pictures reach an extractor in the 256 levels of a file.
    logits = classifier.predict(np.round((fake + 1) * 127.5) / 127.5 - 1, verbose=0)
    odds = np.exp(logits.astype(np.float64))
    score, modes = metrics.InceptionScore(), metrics.Modes(3)
    score.update(odds / odds.sum(1, keepdims=True))
    modes.update(logits.argmax(1))
    found = evaluate(model)
    assert found["inception_score_three"] == pytest.approx(score.result()[0], rel=1e-5)
    assert (found["modes_three"], found["modes_three_divergence"]) == modes.result()


def test_path_length_is_that_of_a_straight_generator():
    """Where pictures are their latents, a great circle has the length of its angle."""
    model = tiny("gan")
    model.sample = lambda latents: latents.reshape(len(latents), 8, 8, 1)
    model.draw_latents = lambda count, seed: _directions(count, seed)

    class Pixels:
        name, dimension = "pixels", 64

        def __call__(self, images):
            return images.reshape(len(images), -1)

    found = Evaluator(batch_of(model), Pixels(), ["path_length"])(model)
    one, two = (_directions(30, seed_of(0, 0, end)) for end in (1, 2))
    angles = np.arccos((one * two).sum(1))
    chords = (2 * np.sin(angles / 200)) ** 2 * 1e4
    assert found["path_length_pixels"] == pytest.approx(chords.mean(), rel=1e-3)


def _directions(count, seed):
    latents = np.random.default_rng(seed).normal(size=(count, 64)).astype("float32")
    return latents / np.linalg.norm(latents, axis=1, keepdims=True)


@pytest.mark.parametrize(("name", "direction"), [("pix2pix", "ab"), ("cyclegan", "ba")])
def test_translations_are_compared_with_their_true_pictures(name, direction):
    model = tiny(name)
    batches = batch_of(model, 4)
    found = Evaluator(batches, None, ["pairs"], direction=direction)(model)
    source, target = (0, 1) if direction == "ab" else (1, 0)
    outputs = [model.translate(batch[source], direction=direction) for batch in batches]
    l1 = [np.abs(out - batch[target]).mean() for out, batch in zip(outputs, batches, strict=True)]
    assert found["l1"] == pytest.approx(np.mean(l1) / 2, rel=1e-5)
    protocol = Evaluator(batches, None, ["pairs"], direction=direction).protocol(model)
    assert protocol["direction"] == direction and "extractor" not in protocol


def test_maps_are_asked_for_of_extractors_that_show_some(extractor):
    model = tiny("pix2pix")
    with pytest.raises(ValueError, match="perceptual: of maps .* eight shows none"):
        Evaluator(batch_of(model, 4), extractor, ["perceptual"])


@pytest.mark.parametrize("count", [0, -1, 2.5])
def test_counts_are_whole_numbers(extractor, count):
    with pytest.raises(ValueError, match="`count` must be a whole number"):
        Evaluator(batch_of(tiny("gan")), extractor, ["kid"], count=count)


def test_the_seed_is_of_what_metrics_draw_too(extractor):
    model = tiny("gan")
    evaluate = Evaluator(batch_of(model), extractor, ["kid", "density_coverage"], seed=7)
    evaluate(model)
    assert evaluate._primed["kid"].seed == 7


def test_the_protocol_says_what_figures_depend_on(extractor):
    model = tiny("gan", ema_decay=0.9)
    protocol = Evaluator(batch_of(model), extractor, ["kid"], seed=3).protocol(model)
    assert protocol["extractor"] == "eight" and len(protocol["extractor_sha256"]) == 64
    assert protocol["real"] == protocol["generated"] == 30
    assert protocol["seed"] == 3 and protocol["weights"] == "averaged"
    assert set(protocol["versions"]) == {"keras_gans", "keras", "tensorflow"}
    json.dumps(protocol)


# === Of sources ===


@pytest.fixture
def domains(tmp_path):
    """A folder of four pictures of A, and ten of B."""
    noise = np.random.default_rng(0).integers(0, 256, (14, 32, 32, 3), np.uint8)
    for number, picture in enumerate(noise):
        side = "A" if number < 4 else "B"
        grids.save(grids.from_pixels(picture), tmp_path / f"test{side}" / f"{number:02}.png")
    return f"folder:{tmp_path}"


def of_colour():
    image = keras.Input((32, 32, 3))
    pooled = keras.layers.AveragePooling2D(8)(image)
    return features.of_model(keras.Model(image, pooled, name="pooled"))


def test_no_picture_of_a_domain_is_counted_twice(domains):
    results = evaluate_model.evaluate(tiny("cyclegan"), domains, extractor=of_colour())
    assert [result["protocol"]["direction"] for result in results] == ["ab", "ba"]
    assert {result["protocol"]["real"] for result in results} == {4}


def test_pairs_are_asked_for_where_there_are_some(domains):
    for name in ("pairs", "perceptual"):
        with pytest.raises(ValueError, match=f"{name}: .*do not belong together.* Use kid"):
            evaluate_model.evaluate(tiny("cyclegan"), domains, names=[name])
    found = evaluate_model.evaluate(
        tiny("cyclegan", image_size=64), "bundled:emoji/styles", names=["pairs"], count=4
    )
    assert all(result["figures"]["l1"] > 0 for result in found)


@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_paired_models_are_judged_in_their_direction_by_what_the_extractor_shows(direction):
    model = tiny("pix2pix", direction=direction, image_size=64)
    (found,) = evaluate_model.evaluate(model, "bundled:emoji/edges", extractor=of_colour(), count=4)
    assert found["protocol"]["direction"] == direction
    assert "l1" in found["figures"] and "kid_pooled" in found["figures"]
    assert not any("perceptual" in name for name in found["figures"])


# === While training ===
# === While training ===


def test_the_callback_logs_figures_of_some_epochs(extractor, tmp_path):
    model = tiny("gan")
    evaluate = Evaluator(batch_of(model), extractor, ["kid"])
    seen = []

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append("kid_eight" in logs)

    path = tmp_path / "metrics.jsonl"
    callback = Metrics(evaluate, every=2, path=path, log_dir=tmp_path / "tensorboard")
    model.fit(fabricate(model, 16), batch_size=8, epochs=4, verbose=0, callbacks=[callback, Look()])
    assert seen == [True, True, False, True]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 4]
    assert all(np.isfinite(line["figures"]["kid_eight"]) for line in lines)
    assert lines[-1]["protocol"]["step"] == int(model.step)
    assert list((tmp_path / "tensorboard").iterdir())
    with pytest.raises(ValueError, match="whole number from 1"):
        Metrics(evaluate, every=0)


# === Of runs ===


def test_a_run_is_evaluated_on_what_it_has_not_seen(tmp_path, extractor, monkeypatch):
    monkeypatch.setattr(features, "get", lambda name: extractor)
    overrides = {"image_size": 8, "latent_dim": 4, "generator_units": 8, "discriminator_units": 4}
    options = training.Options(
        "gan",
        data="bundled:fashion_mnist",
        overrides=overrides,
        epochs=1,
        steps_per_epoch=2,
        metrics=["kid"],
    )
    run = training.train(options, tmp_path, verbose=0)
    (line,) = (run.path / "metrics.jsonl").read_text().splitlines()
    (result,) = training.evaluate_run(run)
    assert result == json.loads((run.path / "metrics.json").read_text())[0]
    assert result["protocol"]["split"] == "test" and result["protocol"]["real"] == 1000
    assert json.loads(line)["figures"]["kid_eight"] == pytest.approx(
        result["figures"]["kid_eight"], rel=1e-6
    )
    assert "kid_eight" in (run.path / "log.csv").read_text()
