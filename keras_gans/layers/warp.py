"""Images moved along a flow."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gans")
class Warp(keras.layers.Layer):
    """Samples images where a flow says that their pixels come from.

    `output[y, x] = image[y + flow[y, x, 1], x + flow[y, x, 0]]`: with the flow from a frame back to
    the one before it, the previous frame is moved onto the current one. Places between pixels are
    interpolated bilinearly; places outside are moved to the border. These are the rules of
    PyTorch's `grid_sample(padding_mode="border", align_corners=True)`.

    Args:
        **kwargs: those of `keras.layers.Layer`.

    Shapes: images (N, H, W, C) and flow (N, H, W, 2), across and down in pixels -> (N, H, W, C).
    """

    def call(self, inputs):
        images, flow = inputs
        # Places of large images need more digits than float16 has.
        flow = tf.cast(flow, tf.float32)
        count, height, width = tf.unstack(tf.shape(images)[:3])
        down, across = tf.cast(height - 1, tf.float32), tf.cast(width - 1, tf.float32)
        # Shaped by functions: TFLite has no slices that add an axis.
        rows = tf.reshape(tf.range(tf.cast(height, tf.float32)), (1, -1, 1))
        columns = tf.reshape(tf.range(tf.cast(width, tf.float32)), (1, 1, -1))
        y = tf.minimum(tf.maximum(rows + flow[..., 1], 0.0), down)
        x = tf.minimum(tf.maximum(columns + flow[..., 0], 0.0), across)
        top, left = tf.floor(y), tf.floor(x)
        lower, right = tf.expand_dims(y - top, -1), tf.expand_dims(x - left, -1)
        lower, right = (tf.cast(share, images.dtype) for share in (lower, right))
        bottom, end = tf.minimum(top + 1.0, down), tf.minimum(left + 1.0, across)

        # All as one row of pixels: a gather by three indices has no quick gradient.
        pixels = tf.reshape(images, (-1, tf.shape(images)[3]))
        start = tf.reshape(tf.range(count) * (height * width), (-1, 1, 1))

        def at(row, column):
            place = start + tf.cast(row, tf.int32) * width + tf.cast(column, tf.int32)
            return tf.gather(pixels, place)

        upper = at(top, left) * (1.0 - right) + at(top, end) * right
        under = at(bottom, left) * (1.0 - right) + at(bottom, end) * right
        return tf.ensure_shape(upper * (1.0 - lower) + under * lower, images.shape)

    def compute_output_shape(self, input_shape):
        return input_shape[0]
