"""StyleGAN2 against a PyTorch twin, by hand, and what it is asked to do."""

import numpy as np
import pytest
import tensorflow as tf
from fabrication import tiny

from keras_gans import zoo
from keras_gans.interop import stylegan2_names

SMALL = {"channel_base": 256, "channel_max": 16, "latent_dim": 12, "style_dim": 10, "seed": 0}


def model_of(side, **overrides):
    return zoo.get("stylegan2", image_size=side, **{**SMALL, **overrides})


def widths(model):
    sides = [2**k for k in range(2, model.image_size.bit_length())]
    return {r: min(model.channel_base // r, model.channel_max) for r in sides}


def carry(twin, places):
    """Copies the twin's weights into our networks: every tensor to a place, to every place one."""
    state = {name: tensor.detach().numpy() for name, tensor in twin.state_dict().items()}
    assert state.keys() == places.keys()
    for name, place in places.items():
        assert state[name].shape == place.shape, name
        place.variable.assign(place.to_ours(state[name]))


def twin_of(model):
    """The twin of a model's networks, with random weights that are carried over."""
    import stylegan2_twin as twins

    length = model.conditions.code_length if model.conditions else 0
    generator = twins.Generator(
        model.image_size, 3, model.latent_dim, model.style_dim, widths(model),
        model.mapping_layers, length,
    )  # fmt: skip
    discriminator = twins.Discriminator(
        model.image_size, 3, widths(model), model.minibatch_group,
        model.architecture == "resnet", length, model.style_dim, model.label_layers,
        length if model.class_weight else 0,
    )  # fmt: skip
    carry(generator, stylegan2_names.of_generator(model.generator))
    carry(discriminator, places_of_discriminator(model))
    return generator, discriminator


def places_of_discriminator(model):
    """Those of the reference's D, and of the classifier that it has not."""
    places = stylegan2_names.of_discriminator(model.discriminator)
    if model.class_weight:
        layer = model.discriminator.get_layer("classes")
        places |= {
            f"classes.{name.removeprefix('b4.out.')}": place
            for name, place in stylegan2_names.dense("b4.out", layer).items()
        }
    return places


CASES = [
    (32, {}),
    (64, {"mapping_layers": 8}),
    (256, {"channel_base": 1024}),
    (32, {"num_classes": 3}),
    (32, {"num_classes": 3, "label_layers": 0, "architecture": "orig", "minibatch_group": 8}),
    (32, {"num_classes": (3, 2), "num_attributes": 2, "label_layers": 2}),
    (32, {"num_classes": (3, 2), "num_attributes": 2, "label_layers": 0, "class_weight": 0.5}),
]


def drawn(model, count=4):
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(count, model.latent_dim)).astype("float32")
    images = rng.uniform(-1, 1, (count, model.image_size, model.image_size, 3)).astype("float32")
    if not model.conditions:
        return latents, images, None, None
    labels = model.conditions.draw(count, 0)
    return latents, images, labels, np.array(model.conditions.code(tf.constant(labels)))


def as_torch(*arrays):
    import torch

    found = [None if a is None else torch.from_numpy(np.ascontiguousarray(a)) for a in arrays]
    return [a.permute(0, 3, 1, 2) if a is not None and a.ndim == 4 else a for a in found]


def nhwc(tensor):
    return tensor.detach().permute(0, 2, 3, 1).numpy()


@pytest.mark.fidelity
@pytest.mark.parametrize("side, overrides", CASES)
def test_networks_equal_the_twins(side, overrides):
    import torch

    torch.manual_seed(0)
    model = model_of(side, **overrides)
    generator, discriminator = twin_of(model)
    latents, images, labels, code = drawn(model)
    z, x, c = as_torch(latents, images, code)
    ours = [latents] if labels is None else [latents, labels]
    np.testing.assert_allclose(
        model.generator.get_layer("mapping")(ours if labels is not None else latents),
        generator.mapping(z, c).detach(), atol=1e-4,
    )  # fmt: skip
    for psi in (1.0, 0.5):
        model.generator_ema.set_weights(model.generator.get_weights())
        asked = {} if labels is None else model.conditions.asked(labels)
        expected = np.clip(nhwc(generator(z, c, psi)), -1, 1)
        np.testing.assert_allclose(
            model.sample(latents=latents, truncation=psi, **asked), expected, atol=1e-4
        )
    judged = model.discriminator(images if labels is None else [images, labels])
    for ours, theirs in zip(as_list(judged), as_list(discriminator(x, c)), strict=True):
        scale = max(1, np.abs(theirs.detach().numpy()).max())
        np.testing.assert_allclose(ours, theirs.detach(), atol=1e-4 * scale)


def as_list(outputs):
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


@pytest.mark.fidelity
@pytest.mark.parametrize("side, overrides", [CASES[0], CASES[5], CASES[6]])
def test_gradients_of_a_whole_step_equal_the_twins(side, overrides):
    """R1, path length, mixing and noise included: what `train_step` draws is handed to the twin."""
    import stylegan2_twin as twins
    import torch
    from torch.nn import functional

    torch.manual_seed(0)
    model = model_of(side, ema_kimg=0.0, r1=0.7, **overrides)
    generator, discriminator = twin_of(model)
    latents, images, labels, code = drawn(model)
    real, c = as_torch(images, code)
    model.compile()
    count = len(images)
    recorded = record_of(model)
    batch = tf.constant(images) if labels is None else (tf.constant(images), tf.constant(labels))
    model.train_step(batch)

    # D, at D's fakes; R1 is due at step 0 and 16 times as heavy.
    fake = generator.synthesis(*recorded.drawn(0)).detach()
    real = real.requires_grad_(True)
    (real_logits, *seen), (fake_logits, *_) = map(
        as_list, (discriminator(real, c), discriminator(fake, c))
    )
    (slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
    r1 = 0.7 / 2 * (slope**2).sum((1, 2, 3)).mean()
    loss = functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()
    loss = loss + model.class_weight * class_loss(model, seen, labels)
    expected = torch.autograd.grad(loss + 16 * r1, list(discriminator.parameters()))
    same_gradients(
        recorded.gradients["discriminator"],
        dict(zip(dict(discriminator.named_parameters()), expected, strict=True)),
        places_of_discriminator(model),
    )

    # G, at fresh fakes and D as it now is; path length of half a batch, 4 times as heavy.
    hand_back(model, discriminator)
    ws, noises = recorded.styles_of(generator, 1, c), recorded.drawn(1)[1]
    logits, *seen = as_list(discriminator(generator.synthesis(ws, noises), c))
    loss = functional.softplus(-logits).mean()
    loss = loss + model.class_weight * class_loss(model, seen, labels)
    half = None if c is None else c[: count // 2]
    ws, noises = recorded.styles_of(generator, 2, half), recorded.drawn(2)[1]
    (y,) = as_torch(recorded.length_noise)
    penalty, mean = twins.path_length_penalty(generator, ws, y, noises, torch.zeros(()))
    parameters = dict(generator.named_parameters())
    expected = torch.autograd.grad(
        loss + 2.0 * 4 * penalty, list(parameters.values()), allow_unused=True
    )
    same_gradients(
        recorded.gradients["generator"],
        dict(zip(parameters, expected, strict=True)),
        stylegan2_names.of_generator(model.generator),
    )
    np.testing.assert_allclose(model.mean_length, mean, rtol=1e-4)


def class_loss(model, seen, labels):
    """PyTorch's cross-entropies of the classifier's logits, 0 without any."""
    import torch
    from torch.nn import functional

    total, start = 0.0, 0
    for logits in seen:
        columns = torch.from_numpy(labels.astype("int64"))
        for head, size in enumerate(model.conditions.heads):
            part = logits[:, start : start + size]
            total += functional.cross_entropy(part, columns[:, head])
            start += size
        given = columns[:, len(model.conditions.heads) :].float()
        apart = functional.binary_cross_entropy_with_logits(
            logits[:, start:], given, reduction="none"
        )
        total += apart.sum(1).mean()
    return total


class record_of:  # noqa: N801
    """Listens to what a model draws, and to the gradients it applies."""

    def __init__(self, model):
        self.calls, self.gradients, self.latents, self.length_noise = [], {}, [], None
        self.model = model
        draw, apply, mapped = (
            model._drawn_in_training, model.apply_gradients, model._mapped
        )  # fmt: skip

        def listening(styles, count, number):
            noises = model.noise_of(count, number)
            self.calls.append((styles, noises))
            if number > 1:
                self.length_noise = np.array(model.path_length_noise(count, number))
            return draw(styles, count, number)

        def mapping(generator, latents, labels):
            self.latents.append(np.array(latents))
            return mapped(generator, latents, labels)

        def applying(player, gradients):
            named = zip(model.variables_of(player), gradients, strict=True)
            self.gradients[player] = {v.path: (v, np.array(g)) for v, g in named}
            apply(player, gradients)

        model._drawn_in_training, model.apply_gradients = listening, applying
        model._mapped = mapping

    def drawn(self, number):
        styles, noises = self.calls[number]
        import torch

        named = {
            name.removeprefix("noise_"): as_torch(np.array(n))[0] for name, n in noises.items()
        }
        return torch.from_numpy(np.array(styles)), named

    def styles_of(self, generator, number, c):
        """The same styles out of the twin's mapping, so that gradients reach it."""
        import torch

        first, second = (torch.from_numpy(z) for z in self.latents[2 * number : 2 * number + 2])
        places = generator.synthesis.num_ws
        ws = [generator.mapping(z, c)[:, None].repeat(1, places, 1) for z in (first, second)]
        ours = torch.from_numpy(np.array(self.calls[number][0]))
        from_first = [torch.allclose(ours[:, k], ws[0][:, k], atol=1e-4) for k in range(places)]
        mixed = torch.where(torch.tensor(from_first)[None, :, None], *ws)
        np.testing.assert_allclose(mixed.detach(), ours, atol=1e-4)
        return mixed


def hand_back(model, twin):
    """D's weights after its update, from ours to the twin's."""
    import torch

    places = places_of_discriminator(model)
    state = {name: np.zeros(place.shape, "float32") for name, place in places.items()}
    for name, place in places.items():
        order = np.arange(np.prod(place.shape, dtype=int)).reshape(place.shape)
        state[name].flat[place.to_ours(order).ravel()] = np.array(place.variable).ravel()
    twin.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})


def same_gradients(ours, expected, places):
    by_id = {id(variable): gradient for variable, gradient in ours.values()}
    compared = 0
    for name, gradient in expected.items():
        if gradient is None:
            continue
        theirs = places[name].to_ours(gradient.numpy())
        scale = np.abs(theirs).max() + 1e-6
        np.testing.assert_allclose(
            by_id[id(places[name].variable)] / scale, theirs / scale, atol=1e-3, err_msg=name
        )
        compared += 1
    assert compared == len(ours)


# === What it is asked to do ===


@pytest.fixture(scope="module")
def model():
    """An untrained one whose mean style is not 0, and whose noise has strength."""
    made = tiny("stylegan2", seed=0)
    rng = np.random.default_rng(0)
    for network in (made.generator, made.generator_ema):
        for variable in network.variables:
            if variable.name in ("strength", "mean"):
                variable.assign(0.3 * rng.normal(size=variable.shape))
    return made


@pytest.fixture(scope="module")
def conditional():
    return tiny("stylegan2", num_classes=(3, 2), num_attributes=2, seed=0)


def test_psi_moves_pictures_to_that_of_the_mean_style(model):
    mean = model.synthesize(model.mean_style()[None])
    drawn = model.sample(3, seed=1, truncation=0.0)
    np.testing.assert_allclose(drawn, np.repeat(mean, 3, 0), atol=1e-5)
    np.testing.assert_array_equal(model.sample(3, seed=1, truncation=1.0), model.sample(3, seed=1))
    assert not np.allclose(model.sample(3, seed=1, truncation=0.5), model.sample(3, seed=1))


def test_cutoff_truncates_the_coarse_places_only(model):
    whole, cut = model.styles(2, seed=0), model.styles(2, seed=0, truncation=0.5, cutoff=2)
    np.testing.assert_array_equal(cut[:, 2:], whole[:, 2:])
    mean = model.mean_style()
    np.testing.assert_allclose(cut[:, :2], mean + 0.5 * (whole[:, :2] - mean), atol=1e-6)


def test_pictures_are_bounded_and_do_not_depend_on_the_batch(model):
    pictures = model.sample(5, seed=3)
    assert np.abs(pictures).max() <= 1.0
    latents = model.draw_latents(5, seed=3)
    np.testing.assert_allclose(model.sample(latents=latents[2:3])[0], pictures[2], atol=1e-5)


def test_noise_modes(model):
    constant = model.sample(2, seed=0)
    np.testing.assert_array_equal(constant, model.sample(2, seed=0))
    random = model.sample(2, seed=0, noise="random")
    assert not np.allclose(random, constant)
    np.testing.assert_array_equal(random, model.sample(2, seed=0, noise="random"))
    assert not np.allclose(model.sample(2, seed=0, noise="none"), constant)


def test_mixed_styles_keep_to_their_places(model):
    coarse, fine = model.styles(2, seed=5)
    mixed = np.concatenate([coarse[:2], fine[2:]])[None]
    assert not np.allclose(model.synthesize(mixed), model.synthesize(coarse[None]))
    with pytest.raises(ValueError, match=r"`styles` must have shape \(N, 6, 8\).*\(1, 5, 8\)"):
        model.synthesize(mixed[:, :5])


def test_labels_steer_both_players(conditional):
    latents = conditional.draw_latents(1, seed=0)
    pictures = [
        conditional.sample(latents=latents, labels=labels, attributes=attributes)
        for labels, attributes in (([0, 0], [0, 0]), ([2, 0], [0, 0]), ([0, 0], [0, 1]))
    ]
    assert not np.allclose(pictures[0], pictures[1])
    assert not np.allclose(pictures[0], pictures[2])
    judged = [conditional.discriminator([pictures[0], np.array([row])]) for row in
              ([0, 0, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1])]  # fmt: skip
    assert not np.allclose(judged[0], judged[1]) and not np.allclose(judged[0], judged[2])


def test_the_mean_style_is_followed_and_shipped():
    made = tiny("stylegan2", seed=0)
    made.compile()
    batch = np.random.default_rng(0).uniform(-1, 1, (8, 16, 16, 3)).astype("float32")
    made.train_on_batch(batch)
    mean = made.generator.get_layer("truncation").mean.numpy()
    assert np.abs(mean).max() > 0
    np.testing.assert_array_equal(made.mean_style(), mean)


def test_path_length_is_paid_every_fourth_step(monkeypatch):
    made = tiny("stylegan2", seed=0)
    made.compile(run_eagerly=True)
    batch = np.random.default_rng(0).uniform(-1, 1, (8, 16, 16, 3)).astype("float32")
    means = []
    for _ in range(6):
        made.train_on_batch(batch)
        means.append(float(made.mean_length))
    assert means[0] == means[1] == means[2] == means[3] != means[4] == means[5]


def test_directions_are_the_strongest_of_the_styles_kernels(model):
    found = model.directions(8)
    np.testing.assert_allclose(found @ found.T, np.eye(8), atol=1e-5)
    network = model.generator_ema.get_layer("synthesis")
    kernels = [
        layer.kernel.numpy()
        for layer in network.layers
        if layer.name.endswith("_style") and "torgb" not in layer.name
    ]
    moved = [np.sum([((d @ kernel) ** 2).sum() for kernel in kernels]) for d in found]
    assert moved == sorted(moved, reverse=True)
    with pytest.raises(ValueError, match="There are 8 directions. Received: count=9"):
        model.directions(9)


def test_the_described_directions_are_those_of_the_model(conditional):
    about = conditional.describe_tensors()["styles"]
    found = np.array(about["directions"])
    np.testing.assert_allclose(found, conditional.directions(8), atol=6e-5)
    labels = conditional.conditions.draw(2000, 1)
    w = conditional.styles(seed=1, **conditional.conditions.asked(labels))[:, 0]
    np.testing.assert_allclose(about["spread"], (w @ found.T).std(axis=0), rtol=0.15)
    assert len(repr(about)) < 1200


def test_a_model_that_has_diverged_is_described_without_directions():
    diverged = tiny("stylegan2")
    kernel = diverged.generator_ema.get_layer("synthesis").get_layer("b8_conv0_style").kernel
    kernel.assign(np.full(kernel.shape, np.nan))
    assert "directions" not in diverged.describe_tensors()["styles"]


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"image_size": 48}, "`image_size` must be a power of two.*image_size=48"),
        ({"image_size": 4}, "`image_size` must be a power of two, 8 at least"),
        ({"architecture": "skip"}, "`architecture` must be one of.*'skip'"),
        ({"style_mixing": 1.5}, "`style_mixing`"),
        ({"mapping_layers": 0}, "`mapping_layers`"),
    ],
)
def test_networks_that_cannot_be_built(wrong, words):
    with pytest.raises(ValueError, match=words):
        tiny("stylegan2", **wrong)


