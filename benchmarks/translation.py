"""How close translations of held-out pictures come to the true ones, and to a PyTorch twin's.

    python benchmarks/translation.py runs/00001-pix2pix-emoji [--twin]
    python benchmarks/translation.py runs/00002-cyclegan-emoji [--twin]

Mean absolute difference (L1, of 1), PSNR and SSIM against the true pictures of the split "test",
before training, after it, and of two honest baselines: the input itself, and the mean of the
training split's targets. With `--twin` the same networks in PyTorch are trained as the run was:
the same batches in the same order, the same schedule, as many updates.
"""

import argparse
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from torch_steps import adam, require  # brings the twins' folder with it

from keras_gans import data, training, zoo
from keras_gans.core.signature import domains
from keras_gans.evaluation import metrics


def held_out(run, model):
    """All pairs of the test split, two arrays in [-1, 1]."""
    batches = data.load(
        run.options.source, model, split="test", batch_size=16, shuffle=False, jitter=False,
        drop_remainder=False,
    )  # fmt: skip
    firsts, seconds = zip(*batches.as_numpy_iterator(), strict=True)
    return np.concatenate(firsts), np.concatenate(seconds)


def figures(images, targets):
    """L1, PSNR and SSIM of pictures in [-1, 1] against the true ones, on the scale of 0 to 1."""
    pairs = metrics.Pairs()
    pairs.update(targets, images)
    return pairs.result().values()


def show(name, images, targets):
    l1, psnr, ssim = figures(images, targets)
    print(f"{name:34s} L1 {l1:.4f}   PSNR {psnr:5.2f} dB   SSIM {ssim:.3f}", flush=True)
    return l1


def training_batches(run, model):
    """The batches of the run, epoch after epoch."""
    options = run.options
    batches = data.load(
        options.source,
        model,
        split=options.split,
        batch_size=options.batch_size,
        seed=options.seed,
        flip=options.flip,
        jitter=options.jitter,
    )
    for epoch in range(options.epochs):
        print(f"twin: epoch {epoch + 1}/{options.epochs}", end="\r", flush=True, file=sys.stderr)
        yield from batches.as_numpy_iterator()


def train_twin(run, model):
    """The PyTorch twin, trained; a function from pictures and direction to translations."""
    import torch
    import torch_twins as twins

    torch.manual_seed(run.options.seed)
    torch.set_flush_denormal(True)  # as TensorFlow does; late in training it saves hours
    make = unpaired_twin if domains(model) else paired_twin
    step, networks, optimizers = make(model, torch, twins)
    rate = model.generator_optimizer._learning_rate
    for count, batch in enumerate(training_batches(run, model)):
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = float(rate(count))
        step(*map(twins.nchw, batch))

    def translate(images, direction):
        with torch.no_grad():
            outputs = [networks[direction].eval()(twins.nchw(image[None])) for image in images]
        return np.concatenate([twins.nhwc(output) for output in outputs])

    return translate


def paper_init(torch, *networks):
    """N(0, 0.02), as the reference initialises; batch norm's gamma N(1, 0.02)."""
    for network in networks:
        for module in network.modules():
            if isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
                torch.nn.init.normal_(module.weight, 0.0, 0.02)
                if module.bias is not None:
                    torch.nn.init.zeros_(module.bias)
            elif isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.normal_(module.weight, 1.0, 0.02)


