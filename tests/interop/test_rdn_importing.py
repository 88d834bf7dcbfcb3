"""RDN and RRDN of ISR in TensorFlow.js' form, against their topologies run by Keras' layers."""

import copy

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_tfjs import layer, manifest, write

from keras_gans import interop, zoo
from keras_gans.interop import rdn

RNG = np.random.default_rng


# === Topologies as ISR makes them, and what they compute ===


def conv(name, filters, kernel, x):
    return layer(
        "Conv2D",
        name,
        [x],
        filters=filters,
        kernel_size=[kernel, kernel],
        strides=[1, 1],
        padding="same" if kernel > 1 else "valid",
        data_format="channels_last",
        dilation_rate=[1, 1],
        groups=1,
        activation="linear",
        use_bias=True,
    )


def relu(x):
    return layer("Activation", f"{x}_Relu", [x], activation="relu")


def dense_block(layers, x, number, growth, filters, convs, fusion):
    for c in range(1, convs + 1):
        name = f"{number}_{c}"
        layers += [conv(f"F_{name}", growth, 3, x), relu(f"F_{name}")]
        layers.append(layer("Concatenate", f"RDB_Concat_{name}", [x, layers[-1]["name"]], axis=3))
        x = f"RDB_Concat_{name}"
    layers.append(conv(f"LFF_{number}", filters, fusion, x))


def rdn_layers(*, channels=3, filters=6, growth=4, blocks=2, convs=2, scale=2, shuffle=False):
    layers = [
        layer("InputLayer", "LR", batch_input_shape=[None, None, None, channels]),
        conv("F_m1", filters, 3, "LR"),
        conv("F_0", filters, 3, "F_m1"),
    ]
    x = "F_0"
    for d in range(1, blocks + 1):
        dense_block(layers, x, d, growth, filters, convs, fusion=1)
        layers.append(layer("Add", f"LRL_{d}", [f"LFF_{d}", x]))
        x = f"LRL_{d}"
    sums = [f"LRL_{d}" for d in range(1, blocks + 1)]
    layers += [
        layer("Concatenate", "LRLs_Concat", sums, axis=3),
        conv("GFF_1", filters, 1, "LRLs_Concat"),
        conv("GFF_2", filters, 3, "GFF_1"),
        layer("Add", "FDF", ["GFF_2", "F_m1"]),
        *(conv("UPN1", 64, 5, "FDF"), relu("UPN1")),
        *(conv("UPN2", 32, 3, "UPN1_Relu"), relu("UPN2")),
        conv("UPN3", channels * scale**2, 3, "UPN2_Relu"),
    ]
    if shuffle:
        layers.append(layer("PixelShuffle", "pixel_shuffle_1", ["UPN3"], scale=scale))
    else:
        how = {"size": [scale, scale], "interpolation": "nearest"}
        layers.append(layer("UpSampling2D", "UPsample", ["UPN3"], **how))
    return [*layers, conv("SR", channels, 3, layers[-1]["name"])]


def rrdn_layers(*, channels=3, filters=6, growth=4, blocks=2, dense=2, convs=2, scale=2):
    layers = [
        layer("InputLayer", "LR_input", batch_input_shape=[None, None, None, channels]),
        conv("Pre_blocks_conv", filters, 3, "LR_input"),
    ]
    x, factors = "Pre_blocks_conv", 0

    def scaled(name):
        nonlocal factors
        own = f"multiply_beta_{factors}" if factors else "multiply_beta"
        layers.append(layer("MultiplyBeta", own, [name], beta=0.2))
        factors += 1
        return own

    for t in range(1, blocks + 1):
        y = x
        for d in range(1, dense + 1):
            dense_block(layers, y, f"{t}_{d}", growth, filters, convs, fusion=3)
            layers.append(layer("Add", f"LRL_{t}_{d}", [y, scaled(f"LFF_{t}_{d}")]))
            y = f"LRL_{t}_{d}"
        layers.append(layer("Add", f"RRDB_{t}_out", [x, scaled(y)]))
        x = f"RRDB_{t}_out"
    return [
        *layers,
        conv("post_blocks_conv", filters, 3, x),
        layer("Add", "GRL", ["post_blocks_conv", "Pre_blocks_conv"]),
        conv("PreShuffle", channels * scale**2, 3, "GRL"),
        layer(f"PixelShuffle{scale}x", "pixel_shuffle", ["PreShuffle"], scale=scale),
        conv("SR", channels, 3, "pixel_shuffle"),
    ]


