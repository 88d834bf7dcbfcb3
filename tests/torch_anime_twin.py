"""A PyTorch twin of AnimeGANv2, from the layer facts of its reference and of its PyTorch port, with
the port's module names. Imported only where torch is."""

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Sequential):
    def __init__(self, width, wider, size=3, stride=1, groups=1):
        pad = (0, 1, 0, 1) if stride == 2 else size // 2
        super().__init__(
            nn.ReflectionPad2d(pad),
            nn.Conv2d(width, wider, size, stride, groups=groups, bias=groups > 1),
            nn.GroupNorm(1, wider),
            nn.LeakyReLU(0.2),
        )


class Inverted(nn.Module):
    def __init__(self, width, wider):
        super().__init__()
        self.added = width == wider
        self.layers = nn.Sequential(
            Block(width, 2 * width, 1),
            Block(2 * width, 2 * width, groups=2 * width),
            nn.Conv2d(2 * width, wider, 1, bias=False),
            nn.GroupNorm(1, wider),
        )

    def forward(self, x):
        return x + self.layers(x) if self.added else self.layers(x)


class Generator(nn.Module):
    def __init__(self, f, corners=True):
        super().__init__()
        self.corners = corners
        self.block_a = nn.Sequential(Block(3, f, 7), Block(f, 2 * f, stride=2), Block(2 * f, 2 * f))
        self.block_b = nn.Sequential(Block(2 * f, 4 * f, stride=2), Block(4 * f, 4 * f))
        self.block_c = nn.Sequential(
            Block(4 * f, 4 * f),
            Inverted(4 * f, 8 * f),
            *(Inverted(8 * f, 8 * f) for _ in range(3)),
            Block(8 * f, 4 * f),
        )
        self.block_d = nn.Sequential(Block(4 * f, 4 * f), Block(4 * f, 4 * f))
        self.block_e = nn.Sequential(Block(4 * f, 2 * f), Block(2 * f, 2 * f), Block(2 * f, f, 7))
        self.out_layer = nn.Sequential(nn.Conv2d(f, 3, 1, bias=False), nn.Tanh())

    def forward(self, x):
        x = self.block_c(self.block_b(self.block_a(x)))
        for block in (self.block_d, self.block_e):
            x = block(
                functional.interpolate(
                    x, scale_factor=2, mode="bilinear", align_corners=self.corners
                )
            )
        return self.out_layer(x)


class Discriminator(nn.Module):
    """Spectral norm is divided out by `normalise`, from a given vector of each convolution."""

    NAMES = ("conv_0", "halved_1", "conv_1", "halved_2", "conv_2", "last", "patches")

    def __init__(self, f):
        super().__init__()
        widths = (3, f, 2 * f, 4 * f, 4 * f, 8 * f, 8 * f, 1)
        for name, width, wider in zip(self.NAMES, widths, widths[1:], strict=False):
            setattr(self, name, nn.Conv2d(width, wider, 3, bias=False))
            if name in ("conv_1", "conv_2", "last"):
                setattr(self, f"{name}_norm", nn.GroupNorm(1, wider))
            self.register_buffer(f"{name}_u", torch.ones(wider))

    def forward(self, x):
        for name in self.NAMES:
            stride = 2 if name.startswith("halved") else 1
            x = functional.pad(x, (1, 0, 1, 0) if stride == 2 else (1, 1, 1, 1))
            x = functional.conv2d(x, self.normalised(name), stride=stride)
            if hasattr(self, f"{name}_norm"):
                x = getattr(self, f"{name}_norm")(x)
            x = x if name == "patches" else functional.leaky_relu(x, 0.2)
        return x

    def normalised(self, name):
        weight, u = getattr(self, name).weight, getattr(self, f"{name}_u")
        # Rows are inputs of one output in the order of TensorFlow's kernels: (h, w, in).
        matrix = weight.permute(2, 3, 1, 0).reshape(-1, weight.shape[0])
        with torch.no_grad():
            v = functional.normalize(matrix @ u, dim=0)
        return weight / (v @ matrix @ u)

    def power_iteration(self):
        with torch.no_grad():
            for name in self.NAMES:
                weight, u = getattr(self, name).weight, getattr(self, f"{name}_u")
                matrix = weight.permute(2, 3, 1, 0).reshape(-1, weight.shape[0])
                v = functional.normalize(matrix @ u, dim=0)
                u.copy_(functional.normalize(matrix.T @ v, dim=0))


def grey(x):
    weights = torch.tensor([0.299, 0.587, 0.114])
    return (x * weights[:, None, None]).sum(1, keepdim=True).repeat(1, 3, 1, 1)


def gram(x):
    rows = x.flatten(2)
    return rows @ rows.transpose(1, 2) / rows[0].numel()


def yuv(x):
    r, g, b = (0.5 * x + 0.5).unbind(1)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return y, (b - y) * (0.436 / (1 - 0.114)), (r - y) * (0.615 / (1 - 0.299))


def color(x, z):
    (y, u, v), (yy, uu, vv) = yuv(x), yuv(z)
    huber = functional.smooth_l1_loss
    return (y - yy).abs().mean() + huber(u, uu) + huber(v, vv)


def variation(x):
    down, across = x[:, :, 1:] - x[:, :, :-1], x[:, :, :, 1:] - x[:, :, :, :-1]
    return (down**2).mean() / 2 + (across**2).mean() / 2