def paired_augmentation(policy, torch):
    """`keras_gans.augment.diff_augment` in PyTorch, for both pictures of a pair alike."""

    def color(images, chance):
        brightness, saturation, contrast = (u.view(-1, 1, 1, 1) for u in chance)
        images = images + brightness - 0.5
        grey = images.mean(1, keepdim=True)
        images = grey + (images - grey) * saturation * 2
        mean = images.mean((1, 2, 3), keepdim=True)
        return mean + (images - mean) * (contrast + 0.5)

    def translation(images, chance):
        side = images.shape[2]
        most = round(side / 8)
        padded = torch.nn.functional.pad(images, [most] * 4)
        places = (chance[:2] * (2 * most + 1)).long().T.tolist()
        return torch.stack(
            [
                image[:, y : y + side, x : x + side]
                for image, (y, x) in zip(padded, places, strict=True)
            ]
        )

    def cutout(images, chance):
        side = images.shape[2]
        starts = (chance[:2] * (side + 1)).long() - side // 4
        inside = [(torch.arange(side) >= s[:, None]) & (torch.arange(side) < s[:, None] + side // 2)
                  for s in starts]  # fmt: skip
        return images * ~(inside[0][:, None, :, None] & inside[1][:, None, None, :])

    known = {"color": color, "translation": translation, "cutout": cutout}

    def seen(*pair):
        for name in policy:
            chance = torch.rand(3, len(pair[0]))
            pair = [known[name](images, chance) for images in pair]
        return pair

    return seen


def paired_twin(model, torch, twins):
    g = twins.Unet(model.num_downs, model.filters)
    d = twins.patch_gan(6, model.filters, norm=torch.nn.BatchNorm2d)
    paper_init(torch, g, d)
    g_optimizer, d_optimizer = adam(g), adam(d)
    softplus = torch.nn.functional.softplus
    seen = paired_augmentation(model.augment, torch)

    def step(source, target):
        fake = g.train()(source)
        require([d], True)
        d_optimizer.zero_grad()
        real_loss = softplus(-d(*seen(source, target))).mean()
        (0.5 * (real_loss + softplus(d(*seen(source, fake.detach()))).mean())).backward()
        d_optimizer.step()
        require([d], False)
        g_optimizer.zero_grad()
        l1 = (fake - target).abs().mean()
        (softplus(-d(*seen(source, fake))).mean() + model.l1_weight * l1).backward()
        g_optimizer.step()

    return step, {"ab": g}, (g_optimizer, d_optimizer)


def unpaired_twin(model, torch, twins):
    ab, ba = (twins.resnet(model.num_blocks, model.filters) for _ in range(2))
    d_a, d_b = (twins.patch_gan(3, model.filters) for _ in range(2))
    paper_init(torch, ab, ba, d_a, d_b)
    g_optimizer, d_optimizer = adam(ab, ba), adam(d_a, d_b)
    pools = {"a": [], "b": []}
    rng = np.random.default_rng(0)

    def pooled(name, images):
        handed = []
        for image in images.detach().split(1):
            pool = pools[name]
            if len(pool) < model.pool_size:
                pool.append(image)
            elif rng.random() < 0.5:
                place = rng.integers(model.pool_size)
                image, pool[place] = pool[place], image
            handed.append(image)
        return torch.cat(handed)

    def step(a, b):
        require([d_a, d_b], False)
        g_optimizer.zero_grad()
        fake_b, fake_a = ab(a), ba(b)
        adversarial = ((d_b(fake_b) - 1) ** 2).mean() + ((d_a(fake_a) - 1) ** 2).mean()
        cycle = (ba(fake_b) - a).abs().mean() + (ab(fake_a) - b).abs().mean()
        identity = (ba(a) - a).abs().mean() + (ab(b) - b).abs().mean()
        loss = adversarial + model.cycle_weight * cycle + model.identity_weight * identity
        loss.backward()
        g_optimizer.step()
        require([d_a, d_b], True)
        d_optimizer.zero_grad()
        for d, real, fake in ((d_a, a, pooled("a", fake_a)), (d_b, b, pooled("b", fake_b))):
            (0.5 * (((d(real) - 1) ** 2).mean() + (d(fake) ** 2).mean())).backward()
        d_optimizer.step()

    return step, {"ab": ab, "ba": ba}, (g_optimizer, d_optimizer)


def mean_target(run, model, direction):
    """The mean picture of the training split's targets."""
    total, count = 0.0, 0
    for batch in data.load(run.options.source, model, batch_size=8, shuffle=False, jitter=False):
        targets = batch[1 if direction == "ab" else 0].numpy()
        total, count = total + targets.sum(axis=0), count + len(targets)
    return total / count


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", help="folder of a run of pix2pix_emoji or cyclegan_emoji")
    parser.add_argument("--twin", action="store_true", help="train the PyTorch twin as well")
    arguments = parser.parse_args()

    run = training.open_run(arguments.run)
    model = run.load_model()
    fresh = zoo.get(run.options.model, **{"seed": run.options.seed, **run.options.overrides})
    a, b = held_out(run, model)
    directions = {"ab": (a, b)}
    if domains(model):
        directions["ba"] = (b, a)
    print(f"{run.options.model}: {len(a)} held-out pairs, {int(model.step)} updates")
    twin = None
    if arguments.twin:
        started = time.time()
        twin = train_twin(run, model)
        print(f"twin trained in {time.time() - started:.0f} s")
    for direction, (inputs, targets) in directions.items():
        show(f"{direction}: before training", fresh.translate(inputs, direction=direction), targets)
        ours = show(f"{direction}: after", model.translate(inputs, direction=direction), targets)
        show(f"{direction}: the input itself", inputs, targets)
        mean = np.broadcast_to(mean_target(run, model, direction), targets.shape)
        show(f"{direction}: mean training target", mean, targets)
        if twin:
            theirs = show(f"{direction}: PyTorch twin", twin(inputs, direction), targets)
            print(f"{direction}: our L1 / the twin's = {ours / theirs:.3f}")


if __name__ == "__main__":
    main()
