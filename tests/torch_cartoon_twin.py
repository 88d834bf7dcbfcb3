"""A PyTorch twin of CartoonGAN, from the layer facts of its published generator and of the paper,
with our layers' names. Imported only where torch is."""

import torch
from torch import nn
from torch.nn import functional


def conv(width, wider, size=3, stride=1, padding=0):
    return nn.Conv2d(width, wider, size, stride, padding)


def norm(width, affine=True):
    return nn.InstanceNorm2d(width, eps=1e-5, affine=affine)


class Generator(nn.Module):
    def __init__(self, f, blocks):
        super().__init__()
        self.blocks = blocks
        self.first, self.first_norm = conv(3, f, 7), norm(f)
        for level in (1, 2):
            width, wider = f * 2 ** (level - 1), f * 2**level
            setattr(self, f"down_{level}", conv(width, wider, 3, 2, 1))
            setattr(self, f"down_{level}_more", conv(wider, wider, 3, 1, 1))
            setattr(self, f"down_{level}_norm", norm(wider))
            up = nn.ConvTranspose2d(wider, width, 3, 2, 1, output_padding=1)
            setattr(self, f"up_{level}", up)
            setattr(self, f"up_{level}_more", conv(width, width, 3, 1, 1))
            setattr(self, f"up_{level}_norm", norm(width))
        for block in range(1, blocks + 1):
            for half in (1, 2):
                setattr(self, f"block_{block}_{half}", conv(4 * f, 4 * f))
                setattr(self, f"block_{block}_{half}_norm", norm(4 * f))
        self.last = conv(f, 3, 7)

    def part(self, x, name, pad=0):
        x = functional.pad(x, (pad,) * 4, mode="reflect") if pad else x
        return getattr(self, f"{name}_norm")(getattr(self, name)(x))

    def forward(self, x):
        x = functional.relu(self.part(x, "first", 3))
        for level in (1, 2):
            x = getattr(self, f"down_{level}_more")(getattr(self, f"down_{level}")(x))
            x = functional.relu(getattr(self, f"down_{level}_norm")(x))
        for block in range(1, self.blocks + 1):
            y = functional.relu(self.part(x, f"block_{block}_1", 1))
            x = x + self.part(y, f"block_{block}_2", 1)
        for level in (2, 1):
            x = getattr(self, f"up_{level}_more")(getattr(self, f"up_{level}")(x))
            x = functional.relu(getattr(self, f"up_{level}_norm")(x))
        return torch.tanh(self.last(functional.pad(x, (3,) * 4, mode="reflect")))


class Discriminator(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.first = conv(3, f, padding=1)
        self.down_1, self.down_1_more = conv(f, 2 * f, 3, 2, 1), conv(2 * f, 4 * f, padding=1)
        self.down_2, self.down_2_more = conv(4 * f, 4 * f, 3, 2, 1), conv(4 * f, 8 * f, padding=1)
        self.wide, self.patches = conv(8 * f, 8 * f, padding=1), conv(8 * f, 1, padding=1)

    def forward(self, x):
        def leaky(x):
            return functional.leaky_relu(x, 0.2)

        x = leaky(self.first(x))
        for level in (1, 2):
            x = leaky(getattr(self, f"down_{level}")(x))
            x = leaky(functional.instance_norm(getattr(self, f"down_{level}_more")(x)))
        return self.patches(leaky(functional.instance_norm(self.wide(x))))