class Computed(keras.layers.Layer):
    """A layer of ISR's own."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


def of_keras(one):
    config = one["config"]
    match one["class_name"]:
        case "Conv2D":
            return keras.layers.Conv2D(
                config["filters"], config["kernel_size"], padding=config["padding"]
            )
        case "Activation":
            return keras.layers.Activation(config["activation"])
        case "Concatenate":
            return keras.layers.Concatenate(axis=config["axis"])
        case "Add":
            return keras.layers.Add()
        case "UpSampling2D":
            return keras.layers.UpSampling2D(config["size"], interpolation="nearest")
        case "MultiplyBeta":
            return Computed(lambda x: x * config["beta"])
    assert one["class_name"].startswith("PixelShuffle")
    return Computed(lambda x: tf.nn.depth_to_space(x, config["scale"]))


def run(layers, images, seed=0):
    """What a topology makes of images, and its random weights by TensorFlow.js' names."""
    random, values, arrays = RNG(seed), {}, {}
    for one in layers:
        name = one["name"]
        if one["class_name"] == "InputLayer":
            values[name] = tf.constant(images)
            continue
        inputs = [values[node[0]] for node in one["inbound_nodes"][0]]
        taken = inputs if one["class_name"] in ("Add", "Concatenate") else inputs[0]
        made = of_keras(one)
        made(taken)  # makes its variables
        for variable in made.weights:
            deviation = 0.7 / np.sqrt(np.prod(variable.shape[:-1])) if variable.ndim > 1 else 0.1
            array = (deviation * random.normal(size=variable.shape)).astype("float32")
            variable.assign(array)
            arrays[f"{name}/{variable.name}"] = array
        values[name] = made(taken)
    return values["SR"].numpy(), arrays


def unit_images(channels=3):
    return RNG(1).uniform(0, 1, (2, 7, 10, channels)).astype("float32")


def saved(folder, layers, seed=0, shards=2):
    images = unit_images(layers[0]["config"]["batch_input_shape"][-1])
    expected, arrays = run(layers, images, seed)
    return write(folder, *manifest(arrays, shards), layers=layers), images, expected


def made_by(model, images):
    """Ours in [0, 1], not clipped."""
    return model.generator(2 * images - 1, training=True).numpy() / 2 + 0.5


TOPOLOGIES = {
    "slim": ("rdn", rdn_layers(convs=1)),
    "one block": ("rdn", rdn_layers(blocks=1)),
    "medium": ("rdn_small", rdn_layers(blocks=3, convs=1, scale=3)),
    "large": ("rdn", rdn_layers(blocks=11, convs=3, growth=2)),
    "shuffle": ("rdn", rdn_layers(scale=3, shuffle=True)),
    "gray": ("rdn", rdn_layers(channels=1, scale=8)),
    "thick": ("rrdn", rrdn_layers(scale=4)),
    "thick x3": ("rrdn", rrdn_layers(scale=3, blocks=1, dense=3, convs=3)),
    "thick of gray": ("rrdn", rrdn_layers(channels=1, dense=1, convs=1)),
}


