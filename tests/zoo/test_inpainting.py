"""What fills holes against PyTorch twins, and what its game and its masks promise."""

import numpy as np
import pytest
import tensorflow as tf
from fabrication import fabricate, full, tiny, watch
from plain_steps import RATE, Recorder

from keras_gans import metrics
from keras_gans.core import masks
from keras_gans.core.scaling import scaled

try:
    import torch
    import torch_inpainting_twins as twins
    from torch.nn import functional
    from torch_twins import Unet, nchw, nhwc, patch_gan
except ModuleNotFoundError:  # the tests that want them are marked
    torch = twins = functional = Unet = nchw = nhwc = patch_gan = None

#: The paper's sizes.
CONTEXT = {"image_size": 128, "filters": 64, "overlap": 4}

BOTH = pytest.mark.parametrize("name", ["context_encoder", "inpainting"])


def pictures(count, side=32, seed=0, width=None):
    shape = (count, side, width or side, 3)
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def turned(tensor):
    array = tensor.detach().numpy()
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array


def carry(found):
    for tensor, variable in found:
        variable.assign(turned(tensor))


# === Against PyTorch ===


def twins_of(model):
    """`(generator, discriminator)`, each as `(twin, pairs with our variables)`."""
    if model.name == "context_encoder":
        halvings = round(np.log2(model.image_size // 4))
        made = twins.ContextGenerator(model.filters, model.bottleneck, halvings)
        judge = twins.ContextDiscriminator(model.filters, halvings - 1)
        names = twins.context_layers(halvings), twins.judge_layers(halvings - 1)
    else:
        made = Unet(model.num_downs, model.filters, dropout=0.0)
        first = torch.nn.Conv2d(4, model.filters, 4, 2, 1, bias=False)
        made.model.model[0] = first  # which takes the mask as well
        judge = patch_gan(4, model.filters, torch.nn.BatchNorm2d)
        names = twins.unet_layers(model.num_downs), twins.PATCH_LAYERS
    return [
        (twins.initialise(twin, seed), twins.pairs(twin, network, of))
        for seed, twin, network, of in (
            (3, made, model.generator, names[0]),
            (4, judge, model.discriminator, names[1]),
        )
    ]


def painted_by(model, twin, source, holes):
    if model.name == "context_encoder":
        return twin(twins.hidden(source, model.overlap))
    return twin(torch.cat([source * (1 - holes), holes], 1))


def judged_by(model, judge, whole, holes):
    if model.name == "context_encoder":
        return judge(whole)
    return judge(whole, holes)


def middle(whole):
    side = whole.shape[-1]
    return whole[:, :, side // 4 : 3 * side // 4, side // 4 : 3 * side // 4]


@pytest.mark.fidelity
@pytest.mark.parametrize("name", ["context_encoder", "inpainting", "inpainting_avatars"])
def test_networks_equal_their_twins(name):
    # Of 4000 units, whose kernels take a minute to be drawn, the counts are compared elsewhere.
    small = name == "context_encoder"
    model = tiny(name, **{**CONTEXT, "bottleneck": 100}) if small else full(name)
    (made, of_g), (judge, of_d) = twins_of(model)
    kept = model.get_weights()
    carry([*of_g, *of_d])
    source, holes = pictures(2, model.image_size), model.holes(2, (1, 2)).numpy()
    with torch.no_grad():
        painted = painted_by(model, made.eval(), nchw(source), nchw(holes))
        whole = middle(nchw(source)) if name == "context_encoder" else nchw(source)
        logits = judged_by(model, judge.eval(), whole, nchw(holes))
    ours = model.generator(model.fed(source, holes), training=False)
    given = nhwc(whole) if name == "context_encoder" else [source, holes]
    our_logits = model.discriminator(given, training=False)
    model.set_weights(kept)
    for one, other in ((ours, painted), (our_logits, logits)):
        other = np.asarray(nhwc(other))
        assert one.shape == other.shape and other.std() > 1e-3
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)


@pytest.mark.fidelity
@BOTH
def test_a_step_equals_its_twin(name):
    how = {"l2_weight": 0.9} if name == "context_encoder" else {"l1_weight": 7.0}
    # Of more pixels than the tiny form, whose batch norm has few values to go by.
    model = tiny(name, image_size=64, **how)
    (made, of_g), (judge, of_d) = twins_of(model)
    carry([*of_g, *of_d])
    batch = pictures(6, 64)
    holes = model.holes(6, model.stream_seed("holes")).numpy()
    recorders = {player: Recorder(RATE) for player in model.players}
    model.optimizer_of = recorders.__getitem__
    logs = {key: float(value) for key, value in model.train_step(tf.constant(batch)).items()}
    gradients = {
        id(variable): gradient
        for player, recorder in recorders.items()
        for variable, gradient in zip(model.variables_of(player), recorder.gradients, strict=True)
    }

    source, hole = nchw(batch), nchw(holes)
    painted = painted_by(model, made, source, hole)
    if name == "context_encoder":
        real, fake, share = middle(source), painted, 1.0
    else:
        real, fake, share = source, hole * painted + (1 - hole) * source, 0.5
    real_logits = judged_by(model, judge, real, hole)
    fake_logits = judged_by(model, judge, fake.detach(), hole)
    d_loss = share * (
        functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()
    )
    d_loss.backward()
    compare(of_d, gradients)
    with torch.no_grad():
        for parameter in judge.parameters():
            parameter -= RATE * parameter.grad
    adversarial = functional.softplus(-judged_by(model, judge, fake, hole)).mean()
    if name == "context_encoder":
        weights = torch.full_like(real, 10.0)
        inner = slice(model.overlap, real.shape[-1] - model.overlap)
        weights[:, :, inner, inner] = 1.0
        g_loss = 0.9 * (weights * (painted - real) ** 2).mean() + 0.1 * adversarial
    else:
        apart = (painted - source).abs()
        g_loss = adversarial + 7 * (6 * (hole * apart).mean() + ((1 - hole) * apart).mean())
    g_loss.backward()
    compare(of_g, gradients)
    assert logs["discriminator_loss"] == pytest.approx(d_loss.item(), rel=1e-4)
    assert logs["adversarial_loss"] == pytest.approx(adversarial.item(), rel=1e-3)
    assert logs["generator_loss"] == pytest.approx(g_loss.item(), rel=1e-4)


def compare(found, gradients):
    """Our recorded gradients against `.grad` of the twins; biases before batch norm have none."""
    largest = max(float(tensor.grad.abs().max()) for tensor, _ in found)
    for tensor, variable in found:
        theirs = turned(tensor.grad)
        scale = np.abs(theirs).max()
        if scale < 1e-6 * largest:
            assert np.abs(gradients[id(variable)]).max() < 1e-5 * largest, variable.path
            continue
        np.testing.assert_allclose(
            gradients[id(variable)], theirs, atol=1e-3 * scale, err_msg=variable.path
        )


# === Masks ===


@pytest.mark.parametrize("sides", [(32, 32), (64, 64), (37, 90)])
def test_drawn_holes_are_seeded_and_a_tenth_to_a_half_of_a_picture(sides):
    holes = masks.draw(100, *sides, (1, 2)).numpy()
    assert holes.shape == (100, *sides, 1)
    assert set(np.unique(holes)) == {0.0, 1.0}
    shares = holes.mean((1, 2, 3))
    assert 0.1 <= shares.min() < 0.15 and 0.45 < shares.max() <= 0.5
    np.testing.assert_array_equal(holes, masks.draw(100, *sides, (1, 2)))
    traced = tf.function(lambda count: masks.draw(count, *sides, (1, 2)))
    np.testing.assert_array_equal(holes, traced(tf.constant(100)))
    assert (masks.draw(100, *sides, (1, 3)).numpy() != holes).any((1, 2, 3)).all()


def test_some_holes_are_rectangles_and_some_are_strokes():
    holes = masks.draw(60, 64, 64, (5, 6)).numpy()[..., 0]
    filled = []
    for hole in holes:
        rows, columns = np.nonzero(hole.any(1))[0], np.nonzero(hole.any(0))[0]
        filled.append(hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].mean())
    assert sum(share > 0.98 for share in filled) >= 5  # one rectangle
    assert sum(share < 0.6 for share in filled) >= 10


@BOTH
def test_steps_draw_other_holes_and_runs_of_one_seed_the_same(name):
    drawn = []
    for _ in range(2):
        model = tiny(name)
        seen = watch(model, "holes")
        for seed in range(2):
            model.train_step(tf.constant(fabricate(model, 4, seed)))
        drawn.append(np.array([holes for _, holes in seen]))
    np.testing.assert_array_equal(*drawn)
    differ = (drawn[0][0] != drawn[0][1]).any()
    assert differ == (name == "inpainting")
    model = tiny(name, seed=1)
    other = model.holes(4, model.stream_seed("holes")).numpy()
    assert (other != drawn[0][0]).any() == differ


def test_a_scaled_mask_covers_all_that_the_filter_mixes_with_the_hole():
    for sides, size in (((60, 50), (32, 32)), ((20, 24), (32, 32)), ((60, 20), (32, 32))):
        mask = np.zeros((*sides, 1), "float32")
        mask[5:9, 7:12] = 1.0
        one, other = pictures(1, sides[0], 1, sides[1])[0], pictures(1, sides[0], 1, sides[1])[0]
        other = np.where(mask > 0, -other, other)
        known = masks.fitted(mask, size)[..., 0] == 0
        assert known.any() and not known.all()
        np.testing.assert_array_equal(scaled(one, size)[known], scaled(other, size)[known])


# === Pictures ===


def hole_of(model, images):
    """A mask, and how it is asked for."""
    hole = np.zeros(images.shape[:3], bool)
    if model.name == "inpainting":
        hole[:, 4:13, 8:30] = True
        return hole, {"masks": hole}
    hidden = model.image_size // 2 - 2 * model.overlap
    hole[:] = masks.centre(model.image_size, hidden, images.shape[1:3])[..., 0] > 0
    return hole, {}


@BOTH
@pytest.mark.parametrize("sides", [(32, 32), (48, 40), (20, 90)])
def test_known_pixels_come_back_and_hidden_ones_have_no_effect(name, sides):
    model = tiny(name)
    images = pictures(2, *sides[:1], width=sides[1])
    hole, how = hole_of(model, images)
    filled = model.inpaint(images, **how)
    assert filled.dtype == np.float32
    np.testing.assert_array_equal(filled[~hole], images[~hole])
    assert (filled[hole] != images[hole]).mean() > 0.9
    others = np.where(hole[..., None], -images, images)
    np.testing.assert_array_equal(filled, model.inpaint(others, **how))
    one = {key: mask[1] for key, mask in how.items()}
    np.testing.assert_array_equal(model.inpaint(images[1], **one), filled[1])
    np.testing.assert_array_equal(model.generate(images, **how), filled)


def test_masks_may_be_booleans_or_numbers_with_or_without_a_channel():
    model, images = tiny("inpainting"), pictures(2)
    hole = hole_of(model, images)[0]
    expected = model.inpaint(images, hole)
    for same in (hole[..., None], hole.astype("uint8"), hole.astype("float64")[..., None]):
        np.testing.assert_array_equal(model.inpaint(images, same), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda hole: None, "must be told where they are"),
        (lambda hole: hole[:, :30], "must have the pictures' number and size"),
        (lambda hole: hole[:1], "must have the pictures' number and size"),
        (lambda hole: hole * 255, "two values.*Received 2 values: 0, 255. Use `mask > 127`"),
        (lambda hole: hole * 0.5, "two values"),
        (lambda hole: np.where(hole, np.nan, 0.0), "two values"),
        (lambda hole: hole & (np.arange(2) == 0)[:, None, None], "Mask 1 has no hole"),
    ],
)
def test_masks_that_cannot_be_are_refused(change, message):
    model, images = tiny("inpainting"), pictures(2)
    with pytest.raises(ValueError, match=message):
        model.inpaint(images, change(hole_of(model, images)[0]))


