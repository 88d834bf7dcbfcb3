"""One training step of the rivals: the same networks and games in PyTorch.

Nothing here imports TensorFlow, so that a process can hold PyTorch alone. Each function of `TWINS`
makes its networks and optimizers and returns a function that takes one step on random pictures.
"""

import functools
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests"))  # the twins' networks

BATCHES = {"dcgan": 64, "pix2pix": 1, "cyclegan_128": 1, "stylegan2_avatars": 32}
BATCHES |= {"stylegan2_64": 8, "realesrgan_small": 8, "cut_128": 1, "stargan_avatars": 8}


def descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def require(networks, wanted):
    for network in networks:
        network.requires_grad_(wanted)


def adam(*networks):
    import torch

    parameters = [parameter for network in networks for parameter in network.parameters()]
    return torch.optim.Adam(parameters, 2e-4, (0.5, 0.999))


def dcgan_twin():
    """pytorch/examples' order: D on real and on fake images, then G on the same fakes."""
    import torch
    import torch_twins as twins

    g, d = twins.dcgan_generator(), twins.dcgan_discriminator()
    g_optimizer, d_optimizer = adam(g), adam(d)
    softplus = torch.nn.functional.softplus
    real = torch.rand(BATCHES["dcgan"], 3, 64, 64) * 2 - 1

    def step():
        d_optimizer.zero_grad()
        softplus(-d(real)).mean().backward()
        fake = g(torch.randn(len(real), 100, 1, 1))
        softplus(d(fake.detach())).mean().backward()
        d_optimizer.step()
        descend(g_optimizer, softplus(-d(fake)).mean())

    return step


def pix2pix_twin():
    """The reference's order: D, then G."""
    import torch
    import torch_twins as twins

    g = twins.Unet(8)
    d = twins.patch_gan(6, norm=torch.nn.BatchNorm2d)
    g_optimizer, d_optimizer = adam(g), adam(d)
    softplus = torch.nn.functional.softplus
    source, target = (torch.rand(1, 3, 256, 256) * 2 - 1 for _ in range(2))

    def step():
        fake = g(source)
        require([d], True)
        judged = softplus(-d(source, target)).mean() + softplus(d(source, fake.detach())).mean()
        descend(d_optimizer, 0.5 * judged)
        require([d], False)
        l1 = (fake - target).abs().mean()
        descend(g_optimizer, softplus(-d(source, fake)).mean() + 100 * l1)

    return step


def cyclegan_twin():
    """The reference's order: both G, then both D."""
    import torch
    import torch_twins as twins

    ab, ba = (twins.resnet(6) for _ in range(2))
    d_a, d_b = (twins.patch_gan(3) for _ in range(2))
    g_optimizer, d_optimizer = adam(ab, ba), adam(d_a, d_b)
    a, b = (torch.rand(1, 3, 128, 128) * 2 - 1 for _ in range(2))

    def step():
        require([d_a, d_b], False)
        fake_b, fake_a = ab(a), ba(b)
        loss = ((d_b(fake_b) - 1) ** 2).mean() + ((d_a(fake_a) - 1) ** 2).mean()
        loss = loss + 10 * ((ba(fake_b) - a).abs().mean() + (ab(fake_a) - b).abs().mean())
        loss = loss + 5 * ((ba(a) - a).abs().mean() + (ab(b) - b).abs().mean())
        descend(g_optimizer, loss)
        require([d_a, d_b], True)
        judged = 0.0
        for d, real, fake in ((d_a, a, fake_a), (d_b, b, fake_b)):
            judged = judged + ((d(real) - 1) ** 2).mean() + (d(fake.detach()) ** 2).mean()
        descend(d_optimizer, 0.5 * judged)

    return step