@pytest.mark.parametrize("which", TOPOLOGIES)
def test_the_imported_model_computes_what_its_topology_does(which, tmp_path):
    name, layers = TOPOLOGIES[which]
    path, images, expected = saved(tmp_path, layers)
    model = rdn.import_checkpoints(path, name)
    got = made_by(model, images)
    assert got.shape == expected.shape and expected.std() > 1e-2
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)
    convolutions = sum(one["class_name"] == "Conv2D" for one in layers)
    assert model.imported["generator"].tensors == 2 * convolutions
    clipped = model.translate(2 * images - 1) / 2 + 0.5
    np.testing.assert_allclose(clipped, np.clip(expected, 0, 1), rtol=0, atol=1e-5)


def test_sizes_are_the_file_s(tmp_path):
    layers = rrdn_layers(filters=5, growth=3, blocks=2, dense=3, convs=1, scale=8)
    model = rdn.import_checkpoints(saved(tmp_path, layers)[0], "rrdn")
    assert (model.filters, model.growth, model.num_blocks) == (5, 3, 2)
    assert (model.num_dense, model.num_convs, model.scale) == (3, 1, 8)
    assert model.image_size == 256 and model.source.height == 32


@pytest.mark.parametrize("which", ["slim", "shuffle", "thick"])
def test_a_network_for_values_to_255_becomes_one_for_values_to_1(which, tmp_path):
    name, layers = TOPOLOGIES[which]
    images = unit_images()
    expected, arrays = run(layers, 255 * images)
    path = write(tmp_path, *manifest(arrays), layers=layers)
    model = rdn.import_checkpoints(path, name, value_range=255)
    np.testing.assert_allclose(made_by(model, images), expected / 255, rtol=0, atol=1e-5)
    assert "255" in model.imported["generator"].notes[0]


def test_the_importer_is_found_by_the_entry_and_the_model_is_saved(tmp_path):
    path, images, _ = saved(tmp_path, rdn_layers())
    model = interop.import_checkpoints([path], "rdn", output=tmp_path / "x.keras")
    again = zoo.load(tmp_path / "x.keras")
    np.testing.assert_array_equal(made_by(again, images), made_by(model, images))
    with pytest.raises(FileExistsError):
        interop.import_checkpoints(path, "rdn", output=tmp_path / "x.keras")


def test_options_that_change_nothing_are_let_through(tmp_path):
    layers = copy.deepcopy(rdn_layers())
    for one in layers:
        if one["class_name"] == "Conv2D":
            del one["config"]["groups"]
        if one["class_name"] == "Concatenate":
            one["config"]["axis"] = -1
        if one["class_name"] == "Add":
            one["inbound_nodes"][0].reverse()
    path, images, expected = saved(tmp_path, layers)
    np.testing.assert_allclose(
        made_by(rdn.import_checkpoints(path, "rdn"), images), expected, rtol=0, atol=1e-5
    )


def test_names_with_scopes_and_numbers_are_known(tmp_path):
    layers = rdn_layers()
    expected, arrays = run(layers, unit_images())
    arrays = {f"generator/{name}:0": array for name, array in arrays.items()}
    path = write(tmp_path, *manifest(arrays), layers=layers)
    got = made_by(rdn.import_checkpoints(path, "rdn"), unit_images())
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)


# === What is refused ===


def refused(path, name="rdn", **options):
    with pytest.raises(ValueError) as failure:
        rdn.import_checkpoints(path, name, **options)
    return str(failure.value)


def changed(layers, name, **config):
    layers = copy.deepcopy(layers)
    next(one for one in layers if one["name"] == name)["config"].update(config)
    return layers


def rewired(layers, name, *inbound):
    layers = copy.deepcopy(layers)
    one = next(one for one in layers if one["name"] == name)
    one["inbound_nodes"] = [[[other, 0, 0, {}] for other in inbound]]
    return layers


RDN_LAYERS, RRDN_LAYERS = rdn_layers(), rrdn_layers()


