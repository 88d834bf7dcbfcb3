"""PyTorch twins of DCGAN's networks, of EBGAN and of BEGAN, written from the papers' tables.

Padding and vectors are those of `torch_paper_twins`. Imported only where torch is.
"""

import torch
from torch import nn
from torch.nn import functional
from torch_paper_twins import ConvSame, Maps, Pixels


def down(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False)


def up(inputs, outputs, bias=False):
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=bias)


class DCGANGenerator(nn.Sequential):
    def __init__(self, latent_dim, side, filters):
        start, widths = side, []
        while start > 7:
            start, widths = start // 2, [filters * 2 ** len(widths), *widths]
        layers = [nn.Linear(latent_dim, start * start * widths[0], bias=False), Maps(start)]
        layers += [nn.BatchNorm2d(widths[0]), nn.ReLU()]
        for width, narrower in zip(widths, widths[1:], strict=False):
            layers += [up(width, narrower), nn.BatchNorm2d(narrower), nn.ReLU()]
        super().__init__(*layers, up(widths[-1], 3), nn.Tanh())


class DCGANDiscriminator(nn.Sequential):
    def __init__(self, side, filters):
        layers, width = [down(3, filters), nn.LeakyReLU(0.2)], filters
        side //= 2
        while side > 7:
            layers += [down(width, 2 * width), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)]
            side, width = side // 2, 2 * width
        super().__init__(*layers, Pixels(), nn.Linear(width * side * side, 1, bias=False))


class EBGANDiscriminator(nn.Module):
    """-E and the codes."""

    def __init__(self, filters, halvings):
        super().__init__()
        widths = [filters * 2**level for level in range(halvings)]
        encoder, decoder = [down(3, filters), nn.LeakyReLU(0.2)], []
        for width, wider in zip(widths, widths[1:], strict=False):
            encoder += [down(width, wider), nn.BatchNorm2d(wider), nn.LeakyReLU(0.2)]
            decoder = [up(wider, width), nn.BatchNorm2d(width), nn.LeakyReLU(0.2), *decoder]
        self.encoder = nn.Sequential(*encoder)
        self.decoder = nn.Sequential(*decoder, up(filters, 3, bias=True))

    def forward(self, x):
        code = self.encoder(x)
        error = (self.decoder(code) - x).flatten(1)
        return -error.norm(dim=1, keepdim=True), Pixels()(code)


def pulling_away(codes):
    cosines = functional.cosine_similarity(codes[:, None], codes[None], dim=2) ** 2
    others = ~torch.eye(len(codes), dtype=torch.bool)
    return cosines[others].mean()


class BEGANGenerator(nn.Sequential):
    def __init__(self, latent_dim, side, filters):
        levels, start = 0, side
        while start > 7:
            levels, start = levels + 1, start // 2
        start = side // 2 ** (levels - 1)
        layers = [nn.Linear(latent_dim, start * start * filters), Maps(start)]
        for level in range(levels):
            layers += [nn.Upsample(scale_factor=2)] if level else []
            for _ in range(2):
                layers += [ConvSame(filters, filters, 3), nn.ELU()]
        super().__init__(*layers, ConvSame(filters, 3, 3))


class BEGANDiscriminator(nn.Module):
    """-L."""

    def __init__(self, latent_dim, side, filters):
        super().__init__()
        levels, start, width = 0, side, filters
        while start > 7:
            levels, start = levels + 1, start // 2
        start = side // 2 ** (levels - 1)
        layers = [ConvSame(3, filters, 3), nn.ELU()]
        for level in range(1, levels + 1):
            layers += [ConvSame(width, level * filters, 3), nn.ELU()]
            width = level * filters
            layers += [ConvSame(width, width, 3), nn.ELU()]
            layers += [ConvSame(width, width, 3, 2), nn.ELU()] if level < levels else []
        encoder = [*layers, Pixels(), nn.Linear(width * start * start, latent_dim)]
        self.encoder = nn.Sequential(*encoder)
        self.decoder = BEGANGenerator(latent_dim, side, filters)

    def forward(self, x):
        return -(self.decoder(self.encoder(x)) - x).abs().flatten(1).mean(1, keepdim=True)
