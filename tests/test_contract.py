"""What every entry of the zoo promises, asked of every entry."""

import functools
import json
import math
import pathlib
import re
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import (
    SOME,
    asked_of,
    by_default,
    fabricate,
    fabricated,
    families,
    full,
    same,
    snapshot,
    tiny,
    translatable,
)

import keras_gans
from keras_gans import zoo
from keras_gans.core.signature import (
    Clip,
    Flow,
    Image,
    LabelMap,
    Labels,
    Latent,
    Mask,
    as_parts,
    draws,
    edits,
    images_of,
    label_map_of,
    takes_clips,
    translates,
    upscaling_network,
)
from keras_gans.core.upscaling import Upscaler
from keras_gans.games.adversarial import AdversarialGAN
from keras_gans.games.clips import ClipGAN


def distinct_forms():
    """Entries whose tiny forms differ: the rows of a family often shrink to the same model."""
    forms = {}
    for name in zoo.names():
        row = zoo.entry(name)
        arguments = json.dumps({**row.config, **row.tiny}, sort_keys=True)
        forms.setdefault((row.cls, arguments), name)
    return sorted(forms.values())


EVERY_ENTRY = pytest.mark.parametrize("name", zoo.names())
ALL = pytest.mark.parametrize("name", distinct_forms())

#: For what takes long: one entry of each family, and all others among the slower checks.
FAMILIES_FIRST = pytest.mark.parametrize("name", by_default(families(), distinct_forms()))
SOME_FIRST = pytest.mark.parametrize("name", by_default(SOME, distinct_forms()))
SAMPLERS = [n for n in distinct_forms() if issubclass(zoo.entry(n).cls, AdversarialGAN)]
CLIPS = [n for n in distinct_forms() if issubclass(zoo.entry(n).cls, ClipGAN)]
TRANSLATORS = [n for n in distinct_forms() if n not in (*SAMPLERS, *CLIPS)]


@functools.cache
def untrained(name):
    """A tiny model for what only looks: built once a session, never fitted."""
    keras.utils.set_random_seed(0)
    return tiny(name)


@FAMILIES_FIRST
def test_fit_moves_every_player_and_logs_finite_numbers(name):
    model = tiny(name)
    before = {player: snapshot(model.variables_of(player)) for player in model.players}
    history = model.fit(fabricated(model), epochs=1, verbose=0).history
    assert set(history) == set(model.logged)
    assert np.isfinite([values[0] for values in history.values()]).all()
    for player in model.players:
        assert before[player], f"{player} has no variables"
        still = [
            new.path
            for old, new in zip(before[player], model.variables_of(player), strict=True)
            if np.array_equal(old, new)
        ]
        objective = getattr(model, "objective", None)
        if name in ("dualgan", "esrgan", "spade") or (objective and objective.boundary is None):
            # Only differences of logits count: a bias they share has no gradient.
            ends = ("logits/bias", "_conv_5/bias")  # the second as SPADE's reference calls it
            still = [path for path in still if not path.endswith(ends)]
        assert not still, f"{player}: {still} did not move"


@ALL
def test_a_step_of_one_player_leaves_the_others_alone(name):
    model = tiny(name)
    for learner in model.players:
        others = [player for player in model.players if player != learner]
        watched = {
            player: [*model.variables_of(player), *model.optimizer_of(player).variables]
            for player in others
        }
        before = {player: snapshot(variables) for player, variables in watched.items()}
        learned = snapshot(model.variables_of(learner))
        _step_of_only(model, learner)
        assert not same(learned, model.variables_of(learner))
        for player in others:
            assert same(before[player], watched[player]), f"{learner} moved {player}"


def _step_of_only(model, learner):
    update = model.update
    model.update = lambda player, loss, tape: (
        update(player, loss, tape) if player == learner else None
    )
    try:
        model.train_step(tf.nest.map_structure(tf.constant, fabricate(model)))
    finally:
        model.update = update


@ALL
def test_config_is_json(name):
    model = untrained(name)
    config = json.loads(json.dumps(model.get_config()))
    again = type(model).from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    assert [v.shape for v in again.weights] == [v.shape for v in model.weights]


@FAMILIES_FIRST
def test_save_and_load_keep_everything(name, tmp_path):
    model = tiny(name)
    model.fit(fabricated(model), verbose=0)
    path = tmp_path / "model.keras"
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # Keras says what it skips
        model.save(path)
        loaded = keras.saving.load_model(path)
    assert type(loaded) is type(model)
    assert same(snapshot(model.weights), loaded.weights)
    for player in model.players:
        saved, restored = model.optimizer_of(player), loaded.optimizer_of(player)
        assert saved.get_config() == restored.get_config()
        assert int(restored.iterations) > 0
        assert same(snapshot(saved.variables), restored.variables)
    np.testing.assert_array_equal(_pictures(model), _pictures(loaded))
    loaded.fit(fabricated(loaded), verbose=0)


