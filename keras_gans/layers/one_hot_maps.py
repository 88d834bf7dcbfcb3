"""Label maps as feature maps."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_gans")
class OneHotMaps(keras.layers.Layer):
    """Returns a feature map for each class of a label map: 1 where it lies, 0 elsewhere.

    Of a stride above 1 the first pixel of each block of stride x stride stands for all of it: as
    PyTorch's nearest-neighbour interpolation makes maps smaller.

    Args:
        classes: how many there are; a pixel of another number is 0 in all maps.
        stride: how many times smaller the feature maps are.
        **kwargs: those of `keras.layers.Layer`.

    Shapes: integers (N, H, W), the sides multiples of the stride -> (N, H / stride, W / stride,
    classes).

    Reference: Park et al., 2019, https://arxiv.org/abs/1903.07291 (section 3)
    """

    def __init__(self, classes, stride=1, **kwargs):
        super().__init__(**kwargs)
        self.classes, self.stride = classes, stride

    def call(self, inputs):
        smaller = inputs[:, :: self.stride, :: self.stride] if self.stride > 1 else inputs
        return ops.one_hot(smaller, self.classes, dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape):
        batch, *sides = input_shape
        sides = [None if side is None else -(-side // self.stride) for side in sides]
        return (batch, *sides, self.classes)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "classes": self.classes, "stride": self.stride}
