"""The form every format is written from: one network, named tensors, inference only."""

import dataclasses

import keras
import tensorflow as tf

from keras_gans.export.formats.base import ExportError
from keras_gans.export.naming import steadily_named


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A public tensor: its name, shape (None where free), dtype and, where said, kind.

    `fed_by` names the output that a state comes from; None of all other tensors.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    kind: str | None = None
    fed_by: str | None = None

    @property
    def is_picture(self):
        """Whether this is a batch of pictures, (N, H, W, C)."""
        return len(self.shape) == 4 and self.kind in (None, "image")

    @property
    def has_sides(self):
        """Whether its height and width are those of pictures: of masks and label maps too."""
        return self.is_picture or self.kind in ("mask", "label_map")


class ExportNetwork:
    """A functional network as exporters want it.

    Inputs carry the names of the input layers, outputs those of the output layers. Weights and
    computations are float32 even where mixed precision trained the network.

    Args:
        name: of the network, as in `networks_to_export`.
        network: functional `keras.Model`.
        batch_size: a fixed one, or None for a free one.
        image_size: (height, width) of the pictures that go in, or None to leave them as the
            network has them.
        tensors: what `GAN.describe_tensors` says; all of rank 4 are pictures where left out.
        usual_size: (height, width) of the pictures it was trained on, or None.

    Attributes:
        name: of the network.
        model: the `keras.Model`.
        usual_size: as given.
        upscales: whether larger pictures come out than go in.
        inputs: the `Tensor`s that go in.
        outputs: the `Tensor`s that come out.
        function: `tf.function` of the network's input structure, returns `{name: tensor}`.
        signature: nested `tf.TensorSpec`s of the structure `function` takes.

    Raises:
        ExportError: for a network that is not functional, or not of this `image_size`.
    """

    def __init__(
        self, name, network, *, batch_size=None, image_size=None, tensors=None, usual_size=None
    ):
        if not getattr(network, "inputs", None) or not hasattr(network, "output_names"):
            raise ExportError(
                f"`networks_to_export` must return functional keras.Models. Received for {name!r}: "
                f"{type(network).__name__}."
            )
        self.name, self.usual_size = name, usual_size
        self._as = {
            "batch_size": batch_size,
            "image_size": image_size,
            "tensors": tensors,
            "usual_size": usual_size,
        }
        kind = lambda name: (tensors or {}).get(name, {}).get("kind")  # noqa: E731
        about = {} if tensors is None else tensors
        scales = [about.get(output, {}).get("scale", 1) for output in network.output_names]
        self.upscales = max(scales) > 1
        self.model = steadily_named(in_float32(network))
        self.inputs = tuple(
            Tensor(
                tensor.name,
                _shape(tensor, batch_size, image_size, name),
                tensor.dtype,
                kind(tensor.name),
                (tensors or {}).get(tensor.name, {}).get("fed_by"),
            )
            for tensor in network.inputs
        )
        self.signature = self.packed(
            [tf.TensorSpec(tensor.shape, tensor.dtype, tensor.name) for tensor in self.inputs]
        )
        # Without autograph, as Keras traces its own models.
        self.function = tf.function(self._call, input_signature=[self.signature], autograph=False)
        traced = self.function.get_concrete_function().structured_outputs
        self.outputs = tuple(
            Tensor(
                output,
                _known(traced[output].shape, symbolic.shape),
                symbolic.dtype,
                kind(output),
            )
            for output, symbolic in zip(network.output_names, self.model.outputs, strict=True)
        )

    def __call__(self, arrays):
        """Keras' own answer: `{input name: array}` -> `{output name: array}`."""
        # On the CPU, where the other runtimes compute: a GPU's TF32 convolutions are off by 1e-3.
        with tf.device("CPU:0"):
            tensors = [tf.constant(arrays[tensor.name], tensor.dtype) for tensor in self.inputs]
            outputs = self._call(self.packed(tensors))
        return {name: keras.ops.convert_to_numpy(output) for name, output in outputs.items()}

    def rebuilt(self, change):
        """The same network of another make, of the same sizes.

        Args:
            change: function from the `keras.Model` to one with equal inputs and outputs.
        """
        return ExportNetwork(self.name, change(self.model), **self._as)

    def _call(self, inputs):
        outputs = keras.tree.flatten(self.model(inputs, training=False))
        return dict(zip(self.model.output_names, outputs, strict=True))

    def packed(self, flat):
        """Inputs in the order of `inputs`, in the structure `function` takes."""
        return keras.tree.pack_sequence_as(self.model.input, flat)


def in_float32(network):
    """The network itself or, where it computes in half precision, a float32 copy of it."""
    if not any("16" in str(layer.compute_dtype) for layer in network.layers):
        return network

    def in_float32_layer(layer):
        if not isinstance(layer, keras.Layer):  # an operation: of no precision of its own
            return type(layer).from_config(layer.get_config())
        return type(layer).from_config({**layer.get_config(), "dtype": "float32"})

    copy = keras.models.clone_model(network, clone_function=in_float32_layer, recursive=True)
    copy.set_weights(network.get_weights())
    return copy


def _known(traced, symbolic):
    """Sizes known to either TensorFlow's trace or Keras' symbolic run."""
    return tuple(s if t is None else t for t, s in zip(traced, symbolic, strict=True))


def _shape(tensor, batch_size, image_size, network):
    _, *rest = tensor.shape
    has_sides = len(rest) == 3 or rest == [None, None]  # of pictures, or of a label map
    if has_sides and image_size is not None:
        own, asked = tuple(rest[:2]), tuple(image_size)
        if any(side not in (None, wanted) for side, wanted in zip(own, asked, strict=True)):
            raise ExportError(
                f"The {network} takes pictures of {own[0]} x {own[1]}. Received: image_size="
                f"{asked}. Leave `image_size` out, or build the model with another one."
            )
        rest[:2] = asked
    return (batch_size, *rest)