@pytest.mark.parametrize("name", SAMPLERS)
def test_sample_is_seeded_and_in_range(name):
    model = untrained(name)
    assert draws(model) and not translates(model)
    (image,) = images_of(model).values()
    shape = (5, image.height, image.width, image.channels)
    pictures = model.sample(5, seed=3)
    assert pictures.dtype == np.float32
    assert pictures.shape == shape
    assert np.abs(pictures).max() <= 1.0
    np.testing.assert_array_equal(pictures, model.sample(5, seed=3))
    assert not np.array_equal(pictures, model.sample(5, seed=4))


def _pictures(model):
    if model.name in SAMPLERS:
        return model.sample(4, seed=1)
    images = as_parts(fabricate(model))[0]
    return model.translate(images, **asked_of(model, images))


@pytest.mark.parametrize("name", TRANSLATORS)
def test_translate_takes_any_size(name):
    model = untrained(name)
    assert translates(model) and not draws(model)
    first = next(iter(model.networks_to_export().values()))
    made = first.outputs[0].shape[-1]
    images = translatable(model, 2, 37, 45)
    beside = asked_of(model, images)
    translated = model.translate(images, **beside)
    scale = max(role.scale for role in images_of(model).values())
    assert translated.shape == (2, 37 * scale, 45 * scale, made)
    assert np.abs(translated).max() <= 1.0
    one = {name: values[1] for name, values in beside.items()}
    np.testing.assert_array_equal(translated[1], model.translate(images[1], **one))
    whole = images[:, :32, :32]  # a multiple of every stride: nothing padded, nothing cropped
    rows = model.conditions.draw(2, 0) if edits(model) else ()
    asked = model.conditions.asked(rows) if edits(model) else asked_of(model, whole)
    network = model.called_network()
    if edits(model):
        expected = network([whole, rows])
    else:
        masks = [values[..., None] for values in asked.values()]
        expected = first([whole, *masks] if masks else whole)
    size = "own" if first.inputs[0].shape[1] is None else "trained"  # of fixed ones 32 x 32
    own = model.translate(whole, size=size, **asked)
    np.testing.assert_allclose(own, expected, atol=1e-5)
    bad_values = "classes are 0 to" if label_map_of(model) else "in \\[-1, 1\\]"
    others = np.stack([images, images]) if label_map_of(model) else images.repeat(2, axis=-1)
    for bad, message in ((others, "must have shape"), (images * 200, bad_values)):
        with pytest.raises(ValueError, match=message):
            model.translate(bad)
    with pytest.raises(ValueError, match="direction"):
        model.translate(images, direction="ca")


@pytest.mark.parametrize("name", CLIPS)
def test_translate_takes_clips_of_any_size_and_length(name):
    model = untrained(name)
    assert translates(model) and takes_clips(model) and not draws(model)
    shape = (2, 4, 37, 45, model.source_channels)
    clips = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
    translated = model.translate(clips)
    assert translated.shape == (*shape[:-1], model.target_channels)
    assert translated.dtype == np.float32 and np.abs(translated).max() <= 1.0
    np.testing.assert_array_equal(translated[1], model.translate(clips[1]))
    # The first frame is the network's, of nothing before it.
    source, previous = model.called_network().inputs
    whole = clips[:, :1, :32, :32]
    given = [np.concatenate([whole[:, 0]] * model.window, -1), np.zeros((2, 32, 32, 1), "float32")]
    given[1] = given[1].repeat(previous.shape[-1], -1)
    assert given[0].shape[-1] == source.shape[-1]
    own = model.translate(whole, size="own")[:, 0]
    np.testing.assert_allclose(own, model.called_network()(given), atol=1e-5)
    others = np.concatenate([clips, clips], axis=-1)
    for bad, message in (
        (others, "must have shape"),
        (clips[0, 0], "single picture"),
        (clips * 200, "in \\[-1, 1\\]"),
    ):
        with pytest.raises(ValueError, match=message):
            model.translate(bad)
    with pytest.raises(ValueError, match="direction"):
        model.translate(clips, direction="ca")


@pytest.mark.parametrize("name", TRANSLATORS)
def test_upscale_makes_in_tiles_what_translate_makes_of_the_whole(name):
    model = untrained(name)
    if upscaling_network(model) is None:
        assert zoo.entry(name).task != "upscaling"
        with pytest.raises(ValueError, match="does not upscale"):
            Upscaler(model)
        return
    assert zoo.entry(name).task == "upscaling"
    channels = model.networks[upscaling_network(model)].inputs[0].shape[-1]
    image = np.random.default_rng(0).uniform(-1, 1, (37, 200, channels)).astype("float32")
    tiled = model.upscale(image, tile=128, overlap=64)
    np.testing.assert_allclose(tiled, model.translate(image), atol=2 / 127.5)


