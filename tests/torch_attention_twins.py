"""PyTorch twins of SAGAN and BigGAN at 32 x 32 and 16 x 16 pixels, written from the papers.

Modules stand in the order in which our layers are made. Imported only where torch is.
"""

import torch
from torch import nn
from torch.nn import functional
from torch_paper_twins import Block, Maps, SpectralConv, SpectralLinear

EPSILON = 1e-4


class CodeNorm(nn.Module):
    """Batch norm whose gain and shift are read off a code."""

    def __init__(self, width, code):
        super().__init__()
        self.norm = nn.BatchNorm2d(width, EPSILON, affine=False)
        self.gain = SpectralLinear(code, width, bias=False)
        self.shift = SpectralLinear(code, width, bias=False)

    def forward(self, x, code):
        gain, shift = self.gain(code), self.shift(code)
        return self.norm(x) * (1 + gain[:, :, None, None]) + shift[:, :, None, None]


class Up(nn.Module):
    def __init__(self, width, code):
        super().__init__()
        self.shortcut = SpectralConv(width, width, 1)
        self.norm_1, self.conv_1 = CodeNorm(width, code), SpectralConv(width, width, 3)
        self.norm_2, self.conv_2 = CodeNorm(width, code), SpectralConv(width, width, 3)

    def forward(self, x, code):
        doubled = functional.interpolate(functional.relu(self.norm_1(x, code)), scale_factor=2)
        y = functional.relu(self.norm_2(self.conv_1(doubled), code))
        return self.shortcut(functional.interpolate(x, scale_factor=2)) + self.conv_2(y)


def point(inputs, outputs):
    """A convolution of single pixels, without bias."""
    return SpectralConv(inputs, outputs, 1, 1, 0, 1, 1, False)


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.query = point(width, width // 8)
        self.key = point(width, width // 8)
        self.value = point(width, width // 2)
        self.out = point(width // 2, width)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        query = self.query(x).flatten(2)
        key = functional.max_pool2d(self.key(x), 2).flatten(2)
        value = functional.max_pool2d(self.value(x), 2).flatten(2)
        weights = torch.softmax(query.transpose(1, 2) @ key, dim=-1)  # (N, places, keys)
        mixed = (value @ weights.transpose(1, 2)).unflatten(2, x.shape[2:])
        return x + self.gamma * self.out(mixed)


class Generator(nn.Module):
    """BigGAN's, where a `shared` embedding has a length; else SAGAN's."""

    def __init__(self, latent_dim, classes, side, width, attended, shared=0):
        super().__init__()
        doublings, self.classes = (side // 4).bit_length() - 1, classes
        chunk = latent_dim // (doublings + 1) if shared else latent_dim
        self.chunk, code = chunk, shared + chunk if shared else classes
        self.start = nn.Sequential(SpectralLinear(chunk, 16 * width), Maps(4))
        self.blocks = nn.ModuleList()
        for level in range(1, doublings + 1):
            self.blocks.append(Up(width, code))
            if 4 * 2**level == attended:
                self.blocks.append(Attention(width))
        self.norm, self.conv = nn.BatchNorm2d(width, EPSILON), SpectralConv(width, 3, 3)
        self.shared = nn.Linear(classes, shared, bias=False) if shared else None

    def forward(self, latents, labels):
        code = functional.one_hot(labels, self.classes).to(latents.dtype)
        first, *others = latents.split(self.chunk, 1)
        x = self.start(first)
        for block in self.blocks:
            if isinstance(block, Attention):
                x = block(x)
            elif self.shared is None:
                x = block(x, code)
            else:
                x = block(x, torch.cat([self.shared(code), others.pop(0)], 1))
        return torch.tanh(self.conv(functional.relu(self.norm(x))))


class Trunk(nn.Module):
    """Up to the sum over the last map."""

    def __init__(self, side, width, attended):
        super().__init__()
        side //= 2
        blocks = [Block(3, width, first=True)]
        blocks += [Attention(width)] if side == attended else []
        while side > 8:
            blocks, side = [*blocks, Block(width, width, down=True)], side // 2
            blocks += [Attention(width)] if side == attended else []
        self.blocks = nn.Sequential(*blocks, Block(width, width), Block(width, width))

    def forward(self, x):
        return functional.relu(self.blocks(x)).sum((2, 3))


class Discriminator(nn.Module):
    def __init__(self, classes, side, width, attended):
        super().__init__()
        self.classes, self.trunk = classes, Trunk(side, width, attended)
        self.psi = SpectralLinear(width, 1)
        self.embedding = SpectralLinear(classes, width, bias=False)

    def forward(self, x, labels):
        phi = self.trunk(x)
        embedded = self.embedding(functional.one_hot(labels, self.classes).to(x.dtype))
        return self.psi(phi) + (embedded * phi).sum(1, keepdim=True)


class ReACGANDiscriminator(nn.Module):
    """The logit, and unit embeddings of the picture and of its class."""

    def __init__(self, classes, side, width, attended, length):
        super().__init__()
        self.classes, self.trunk = classes, Trunk(side, width, attended)
        self.psi, self.picture = SpectralLinear(width, 1), SpectralLinear(width, length)
        self.proxy = SpectralLinear(classes, length, bias=False)

    def forward(self, x, labels):
        phi, code = self.trunk(x), functional.one_hot(labels, self.classes).to(x.dtype)
        unit = [functional.normalize(one, dim=1) for one in (self.picture(phi), self.proxy(code))]
        return (self.psi(phi), *unit)


def data_to_data(pictures, proxies, labels, margin=0.98, temperature=0.5):
    """ReACGAN's loss of classes, picture by picture, as the paper's equation 8 writes it."""
    total = 0.0
    for row, label in enumerate(labels):
        own = torch.clamp((pictures[row] * proxies[row]).sum() - margin, max=0) / temperature
        others = [
            torch.exp(
                torch.clamp((pictures[row] * other).sum() - (1 - margin), min=0) / temperature
            )
            for other, of in zip(pictures, labels, strict=True)
            if of != label
        ]
        total = total - torch.log(torch.exp(own) / (torch.exp(own) + sum(others)))
    return total / len(labels)


def power_iteration(twin):
    for module in twin.modules():
        if hasattr(module, "power_iteration"):
            module.power_iteration()


def orthogonality(module):
    """Squares of the products of any two outputs' weights, summed."""
    rows = module.weight.flatten(1)
    products = rows @ rows.T
    return (products**2).sum() - (products.diagonal() ** 2).sum()
