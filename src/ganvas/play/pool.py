"""A history of fakes: what keeps a discriminator from forgetting (Shrivastava et al. 2017; CycleGAN's pool of 50)."""

import torch
from torch import Tensor


class ImagePool:
    """Half of what comes back is new; the other half was drawn earlier and leaves its place to the new one.

    Draws come from torch's default generator, which the trainer seeds by position; the images are part of a checkpoint.
    """

    def __init__(self, size: int = 50):
        self.size = size
        self.images: list[Tensor] = []

    def __call__(self, fakes: Tensor) -> Tensor:
        """N×C×H×W in, N×C×H×W out, detached. With size 0 the fakes come straight back."""
        out = []
        for fake in fakes.detach():
            if len(self.images) < self.size:
                self.images.append(fake)
            elif self.size and torch.rand(()) < 0.5:
                place = int(torch.randint(self.size, ()))
                fake, self.images[place] = self.images[place], fake
            out.append(fake)
        return torch.stack(out)

    def state_dict(self) -> dict[str, Tensor]:
        return {"images": torch.stack(self.images)} if self.images else {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.images = list(state["images"]) if state else []