@ALL
def test_predict_is_the_sampling_network(name):
    model = untrained(name)
    network = model.called_network()
    generator = np.random.default_rng(0)
    inputs = [
        translatable(model, 3, 32, 32)
        if label_map_of(model)
        else model.conditions.draw(3, 0)
        if i.dtype == "int32"
        else generator.uniform(-1, 1, (3, *(side or 32 for side in i.shape[1:]))).astype("float32")
        for i in network.inputs
    ]
    inputs = inputs if len(inputs) > 1 else inputs[0]
    predicted = model.predict(inputs, verbose=0)
    np.testing.assert_allclose(predicted, network(inputs, training=False), atol=5e-6)


@SOME_FIRST
def test_exports_equal_keras(name, tmp_path):
    model = tiny(name)
    model.fit(fabricated(model), verbose=0)
    manifest = keras_gans.export.export(model, tmp_path / "exported")
    assert {file.format for file in manifest.files} == {"saved_model", "onnx", "tflite"}
    for file in manifest.files:
        # A TFLite file of a model that upscales takes one tile at a time.
        of_tiles = file.format == "tflite" and upscaling_network(model)
        assert len(set(file.batch_sizes)) == (1 if of_tiles else 2)
        assert 0 <= file.max_difference <= file.tolerance <= 1e-4


@EVERY_ENTRY
def test_parameter_counts(name):
    model = full(name)
    counts = {
        network: sum(math.prod(variable.shape) for variable in part.trainable_variables)
        for network, part in model.networks.items()
        if network != "generator_ema"  # follows the generator and learns nothing itself
    }
    assert counts == zoo.entry(name).parameters
    assert model.name == name


@ALL
def test_describes_every_tensor_of_its_exports(name):
    model = untrained(name)
    described = model.describe_tensors()
    json.dumps(described)
    networks = model.networks_to_export()
    assert set(networks) == set(model.signature())
    for key, network in networks.items():
        signature = model.signature()[key]
        assert {i.name for i in network.inputs} == set(signature.inputs)
        assert set(network.output_names) == set(signature.outputs)
        for tensor, about in signature.describe().items():
            assert about.items() <= described[tensor].items()


@ALL
def test_roles_are_those_of_the_batch_and_the_networks(name):
    model = untrained(name)
    roles, specs = model.batch_roles(), tf.nest.flatten(model.batch_spec(2))
    assert [spec.shape[0] for spec in specs] == [2 * model.discriminator_steps] * len(roles)
    for (part, role), spec in zip(roles.items(), specs, strict=True):
        assert isinstance(role, (Clip, Flow, Image, Labels))
        assert spec.name == part
    for key, network in model.networks_to_export().items():
        signature = model.signature()[key]
        for part, role in signature.of(Mask).items():
            shape = (role.height, role.width, 1)
            assert tuple(network.get_layer(part).output.shape[1:]) == shape
        named = {tensor.name: tensor for tensor in network.inputs}
        named |= dict(zip(network.output_names, network.outputs, strict=True))
        for part, role in {**signature.inputs, **signature.outputs}.items():
            if isinstance(role, Image):
                channels = () if isinstance(role, LabelMap) else (role.channels,)
                assert tuple(named[part].shape[1:]) == (role.height, role.width, *channels)
            if isinstance(role, Latent):
                assert tuple(named[part].shape[1:]) == (role.size,)


@SOME_FIRST
def test_training_is_repeatable(name):
    weights = []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        model = tiny(name)
        model.fit(fabricated(model), verbose=0)
        weights.append(snapshot(model.weights))
    for first, second in zip(*weights, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-6)


#: Of a paper: on arXiv, or on a page of its authors where it is nowhere else to be read.
_ADDRESS = r"https://(arxiv\.org/abs/[\d.]+|openaccess\.thecvf\.com/\S+\.html|\w+\.github\.io/\w+)"


@EVERY_ENTRY
def test_entry_is_complete(name):
    row = zoo.entry(name)
    assert row.task.isidentifier()
    assert re.search(_ADDRESS, row.paper)
    begins = (row.family, row.cls.__name__.lower())  # of a file with the families of one paper
    assert any(name == start or name.startswith(f"{start}_") for start in begins)
    assert row.cls.__module__.startswith("keras_gans.zoo.")


@EVERY_ENTRY
def test_every_family_has_a_card_that_names_its_entries_and_papers(name):
    row = zoo.entry(name)
    gallery = pathlib.Path(__file__).parent.parent / "zoo"
    card = (gallery / row.family / "README.md").read_text("utf-8")
    assert f"`{name}`" in card
    assert re.search(_ADDRESS, row.paper)[0] in card
