"""One training step of the rivals: the same networks and games in PyTorch.

Nothing here imports TensorFlow, so that a process can hold PyTorch alone. Each function of `TWINS`
makes its networks and optimizers and returns a function that takes one step on random pictures.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests"))  # the twins' networks

BATCHES = {"dcgan": 64, "pix2pix": 1, "cyclegan_128": 1}


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


TWINS = {"dcgan": dcgan_twin, "pix2pix": pix2pix_twin, "cyclegan_128": cyclegan_twin}
