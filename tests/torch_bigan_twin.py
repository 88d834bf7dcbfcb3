"""A PyTorch twin of BiGAN, written from the paper; vectors as in `torch_paper_twins`.

Imported only where torch is.
"""

import torch
from torch import nn
from torch_paper_twins import Maps, Pixels


def hidden(inputs, units):
    return [
        *(nn.Linear(inputs, units), nn.LeakyReLU(0.2)),
        *(nn.Linear(units, units), nn.BatchNorm1d(units), nn.LeakyReLU(0.2)),
    ]


class Generator(nn.Sequential):
    def __init__(self, latent_dim, side, channels, units):
        super().__init__(
            *(nn.Linear(latent_dim, units), nn.ReLU()),
            *(nn.Linear(units, units), nn.BatchNorm1d(units), nn.ReLU()),
            *(nn.Linear(units, side * side * channels), Maps(side), nn.Tanh()),
        )


class Encoder(nn.Sequential):
    def __init__(self, latent_dim, side, channels, units):
        super().__init__(
            Pixels(), *hidden(side * side * channels, units), nn.Linear(units, latent_dim)
        )


class Discriminator(nn.Module):
    def __init__(self, latent_dim, side, channels, units):
        super().__init__()
        inputs = side * side * channels + latent_dim
        self.layers = nn.Sequential(*hidden(inputs, units), nn.Linear(units, 1))

    def forward(self, x, latents):
        return self.layers(torch.cat([Pixels()(x), latents], 1))