@pytest.mark.parametrize(
    "layers, words",
    [
        (changed(RDN_LAYERS, "F_1_2_Relu", activation="tanh"), "F_1_2_Relu is tanh of F_1_2"),
        (changed(RDN_LAYERS, "F_1_2", strides=[2, 2]), "strides=[2, 2]"),
        (changed(RDN_LAYERS, "F_1_2", dilation_rate=[2, 2]), "dilation_rate=[2, 2]"),
        (changed(RDN_LAYERS, "F_1_2", padding="valid"), "padding=valid"),
        (changed(RDN_LAYERS, "F_1_2", use_bias=False), "use_bias=False"),
        (changed(RDN_LAYERS, "F_1_2", activation="relu"), "activation=relu"),
        (changed(RDN_LAYERS, "F_1_2", filters=9), "F_1_2 is Conv2D 9, 3 x 3"),
        (changed(RDN_LAYERS, "F_1_2", kernel_size=[3, 5]), "F_1_2 is Conv2D of"),
        (changed(RDN_LAYERS, "F_1_2", kernel_size=None), "F_1_2 is Conv2D of"),
        (changed(RDN_LAYERS, "UPN3", filters=13), "UPN3 is Conv2D 13"),
        (changed(RDN_LAYERS, "UPsample", interpolation="bilinear"), "bilinear 2 x 2"),
        (changed(RDN_LAYERS, "LRLs_Concat", axis=1), "LRLs_Concat is Concatenate"),
        (changed(RDN_LAYERS, "UPsample", size=[2, 3]), "UPsample whose `size`"),
        (changed(RDN_LAYERS, "UPsample", size=[0, 0]), "UPsample whose `size`"),
        (changed(RDN_LAYERS, "UPsample", size=[True, True]), "UPsample whose `size`"),
        (changed(RDN_LAYERS, "F_m1", filters=-3), "F_m1 whose `filters`"),
        (changed(RDN_LAYERS, "F_m1", filters=10**30), "F_m1 whose `filters`"),
        (rewired(RDN_LAYERS, "LRL_2", "LFF_2", "F_0"), "LRL_2 is sum of F_0 and LFF_2"),
        (rewired(RDN_LAYERS, "LRLs_Concat", "LRL_2", "LRL_1"), "maps of LRL_2 and LRL_1"),
        ([*RDN_LAYERS, relu("SR")], "SR_Relu is relu of SR, not there"),
        ([one for one in RDN_LAYERS if one["name"] != "UPsample"], "no PixelShuffle"),
        ([one for one in RDN_LAYERS if one["name"] != "FDF"], "FDF is missing"),
        (RDN_LAYERS[:2], "0 and 0 layers LFF_N and F_1_N"),
        (changed(RDN_LAYERS, "UPsample", size=2), "UPsample is UpSampling2D of"),
        (changed(RRDN_LAYERS, "multiply_beta_1", beta=0.3), "0.3 LFF_1_2"),
        (
            changed(RRDN_LAYERS, "multiply_beta_1", beta="0.2; x"),
            "sum of LRL_1_1 and multiply_beta_1",
        ),
        (changed(RRDN_LAYERS, "pixel_shuffle", scale=3), "PreShuffle is Conv2D 12"),
        (rewired(RRDN_LAYERS, "RRDB_2_out", "RRDB_1_out"), "RRDB_2_out is sum of RRDB_1_out"),
    ],
)
def test_another_topology_is_refused_by_its_layers(layers, words, tmp_path):
    said = refused(write(tmp_path, [], {}, layers=layers), "rdn")
    assert words in said and "\n" not in said


def test_an_output_in_the_middle_is_refused(tmp_path):
    path = write(tmp_path, [], {}, layers=RDN_LAYERS, outputs=["FDF"])
    assert "it returns FDF, not SR" in refused(path)


