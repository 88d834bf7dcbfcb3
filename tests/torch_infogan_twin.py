"""A PyTorch twin of InfoGAN, written from the paper's appendix C.1; padding and vectors as in
`torch_paper_twins`. Imported only where torch is."""

import torch
from torch import nn
from torch.nn import functional
from torch_paper_twins import Maps, Pixels


class Generator(nn.Module):
    def __init__(self, latent_dim, classes, side, channels, filters, units):
        super().__init__()
        self.classes, start, widths = classes, side, []
        while start > 7:
            start, widths = start // 2, [filters * 2 ** len(widths), *widths]
        wide = start * start * widths[0]
        layers = [nn.Linear(latent_dim + classes, units), nn.BatchNorm1d(units), nn.ReLU()]
        layers += [nn.Linear(units, wide), nn.BatchNorm1d(wide), nn.ReLU(), Maps(start)]
        for width, narrower in zip(widths, widths[1:], strict=False):
            layers += [nn.ConvTranspose2d(width, narrower, 4, 2, 1)]
            layers += [nn.BatchNorm2d(narrower), nn.ReLU()]
        layers += [nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, latents, labels):
        code = functional.one_hot(labels, self.classes).to(latents.dtype)
        return self.layers(torch.cat([latents, code], 1))


class Discriminator(nn.Module):
    def __init__(self, classes, codes, side, channels, filters, units, q_units):
        super().__init__()
        layers, width = [nn.Conv2d(channels, filters, 4, 2, 1), nn.LeakyReLU(0.1)], filters
        side //= 2
        while side > 7:
            layers += [nn.Conv2d(width, 2 * width, 4, 2, 1)]
            layers += [nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.1)]
            side, width = side // 2, 2 * width
        layers += [Pixels(), nn.Linear(width * side * side, units)]
        self.trunk = nn.Sequential(*layers, nn.BatchNorm1d(units), nn.LeakyReLU(0.1))
        q = [nn.Linear(units, q_units), nn.BatchNorm1d(q_units), nn.LeakyReLU(0.1)]
        self.q = nn.Sequential(*q)
        self.logits = nn.Linear(units, 1)
        self.category, self.codes = nn.Linear(q_units, classes), nn.Linear(q_units, codes)

    def forward(self, x):
        x = self.trunk(x)
        q = self.q(x)
        return self.logits(x), self.category(q), self.codes(q)
