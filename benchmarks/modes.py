"""How many modes a GAN finds, and how cleanly: one row for each trick, on points in the plane.

    python benchmarks/modes.py [--rows gan best] [--seeds 5] [--steps 2000] [--markdown FILE]

Mixtures of equal, round Gaussians:
    ring   8, centres on a circle of radius 2, standard deviation 0.02
    grid   25, centres 2 apart from -4 to 4 on both axes, standard deviation 0.05
These are the settings commonly stated for VEEGAN (Srivastava et al., 2017,
https://arxiv.org/abs/1705.07761) and PacGAN (Lin et al., 2018, https://arxiv.org/abs/1712.04086);
published tables disagree in radius, spread, networks and length of training, so that a figure
here is to be compared with the other figures here.

Metric, of 2,500 generated points: one is of high quality within 3 standard deviations of the
nearest centre; a mode counts when at least one point of high quality is nearest to it. Of the
mixture's own points 98.9 % are of high quality.

Networks:
    G   z 2 -> 128 -> 128 -> 128 -> 2, tanh; eight hidden layers where `generator_layers` says so
    D   2 -> times 4 -> 128 -> 128 -> 128 -> 1 logit, leaky ReLU 0.2
    He's normal kernels. tanh lets G leave wide plains of latents at a mode and cross quickly to
    the next, which leaky ReLU learned more slowly; with more layers it crosses more quickly. The
    first layers' biases are spread over what comes in, +-4 in G and +-16 in D: without biases all
    kinks of the first layer lie on lines through the origin.
Training: Adam 1e-3, beta_1 0.5, beta_2 0.999; 256 fresh real points to an update (shared out in
stacks where `packing` is on); `--steps` updates of G, times `LONGER` in the rows named there.
Augmentation is of pictures and has no row.

Each finished run is one line of JSON in `--results`; the same command goes on where an
interrupted one stopped, and the table is of all lines that belong to the rows as they are now.
"""

import argparse
import json
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from keras_gans import losses
from keras_gans.core.signature import Role
from keras_gans.games.adversarial import AdversarialGAN
from keras_gans.games.loss import Loss
from keras_gans.optimizers import Adam

SPREADS = {"ring": 0.02, "grid": 0.05}
_REACH = {"ring": 2.5, "grid": 5.0}  # of the pictures of `--plot`, from the middle
COUNT, BATCH_SIZE = 2_500, 256
_KEPT = 500  # points of a run in its line of results, for `--plot`
_LAST = 0.02  # what is left of learning rates where they fall

_BEST = {
    "objective": "relativistic_pairing",
    "r1": 0.03,
    "r2": 0.03,
    "penalty_interval": 4,
    "ema_decay": 0.998,
    "beta_1": 0.0,
    "beta_2": 0.99,
    "decay_steps": "all",
}

#: What each row changes: arguments of `PointsGAN`.
ROWS = {
    "gan": {},
    "minimax": {"objective": "minimax"},
    "least_squares": {"objective": "least_squares"},
    "hinge": {"objective": "hinge"},
    "wasserstein_clip": {"objective": "wasserstein", "clip": 0.1, "discriminator_steps": 3},
    "wasserstein_gp": {
        "objective": "wasserstein",
        "gradient_penalty": 1.0,
        "discriminator_steps": 3,
    },
    "relativistic_average": {"objective": "relativistic_average"},
    "relativistic_pairing": {"objective": "relativistic_pairing"},
    "relativistic_r1_r2": {"objective": "relativistic_pairing", "r1": 0.1, "r2": 0.1},
    "r1": {"r1": 0.1},
    "dragan": {"dragan": 1.0},
    "packing_2": {"packing": 2},
    "packing_4": {"packing": 4},
    "instance_noise": {"instance_noise": 0.5, "instance_noise_steps": "all"},
    "label_smoothing": {"label_smoothing": 0.1},
    "label_flipping": {"label_flipping": 0.05},
    "replay": {"replay": 2_560},
    "ema_decay": {"ema_decay": 0.995},
    "discriminator_steps": {"discriminator_steps": 3},
    "two_rates": {"generator_learning_rate": 3e-4},
    "discriminator_sgd": {"discriminator_optimizer": "sgd", "discriminator_learning_rate": 3e-3},
    "uniform_latents": {"latent_distribution": "uniform"},
    "balance": {"balance": 0.8},
    "gan_longer": {},
    "gan_deeper_longer": {"generator_layers": 8},
    "best_shallow": _BEST,
    "best": {**_BEST, "generator_layers": 8},
}

#: Rows that train this many times longer. `gan_deeper_longer` and `best_shallow` tell what the
#: recipe of `best` does from what its deeper generator and its longer training do.
LONGER = {"gan_longer": 6, "gan_deeper_longer": 6, "best_shallow": 6, "best": 6}


