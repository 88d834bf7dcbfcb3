"""A PyTorch twin of CUT, from the paper and the layer facts of its reference, with its module
names. Imported only where torch is."""

import torch
from torch import nn
from torch.nn import functional
from torch_twins import ConvBlock, Wrapped


class Down(nn.Module):
    def forward(self, x):
        line = torch.tensor([1.0, 2.0, 1.0])
        kernel = (line[:, None] * line / 16).to(x).expand(x.shape[1], 1, 3, 3)
        x = functional.pad(x, (1, 1, 1, 1), mode="reflect")
        return functional.conv2d(x, kernel, stride=2, groups=x.shape[1])


class Up(nn.Module):
    """As the reference does it: a transposed convolution of the replicated picture, cut."""

    def forward(self, x):
        line = torch.tensor([1.0, 3.0, 3.0, 1.0])
        kernel = (line[:, None] * line / 16).to(x).expand(x.shape[1], 1, 4, 4)
        x = functional.pad(x, (1, 1, 1, 1), mode="replicate")
        x = functional.conv_transpose2d(x, kernel, stride=2, padding=2, groups=x.shape[1])
        return x[:, :, 1:-1, 1:-1]


def generator(blocks, filters, channels=3):
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(channels, filters, 7)]
    layers += [nn.InstanceNorm2d(filters), nn.ReLU()]
    for width in (filters, 2 * filters):
        layers += [nn.Conv2d(width, 2 * width, 3, 1, 1), nn.InstanceNorm2d(2 * width), nn.ReLU()]
        layers += [Down()]
    layers += [ConvBlock(4 * filters) for _ in range(blocks)]
    for width in (4 * filters, 2 * filters):
        layers += [Up(), nn.Conv2d(width, width // 2, 3, 1, 1)]
        layers += [nn.InstanceNorm2d(width // 2), nn.ReLU()]
    layers += [nn.ReflectionPad2d(3), nn.Conv2d(filters, channels, 7), nn.Tanh()]
    return Wrapped(*layers)


def discriminator(filters, channels=3):
    layers = [nn.Conv2d(channels, filters, 4, 1, 1), nn.LeakyReLU(0.2), Down()]
    for width in (filters, 2 * filters):
        layers += [nn.Conv2d(width, 2 * width, 4, 1, 1), nn.InstanceNorm2d(2 * width)]
        layers += [nn.LeakyReLU(0.2), Down()]
    layers += [nn.Conv2d(4 * filters, 8 * filters, 4, 1, 1), nn.InstanceNorm2d(8 * filters)]
    return Wrapped(*layers, nn.LeakyReLU(0.2), nn.Conv2d(8 * filters, 1, 4, 1, 1))


class Projector(nn.Module):
    def __init__(self, widths):
        super().__init__()
        for n, width in enumerate(widths):
            mlp = nn.Sequential(nn.Linear(width, 256), nn.ReLU(), nn.Linear(256, 256))
            setattr(self, f"mlp_{n}", mlp)

    def forward(self, features):
        found = [getattr(self, f"mlp_{n}")(rows) for n, rows in enumerate(features)]
        return [rows / (rows.norm(dim=-1, keepdim=True) + 1e-7) for rows in found]


def features(generator, taps, images, mirrored=False):
    found = []
    for number, layer in enumerate(generator.model):
        images = layer(images)
        if number in taps:
            found.append(images.flip(3) if mirrored else images)
    return found


def nce(generator, projector, taps, made, source, places, mirrored):
    """Row by row: among the places of its own picture, each query's own is the answer."""
    queries = features(generator, taps, made, mirrored)
    keys = features(generator, taps, source)

    def at(maps):
        return [m.flatten(2)[:, :, p].transpose(1, 2) for m, p in zip(maps, places, strict=True)]

    losses = []
    for query, key in zip(projector(at(queries)), projector(at(keys)), strict=True):
        for q, k in zip(query, key.detach(), strict=True):
            losses.append(functional.cross_entropy(q @ k.T / 0.07, torch.arange(len(q))))
    return torch.stack(losses).mean()
