"""StarGAN against PyTorch twins, and what its game and its edits promise."""

import numpy as np
import pytest
import tensorflow as tf
from fabrication import fabricate, fabricated, full, tiny
from plain_steps import RATE, step

from keras_gans import data, metrics, training, zoo
from keras_gans.core.conditioning import Conditions
from keras_gans.core.measuring import Measure

try:
    import torch
    import torch_editing_twins as twins
    from torch.nn import functional
    from torch_twins import nchw, nhwc
except ModuleNotFoundError:  # the tests that want them are marked
    torch = twins = functional = nchw = nhwc = None

NAMES = {"heads": {"hair": ["red", "grey", "blue"]}, "attributes": ["glasses", "smile"]}


def pictures(count, side=32, seed=0):
    shape = (count, side, side, 3)
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def carry(found):
    for tensor, variable in found:
        variable.assign(turned(tensor))


def turned(tensor):
    array = tensor.detach().numpy()
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array


# === Against PyTorch ===


@pytest.mark.fidelity
@pytest.mark.parametrize("name", ["stargan", "stargan_avatars"])
def test_networks_equal_their_twins(name):
    model = full(name)
    code, side = model.conditions.code_length, model.image_size
    generator = twins.initialise(twins.Generator(code, model.filters, model.num_blocks), 1)
    judge = twins.initialise(twins.Discriminator(code, side, model.filters, model.num_downs), 2)
    names = twins.generator_layers(model.num_blocks), twins.discriminator_layers(model.num_downs)
    kept = model.generator.get_weights(), model.discriminator.get_weights()
    carry(twins.pairs(generator, model.generator, names[0]))
    carry(twins.pairs(judge, model.discriminator, names[1]))
    images, labels = pictures(2, side), model.conditions.draw(2, 0)
    code = torch.from_numpy(np.array(model.conditions.code(tf.constant(labels)), "float32"))
    with torch.no_grad():
        edited, (scores, classes) = generator(nchw(images), code), judge(nchw(images))
    ours = model.generator([images, labels], training=False)
    our_scores, our_classes = model.discriminator(images, training=False)
    model.generator.set_weights(kept[0])
    model.discriminator.set_weights(kept[1])
    for one, other in ((ours, nhwc(edited)), (our_scores, nhwc(scores)), (our_classes, classes)):
        other = np.asarray(other)
        assert one.shape == other.shape and other.std() > 1e-2
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)


def twin_class_loss(logits, labels, classes, attributes):
    """Softmax's cross-entropy of the head and the sigmoids' of the attributes, added."""
    loss = functional.cross_entropy(logits[:, :classes], labels[:, 0]) if classes else 0.0
    targets = labels[:, bool(classes) :].float()
    of_attributes = functional.binary_cross_entropy_with_logits(
        logits[:, classes:], targets, reduction="sum"
    )
    return loss + (of_attributes / len(labels) if attributes else 0.0)


def twin_penalty(judge, real, fake, mix):
    between = (mix * fake + (1 - mix) * real).requires_grad_(True)
    (slope,) = torch.autograd.grad(judge(between)[0].sum(), between, create_graph=True)
    return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()


@pytest.mark.fidelity
@pytest.mark.parametrize(("classes", "attributes"), [(0, 5), (3, 2)])
def test_a_step_equals_its_twin(classes, attributes):
    how = {"class_weight": 0.7, "cycle_weight": 4.0}
    model = tiny("stargan", num_classes=classes, num_attributes=attributes, **how)
    length, updates, size = classes + attributes, 2, 3
    # Seeds for which no ReLU's input is so near 0 that the two libraries round it to either side.
    generator = twins.initialise(twins.Generator(length, 4, 1), 3)
    judge = twins.initialise(twins.Discriminator(length, 32, 4, 3), 4)
    of_g = twins.pairs(generator, model.generator, twins.generator_layers(1))
    of_d = twins.pairs(judge, model.discriminator, twins.discriminator_layers(3))
    carry([*of_g, *of_d])
    batch = pictures(updates * size), model.conditions.draw(updates * size, 4)
    drawn = []
    for draw in range(updates):
        part = tf.constant(batch[1][draw * size : (draw + 1) * size])
        mix = model.uniform((size,), "mix", draw).numpy().reshape(-1, 1, 1, 1)
        drawn.append((model.targets(part, draw).numpy(), torch.from_numpy(mix)))
    logs, gradients = step(model, batch)

    def code(labels):
        return torch.from_numpy(np.array(model.conditions.code(tf.constant(labels)), "float32"))

    for draw, (targets, mix) in enumerate(drawn):
        part = slice(draw * size, (draw + 1) * size)
        real, labels = nchw(batch[0][part]), torch.from_numpy(batch[1][part]).long()
        judge.zero_grad()
        fake = generator(real, code(targets)).detach()
        scores, said = judge(real)
        d_loss = judge(fake)[0].mean() - scores.mean()
        d_loss = d_loss + 10 * twin_penalty(judge, real, fake, mix)
        d_loss = d_loss + 0.7 * twin_class_loss(said, labels, classes, attributes)
        d_loss.backward()
        if draw == updates - 1:
            compare(of_d, gradients)
        descend(judge)
    judge.zero_grad()
    generator.zero_grad()
    fake = generator(real, code(targets))
    scores, said = judge(fake)
    class_loss = twin_class_loss(said, torch.from_numpy(targets).long(), classes, attributes)
    cycle = (generator(fake, code(batch[1][part])) - real).abs().mean()
    (-scores.mean() + 0.7 * class_loss + 4.0 * cycle).backward()
    compare(of_g, gradients)
    assert logs["discriminator_loss"] == pytest.approx(d_loss.item(), rel=1e-4)
    assert logs["adversarial_loss"] == pytest.approx(-scores.mean().item(), rel=1e-3)
    assert logs["class_loss"] == pytest.approx(class_loss.item(), rel=1e-4)
    assert logs["cycle_loss"] == pytest.approx(cycle.item(), rel=1e-4)