def centres(task):
    """Where the modes are, float32 (modes, 2)."""
    if task == "ring":
        angles = np.arange(8) * 2 * np.pi / 8
        return (2.0 * np.stack([np.cos(angles), np.sin(angles)], -1)).astype("float32")
    side = np.arange(-4.0, 5.0, 2.0)
    return np.stack(np.meshgrid(side, side), -1).reshape(-1, 2).astype("float32")


def real_points(task, batch_size, seed):
    """Batches of fresh points without end, the same for the same seed."""
    modes, spread = tf.constant(centres(task)), SPREADS[task]

    def draw(index):
        which_seed, noise_seed = tf.unstack(
            tf.random.split(tf.stack([tf.constant(seed, tf.int64), index]))
        )
        which = tf.random.stateless_uniform((batch_size,), which_seed, 0, len(modes), tf.int32)
        noise = tf.random.stateless_normal((batch_size, 2), noise_seed)
        return tf.gather(modes, which) + spread * noise

    return tf.data.Dataset.counter().map(draw).prefetch(4)


def count_modes(points, task):
    """The number of modes found and the share of points of high quality."""
    distances = np.linalg.norm(points[:, None] - centres(task)[None], axis=-1)
    good = distances.min(axis=1) <= 3.0 * SPREADS[task]
    return len(np.unique(distances.argmin(axis=1)[good])), float(good.mean())


def dense(inputs, outputs, width, name, gain, activation, hidden=3):
    """A dense network from (N, inputs) to (N, outputs), `hidden` layers of `width` between."""
    spread = keras.initializers.RandomUniform(-4.0 * gain, 4.0 * gain)
    given = keras.Input((inputs,))
    x = layers.Rescaling(gain)(given)
    for bias in (spread, *["zeros"] * (hidden - 1)):
        x = layers.Dense(width, kernel_initializer="he_normal", bias_initializer=bias)(x)
        x = activation(x)
    return keras.Model(given, layers.Dense(outputs)(x), name=name)


class Points(Role):
    """Points in the plane, float32 (N, 2): what this game has in place of pictures."""

    def spec(self, size, name):
        return tf.TensorSpec((size, 2), tf.float32, name)


