"""How good a model's pictures are: metrics, what they look through, and who asks them.

    keras_gans.evaluation.evaluate(model, "bundled:fashion_mnist")

`metrics` is one paper a file, `features` are the networks that see, `Evaluator` compares a model's
pictures with real ones, `evaluate` does that for a source of data.
"""

from keras_gans.evaluation import features as features
from keras_gans.evaluation import metrics as metrics
from keras_gans.evaluation.evaluate_model import evaluate
from keras_gans.evaluation.evaluator import METRICS, Evaluator

__all__ = ["METRICS", "Evaluator", "evaluate", "features", "metrics"]
