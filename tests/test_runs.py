"""Runs: what is kept when training ends otherwise than planned."""

import keras
import pytest
from fabrication import same, snapshot

from keras_gans import runs

OPTIONS = runs.Options(
    "cdcgan_fashion", overrides={"filters": 4, "latent_dim": 8}, epochs=2, steps_per_epoch=2,
    batch_size=8,
)  # fmt: skip


class Stop(keras.callbacks.Callback):
    """Interrupts at the end of a batch."""

    def __init__(self, epoch, error):
        super().__init__()
        self.stop_epoch, self.error, self.epoch = epoch, error, None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == self.stop_epoch:
            raise self.error


def test_model_comes_back_as_it_was_trained(tmp_path):
    trained = []
    keep = keras.callbacks.LambdaCallback(
        on_train_end=lambda logs: trained.append(snapshot(keep.model.weights))
    )
    run = runs.train(OPTIONS, tmp_path, callbacks=[keep], verbose=0)
    model = runs.open_run(run.path).load_model()
    assert same(trained[0], model.weights)
    assert int(model.generator_optimizer.iterations) == 4
    assert runs.open_run(run.path).options == OPTIONS


def test_interrupted_after_an_epoch_keeps_what_was_learned(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        runs.train(OPTIONS, tmp_path, callbacks=[Stop(1, KeyboardInterrupt())], verbose=0)
    run = runs.open_run(tmp_path / "00001-cdcgan-fashion")
    assert int(run.load_model().step) == 3


def test_failed_before_an_epoch_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="at once"):
        runs.train(OPTIONS, tmp_path, callbacks=[Stop(0, ValueError("at once"))], verbose=0)
    assert not list(tmp_path.iterdir())


def test_a_run_without_a_model_says_so(tmp_path):
    run = runs.train(OPTIONS, tmp_path, verbose=0)
    run.model_path.unlink()
    with pytest.raises(ValueError, match="no trained model yet"):
        run.load_model()
    run.model_path.write_bytes(b"PK not a zip")
    with pytest.raises(ValueError, match="not a readable .keras file"):
        run.load_model()


@pytest.mark.parametrize("text", ["", "{", '{"options": {"modell": "dcgan"}}', "[]"])
def test_a_folder_that_is_no_run_is_refused(tmp_path, text):
    (tmp_path / "options.json").write_text(text)
    with pytest.raises(ValueError, match="not the folder of a run"):
        runs.open_run(tmp_path)


def test_deterministic_runs_are_equal_to_the_bit(tmp_path):
    script = (
        "import sys\n"
        "from keras_gans import runs\n"
        "runs.train(runs.Options('cdcgan_fashion', overrides={'filters': 4, 'latent_dim': 8},"
        " epochs=1, steps_per_epoch=3, batch_size=8, deterministic=True), sys.argv[1], verbose=0)"
    )
    import subprocess
    import sys

    weights = []
    for name in ("one", "two"):
        subprocess.run([sys.executable, "-c", script, str(tmp_path / name)], check=True)
        run = runs.open_run(tmp_path / name / "00001-cdcgan-fashion")
        weights.append(snapshot(run.load_model().weights))
    assert same(weights[0], weights[1])
