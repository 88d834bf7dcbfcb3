"""PyTorch twins of DiscoGAN and DualGAN, from the layer facts of their references. Modules carry
our layers' names. Imported only where torch is."""

import torch
from torch import nn
from torch.nn import functional


def _encoder(channels, filters):
    layers, width = {}, channels
    for level in range(1, 5):
        wider = filters * 2 ** (level - 1)
        layers[f"down_{level}"] = nn.Conv2d(width, wider, 4, 2, 1, bias=False)
        if level > 1:
            layers[f"down_{level}_norm"] = nn.BatchNorm2d(wider)
        width = wider
    return layers


class DiscoGenerator(nn.ModuleDict):
    """Pictures in [0, 1] to pictures in [0, 1]."""

    def __init__(self, filters, extra, channels=3):
        layers, width = _encoder(channels, filters), 8 * filters
        if extra:
            layers["middle"] = nn.Conv2d(width, 100, 4, bias=False)
            layers["middle_norm"] = nn.BatchNorm2d(100)
            layers["spread"] = nn.ConvTranspose2d(100, width, 4, bias=False)
            layers["spread_norm"] = nn.BatchNorm2d(width)
        for level, narrower in ((4, 4 * filters), (3, 2 * filters), (2, filters)):
            layers[f"up_{level}"] = nn.ConvTranspose2d(width, narrower, 4, 2, 1, bias=False)
            layers[f"up_{level}_norm"] = nn.BatchNorm2d(narrower)
            width = narrower
        layers["up_1"] = nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False)
        super().__init__(layers)

    def forward(self, x):
        for level in range(1, 5):
            x = down(self, x, level)
        if "middle" in self:
            x = functional.leaky_relu(self["middle_norm"](self["middle"](x)), 0.2)
            x = functional.relu(self["spread_norm"](self["spread"](x)))
        for level in (4, 3, 2):
            x = functional.relu(self[f"up_{level}_norm"](self[f"up_{level}"](x)))
        return torch.sigmoid(self["up_1"](x))


class DiscoDiscriminator(nn.ModuleDict):
    """Pictures in [0, 1] to logits and three feature maps."""

    def __init__(self, filters, channels=3):
        layers = _encoder(channels, filters)
        super().__init__({**layers, "last": nn.Conv2d(8 * filters, 1, 4, bias=False)})

    def forward(self, x):
        maps = []
        for level in range(1, 5):
            maps.append(x := down(self, x, level))
        return self["last"](x), maps[1:]


def down(layers, x, level):
    x = layers[f"down_{level}"](x)
    x = layers[f"down_{level}_norm"](x) if level > 1 else x
    return functional.leaky_relu(x, 0.2)


class Norm(nn.Module):
    """Over height and width of each map, by the biased variance, with weights."""

    def __init__(self, width):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x):
        mean = x.mean((2, 3), keepdim=True)
        variance = ((x - mean) ** 2).mean((2, 3), keepdim=True)
        x = (x - mean) / torch.sqrt(variance + 1e-6)
        return x * self.weight[:, None, None] + self.bias[:, None, None]


def same(conv, x):
    """TensorFlow's SAME at stride 2 and even sides: the odd pixel lies right and below."""
    before = (conv.kernel_size[0] - 2) // 2
    return conv(functional.pad(x, (before, before + 1, before, before + 1)))


def transposed(conv, x):
    """Its transpose: the full result, cropped as much."""
    before, side = (conv.kernel_size[0] - 2) // 2, 2 * x.shape[2]
    return conv(x)[:, :, before : before + side, before : before + side]


def _size(level):
    return 5 if level == 1 else 3


class DualGenerator(nn.ModuleDict):
    def __init__(self, downs, filters, channels=3):
        widths, layers = [filters * min(2**level, 8) for level in range(downs)], {}
        width = channels
        for level, wider in enumerate(widths, 1):
            layers[f"down_{level}"] = nn.Conv2d(width, wider, _size(level), 2)
            if level > 1:
                layers[f"down_{level}_norm"] = Norm(wider)
            width = wider
        for level in range(downs, 1, -1):
            narrower = widths[level - 2]
            layers[f"up_{level}"] = nn.ConvTranspose2d(width, narrower, 3, 2)
            layers[f"up_{level}_norm"] = Norm(narrower)
            width = 2 * narrower
        layers["up_1"] = nn.ConvTranspose2d(width, channels, 5, 2)
        super().__init__(layers)
        self.downs = downs

    def forward(self, x):
        features = [same(self["down_1"], x)]
        for level in range(2, self.downs + 1):
            x = same(self[f"down_{level}"], functional.leaky_relu(features[-1], 0.2))
            features.append(self[f"down_{level}_norm"](x))
        x = features.pop()
        for level in range(self.downs, 1, -1):
            x = self[f"up_{level}_norm"](transposed(self[f"up_{level}"], functional.relu(x)))
            x = torch.cat([x, features.pop()], 1)
        return torch.tanh(transposed(self["up_1"], functional.relu(x)))


class Critic(nn.ModuleDict):
    def __init__(self, side, filters, channels=3):
        layers, width = {}, channels
        for level in range(1, 6):
            wider = filters * min(2 ** (level - 1), 8)
            layers[f"down_{level}"] = nn.Conv2d(width, wider, _size(level), 2)
            if level > 1:
                layers[f"down_{level}_norm"] = Norm(wider)
            width = wider
        super().__init__({**layers, "logits": nn.Linear(width * (side // 32) ** 2, 1)})

    def forward(self, x):
        for level in range(1, 6):
            x = same(self[f"down_{level}"], x)
            x = self[f"down_{level}_norm"](x) if level > 1 else x
            x = functional.leaky_relu(x, 0.2)
        return self["logits"](x.permute(0, 2, 3, 1).flatten(1))


def penalty(critic, real, fake, mix):
    between = (real + mix[:, None, None, None] * (fake - real)).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