def compare(found, gradients):
    """Our recorded gradients against `.grad` of the twins."""
    for tensor, variable in found:
        theirs = turned(tensor.grad)
        scale = np.abs(theirs).max()
        assert scale > 1e-7, variable.path
        np.testing.assert_allclose(
            gradients[id(variable)], theirs, atol=1e-3 * scale, err_msg=variable.path
        )


def descend(twin):
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter -= RATE * parameter.grad


# === The game ===


def test_targets_are_the_batch_s_labels_in_another_order_of_each_update():
    model = tiny("stargan")
    labels = tf.constant(np.arange(24).reshape(8, 3))
    first, second = (model.targets(labels, draw).numpy() for draw in (0, 1))
    for one in (first, second):
        np.testing.assert_array_equal(np.sort(one[:, 0]), labels[:, 0])
        assert (one[:, 1] - one[:, 0] == 1).all()  # whole rows
    assert (first != second).any()
    np.testing.assert_array_equal(first, model.targets(labels, 0))


def test_the_likeliest_labels_of_logits():
    logits = np.array([[0.0, 2.0, 1.0, -1.0, 3.0], [5.0, 2.0, 1.0, 1.0, -3.0]])
    np.testing.assert_array_equal(Conditions(3, 2).seen(logits), [[1, 0, 1], [0, 1, 0]])
    np.testing.assert_array_equal(Conditions(5).seen(logits), [4, 0])
    assert Conditions(5).seen(logits).dtype == "int32"


# === Edits ===


def model_with_names(**changes):
    model = tiny("stargan", num_classes=3, num_attributes=2, **changes)
    model.label_names = NAMES
    return model


ROWS = np.array([[0, 0, 1], [2, 1, 0]], "int32")


@pytest.mark.parametrize(
    ("labels", "attributes", "expected"),
    [
        (None, None, [[0, 0, 1], [2, 1, 0]]),
        ("blue", None, [[2, 0, 1], [2, 1, 0]]),
        (["grey", "red"], None, [[1, 0, 1], [0, 1, 0]]),
        ({"hair": "grey"}, None, [[1, 0, 1], [1, 1, 0]]),
        ({"hair": [1, "blue"]}, None, [[1, 0, 1], [2, 1, 0]]),
        (None, "glasses", [[0, 1, 1], [2, 1, 0]]),
        (None, ["!glasses"], [[0, 0, 1], [2, 0, 0]]),
        (None, {"smile": [False, True]}, [[0, 0, 0], [2, 1, 1]]),
        (None, [1, 0], [[0, 1, 0], [2, 1, 0]]),
        (None, [[1, 0], [0, 1]], [[0, 1, 0], [2, 0, 1]]),
        (1, {"smile": True, "glasses": False}, [[1, 0, 1], [1, 0, 1]]),
    ],
)
def test_what_is_not_named_stays(labels, attributes, expected):
    changed = model_with_names().changed(ROWS, labels, attributes)
    np.testing.assert_array_equal(changed, expected)
    assert changed.dtype == "int32"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": "green"}, "Unknown class: 'green'"),
        ({"labels": {"hairs": "red"}}, "Unknown head: 'hairs'. Did you mean 'hair'"),
        ({"labels": {"hair": 3}}, "Labels must be from 0 to 2"),
        ({"labels": [0, 1, 2]}, "must agree"),
        ({"attributes": "beard"}, "Unknown attribute: 'beard'"),
        ({"attributes": {"smile": 2}}, "on or off"),
        ({"attributes": [1, 0, 1]}, "must have shape"),
    ],
)
def test_changes_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        model_with_names().translate(pictures(2), **changes)


def test_labels_are_those_that_d_sees_unless_they_are_given():
    model = model_with_names()
    images = pictures(3, 40)
    seen = model.seen(images)
    assert seen.shape == (3, 3)
    given = model.translate(images, attributes="glasses", source_labels=seen)
    np.testing.assert_array_equal(given, model.translate(images, attributes="glasses"))
    turned_round = np.stack([(seen[:, 0] + 1) % 3, 1 - seen[:, 1], 1 - seen[:, 2]], axis=1)
    others = model.translate(images, attributes="glasses", source_labels=turned_round)
    assert np.abs(others - given).max() > 1e-3
    with pytest.raises(ValueError, match="a row for each picture"):
        model.translate(images, source_labels=seen[:2])


