"""PyTorch twins of vid2vid, from the paper and the layer facts of its reference, with its module
names. Imported only where torch is."""

import torch
from torch import nn
from torch.nn import functional
from torch_twins import ConvBlock


def encoder(channels, filters, downs, blocks):
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(channels, filters, 7)]
    layers += [nn.InstanceNorm2d(filters), nn.ReLU()]
    for level in range(downs):
        wide = filters * 2 ** (level + 1)
        layers += [nn.Conv2d(wide // 2, wide, 3, 2, 1), nn.InstanceNorm2d(wide), nn.ReLU()]
    return nn.Sequential(*layers, *(ConvBlock(filters * 2**downs) for _ in range(blocks)))


def ups(filters, downs):
    layers = []
    for level in reversed(range(downs)):
        width = filters * 2**level
        layers += [nn.ConvTranspose2d(2 * width, width, 3, 2, 1, output_padding=1)]
        layers += [nn.InstanceNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers)


def last(filters, channels, *activation):
    return nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(filters, channels, 7), *activation)


def warp(images, flow):
    """Images (N, C, H, W) where flow (N, 2, H, W), across and down in pixels, says they were."""
    height, width = images.shape[2:]
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=flow.dtype),
        torch.arange(width, dtype=flow.dtype),
        indexing="ij",
    )
    x = 2 * (columns + flow[:, 0]) / (width - 1) - 1
    y = 2 * (rows + flow[:, 1]) / (height - 1) - 1
    places = torch.stack([x, y], -1)
    return functional.grid_sample(images, places, padding_mode="border", align_corners=True)


class Generator(nn.Module):
    def __init__(self, channels, window, filters, downs, blocks):
        super().__init__()
        source, target = channels
        shared, after, widest = blocks - blocks // 2, blocks // 2, filters * 2**downs
        self.model_down_seg = encoder(window * source, filters, downs, shared)
        self.model_down_img = encoder((window - 1) * target, filters, downs, shared)
        self.model_res_img = nn.Sequential(*(ConvBlock(widest) for _ in range(after)))
        self.model_res_flow = nn.Sequential(*(ConvBlock(widest) for _ in range(after)))
        self.model_up_img, self.model_up_flow = ups(filters, downs), ups(filters, downs)
        self.model_final_img = last(filters, target, nn.Tanh())
        self.model_final_flow = last(filters, 2)
        self.model_final_w = last(filters, 1, nn.Sigmoid())
        self.target = target

    def forward(self, source, previous, first):
        """Frame, raw frame, flow and mask; of a first one nothing is before it."""
        x = self.model_down_seg(source)
        x = x if first else x + self.model_down_img(previous)
        raw = self.model_final_img(self.model_up_img(self.model_res_img(x)))
        moved = self.model_up_flow(self.model_res_flow(x))
        flow, mask = 20 * self.model_final_flow(moved), self.model_final_w(moved)
        if first:
            return raw, raw, flow, mask
        return raw * mask + warp(previous[:, -self.target :], flow) * (1 - mask), raw, flow, mask


class Discriminator(nn.Module):
    """Its layers are called `scaleS_layerL`; S counts from the smallest scale."""

    def __init__(self, channels, filters, layers, scales):
        super().__init__()
        self.layers, self.scales = layers, scales
        for scale in range(scales):
            before = channels
            for layer in range(layers + 1):
                width, stride = min(filters * 2**layer, 512), 2 if layer < layers else 1
                parts = [nn.Conv2d(before, width, 4, stride, 2)]
                parts += [nn.InstanceNorm2d(width)] if layer else []
                before = width
                name = f"scale{scale}_layer{layer}"
                self.add_module(name, nn.Sequential(*parts, nn.LeakyReLU(0.2)))
            name = f"scale{scale}_layer{layers + 1}"
            self.add_module(name, nn.Sequential(nn.Conv2d(before, 1, 4, 1, 2)))
        self.smaller = nn.AvgPool2d(3, 2, 1, count_include_pad=False)

    def forward(self, images):
        """For each scale, the largest first, the outputs of its layers."""
        found = []
        for scale in reversed(range(self.scales)):
            outputs = [images]
            for layer in range(self.layers + 2):
                outputs.append(getattr(self, f"scale{scale}_layer{layer}")(outputs[-1]))
            found.append(outputs[1:])
            images = self.smaller(images)
        return found