def test_a_mask_for_what_takes_none_is_refused():
    model, images = tiny("context_encoder"), pictures(2)
    with pytest.raises(ValueError, match="takes no masks"):
        model.inpaint(images, np.ones((2, 32, 32)))
    with pytest.raises(ValueError, match="32 x 32 pixels only"):
        model.inpaint(images, size="own")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"overlap": 4}, "less than an eighth"),
        ({"l2_weight": 1.5}, "from 0 to 1"),
        ({"image_size": 44}, "next that works"),
        ({"overlap": -1}, "overlap"),
    ],
)
def test_context_encoders_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        tiny("context_encoder", **changes)


# === Figures ===


def test_l1_in_holes_by_hand():
    measure = metrics.Holes()
    real, holes = np.zeros((2, 4, 4, 3)), np.zeros((2, 4, 4, 1))
    fake = real.copy()
    holes[0, 0], holes[1, :2] = 1.0, 1.0
    fake[0, 0], fake[1, 0], fake[1, 3] = 1.0, -1.0, 1.0  # the last one is no hole
    measure.update(real, fake, holes)
    assert measure.result() == pytest.approx({"hole_l1": (0.5 + 0.25) / 2})
    with pytest.raises(ValueError, match="1 has none"):
        measure.update(real, fake, holes * np.array([1, 0])[:, None, None, None])
    with pytest.raises(ValueError, match="holes \\(N, H, W, 1\\)"):
        measure.update(real, fake, holes[:, :3])
    with pytest.raises(ValueError, match="Received: none"):
        metrics.Holes().result()


@BOTH
def test_evaluate_measures_the_holes_it_has_filled(name):
    model = tiny(name)
    batch = fabricate(model, 4)
    figures = model.evaluate(batch, batch_size=4, verbose=0, return_dict=True)
    assert set(figures) == {"l1", "psnr", "ssim", "hole_l1"}
    if name == "context_encoder":  # whose holes are all alike: all of the difference lies in them
        share = np.mean(model.holes(1, (0, 0)))
        assert figures["l1"] == pytest.approx(figures["hole_l1"] * share, rel=1e-5)
    assert 0 < figures["l1"] < figures["hole_l1"]
    assert figures == model.evaluate(batch, batch_size=4, verbose=0, return_dict=True)


def test_holes_are_measured_of_models_that_fill_them_only():
    with pytest.raises(ValueError, match="fills none"):
        tiny("pix2pix").compile(metrics=[metrics.Holes()])
