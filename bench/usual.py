"""The GAN step as tutorials and the peers write it: a DataLoader of Pillow images, sigmoid and BCELoss (for WGAN-GP the
means of a critic and autograd's slope), torch's Adam.

torchvision's transforms are written out in Pillow, NumPy and torch: its own import fails beside a CPU-only torch.
"""

from pathlib import Path

import numpy as np
import torch
from networks import USUAL, Workload
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

bce = nn.BCELoss()


class Digits(Dataset):
    """N×28×28 uint8, turned one at a time into a Pillow image, resized if need be, and into 1×H×W in [−1, 1]."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, side: int):
        self.images, self.labels, self.size = images, labels, (side, side)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images[i])
        if image.size != self.size:
            image = image.resize(self.size, Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(image)).unsqueeze(0)
        return pixels.float().div(255).sub_(0.5).div_(0.5), int(self.labels[i])


class Pictures(Dataset):
    """The files of a folder's folders, each opened, decoded and turned into 3×H×W in [−1, 1] whenever it comes up."""

    def __init__(self, folder: Path):
        self.files = sorted(file for file in folder.glob("*/*") if file.is_file())

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        with Image.open(self.files[i]) as image:
            pixels = torch.from_numpy(np.array(image.convert("RGB")))
        return pixels.permute(2, 0, 1).contiguous().float().div(255).sub_(0.5).div_(0.5), 0


class Usual:
    """Both players and their optimisers; `step` is one update of D and, each `n_critic`-th time, of G."""

    def __init__(self, workload: Workload):
        torch.manual_seed(0)
        self.workload = workload
        self.G, D = workload.build(USUAL)
        self.D = D if workload.penalty else nn.Sequential(D, nn.Sigmoid())
        self.steps = 0
        self.optim_G = torch.optim.Adam(self.G.parameters(), lr=workload.lr, betas=workload.betas)
        self.optim_D = torch.optim.Adam(self.D.parameters(), lr=workload.lr, betas=workload.betas)

    def fakes(self, n: int) -> Tensor:
        return self.G(torch.randn(n, self.workload.latent))

    def generator_loss(self, fake: Tensor) -> Tensor:
        return -self.D(fake).mean() if self.workload.penalty else bce(self.D(fake), torch.ones(len(fake), 1))

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        if self.workload.penalty:
            return self.D(fake).mean() - self.D(real).mean() + self.workload.penalty * self.gradient_penalty(real, fake)
        of_real = bce(self.D(real), torch.ones(len(real), 1))
        of_fake = bce(self.D(fake), torch.zeros(len(fake), 1))
        return (of_real + of_fake) / 2

    def gradient_penalty(self, real: Tensor, fake: Tensor) -> Tensor:
        share = torch.rand(len(real), 1, 1, 1)
        between = (share * real + (1 - share) * fake).requires_grad_(True)
        score = self.D(between)
        (slope,) = torch.autograd.grad(score, between, torch.ones_like(score), create_graph=True)
        return ((slope.flatten(1).norm(2, dim=1) - 1) ** 2).mean()

    def update_G(self, fake: Tensor) -> Tensor:
        self.optim_G.zero_grad()
        loss = self.generator_loss(fake)
        loss.backward()
        self.optim_G.step()
        return loss

    def update_D(self, real: Tensor, fake: Tensor) -> Tensor:
        self.optim_D.zero_grad()
        loss = self.discriminator_loss(real, fake.detach())
        loss.backward()
        self.optim_D.step()
        return loss

    def step(self, real: Tensor) -> tuple[Tensor, Tensor | None]:
        """The losses of D and, if it moved, G. With one draw of fakes G moves first, as in PyTorch-GAN; else D, as books
        have it."""
        self.steps += 1
        if self.workload.one_draw:
            fake = self.fakes(len(real))
            of_G = self.update_G(fake)
            return self.update_D(real, fake), of_G
        of_D = self.update_D(real, self.fakes(len(real)))
        return of_D, None if self.steps % self.workload.n_critic else self.update_G(self.fakes(len(real)))


def train(training: Usual, dataset: Dataset) -> None:
    """For ever, with a line for each move of G, as the peers print it."""
    workload = training.workload
    loader = DataLoader(dataset, batch_size=workload.batch, shuffle=True, num_workers=workload.workers)
    epoch = 0
    while True:
        for i, (real, _) in enumerate(loader):
            of_D, of_G = training.step(real)
            if of_G is not None:
                print(f"epoch {epoch}, batch {i} of {len(loader)}: D {of_D.item():.6f}, G {of_G.item():.6f}")
        epoch += 1