# === The game ===


class Game:
    """Losses of a clip, all of whose frames count.

    Args:
        generator: a `Generator`.
        judge: a `Discriminator` of pairs.
        videos: `{frames apart: Discriminator of runs}`.
        window: frames of the source that the generator sees.
        weight: of features, flow, time and L1.
    """

    def __init__(self, generator, judge, videos, window, weight=10.0):
        self.generator, self.judge, self.videos = generator, judge, videos
        self.window, self.weight = window, weight

    def roll(self, source, fed=None):
        """Frames, raw frames, flows, masks and frames before, (T, c, H, W) each, of a source.

        `fed`, (T, c, H, W), is fed back in place of the frames themselves: rounding grows from
        frame to frame.
        """
        made = []
        past = [torch.zeros_like(source[:1, :1]).repeat(1, self.generator.target, 1, 1)]
        past = past * (self.window - 1)
        for number in range(len(source)):
            places = [max(0, number - back) for back in reversed(range(self.window))]
            labels = torch.cat([source[place : place + 1] for place in places], 1)
            parts = self.generator(labels, torch.cat(past, 1), number == 0)
            made.append((*parts, past[-1]))
            past = [*past[1:], (parts[0] if fed is None else fed[number : number + 1]).detach()]
        return [torch.cat(part) for part in zip(*made, strict=True)]

    def losses(self, source, flow, sure, target, fed=None):
        """The generator's and the discriminators' loss, and the parts of the first, by name."""
        frames, raw, own, mask, before = self.roll(source, fed)
        judged = [(self.judge, self.pairs(source, target), self.pairs(source, frames))]
        judged += [(self.judge, self.pairs(source, target), self.pairs(source, raw))]
        judged += [
            (video, self.runs(target, flow, apart), self.runs(frames, flow, apart))
            for apart, video in self.videos.items()
        ]
        parts, of_d = {"adversarial_loss": 0.0, "feature_loss": 0.0}, 0.0
        for judge, real, fake in judged:
            true, made = judge(real), judge(fake)
            parts["adversarial_loss"] += sum(((o[-1] - 1) ** 2).mean() for o in made)
            parts["feature_loss"] += self.apart(true, made)
            seen = judge(fake.detach())
            of_d += sum(0.5 * ((o[-1] - 1) ** 2).mean() for o in true)
            of_d += sum(0.5 * (o[-1] ** 2).mean() for o in seen)
        old = torch.cat([torch.zeros_like(target[:1]), target[:-1]])
        parts["l1_loss"] = (frames - target).abs().mean() + (raw - target).abs().mean()
        parts["flow_loss"] = (sure * (own - flow)).abs().mean()
        parts["warp_loss"] = (sure * (warp(old, own) - target)).abs().mean()
        parts["temporal_loss"] = (sure * (frames - warp(before, flow).detach())).abs().mean()
        parts["mask_loss"] = (sure * mask).mean()
        once = {"adversarial_loss", "mask_loss"}
        of_g = sum(v if n in once else self.weight * v for n, v in parts.items())
        return of_g, of_d, parts

    @staticmethod
    def pairs(source, frames):
        return torch.cat([source, frames], 1)

    @staticmethod
    def runs(frames, flow, apart):
        """Three frames and the two flows between, over 20, of every run (R, 3 C + 4, H, W)."""
        found = []
        for start in range(0, len(frames) - 2 * apart, 3 * apart):
            at = [start, start + apart, start + 2 * apart]
            between = [flow_over(flow, end, apart) / 20 for end in at[1:]]
            found.append(torch.cat([*(frames[i : i + 1] for i in at), *between], 1))
        return torch.cat(found)

    @staticmethod
    def apart(true, made):
        total = 0.0
        for real, fake in zip(true, made, strict=True):
            for one, other in zip(real[:-1], fake[:-1], strict=True):
                total += 4 / (len(real) - 1) / len(true) * (one.detach() - other).abs().mean()
        return total


def flow_over(flow, end, steps):
    """Flow (1, 2, H, W) from frame `end` to the one so many before: step by step back."""
    total = flow[end : end + 1]
    for back in range(1, steps):
        total = total + warp(flow[end - back : end - back + 1], total)
    return total
