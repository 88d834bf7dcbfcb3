"""PyTorch twins of SPADE, from the paper and the layer facts of its reference, with its module
names. Imported only where torch is."""

import torch
from torch import nn
from torch.nn import functional


class SpectralConv(nn.Conv2d):
    """A convolution by W / sigma; sigma is estimated from `u` as it stands, without gradient by it.

    `iterate` makes one power iteration, which torch's own does at each pass in training.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.register_buffer("u", functional.normalize(torch.randn(self.out_channels), dim=0))

    def iterate(self):
        with torch.no_grad():
            matrix = self.weight.reshape(self.out_channels, -1)
            v = functional.normalize(matrix.T @ self.u, dim=0)
            self.u.copy_(functional.normalize(matrix @ v, dim=0))

    def forward(self, x):
        matrix = self.weight.reshape(self.out_channels, -1)
        projected = matrix.T @ self.u
        sigma = functional.normalize(projected, dim=0).detach() @ projected
        weight = self.weight / sigma
        return functional.conv2d(x, weight, self.bias, self.stride, self.padding)


class Spade(nn.Module):
    def __init__(self, width, classes, hidden):
        super().__init__()
        self.param_free_norm = nn.BatchNorm2d(width, affine=False)
        self.mlp_shared = nn.Sequential(nn.Conv2d(classes, hidden, 3, padding=1), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden, width, 3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden, width, 3, padding=1)

    def forward(self, x, label_map):
        small = functional.interpolate(label_map, size=x.shape[2:], mode="nearest")
        shared = self.mlp_shared(small)
        return self.param_free_norm(x) * (1 + self.mlp_gamma(shared)) + self.mlp_beta(shared)


class Block(nn.Module):
    def __init__(self, width_in, width_out, classes, hidden):
        super().__init__()
        middle = min(width_in, width_out)
        self.learned = width_in != width_out
        self.conv_0 = SpectralConv(width_in, middle, 3, padding=1)
        self.conv_1 = SpectralConv(middle, width_out, 3, padding=1)
        self.norm_0 = Spade(width_in, classes, hidden)
        self.norm_1 = Spade(middle, classes, hidden)
        if self.learned:
            self.conv_s = SpectralConv(width_in, width_out, 1, bias=False)
            self.norm_s = Spade(width_in, classes, hidden)

    def forward(self, x, label_map):
        shortcut = self.conv_s(self.norm_s(x, label_map)) if self.learned else x
        y = self.conv_0(functional.leaky_relu(self.norm_0(x, label_map), 0.2))
        y = self.conv_1(functional.leaky_relu(self.norm_1(y, label_map), 0.2))
        return shortcut + y


class Generator(nn.Module):
    def __init__(self, classes, filters, hidden):
        super().__init__()
        self.classes = classes
        self.fc = nn.Conv2d(classes, 16 * filters, 3, padding=1)
        block = lambda a, b: Block(a * filters, b * filters, classes, hidden)  # noqa: E731
        self.head_0, self.G_middle_0, self.G_middle_1 = (block(16, 16) for _ in range(3))
        self.up_0, self.up_1, self.up_2, self.up_3 = (
            block(2 * width, width) for width in (8, 4, 2, 1)
        )
        self.conv_img = nn.Conv2d(filters, 3, 3, padding=1)

    def forward(self, numbers):
        label_map = one_hot(numbers, self.classes, self.fc.weight.dtype)
        sides = [side // 32 for side in label_map.shape[2:]]
        x = self.fc(functional.interpolate(label_map, size=sides, mode="nearest"))
        x = twice(self.head_0(x, label_map))
        x = self.G_middle_1(self.G_middle_0(x, label_map), label_map)
        for block in (self.up_0, self.up_1, self.up_2, self.up_3):
            x = block(twice(x), label_map)
        return torch.tanh(self.conv_img(functional.leaky_relu(x, 0.2)))


class Discriminator(nn.Module):
    def __init__(self, classes, filters, scales):
        super().__init__()
        self.classes, self.scales = classes, scales
        for scale in range(scales):
            self.add_module(f"discriminator_{scale}", Patches(classes + 3, filters))

    def forward(self, numbers, pictures):
        pair = torch.cat([one_hot(numbers, self.classes, pictures.dtype), pictures], 1)
        found = []
        for scale in range(self.scales):
            found.append(getattr(self, f"discriminator_{scale}")(pair))
            pair = functional.avg_pool2d(pair, 3, 2, 1, count_include_pad=False)
        return found


class Patches(nn.Module):
    def __init__(self, channels, filters):
        super().__init__()
        self.model0 = nn.Sequential(nn.Conv2d(channels, filters, 4, 2, 2), nn.LeakyReLU(0.2))
        for level, stride in ((1, 2), (2, 2), (3, 1)):
            width = filters * 2**level
            conv = SpectralConv(width // 2, width, 4, stride, padding=2, bias=False)
            normed = nn.Sequential(conv, nn.InstanceNorm2d(width))
            self.add_module(f"model{level}", nn.Sequential(normed, nn.LeakyReLU(0.2)))
        self.model4 = nn.Sequential(nn.Conv2d(8 * filters, 1, 4, 1, 2))

    def forward(self, x):
        outputs = []
        for level in range(5):
            x = getattr(self, f"model{level}")(x)
            outputs.append(x)
        return outputs


def one_hot(numbers, classes, dtype):
    return functional.one_hot(numbers.long(), classes).permute(0, 3, 1, 2).to(dtype)


def twice(x):
    return functional.interpolate(x, scale_factor=2, mode="nearest")


def iterate(network):
    for module in network.modules():
        if isinstance(module, SpectralConv):
            module.iterate()
