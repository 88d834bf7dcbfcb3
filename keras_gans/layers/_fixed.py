"""Options of Keras' layers that some of ours do not have."""


def refuse_others(layer, **fixed):
    """Refuses a layer whose options differ from those it is computed with.

    Args:
        layer: of `keras.layers`, as its constructor left it.
        **fixed: `{attribute: the only value it may have}`.

    Raises:
        ValueError: if one has another value.
    """
    for name, value in fixed.items():
        if (given := getattr(layer, name)) != value:
            raise ValueError(
                f"{type(layer).__name__} has no other `{name}` than {value!r}. "
                f"Received: {given!r}. Leave it out, or use the layer of Keras."
            )
