"""Small autoencoders of our own whose round trips leave what generators leave: the traces of their up-sampling.

Each is trained for a minute or so on bona fide crops; several ways to enlarge and several depths make the round trips
differ, so that a detector cannot learn a single one of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

Enlarging = Literal["transposed", "nearest", "bilinear", "shuffle"]
WIDTH = 48


@dataclass(frozen=True)
class Shape:
    """How one autoencoder is built.

    Attributes:
        enlarging: How the decoder doubles the resolution.
        halvings: How often the encoder halves it, 1 to 4.
        latent: Channels between the two.
        discerned: Weight of a small patch discriminator, 0 for none.
    """

    enlarging: Enlarging
    halvings: int
    latent: int
    discerned: float = 0.02


SHAPES = (
    Shape("transposed", 2, 6),
    Shape("nearest", 3, 16),
    Shape("shuffle", 2, 4),
    Shape("bilinear", 2, 6),
    Shape("transposed", 3, 24),
    Shape("nearest", 2, 4),
    Shape("shuffle", 3, 16),
    Shape("bilinear", 3, 24, 0.0),
)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(_conv(channels, channels), nn.ReLU(), _conv(channels, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.layers(x))


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, 1)


def _enlarger(kind: Enlarging) -> list[nn.Module]:
    if kind == "transposed":
        return [nn.ConvTranspose2d(WIDTH, WIDTH, 4, 2, 1)]
    if kind == "shuffle":
        return [_conv(WIDTH, 4 * WIDTH), nn.PixelShuffle(2)]
    return [nn.Upsample(scale_factor=2, mode=kind), _conv(WIDTH, WIDTH)]


class Autoencoder(nn.Module):
    """Convolutions down to a small latent and up again.

    Args:
        shape: How it is built.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        encoder: list[nn.Module] = [_conv(3, WIDTH), nn.ReLU()]
        for _ in range(shape.halvings):
            encoder += [_conv(WIDTH, WIDTH, 2), nn.ReLU(), _Residual(WIDTH)]
        decoder: list[nn.Module] = [_conv(shape.latent, WIDTH), nn.ReLU(), _Residual(WIDTH)]
        for _ in range(shape.halvings):
            decoder += [*_enlarger(shape.enlarging), nn.ReLU(), _Residual(WIDTH)]
        self.encoder = nn.Sequential(*encoder, _conv(WIDTH, shape.latent))
        self.decoder = nn.Sequential(*decoder, _conv(WIDTH, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (n, 3, h, w), -1 to 1, sides a multiple of 2 to the number of halvings; same shape."""
        y: torch.Tensor = self.decoder(self.encoder(x))
        return y


def _discriminator() -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs, stride in ((3, 32, 2), (32, 64, 2), (64, 64, 1)):
        layers += [_conv(inputs, outputs, stride), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, _conv(64, 1))


def fit_autoencoder(
    shape: Shape,
    batches: Callable[[], torch.Tensor],
    *,
    device: torch.device,
    seconds: float,
    seed: int,
    most_steps: int = 100_000,
) -> tuple[Autoencoder, float]:
    """Train one.

    Args:
        shape: How it is built.
        batches: Gives the next batch of bona fide pixels, shape (n, 3, h, w), -1 to 1, on `device`.
        device: Where.
        seconds: How long, at most.
        seed: Of the first weights.
        most_steps: How long, at most.

    Returns:
        The network, in eval mode, and its peak signal-to-noise ratio in dB on the last batch.
    """
    torch.manual_seed(seed)
    net, judge = Autoencoder(shape).to(device), _discriminator().to(device)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    own = torch.optim.AdamW(net.parameters(), lr=2e-3, betas=(0.9, 0.99), weight_decay=0.0)
    its = torch.optim.Adam(judge.parameters(), lr=4e-4, betas=(0.5, 0.9))
    begun, done, psnr, step = time.monotonic(), 0.0, 0.0, 0
    while done < 1:
        done = max((time.monotonic() - begun) / seconds, step / most_steps)
        rate = 2e-3 * min(1.0, (step + 1) / 50) * max(0.02, 1 - done)
        for group in own.param_groups:
            group["lr"] = rate
        x = batches()
        with torch.autocast(device.type, torch.bfloat16):
            y = net(x).float()
        loss = (y - x).abs().mean() + _steps(y - x)
        adversarial = shape.discerned > 0 and done > 0.4
        if adversarial:
            loss = loss - shape.discerned * judge(y).mean()
        own.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        own.step()
        if adversarial:
            told = functional.relu(1 - judge(x)).mean() + functional.relu(1 + judge(y.detach())).mean()
            its.zero_grad()
            told.backward()  # type: ignore[no-untyped-call]
            its.step()
        step += 1
        if done >= 1:
            psnr = float(-10 * torch.log10((y.detach().clamp(-1, 1) - x).square().mean() / 4))
    return net.eval(), psnr


def _steps(error: torch.Tensor) -> torch.Tensor:
    """Mean size of the differences between neighbours: keeps edges sharp."""
    return (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()


@torch.no_grad()
def round_trip(net: nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    """Through the network and back, shape (n, 3, h, w), 0 to 255."""
    with torch.autocast(pixels.device.type, torch.bfloat16):
        back = net((pixels / 127.5 - 1).contiguous(memory_format=torch.channels_last)).float()
    pixels_back: torch.Tensor = ((back + 1) * 127.5).clamp(0, 255)
    return pixels_back
