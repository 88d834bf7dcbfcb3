"""Keras' callbacks, asked before the first step whether they can do what they are there for."""

from __future__ import annotations

import keras

from keras_gans.core.players import inner_of, schedule_of

#: Which way figures are better, whoever measures them; `kid_lite0` is a `kid`.
_DIRECTIONS = {
    **dict.fromkeys(("fid", "kid", "l1", "path_length", "perceptual"), "min"),
    **dict.fromkeys(("coverage", "density", "inception_score", "modes"), "max"),
    **dict.fromkeys(("precision", "psnr", "recall", "ssim"), "max"),
}
_SETTERS = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)


def listed(callbacks) -> list[keras.callbacks.Callback]:
    """What `fit` was given as a list."""
    if callbacks is None:
        return []
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return list(callbacks.callbacks)
    if isinstance(callbacks, keras.callbacks.Callback):
        return [callbacks]
    return list(callbacks)


def with_these(given, callbacks):
    """The list for Keras' `fit`; a `CallbackList` that was given stays the one."""
    if not isinstance(given, keras.callbacks.CallbackList):
        return callbacks
    for callback in callbacks:
        if callback not in given.callbacks:
            callback.set_model(given.model)
            callback.set_params(given.params)
    given.callbacks = callbacks
    return given


def check(model, callbacks, validates: bool) -> None:
    """Refuses callbacks that could only fail later, and gives `mode="auto"` its direction.

    Args:
        model: a compiled `keras_gans.GAN`.
        callbacks: as `fit` was given them.
        validates: whether validation is measured.

    Raises:
        ValueError: which callback, why, what to do.
    """
    callbacks = listed(callbacks)
    names = [*model.logged, *(f"val_{name}" for name in model.measured if validates)]
    for callback in callbacks:
        if isinstance(callback, _SETTERS):
            _check_rates(model, callback)
        if isinstance(callback, keras.callbacks.SwapEMAWeights):
            _check_averages(model, callback)
        if _monitors(callback):
            if not any(_may_log(other) for other in callbacks):
                _check_monitor(callback, names)
            if getattr(callback, "mode", None) == "auto":
                callback.mode = _direction(model, callback)


def _monitors(callback) -> bool:
    if isinstance(callback, keras.callbacks.ModelCheckpoint) and not callback.save_best_only:
        return False
    return isinstance(getattr(callback, "monitor", None), str)


def _may_log(callback) -> bool:
    """Whether it may add to the logs what others monitor: all but Keras' own may."""
    if isinstance(callback, keras.callbacks.LambdaCallback):
        return True
    return not type(callback).__module__.startswith("keras.")


def _check_monitor(callback, names):
    if callback.monitor in names or "learning_rate" in callback.monitor:
        return
    advice = ""
    if callback.monitor.startswith("val_"):
        advice = " Give `validation_data`, and compile(metrics=[...]) what to measure."
    raise ValueError(
        f"{type(callback).__name__} monitors {callback.monitor!r}, which nothing reports. There "
        f"are: {', '.join(names)}.{advice}"
    )


def _direction(model, callback) -> str:
    name = callback.monitor.removeprefix("val_")
    direction = model.measured.get(name) or _usual_direction(name)
    if direction is None:
        raise ValueError(
            f"{type(callback).__name__}: nobody can say which way {callback.monitor!r} is better; "
            "how often a discriminator is right is a balance. Pass mode='min' or mode='max'."
        )
    return direction


def _usual_direction(name: str) -> str | None:
    if name == "loss" or name.endswith("_loss"):
        return "min"
    if name.endswith(("_deviation", "_divergence")):
        return None
    for figure, direction in _DIRECTIONS.items():
        if name == figure or name.startswith(f"{figure}_"):
            return direction
    return None


def _check_rates(model, callback):
    scheduled = [player for player in model.players if schedule_of(model.optimizer_of(player))]
    if scheduled:
        arguments = ", ".join(f"{player}_optimizer" for player in scheduled)
        raise ValueError(
            f"{type(callback).__name__} sets learning rates, and that of {', '.join(scheduled)} "
            f"follows a schedule. Leave the callback out, or compile with {arguments} of a fixed "
            "learning rate."
        )


def _check_averages(model, callback):
    if not any(inner_of(model.optimizer_of(player)).use_ema for player in model.players):
        raise ValueError(
            f"{type(callback).__name__} swaps the averages of optimizers, and none of "
            f"{model.name} has use_ema=True. Compile with such optimizers, or use the model's own "
            "averaged weights (`ema_decay`)."
        )
