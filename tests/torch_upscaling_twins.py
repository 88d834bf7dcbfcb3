"""PyTorch twins of ESRGAN and Real-ESRGAN, written from their tables, with BasicSR's names.

Those of RDN and RRDN have the names of our layers.

Pictures are in [0, 1], as published weights have them. Imported only where torch is.
"""

import torch
from torch import nn
from torch.nn import functional


def conv3(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 3, 1, 1)


def leaky(x):
    return functional.leaky_relu(x, 0.2)


# === Generators ===


class DenseBlock(nn.Module):
    def __init__(self, filters, growth):
        super().__init__()
        for number in range(1, 6):
            width = growth if number < 5 else filters
            setattr(self, f"conv{number}", conv3(filters + (number - 1) * growth, width))

    def forward(self, x):
        maps = [x]
        for number in range(1, 5):
            maps.append(leaky(getattr(self, f"conv{number}")(torch.cat(maps, 1))))
        return x + 0.2 * self.conv5(torch.cat(maps, 1))


class RRDB(nn.Module):
    def __init__(self, filters, growth):
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (DenseBlock(filters, growth) for _ in range(3))

    def forward(self, x):
        return x + 0.2 * self.rdb3(self.rdb2(self.rdb1(x)))


class RRDBNet(nn.Module):
    def __init__(self, filters=64, growth=32, blocks=23, ups=2, fold=1, channels=3):
        super().__init__()
        self.fold, self.ups = fold, ups
        self.conv_first = conv3(channels * fold**2, filters)
        self.body = nn.Sequential(*(RRDB(filters, growth) for _ in range(blocks)))
        self.conv_body = conv3(filters, filters)
        for number in range(1, ups + 1):
            setattr(self, f"conv_up{number}", conv3(filters, filters))
        self.conv_hr, self.conv_last = conv3(filters, filters), conv3(filters, channels)

    def forward(self, x):
        if self.fold > 1:
            x = functional.pixel_unshuffle(x, self.fold)
        first = self.conv_first(x)
        x = first + self.conv_body(self.body(first))
        for number in range(1, self.ups + 1):
            x = functional.interpolate(x, scale_factor=2, mode="nearest")
            x = leaky(getattr(self, f"conv_up{number}")(x))
        return self.conv_last(leaky(self.conv_hr(x)))


class SRVGG(nn.Module):
    def __init__(self, filters=64, convs=16, scale=4, shrink=1.0, channels=3):
        super().__init__()
        self.scale, self.shrink = scale, shrink
        layers = [conv3(channels, filters), nn.PReLU(filters)]
        for _ in range(convs):
            layers += [conv3(filters, filters), nn.PReLU(filters)]
        self.body = nn.ModuleList([*layers, conv3(filters, channels * scale**2)])

    def forward(self, x):
        y = x
        for layer in self.body:
            y = layer(y)
        y = functional.pixel_shuffle(y, self.scale)
        y = y + functional.interpolate(x, scale_factor=self.scale, mode="nearest")
        if self.shrink != 1.0:
            y = functional.interpolate(
                y, scale_factor=self.shrink, mode="bicubic", align_corners=False
            )
        return y


class RDN(nn.Module):
    """RDN of the paper, with ISR's upsampling; `shuffle` False repeats pixels instead."""

    def __init__(self, filters, growth, blocks, convs, scale, shuffle=True, channels=3):
        super().__init__()
        self.blocks, self.convs, self.scale, self.shuffle = blocks, convs, scale, shuffle
        self.shallow_1, self.shallow_2 = conv3(channels, filters), conv3(filters, filters)
        for block in range(1, blocks + 1):
            add_dense_block(self, f"rdb{block}", filters, growth, convs, 1)
        self.fusion_1 = nn.Conv2d(blocks * filters, filters, 1)
        self.fusion_2 = conv3(filters, filters)
        self.up_1, self.up_2 = nn.Conv2d(filters, 64, 5, padding=2), conv3(64, 32)
        self.up_3 = conv3(32, channels * scale**2)
        self.last = conv3(channels if shuffle else channels * scale**2, channels)

    def forward(self, x):
        shallow = self.shallow_1(x)
        x, outputs = self.shallow_2(shallow), []
        for block in range(1, self.blocks + 1):
            x = x + dense_block(self, f"rdb{block}", x, self.convs)
            outputs.append(x)
        x = shallow + self.fusion_2(self.fusion_1(torch.cat(outputs, 1)))
        x = self.up_3(self.up_2(self.up_1(x).relu()).relu())
        if self.shuffle:
            return self.last(functional.pixel_shuffle(x, self.scale))
        return self.last(functional.interpolate(x, scale_factor=self.scale, mode="nearest"))


