"""Figures while training: where they go."""

from fabrication import fabricated, tiny

from keras_gans.training.callbacks import Metrics, SampleSheet


class Evaluator:
    def __call__(self, model):
        return {"figure": float(model.step)}

    def protocol(self, model):
        return {}


def test_callbacks_that_write_for_tensorboard_serve_several_trainings(tmp_path):
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    model = tiny("dcgan")
    metrics = Metrics(Evaluator(), log_dir=tmp_path / "metrics")
    sheet = SampleSheet(tmp_path / "samples", log_dir=tmp_path / "sheets")
    for epoch in range(2):
        callbacks = [metrics, sheet]
        model.fit(
            fabricated(model, 1), initial_epoch=epoch, epochs=epoch + 1, verbose=0,
            callbacks=callbacks,
        )  # fmt: skip
    events = EventMultiplexer().AddRunsFromDirectory(str(tmp_path)).Reload()
    assert [event.step for event in events.Tensors("metrics", "figure")] == [0, 1]
    assert [event.step for event in events.Tensors("sheets", "samples")] == [0, 1, 2]