def test_one_picture_is_a_batch_of_one():
    model = model_with_names()
    images = pictures(2)
    whole = model.translate(images, labels=["red", "blue"], attributes=[0, 0])
    assert model.translate(images[1], labels="blue", attributes=[0, 0]).shape == (32, 32, 3)
    np.testing.assert_allclose(
        model.translate(images[1], labels="blue", attributes=[0, 0]), whole[1], atol=1e-6
    )


def test_a_sheet_has_a_column_for_each_single_change():
    model = model_with_names()
    batch = fabricate(model, 2)
    columns = model.side_by_side(batch)
    assert len(columns) == 1 + 3 + 2
    for column, change in zip(
        columns[1:],
        [{"labels": 0}, {"labels": 1}, {"labels": 2}, {}, {}],
        strict=True,
    ):
        assert column.shape == batch[0].shape
        if change:
            edited = model.translate(batch[0], source_labels=batch[1], **change)
            np.testing.assert_allclose(column, edited, atol=1e-5)
    without = model.translate(
        batch[0], source_labels=batch[1], attributes={"smile": 1 - batch[1][:, 2]}
    )
    np.testing.assert_allclose(columns[-1], without, atol=1e-5)


def test_evaluate_gives_pictures_each_other_s_labels():
    model = tiny("stargan")
    with pytest.raises(ValueError, match="not trained on pairs"):
        model.compile(metrics=[metrics.Pairs()])
    asked, translate = [], model.translate

    class Seen(Measure):
        directions = {"l1": "min"}

        def reset(self):
            self.shown = []

        def observe(self, real, fake):
            self.shown.append(np.abs(real - fake).mean())

        def figures(self):
            return {"l1": np.mean(self.shown)}

    model.translate = lambda images, **how: asked.append(how) or translate(images, **how)
    model.compile(metrics=[Seen()])
    batches = fabricated(model)
    assert model.evaluate(batches, verbose=0) > 0
    for how, (_, labels) in zip(asked, batches, strict=True):
        rows = np.asarray(how["attributes"])
        assert sorted(map(tuple, rows)) == sorted(map(tuple, np.asarray(labels)))


def test_the_avatars_are_learned_by_the_recipe_s_labels():
    options = training.Options("stargan_avatars")
    assert options.heads == ["hair_color"]
    model = zoo.get("stargan_avatars", filters=4, num_blocks=1)
    names = data.label_names(
        options.source, model, heads=options.heads, attributes=options.attributes
    )
    assert list(names["heads"]) == ["hair_color"]
    assert names["attributes"] == ("glasses", "smile", "beard")
    other = training.Options("stargan_avatars", data="folder:faces")
    assert other.heads is None and other.attributes is None


# === Files of the reference ===


@pytest.mark.fidelity
def test_files_of_the_reference_come_over(tmp_path):
    import torch
    import torch_editing_twins as twins

    from keras_gans.interop import identify, import_checkpoints

    made = {"G": twins.Generator(5, 4, 2), "D": twins.Discriminator(5, 32, 4, 3)}
    files = []
    for seed, (letter, twin) in enumerate(made.items()):
        twins.initialise(twin, seed)
        names = {"layers": "main", "score": "conv1", "code": "conv2"}
        state = {}
        for name, tensor in twin.state_dict().items():
            parts = [names.get(part, part) for part in name.split(".")]
            state[".".join(parts)] = tensor
        if letter == "G":  # what the reference counts, and never uses
            state["main.1.running_mean"] = torch.ones(4)
            state["main.1.num_batches_tracked"] = torch.tensor(7)
        files.append(tmp_path / f"200000-{letter}.ckpt")
        torch.save(state, files[-1])
    looks = [look for path in files for look in identify(path)]
    assert [look.name for look in looks] == ["stargan", "stargan"]
    assert "of 2 blocks, 4 filters, colour pictures and 5 labels, of stargan" in looks[0].words
    assert "discriminator of 3 halvings" in looks[1].words

    sizes = {"image_size": 32, "filters": 4, "num_blocks": 2, "num_downs": 3}
    model = import_checkpoints(files, "stargan", **sizes)
    pictures = np.random.default_rng(0).uniform(-1, 1, (3, 32, 32, 3)).astype("float32")
    switches = np.random.default_rng(1).integers(0, 2, (3, 5)).astype("int32")
    shown = torch.from_numpy(pictures.transpose(0, 3, 1, 2))
    with torch.no_grad():
        edited = made["G"](shown, torch.from_numpy(switches).float()).numpy()
        said = made["D"](shown)[1].numpy()
    ours = model.generator([pictures, switches], training=False)
    np.testing.assert_allclose(ours, edited.transpose(0, 2, 3, 1), atol=1e-5)
    np.testing.assert_allclose(model.discriminator(pictures)[1], said, atol=1e-5)
    with pytest.raises(ValueError, match="It fits --set num_blocks=2 --set filters=4"):
        import_checkpoints(files[0], "stargan", image_size=32, num_downs=3)
