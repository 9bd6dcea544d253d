"""The variational autoencoder (Kingma & Welling 2014) on DCGAN's networks."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganvas.nets.condition import Code
from ganvas.nets.dcgan import DCGANGenerator, Image, dcgan_init, doublings


class Spread(nn.Module):
    """The variance of a Gaussian p(x|z), one number for all pixels: `sigma` squared, or, where that is 0, the likeliest.

    The likeliest is the mean squared error (Rybkin et al. 2021, optimal σ-VAE): the batch's in training mode, in eval
    mode the running mean of those, as in BatchNorm. It is followed in either case: `sigma` = 0 calibrates a trained net.
    """

    def __init__(self, sigma: float = 0.0, momentum: float = 0.1):
        super().__init__()
        self.sigma, self.momentum = sigma, momentum
        self.register_buffer("likeliest", torch.ones(()))

    def forward(self, error: Tensor) -> Tensor:
        """Squared errors of any shape → their variance, a scalar without gradient."""
        variance = self.likeliest
        if self.training:
            variance = error.detach().mean()
            self.likeliest.lerp_(variance.to(self.likeliest.dtype), self.momentum)
        return torch.full_like(variance, self.sigma**2) if self.sigma else variance

    def extra_repr(self) -> str:
        return f"sigma={self.sigma:g}" if self.sigma else "likeliest"


class VAE(nn.Module):
    """DCGAN's generator as decoder, and its mirror as encoder: a player of the game `Variational`.

    forward: z (N×latent)[, label] → the mean image, N×C×H×W in [−1, 1]. encode: images[, label] → mean and log-variance
    of q(z|x), N×latent each. The encoder is DCGAN's discriminator without BatchNorm, as under a gradient penalty:
    q(z|x) must be a function of x alone. width, kernel: of both. sigma: see `Spread`. levels: both are told a label of
    these columns, the decoder through conditional BatchNorm, the encoder beside its last map.
    """

    def __init__(
        self,
        latent: int,
        image: Image,
        width: int = 128,
        kernel: int = 4,
        sigma: float = 1.0,
        levels: Sequence[int] = (),
    ):
        super().__init__()
        self.config = dict(
            latent=latent, image=list(image), width=width, kernel=kernel, sigma=sigma, levels=list(levels)
        )
        count, base = doublings(image)
        channels = [image[0], *(width * 2**i for i in range(count))]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(channels):
            layers += [nn.Conv2d(before, after, kernel, stride=2, padding=(kernel - 1) // 2), nn.LeakyReLU(0.2)]
        self.encoder, self.code = nn.Sequential(*layers, nn.Flatten()), Code(levels)
        self.posterior = nn.Linear(channels[-1] * base[0] * base[1] + self.code.width, 2 * latent)
        self.decoder = DCGANGenerator(latent, image, width, kernel, levels)
        self.spread = Spread(sigma)
        dcgan_init(
            self.decoder
        )  # the encoder keeps torch's: without BatchNorm, weights of .02 would pass next to nothing

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.decoder(z, label)

    def encode(self, x: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mean, log_var = self.posterior(self.code.beside(self.encoder(x), label)).chunk(2, 1)
        return mean, log_var