def test_what_cannot_be_sampled(model, conditional):
    for psi in (-0.1, 1.5, float("nan"), "half", True):
        with pytest.raises(ValueError, match="`truncation` is psi here, from 0"):
            model.sample(1, truncation=psi)
    with pytest.raises(ValueError, match="stylegan2 has no labels: leave `labels`"):
        model.sample(1, labels=[0])
    with pytest.raises(ValueError, match="`noise` must be one of"):
        model.sample(1, noise="some")
    with pytest.raises(ValueError, match="Labels of head 0 must be from 0 to 2"):
        conditional.sample(1, labels=[3, 0])


def test_a_classifier_of_no_labels_is_refused():
    with pytest.raises(ValueError, match="class_weight.*num_classes"):
        tiny("stylegan2", class_weight=1.0)


def test_a_classifier_learns_from_real_pictures_alone_and_is_logged(conditional):
    model = tiny("stylegan2", num_classes=(3, 2), num_attributes=2, class_weight=1.0, seed=0)
    assert not {"class_loss", "class_accuracy"} & set(conditional.logged)
    model.compile()
    rng = np.random.default_rng(0)
    labels = model.conditions.draw(32, 0)
    images = rng.uniform(-0.1, 0.1, (32, 16, 16, 3)).astype("float32")
    images[..., 0] += 0.9 * (labels[:, :1, None] - 1.0)  # what tells the first head
    before = float(
        model.fit(images, labels, batch_size=8, epochs=1, verbose=0).history["class_loss"][0]
    )
    history = model.fit(images, labels, batch_size=8, epochs=12, verbose=0).history
    assert history["class_loss"][-1] < before
    assert "class_loss is the cross-entropy" in model.losses_in_words
