"""Every family's step under XLA, on CPU: it compiles, and learns what it learns without."""

import keras
import numpy as np
import pytest
from fabrication import by_default, fabricated, tiny

QUICK = ("gan",)  # the others take a minute each


@pytest.mark.parametrize("name", by_default(QUICK))
def test_every_family_compiles_and_its_first_losses_are_those_without(name):
    logs, models = [], []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(0)
        model = tiny(name)
        model.compile(
            jit_compile=jit_compile,
            **{f"{player}_optimizer": keras.optimizers.SGD(0.01) for player in model.players},
        )
        before = [v.numpy() for v in model.trainable_variables]
        logs.append(model.fit(fabricated(model, 1), verbose=0).history)
        models.append(model)
        after = [v.numpy() for v in model.trainable_variables]
        assert any(not np.array_equal(*pair) for pair in zip(before, after, strict=True))
    # XLA throws dice of its own, so that what depends on noise is alike and no more.
    for key, (value,) in logs[0].items():
        if key.endswith("_loss"):
            assert logs[1][key][0] == pytest.approx(value, rel=0.5, abs=0.5), key
    assert int(models[1].step) == 1