def _stylegan2_widths(base, most):
    return {side: min(base // side, most) for side in (4, 8, 16, 32, 64)}


def stylegan2_generator(name):
    """The generator alone; several pictures share their kernels."""
    import stylegan2_twin as twins

    twins.Layer.per_picture = False
    if name == "stylegan2_64":
        return twins.Generator(64, 3, 512, 512, _stylegan2_widths(16_384, 512), 2)
    return twins.Generator(64, 3, 128, 128, _stylegan2_widths(1024, 128), 2, 21)


def stylegan2_twin(name):
    """D with R1 at every 16th step, then G with path length at every 4th; styles mixed."""
    import stylegan2_twin as twins
    import torch
    import torch.nn.functional as functional

    g, count = stylegan2_generator(name), BATCHES[name]
    if name == "stylegan2_64":
        latents, widths, labels = 512, _stylegan2_widths(16_384, 512), 0
    else:
        latents, widths, labels = 128, _stylegan2_widths(1024, 128), 21
    d = twins.Discriminator(64, 3, widths, 4, True, labels, latents, 0)
    optimizers = [torch.optim.Adam(network.parameters(), 2.5e-3, (0.0, 0.99)) for network in (g, d)]
    real = torch.rand(count, 3, 64, 64) * 2 - 1
    code = torch.eye(labels)[torch.randint(labels, (count,))] if labels else None
    places, done, mean = g.synthesis.num_ws, [0], [torch.zeros(())]

    def styles(size):
        c = code[:size] if labels else None
        ws = [
            g.mapping(torch.randn(size, latents), c)[:, None].repeat(1, places, 1) for _ in range(2)
        ]
        cut = int(torch.randint(1, places, ()))
        return torch.cat([ws[0][:, :cut], ws[1][:, cut:]], 1)

    def noise(size):
        return {
            f"b{r}_conv{k}": torch.randn(size, 1, r, r)
            for r in widths for k in (0, 1) if r > 4 or k
        }  # fmt: skip

    def step():
        require([d], True)
        with torch.no_grad():
            fake = g.synthesis(styles(count), noise(count))
        shown = real.clone().requires_grad_(done[0] % 16 == 0)
        logits = d(shown, code)
        loss = functional.softplus(-logits).mean() + functional.softplus(d(fake, code)).mean()
        if shown.requires_grad:
            (slope,) = torch.autograd.grad(logits.sum(), shown, create_graph=True)
            loss = loss + 16 * 0.5 * (slope**2).sum((1, 2, 3)).mean()
        descend(optimizers[1], loss)
        require([d], False)
        loss = functional.softplus(-d(g.synthesis(styles(count), noise(count)), code)).mean()
        if done[0] % 4 == 0:
            half = count // 2
            y = torch.randn(half, 3, 64, 64) / 64
            penalty, mean[0] = twins.path_length_penalty(g, styles(half), y, noise(half), mean[0])
            loss = loss + 4 * 2 * penalty
        descend(optimizers[0], loss)
        done[0] += 1

    return step


def realesrgan_twin():
    """D, then G, on pixels and D's logits; neither sharpening nor a perceptual loss."""
    import torch
    import torch_upscaling_twins as twins

    g, d = twins.SRVGG(48, 12), twins.UNet(16)
    optimizers = [torch.optim.Adam(network.parameters(), 1e-4, (0.9, 0.99)) for network in (g, d)]
    softplus = torch.nn.functional.softplus
    small, large = (torch.rand(BATCHES["realesrgan_small"], 3, side, side) for side in (24, 96))

    def step():
        fake = g(small)
        require([d], True)
        d.power_iteration()
        loss = softplus(-d(large)).mean() + softplus(d(fake.detach())).mean()
        descend(optimizers[1], loss)
        require([d], False)
        loss = (large - fake).abs().mean() + 0.1 * softplus(-d(fake)).mean()
        descend(optimizers[0], loss)

    return step


def cut_twin():
    """The reference's order: D, then G and the projector; features of a and b, and of both made."""
    import torch
    import torch_cut_twin as twins

    g, d = twins.generator(9, 64), twins.discriminator(64)
    f = twins.Projector([3, 128, 256, 256, 256])
    g_optimizer, d_optimizer = adam(g, f), adam(d)
    taps = (0, 4, 8, 12, 16)
    a, b = (torch.rand(1, 3, 128, 128) * 2 - 1 for _ in range(2))
    sizes = [134**2, 128**2, 64**2, 32**2, 32**2]

    def step():
        places = [torch.randperm(size)[:256] for size in sizes]
        fake, same = g(torch.cat([a, b])).chunk(2)
        require([d], True)
        loss = ((d(b) - 1) ** 2).mean() + (d(fake.detach()) ** 2).mean()
        descend(d_optimizer, 0.5 * loss)
        require([d], False)
        nce = twins.nce(g, f, taps, fake, a, places, False)
        nce = nce + twins.nce(g, f, taps, same, b, places, False)
        descend(g_optimizer, ((d(fake) - 1) ** 2).mean() + 0.5 * nce)

    return step


def stargan_twin():
    """D twice, each time with a gradient penalty and other pictures, then G."""
    import torch
    import torch_editing_twins as twins

    count, classes, attributes = BATCHES["stargan_avatars"], 8, 3
    g = twins.Generator(classes + attributes, 32, 4)
    d = twins.Discriminator(classes + attributes, 64, 32, 5)
    g_optimizer, d_optimizer = adam(g), adam(d)
    functional = torch.nn.functional
    real = torch.rand(2, count, 3, 64, 64) * 2 - 1
    labels = torch.randint(classes, (2, count))
    switches = torch.randint(2, (2, count, attributes)).float()

    def code(part, order):
        which = functional.one_hot(labels[part][order], classes).float()
        return torch.cat([which, switches[part][order]], 1)

    def wrong(said, wanted):
        which, on = wanted.split([classes, attributes], 1)
        loss = functional.cross_entropy(said[:, :classes], which.argmax(1))
        binary = functional.binary_cross_entropy_with_logits
        return loss + binary(said[:, classes:], on, reduction="sum") / count

    def penalty(x, fake):
        mix = torch.rand(count, 1, 1, 1)
        shown = (mix * x + (1 - mix) * fake).requires_grad_(True)
        (slope,) = torch.autograd.grad(d(shown)[0].sum(), shown, create_graph=True)
        return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()

    def step():
        require([d], True)
        for part in range(2):
            x, order = real[part], torch.randperm(count)
            own, wanted = code(part, torch.arange(count)), code(part, order)
            with torch.no_grad():
                fake = g(x, wanted)
            logits, said = d(x)
            loss = d(fake)[0].mean() - logits.mean() + 10 * penalty(x, fake) + wrong(said, own)
            descend(d_optimizer, loss)
        require([d], False)
        fake = g(x, wanted)
        logits, said = d(fake)
        loss = wrong(said, wanted) - logits.mean() + 10 * (g(fake, own) - x).abs().mean()
        descend(g_optimizer, loss)

    return step


#: Arguments of the rows that leave out what the twins have not, or make the row another size.
ARGUMENTS = {
    "realesrgan_small": {"pixel_steps": 0, "perceptual": "none", "sharpen": False},
    "stylegan2_avatars": {"augment": (), "ada_target": 0.0, "class_weight": 0.0},
    "stylegan2_64": {"image_size": 64, "augment": (), "ada_target": 0.0},
    "cut_128": {"image_size": 128},
}

#: Entries of rows that are not called as theirs.
ENTRIES = {"stylegan2_64": "stylegan2", "cut_128": "cut"}

TWINS = {
    "realesrgan_small": realesrgan_twin,
    "cut_128": cut_twin,
    "stargan_avatars": stargan_twin,
    "dcgan": dcgan_twin,
    "pix2pix": pix2pix_twin,
    "cyclegan_128": cyclegan_twin,
    "stylegan2_avatars": functools.partial(stylegan2_twin, "stylegan2_avatars"),
    "stylegan2_64": functools.partial(stylegan2_twin, "stylegan2_64"),
}

#: Whose steps are not alike, as penalties come at some of them only: means are compared, over as
#: many steps as it takes until all have come.
LAZY = {"stylegan2_avatars": 16, "stylegan2_64": 16}


def random_batches(specs, count, rng):
    """Arrays of `count` batches that agree with a batch's specifications, pictures in [-1, 1]."""
    return [
        rng.uniform(-1, 1, (count, *spec.shape)).astype("float32")
        if spec.dtype.is_floating
        else rng.integers(0, 2, (count, *spec.shape)).astype("int32")
        for spec in specs
    ]
