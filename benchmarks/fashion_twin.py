"""A run of dcgan_fashion or cdcgan_fashion against the same training in PyTorch.

    python benchmarks/fashion_twin.py runs/00001-cdcgan-fashion idx:FOLDER

The twin has the same networks, initialisation, game, optimizers and averaging, and learns from the
same batches in the same order, as many as the run. Both draw 10,000 pictures, which are compared as
in `fashion_quality.py` with the 10,000 of the real test set; the last line is the ratio of their
Frechet distances, below 1 where ours are nearer.
"""

import argparse
import os
import pathlib
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import numpy as np
import torch
from class_agreement import real_images
from fashion_quality import COUNT, classes_of, classifier_of, compare
from torch import nn
from translation import paper_init, training_batches

from keras_gans import training
from keras_gans.evaluation import features

CLASSES = 10


def generator(inputs, filters):
    """(N, inputs, 1, 1) -> (N, 1, 28, 28)."""
    layers = [nn.ConvTranspose2d(inputs, 2 * filters, 7, 1, 0, bias=False)]
    layers += [nn.BatchNorm2d(2 * filters), nn.ReLU(True)]
    layers += [nn.ConvTranspose2d(2 * filters, filters, 4, 2, 1, bias=False)]
    layers += [nn.BatchNorm2d(filters), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.ConvTranspose2d(filters, 1, 4, 2, 1, bias=False), nn.Tanh())


def discriminator(channels, filters):
    """(N, channels, 28, 28) -> (N, 1, 1, 1)."""
    layers = [nn.Conv2d(channels, filters, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    layers += [nn.Conv2d(filters, 2 * filters, 4, 2, 1, bias=False)]
    layers += [nn.BatchNorm2d(2 * filters), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, nn.Conv2d(2 * filters, 1, 7, 1, 0, bias=False))


class Twin:
    """The game in PyTorch; without labels where the model takes none."""

    def __init__(self, model):
        extra = CLASSES if model.num_classes else 0
        self.latent_dim, self.decay = model.latent_dim, model.tricks.ema_decay
        self.g = generator(model.latent_dim + extra, model.filters)
        self.d = discriminator(1 + extra, model.filters)
        paper_init(torch, self.g, self.d)
        self.average = generator(model.latent_dim + extra, model.filters)
        self.average.load_state_dict(self.g.state_dict())
        adam = {"lr": 2e-4, "betas": (0.5, 0.999)}
        self.g_optimizer = torch.optim.Adam(self.g.parameters(), **adam)
        self.d_optimizer = torch.optim.Adam(self.d.parameters(), **adam)
        self.steps = 0

    def latents(self, labels, count):
        z = torch.randn(count, self.latent_dim)
        if labels is not None:
            z = torch.cat([z, nn.functional.one_hot(labels, CLASSES).float()], 1)
        return z[..., None, None]

    def judge(self, images, labels):
        if labels is not None:
            maps = nn.functional.one_hot(labels, CLASSES).float()[..., None, None]
            images = torch.cat([images, maps.expand(-1, -1, *images.shape[2:])], 1)
        return self.d(images)

    def step(self, images, labels):
        softplus = nn.functional.softplus
        fake = self.g(self.latents(labels, len(images)))
        self.d_optimizer.zero_grad()
        loss = softplus(-self.judge(images, labels)).mean()
        (loss + softplus(self.judge(fake.detach(), labels)).mean()).backward()
        self.d_optimizer.step()
        self.g_optimizer.zero_grad()
        softplus(-self.judge(fake, labels)).mean().backward()
        self.g_optimizer.step()
        self.follow()

    def follow(self):
        """Averaged weights, as `keras_gans.games.averaging.follow` keeps them."""
        self.steps += 1
        decay = min(self.decay or 0.0, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            for kept, now in zip(
                self.average.state_dict().values(), self.g.state_dict().values(), strict=True
            ):
                if kept.dtype.is_floating_point:
                    kept.lerp_(now, 1 - decay)

    def sample(self, labels, count):
        """Pictures (N, 28, 28, 1), with batch norm's statistics estimated anew as ours are."""
        network = self.average
        norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean
        drawn = None if labels is None else torch.from_numpy(np.asarray(labels, np.int64))
        with torch.no_grad():
            for part in range(16):
                some = None if drawn is None else drawn[part * 64 : part * 64 + 64]
                network.train()(self.latents(some, 64))
            made = network.eval()(self.latents(drawn, count))
        return made.numpy().transpose(0, 2, 3, 1)


def train(run, model):
    twin, started = Twin(model), time.time()
    for batch in training_batches(run, model):
        images, labels = batch if model.num_classes else (batch, None)
        images = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        twin.step(images, None if labels is None else torch.from_numpy(labels.astype(np.int64)))
    print(f"\ntwin: {twin.steps} updates in {time.time() - started:.0f} s", file=sys.stderr)
    return twin


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", help="folder of a run")
    parser.add_argument("source", help="of all 70,000 pictures, idx:FOLDER or tfds:fashion_mnist")
    parser.add_argument("--classifier", type=pathlib.Path, default="fashion_classifier.keras")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_flush_denormal(True)  # as TensorFlow does

    run = training.open_run(arguments.run)
    model = run.load_model()
    twin = train(run, model)
    classifier, accuracy = classifier_of(arguments.classifier, arguments.source)
    print(f"classifier on the real test set: {accuracy:.2%}")
    extract = features.of_model(classifier, classifier.layers[-3].name, "classifier")
    images, labels = (column[:COUNT] for column in real_images("test", arguments.source))
    asked = labels if model.num_classes else None
    how = {"labels": labels} if model.num_classes else {"count": COUNT}
    real, distances = extract(images), []
    for name, made in (("ours", model.sample(seed=0, **how)), ("twin", twin.sample(asked, COUNT))):
        seen_classes = classes_of(classifier, made) if model.num_classes else None
        distances.append(compare(name, real, extract(made), seen_classes, asked))
    print(f"ours / twin: {distances[0] / distances[1]:.3f}")


if __name__ == "__main__":
    main()
