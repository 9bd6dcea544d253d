"""The GAN step as tutorials and the peers write it: a DataLoader of Pillow images, sigmoid and BCELoss, torch's Adam.

torchvision's transforms are written out in Pillow, NumPy and torch: its own import fails beside a CPU-only torch.
"""

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


class Usual:
    """Both players and their optimisers; `step` is one update of each."""

    def __init__(self, workload: Workload):
        torch.manual_seed(0)
        self.workload = workload
        self.G, D = workload.build(USUAL)
        self.D = nn.Sequential(D, nn.Sigmoid())
        self.optim_G = torch.optim.Adam(self.G.parameters(), lr=workload.lr, betas=workload.betas)
        self.optim_D = torch.optim.Adam(self.D.parameters(), lr=workload.lr, betas=workload.betas)

    def fakes(self, n: int) -> Tensor:
        return self.G(torch.randn(n, self.workload.latent))

    def generator_loss(self, fake: Tensor) -> Tensor:
        return bce(self.D(fake), torch.ones(len(fake), 1))

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        of_real = bce(self.D(real), torch.ones(len(real), 1))
        of_fake = bce(self.D(fake), torch.zeros(len(fake), 1))
        return (of_real + of_fake) / 2

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

    def step(self, real: Tensor) -> tuple[Tensor, Tensor]:
        """The losses of D and G. With one draw of fakes G moves first, as in PyTorch-GAN; else D, as books have it."""
        if self.workload.one_draw:
            fake = self.fakes(len(real))
            of_G = self.update_G(fake)
            return self.update_D(real, fake), of_G
        return self.update_D(real, self.fakes(len(real))), self.update_G(self.fakes(len(real)))


def train(training: Usual, images: np.ndarray, labels: np.ndarray) -> None:
    """For ever, with a line a step, as the peers print it."""
    dataset = Digits(images, labels, training.workload.side)
    loader = DataLoader(dataset, batch_size=training.workload.batch, shuffle=True)
    epoch = 0
    while True:
        for i, (real, _) in enumerate(loader):
            of_D, of_G = training.step(real)
            print(f"epoch {epoch}, batch {i} of {len(loader)}: D {of_D.item():.6f}, G {of_G.item():.6f}")
        epoch += 1