class RRDN(nn.Module):
    """RRDN of ISR."""

    def __init__(self, filters, growth, blocks, dense, convs, scale, channels=3):
        super().__init__()
        self.blocks, self.dense, self.convs, self.scale = blocks, dense, convs, scale
        self.shallow_1, self.fusion_1 = conv3(channels, filters), conv3(filters, filters)
        for name in (f"rrdb{t}_rdb{d}" for t, d in self.numbers()):
            add_dense_block(self, name, filters, growth, convs, 3)
        self.up_1 = conv3(filters, channels * scale**2)
        self.last = conv3(channels, channels)

    def numbers(self):
        return [(t + 1, d + 1) for t in range(self.blocks) for d in range(self.dense)]

    def forward(self, x):
        shallow = x = y = self.shallow_1(x)
        for t, d in self.numbers():
            y = y + 0.2 * dense_block(self, f"rrdb{t}_rdb{d}", y, self.convs)
            if d == self.dense:
                x = y = x + 0.2 * y
        return self.last(
            functional.pixel_shuffle(self.up_1(shallow + self.fusion_1(x)), self.scale)
        )


def add_dense_block(module, name, filters, growth, convs, size):
    for c in range(convs):
        setattr(module, f"{name}_conv{c + 1}", conv3(filters + c * growth, growth))
    fusion = nn.Conv2d(filters + convs * growth, filters, size, padding=size // 2)
    setattr(module, f"{name}_fusion", fusion)


def dense_block(module, name, x, convs):
    for c in range(convs):
        x = torch.cat([x, getattr(module, f"{name}_conv{c + 1}")(x).relu()], 1)
    return getattr(module, f"{name}_fusion")(x)


# === Discriminators ===


class VGG(nn.Module):
    """ESRGAN's, of pictures of `side` pixels."""

    def __init__(self, side=128, filters=64):
        super().__init__()
        layers, inputs = [], 3
        for number, width in enumerate((1, 2, 4, 8, 8)):
            width *= filters
            for kernel, stride in ((3, 1), (4, 2)):
                first = number == 0 and stride == 1
                layers.append(nn.Conv2d(inputs, width, kernel, stride, 1, bias=first))
                layers += [] if first else [nn.BatchNorm2d(width)]
                layers.append(nn.LeakyReLU(0.2))
                inputs = width
        self.features = nn.Sequential(*layers)
        self.linear1 = nn.Linear(inputs * (side // 32) ** 2, 100)
        self.linear2 = nn.Linear(100, 1)

    def forward(self, x):
        # Maps as vectors, all channels of a pixel side by side, as Keras has them.
        x = self.features(x).permute(0, 2, 3, 1).flatten(1)
        return self.linear2(leaky(self.linear1(x)))


class Spectral(nn.Conv2d):
    """A convolution by its kernel's largest singular value, without a bias."""

    def __init__(self, inputs, outputs, size=3, stride=1):
        super().__init__(inputs, outputs, size, stride, 1, bias=False)
        self.register_buffer("u", functional.normalize(torch.randn(outputs), dim=0))

    def power_iteration(self):
        with torch.no_grad():
            matrix = self.weight.flatten(1)
            v = functional.normalize(matrix.T @ self.u, dim=0)
            self.u.copy_(functional.normalize(matrix @ v, dim=0))

    def forward(self, x):
        matrix = self.weight.flatten(1)
        v = functional.normalize((matrix.T @ self.u).detach(), dim=0)
        return self._conv_forward(x, self.weight / (self.u @ (matrix @ v)), None)


class UNet(nn.Module):
    """Real-ESRGAN's, a logit for each pixel."""

    def __init__(self, filters=64):
        super().__init__()
        f = filters
        self.conv0 = conv3(3, f)
        self.conv1, self.conv2 = Spectral(f, 2 * f, 4, 2), Spectral(2 * f, 4 * f, 4, 2)
        self.conv3 = Spectral(4 * f, 8 * f, 4, 2)
        self.conv4, self.conv5 = Spectral(8 * f, 4 * f), Spectral(4 * f, 2 * f)
        self.conv6, self.conv7, self.conv8 = Spectral(2 * f, f), Spectral(f, f), Spectral(f, f)
        self.conv9 = conv3(f, 1)

    def forward(self, x):
        x0 = leaky(self.conv0(x))
        x1 = leaky(self.conv1(x0))
        x2 = leaky(self.conv2(x1))
        x3 = leaky(self.conv3(x2))
        x4 = leaky(self.conv4(_doubled(x3))) + x2
        x5 = leaky(self.conv5(_doubled(x4))) + x1
        x6 = leaky(self.conv6(_doubled(x5))) + x0
        return self.conv9(leaky(self.conv8(leaky(self.conv7(x6)))))

    def power_iteration(self):
        for module in self.modules():
            if isinstance(module, Spectral):
                module.power_iteration()


def _doubled(x):
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


# === Losses ===


def relativistic(logits, rival):
    """Of either player: its own pictures should look more real than the rival's on average."""
    ahead, behind = logits - rival.mean(), rival - logits.mean()
    return (functional.softplus(-ahead).mean() + functional.softplus(behind).mean()) / 2