class PointsGAN(AdversarialGAN):
    """A game over points in the plane, with every trick but augmentation.

    Args:
        latent_dim: length of z.
        width: of the hidden layers.
        generator_layers: hidden layers of G; D has three.
        beta_1: of Adam.
        beta_2: of Adam.
        decay_steps: training steps over which learning rates fall to a fiftieth and penalties to
            nothing, along a cosine; 0 for never.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`) and those of `keras_gans.GAN`.
    """

    shares_fakes = True

    def __init__(
        self,
        *,
        latent_dim=2,
        width=128,
        generator_layers=3,
        beta_1=0.5,
        beta_2=0.999,
        decay_steps=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.latent_dim, self.decay_steps = latent_dim, decay_steps
        self.betas = {"beta_1": beta_1, "beta_2": beta_2}
        tanh = layers.Activation("tanh")
        leaky = layers.LeakyReLU(0.2)
        self.set_players(
            dense(latent_dim, 2, width, "generator", 1.0, tanh, generator_layers),
            dense(2 * self.tricks.packing, 1, width, "discriminator", 4.0, leaky),
        )

    @property
    def image(self):
        return Points()

    def optimizers(self, images=None):
        updates = {"generator": 1, "discriminator": self.discriminator_steps}
        return {
            player: Adam(self._learning_rate(count), name=player, **self.betas)
            for player, count in updates.items()
        }

    def _learning_rate(self, updates):
        if not self.decay_steps:
            return 1e-3
        return keras.optimizers.schedules.CosineDecay(1e-3, self.decay_steps * updates, _LAST)

    def discriminator_loss(self, real, fake):
        real_logits, fake_logits = self.judge_both(real, fake)
        return Loss(losses.logistic(real_logits, fake_logits), real_logits, fake_logits)

    def generator_loss(self, real, fake):
        return Loss(losses.non_saturating(self.judge(fake)))

    def penalty_left(self):
        if not self.decay_steps:
            return 1.0
        done = tf.cast(tf.convert_to_tensor(self.step.value), tf.float32) / self.decay_steps
        return 0.5 * (1.0 + tf.cos(np.pi * tf.minimum(done, 1.0)))


def train(row, task, seed, steps, *, batch_size=BATCH_SIZE, width=128):
    """A model of a row after `steps` training steps, and the means of its losses by name."""
    given = {name: steps if value == "all" else value for name, value in ROWS[row].items()}
    keras.utils.set_random_seed(seed)
    model = PointsGAN(seed=seed, width=width, **given)
    model.compile(steps_per_execution=min(steps, 100))
    points = real_points(task, batch_size * model.discriminator_steps, seed)
    history = model.fit(points, steps_per_epoch=steps, verbose=0)
    return model, {name: values[-1] for name, values in history.history.items()}


def run(row, task, seed, steps):
    """One line of results."""
    started = time.perf_counter()
    model, losses = train(row, task, seed, steps)
    points = model.sample(COUNT, seed=seed)
    modes, quality = count_modes(points, task)
    return {
        **{"row": row, "task": task, "seed": seed, "steps": steps, "settings": ROWS[row]},
        **{"modes": modes, "high_quality": round(quality, 4)},
        "finite": bool(np.isfinite([*losses.values(), *points.ravel()]).all()),
        "seconds": round(time.perf_counter() - started, 1),
        "points": np.round(np.nan_to_num(points[:_KEPT]), 3).tolist(),
    }


def read_results(path, steps):
    """Finished runs by (row, task, seed), of the rows as they are now."""
    lines = path.read_text().splitlines() if path.exists() else []
    results = {}
    for line in map(json.loads, lines):
        row = line["row"]
        if line["settings"] == ROWS.get(row) and line["steps"] == steps * LONGER.get(row, 1):
            results[row, line["task"], line["seed"]] = line
    return results


def table(results):
    """The results as a Markdown table: means over seeds, and the worst seed where several ran."""
    text = "| row | steps | ring: modes of 8 | high quality | grid: modes of 25 | high quality |"
    lines = [text, "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for row in ROWS:
        cells = [_cells(results, row, task) for task in SPREADS]
        steps = {line["steps"] for key, line in results.items() if key[0] == row}
        if steps:
            lines.append(f"| `{row}` | {max(steps):,} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cells(results, row, task):
    runs = [line for key, line in results.items() if key[:2] == (row, task)]
    if not runs:
        return "- | -"
    modes, quality = ([line[name] for line in runs] for name in ("modes", "high_quality"))
    diverged = sum(not line["finite"] for line in runs)
    note = f", {diverged} of {len(runs)} diverged" if diverged else ""
    if len(runs) == 1:
        return f"{modes[0]:.1f} | {quality[0]:.1%}{note}"
    found = f"{np.mean(modes):.1f} ({min(modes)} at least, {len(runs)} seeds)"
    return f"{found} | {np.mean(quality):.1%} ({min(quality):.1%} at least){note}"


def plot(results, path):
    """One scatter for each row and mixture, of the first seed there is."""
    try:
        from matplotlib import pyplot
    except ImportError:
        print("--plot: skipped, because matplotlib is not installed (`pip install matplotlib`).")
        return
    rows = [row for row in ROWS if any(key[0] == row for key in results)]
    columns = min(3, len(rows))  # rows of the table beside each other, each a pair of pictures
    lines = -(-len(rows) // columns)
    figure, axes = pyplot.subplots(
        lines, 2 * columns, figsize=(5 * columns, 2.7 * lines), squeeze=False
    )
    for axis in axes.ravel():
        axis.set_axis_off()
    axes = axes.reshape(-1, 2)
    for (row, task, _), line in sorted(results.items(), reverse=True):  # the first seed comes last
        axis, reach = axes[rows.index(row)][list(SPREADS).index(task)], _REACH[task]
        axis.clear()
        axis.scatter(*np.transpose(line["points"]), s=2, linewidths=0)
        axis.set_title(f"{row}, {task}", fontsize=8)
        axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each row and mixture")
    parser.add_argument("--first-seed", type=int, default=0, help="seeds count from here")
    parser.add_argument("--steps", type=int, default=2_000, help="updates of G")
    parser.add_argument("--results", default="modes.jsonl", help="where runs are kept")
    parser.add_argument("--markdown", help="file to write the table to")
    parser.add_argument("--plot", help="picture to draw, with matplotlib")
    arguments = parser.parse_args()

    # Layers this small are not worth sharing out.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    print(__doc__.split("\n\n", 2)[2])
    path = pathlib.Path(arguments.results)
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        for row in arguments.rows:
            for task in SPREADS:
                if (row, task, seed) in read_results(path, arguments.steps):
                    continue
                result = run(row, task, seed, arguments.steps * LONGER.get(row, 1))
                with path.open("a") as file:
                    file.write(json.dumps(result) + "\n")
                print(
                    f"{row}, {task}, seed {seed}: {result['modes']} of {len(centres(task))} modes, "
                    f"{result['high_quality']:.1%} of high quality, {result['seconds']:.0f} s"
                    + ("" if result["finite"] else ", NOT FINITE"),
                    flush=True,
                )
    results = read_results(path, arguments.steps)
    print(table(results))
    if arguments.markdown:
        pathlib.Path(arguments.markdown).write_text(table(results))
    if arguments.plot:
        plot(results, arguments.plot)


if __name__ == "__main__":
    main()