def test_other_networks_are_described(tmp_path):
    layers = [RDN_LAYERS[0], conv("conv1", 4, 3, "LR")]
    path = write(tmp_path, [], {}, layers=layers)
    assert "no RDN or RRDN of ISR" in refused(path) and "conv1 (Conv2D)" in refused(path)
    hostile = [layer("Lambda", "x\x1b[31m", function="open('x', 'w')")]
    said = refused(write(tmp_path, [], {}, layers=hostile))
    assert r"x\x1b[31m (Lambda)" in said and "\x1b" not in said


def test_the_other_family_s_entry_is_refused_by_name(tmp_path):
    path = write(tmp_path, [], {}, layers=RDN_LAYERS)
    assert "holds RDN, which rrdn is not. Use one of: rdn, rdn_small." in refused(path, "rrdn")
    path = write(tmp_path, [], {}, layers=RRDN_LAYERS)
    assert "holds RRDN, which rdn is not. Use one of: rrdn." in refused(path, "rdn")
    assert "is no RDN. Entries that are: rdn" in refused(path, "dcgan")
    assert "Unknown zoo model" in refused(path, "rdm")


@pytest.mark.parametrize("change", ["missing", "more", "shape", "nan", "inf", "twice"])
def test_tensors_that_do_not_fit_are_named(change, tmp_path):
    _, arrays = run(RDN_LAYERS, unit_images())
    if change == "missing":
        del arrays["F_2_1/kernel"]
    elif change == "more":
        arrays["F_3_1/kernel"] = np.zeros((3, 3), "float32")
    elif change == "shape":
        arrays["GFF_2/kernel"] = np.zeros((5, 5, 6, 6), "float32")
    elif change == "twice":
        arrays["other/SR/bias"] = arrays["SR/bias"]
    else:
        arrays["SR/bias"][1] = float(change)
    said = refused(write(tmp_path, *manifest(arrays), layers=RDN_LAYERS))
    words = {
        "missing": "missing F_2_1/kernel",
        "more": "unexpected F_3_1/kernel (3, 3)",
        "shape": "GFF_2/kernel is (5, 5, 6, 6), not (3, 3, 6, 6)",
        "twice": "several tensors for one layer",
    }
    assert words.get(change, "SR/bias has NaN or infinite numbers") in said


def test_what_the_file_determines_is_not_asked_for(tmp_path):
    path, _, _ = saved(tmp_path, RDN_LAYERS)
    assert "determines `num_blocks`, 2" in refused(path, num_blocks=9)
    assert "Only the generator" in refused(path, network="discriminator")
    assert "`value_range`" in refused(path, value_range=2)
    assert "Received: 2" in refused([path, path])
    assert "must end in .keras" in refused(path, output=tmp_path / "x.h5")
    assert rdn.import_checkpoints({"generator": path}, "rdn", num_blocks=2).num_blocks == 2


def test_an_enormous_network_is_not_built(tmp_path):
    layers = rdn_layers(filters=2**16, growth=2**16, convs=1, blocks=1)
    assert "cannot become rdn: its weights take more" in refused(
        write(tmp_path, [], {}, layers=layers)
    )
    path = write(tmp_path, [], {}, layers=rdn_layers(scale=5))
    assert "cannot become rdn: `scale`" in refused(path)


def test_numbers_of_layers_that_only_seem_many_cost_nothing(tmp_path):
    """Ten thousand layers that claim 25 million, and names that would grow with each layer."""
    claimed = [conv(f"LFF_{n + 1}", 1, 1, "F_m1") for n in range(4900)]
    claimed += [conv(f"F_1_{n + 1}", 1, 1, "F_m1") for n in range(4900)]
    path = write(tmp_path, [], {}, layers=[*RDN_LAYERS[:2], *claimed])
    assert "4900 and 4900 layers" in refused(path)
    chain = [
        layer("MultiplyBeta", f"b{n}", [f"b{n - 1}" if n else "LR"], beta=0.2) for n in range(99)
    ]
    path = write(tmp_path, [], {}, layers=[*RDN_LAYERS, *chain])
    assert "b1 is MultiplyBeta of 0.2 LR, not there" in refused(path)
