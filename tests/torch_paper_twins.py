"""PyTorch twins of AC-GAN, of SNGAN with projection, and of SRGAN, written from the papers' tables.

Convolutions pad as TensorFlow's SAME does, and maps become vectors pixel by pixel, so that kernels
are carried over by turning their axes. Imported only where torch is.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class ConvSame(nn.Conv2d):
    """A convolution whose padding, where its sides differ, is larger below and on the right."""

    def forward(self, x):
        pads = []
        for side, size, stride in zip(
            reversed(x.shape[2:]), reversed(self.kernel_size), reversed(self.stride), strict=True
        ):
            whole = max((-(-side // stride) - 1) * stride + size - side, 0)
            pads += [whole // 2, whole - whole // 2]
        return super().forward(functional.pad(x, pads))


class Double(nn.ConvTranspose2d):
    """A transposed convolution 5x5 of stride 2: the gradient of `ConvSame`."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs, 5, 2)

    def forward(self, x):
        return super().forward(x)[:, :, 1:-2, 1:-2]


class Pixels(nn.Module):
    """Maps as vectors, all channels of a pixel side by side."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


class Maps(nn.Module):
    """The reverse, of square maps of `side`."""

    def __init__(self, side):
        super().__init__()
        self.side = side

    def forward(self, x):
        return x.unflatten(1, (self.side, self.side, -1)).permute(0, 3, 1, 2)


# === AC-GAN (Odena et al., 2016, table 2) ===


class ACGANGenerator(nn.Module):
    def __init__(self, latent_dim=100, classes=10, side=32, filters=96):
        super().__init__()
        self.classes = classes
        start, widths = side // 8, [4 * filters, 2 * filters, filters]
        if side == 16:
            start, widths = 4, widths[1:]
        layers = [nn.Linear(latent_dim + classes, start * start * widths[0]), nn.ReLU()]
        layers += [Maps(start)]
        for width, narrower in zip(widths, widths[1:], strict=False):
            layers += [Double(width, narrower), nn.BatchNorm2d(narrower), nn.ReLU()]
        self.layers = nn.Sequential(*layers, Double(widths[-1], 3), nn.Tanh())

    def forward(self, latents, labels):
        code = functional.one_hot(labels, self.classes).to(latents.dtype)
        return self.layers(torch.cat([latents, code], 1))


class ACGANDiscriminator(nn.Module):
    """Its dropout (0.5) is left out: the masks of the two libraries are others."""

    def __init__(self, classes=10, side=32, filters=16):
        super().__init__()
        layers, width = [ConvSame(3, filters, 3, 2), nn.LeakyReLU(0.2)], filters
        for stride in (1, 2, 1, 2, 1):
            layers += [ConvSame(width, 2 * width, 3, stride)]
            layers += [nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)]
            width *= 2
        self.features = nn.Sequential(*layers, Pixels())
        length = (side // 8) ** 2 * width
        self.logits, self.of_classes = nn.Linear(length, 1), nn.Linear(length, classes)

    def forward(self, images):
        features = self.features(images)
        return self.logits(features), self.of_classes(features)


# === SNGAN with projection (Miyato & Koyama, 2018, figures 14 and 15) ===


class ClassNorm(nn.Module):
    """Batch norm with a gain and a shift for each class."""

    def __init__(self, width, classes):
        super().__init__()
        self.classes, self.norm = classes, nn.BatchNorm2d(width, affine=False)
        self.gain = nn.Linear(classes, width, bias=False)
        self.shift = nn.Linear(classes, width, bias=False)

    def forward(self, x, labels):
        gain, shift = self.gain.weight.T[labels], self.shift.weight.T[labels]
        return self.norm(x) * (1 + gain[:, :, None, None]) + shift[:, :, None, None]


class UpBlock(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.shortcut = ConvSame(width, width, 1)
        self.norm_1, self.conv_1 = ClassNorm(width, classes), ConvSame(width, width, 3)
        self.norm_2, self.conv_2 = ClassNorm(width, classes), ConvSame(width, width, 3)

    def forward(self, x, labels):
        doubled = functional.interpolate(functional.relu(self.norm_1(x, labels)), scale_factor=2)
        y = functional.relu(self.norm_2(self.conv_1(doubled), labels))
        return self.shortcut(functional.interpolate(x, scale_factor=2)) + self.conv_2(y)


class ProjectionGenerator(nn.Module):
    def __init__(self, latent_dim=128, classes=10, side=32, filters=256):
        super().__init__()
        self.start = nn.Sequential(nn.Linear(latent_dim, 16 * filters), Maps(4))
        doublings = (side // 4).bit_length() - 1
        self.blocks = nn.ModuleList(UpBlock(filters, classes) for _ in range(doublings))
        self.norm, self.conv = nn.BatchNorm2d(filters), ConvSame(filters, 3, 3)

    def forward(self, latents, labels):
        x = self.start(latents)
        for block in self.blocks:
            x = block(x, labels)
        return torch.tanh(self.conv(functional.relu(self.norm(x))))


class Spectral:
    """A kernel of one row for each output, by its largest singular value (Miyato et al., 2018)."""

    def keep_singular_vector(self):
        rows = self.weight.shape[0]
        self.register_buffer("u", functional.normalize(torch.randn(rows), dim=0))

    def power_iteration(self):
        with torch.no_grad():
            matrix = self.weight.flatten(1)
            v = functional.normalize(matrix.T @ self.u, dim=0)
            self.u.copy_(functional.normalize(matrix @ v, dim=0))

    def normalised(self):
        matrix = self.weight.flatten(1)
        v = functional.normalize((matrix.T @ self.u).detach(), dim=0)
        return self.weight / (self.u @ (matrix @ v))


class SpectralConv(Spectral, ConvSame):
    def __init__(self, *args):
        super().__init__(*args)
        self.keep_singular_vector()

    def _conv_forward(self, x, weight, bias):
        return super()._conv_forward(x, self.normalised(), bias)


class SpectralLinear(Spectral, nn.Linear):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.keep_singular_vector()

    def forward(self, x):
        return functional.linear(x, self.normalised(), self.bias)


class Block(nn.Module):
    """A residual block of D; `first` sees images, and `down` halves them."""

    def __init__(self, inputs, width, first=False, down=False):
        super().__init__()
        self.first, self.down = first, down
        if first:
            self.shortcut = SpectralConv(inputs, width, 1)
        self.conv_1 = SpectralConv(inputs, width, 3)
        self.conv_2 = SpectralConv(width, width, 3)
        if down:
            self.shortcut = SpectralConv(inputs, width, 1)

    def forward(self, x):
        y = self.conv_1(x if self.first else functional.relu(x))
        y = self.conv_2(functional.relu(y))
        if self.first:
            return functional.avg_pool2d(y, 2) + self.shortcut(functional.avg_pool2d(x, 2))
        if self.down:
            return functional.avg_pool2d(y + self.shortcut(x), 2)
        return x + y


class ProjectionDiscriminator(nn.Module):
    def __init__(self, classes=10, filters=128):
        super().__init__()
        self.blocks = nn.Sequential(
            Block(3, filters, first=True),
            Block(filters, filters, down=True),
            Block(filters, filters),
            Block(filters, filters),
        )
        self.psi = SpectralLinear(filters, 1)
        self.embedding = SpectralLinear(classes, filters, bias=False)

    def forward(self, images, labels):
        phi = functional.relu(self.blocks(images)).sum((2, 3))
        of_class = self.embedding.normalised().T[labels]
        return self.psi(phi) + (of_class * phi).sum(1, keepdim=True)

    def power_iteration(self):
        for module in self.modules():
            if isinstance(module, Spectral):
                module.power_iteration()


# === SRGAN (Ledig et al., 2016, figure 4) ===


class SRResidual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.branch = nn.Sequential(
            ConvSame(width, width, 3),
            nn.BatchNorm2d(width),
            nn.PReLU(width),
            ConvSame(width, width, 3),
            nn.BatchNorm2d(width),
        )

    def forward(self, x):
        return x + self.branch(x)


class SRGenerator(nn.Module):
    def __init__(self, filters=64, blocks=16, scale=4):
        super().__init__()
        self.first = nn.Sequential(ConvSame(3, filters, 9), nn.PReLU(filters))
        self.blocks = nn.Sequential(*[SRResidual(filters) for _ in range(blocks)])
        self.last = nn.Sequential(ConvSame(filters, filters, 3), nn.BatchNorm2d(filters))
        up = []
        for _ in range(scale.bit_length() - 1):
            up += [ConvSame(filters, 4 * filters, 3), nn.PixelShuffle(2), nn.PReLU(filters)]
        self.up = nn.Sequential(*up, ConvSame(filters, 3, 9), nn.Tanh())

    def forward(self, x):
        x = self.first(x)
        return self.up(x + self.last(self.blocks(x)))


class SRDiscriminator(nn.Module):
    def __init__(self, side=96, filters=64, units=1024):
        super().__init__()
        layers, width = [ConvSame(3, filters, 3), nn.LeakyReLU(0.2)], filters
        widths = [filters, *(filters * n for n in (2, 2, 4, 4, 8, 8))]
        for number, wider in enumerate(widths):
            layers += [ConvSame(width, wider, 3, 1 if number % 2 else 2)]
            layers += [nn.BatchNorm2d(wider), nn.LeakyReLU(0.2)]
            width = wider
        length = (side // 16) ** 2 * width
        layers += [Pixels(), nn.Linear(length, units), nn.LeakyReLU(0.2), nn.Linear(units, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)


# === Weights of both sides ===

#: Kinds of layers with weights, as pairs of PyTorch's class and the names of ours.
KINDS = (
    (nn.Conv2d, ("Conv2D", "SpectralConv2D")),
    (nn.ConvTranspose2d, ("Conv2DTranspose",)),
    (nn.Linear, ("Dense", "SpectralDense")),
    ((nn.BatchNorm1d, nn.BatchNorm2d), ("BatchNorm",)),
    (nn.PReLU, ("PReLU",)),
)


def pairs(twin, network, last=()):
    """`(PyTorch's module, our layer)`: of each kind in the order they are made in.

    Args:
        twin: whose modules stand in the order of the paper's table.
        network: ours; layers without a name of their own are numbered in the order they are made.
        last: names of the layers that have one, which come after the others.
    """

    def made(layer):
        number = layer.name.rpartition("_")[2]
        own = last.index(layer.name) + 1 if layer.name in last else 0
        return own, int(number) if number.isdigit() else 0

    found = []
    for kind, names in KINDS:
        modules = [module for module in twin.modules() if isinstance(module, kind)]
        layers = [layer for layer in network.layers if type(layer).__name__ in names]
        found += zip(modules, sorted(layers, key=made), strict=True)
    return found


def turned(tensor, like):
    """A parameter or gradient of PyTorch's in the form of one of ours."""
    array = tensor.detach().numpy()
    axes = {4: (2, 3, 1, 0), 2: (1, 0)}.get(array.ndim)
    return (array.transpose(axes) if axes else array).reshape(like.shape)


def parts(module, layer):
    """`(PyTorch's tensor, our variable)` of what is learned by both."""
    if isinstance(module, nn.PReLU):
        return [(module.weight, layer.alpha)]
    weight, bias = (
        ("gamma", "beta")
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d))
        else ("kernel", "bias")
    )
    found = [(module.weight, weight), (module.bias, bias)]
    return [(tensor, getattr(layer, name)) for tensor, name in found if tensor is not None]


def carry(found):
    """Gives our layers the weights of their twins."""
    for module, layer in found:
        for tensor, variable in parts(module, layer):
            variable.assign(turned(tensor, variable))
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            layer.moving_mean.assign(module.running_mean.numpy())
            layer.moving_variance.assign(module.running_var.numpy())
        if isinstance(module, Spectral):
            layer.u.assign(module.u.numpy())


def images(array):
    """Ours as PyTorch's, (N, C, H, W)."""
    array = np.ascontiguousarray(np.asarray(array).transpose(0, 3, 1, 2))
    return torch.from_numpy(array.astype("float32"))
