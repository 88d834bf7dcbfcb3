"""PyTorch twins of StarGAN's networks, written from the paper's tables and the reference's facts.

Imported only where torch is.
"""

import torch
from torch import nn


def normed(width):
    return nn.InstanceNorm2d(width, affine=True)


class Block(nn.Module):
    """A residual block."""

    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(width, width, 3, 1, 1, bias=False), normed(width), nn.ReLU()),
            *(nn.Conv2d(width, width, 3, 1, 1, bias=False), normed(width)),
        )

    def forward(self, x):
        return x + self.layers(x)


class Generator(nn.Module):
    def __init__(self, code=5, filters=64, blocks=6):
        super().__init__()
        layers = [nn.Conv2d(3 + code, filters, 7, 1, 3, bias=False), normed(filters), nn.ReLU()]
        for width in (filters, 2 * filters):
            layers += [nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False)]
            layers += [normed(2 * width), nn.ReLU()]
        layers += [Block(4 * filters) for _ in range(blocks)]
        for width in (4 * filters, 2 * filters):
            layers += [nn.ConvTranspose2d(width, width // 2, 4, 2, 1, bias=False)]
            layers += [normed(width // 2), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(filters, 3, 7, 1, 3, bias=False), nn.Tanh())

    def forward(self, pictures, code):
        maps = code[:, :, None, None].expand(-1, -1, *pictures.shape[2:])
        return self.layers(torch.cat([pictures, maps], 1))


class Discriminator(nn.Module):
    def __init__(self, code=5, side=128, filters=64, downs=6):
        super().__init__()
        layers, width = [nn.Conv2d(3, filters, 4, 2, 1), nn.LeakyReLU(0.01)], filters
        for _ in range(1, downs):
            layers += [nn.Conv2d(width, 2 * width, 4, 2, 1), nn.LeakyReLU(0.01)]
            width *= 2
        self.layers = nn.Sequential(*layers)
        self.score = nn.Conv2d(width, 1, 3, 1, 1, bias=False)
        self.code = nn.Conv2d(width, code, side // 2**downs, bias=False)

    def forward(self, pictures):
        x = self.layers(pictures)
        return self.score(x), self.code(x).flatten(1)


def generator_layers(blocks):
    """Names of our generator's layers, in the order of the twin's modules with weights."""
    convs = ["c7", "down_1", "down_2"]
    convs += [f"block_{block}_{half}" for block in range(1, blocks + 1) for half in (1, 2)]
    convs += ["up_2", "up_1"]
    return [*(name for conv in convs for name in (conv, f"{conv}_norm")), "c7_out"]


def discriminator_layers(downs):
    return [*(f"conv_{level}" for level in range(1, downs + 1)), "score", "class"]


def pairs(twin, network, names):
    """`(PyTorch's tensor, our variable)` of all that is learned."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.InstanceNorm2d)
    modules = [module for module in twin.modules() if isinstance(module, kinds)]
    found = []
    for module, name in zip(modules, names, strict=True):
        variables = network.get_layer(name).trainable_variables
        tensors = [tensor for tensor in (module.weight, module.bias) if tensor is not None]
        found += zip(tensors, variables, strict=True)
    return found


def initialise(twin, seed, gain=1.0):
    """Kernels of variance `gain / inputs`, all else unlike its default."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in twin.named_parameters():
            spread = torch.randn(tensor.shape, generator=generator)
            if tensor.dim() == 4:
                tensor.copy_(spread * (gain / tensor[0].numel()) ** 0.5)
            else:
                tensor.copy_(0.2 * spread + (0.0 if name.endswith("bias") else 1.0))
    return twin
