"""A history of fakes: what keeps a discriminator from forgetting (Shrivastava et al. 2017; CycleGAN's pool of 50)."""

import torch
from torch import Tensor

from ganvas import luck


class ImagePool:
    """Half of what comes back is new; the other half was drawn earlier and leaves its place to the new one.

    Draws come from torch's default generator, which the trainer seeds by position; the images are part of a checkpoint.
    """

    def __init__(self, size: int = 50):
        self.size = size
        self.images: list[Tensor] = []

    def __call__(self, fakes: Tensor) -> Tensor:
        """N×C×H×W in, N×C×H×W out, detached. With size 0 the fakes come straight back."""
        n, out = len(fakes), []
        old = luck.rows(lambda n: torch.rand(n) < 0.5, n).tolist()
        places = luck.rows(lambda n: torch.randint(max(self.size, 1), (n,)), n).tolist()
        for fake, exchange, place in zip(fakes.detach(), old, places, strict=True):
            if len(self.images) < self.size:
                self.images.append(fake.clone())
            elif self.size and exchange:
                fake, self.images[place] = self.images[place], fake.clone()
            out.append(fake)
        return torch.stack(out)

    def state_dict(self) -> dict[str, Tensor]:
        return {"images": torch.stack(self.images)} if self.images else {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.images = list(state["images"]) if state else []
