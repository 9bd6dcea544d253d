"""Frozen networks whose features and opinions the scores are made of.

A Fréchet distance is a statement about one exact feature space, so an extractor is a name *and* a digest: both stand
in every score's protocol card, and the file is refused when its digest is another.
"""

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn

from ganvas.errors import Corrupt
from ganvas.files import sha256

NAME = "fd-digits/v1"
WEIGHTS = Path(__file__).with_name("digits_v1.safetensors")
SHA256 = "47fbfca2ccc34a4427f5794b621f0a6475878cb5d3c5068c14ec9c57ad8c9901"


class DigitClassifier(nn.Module):
    """Ten logits for a 28×28 grey digit, and the 128 numbers behind them. 118,650 parameters.

    Takes N×1×28×28 floats in [0, 1], ink 1 on paper 0 as in MNIST. There is no normalisation layer and no dropout, so
    an image's features never depend on the other images of its batch, nor on train() or eval().
    """

    def __init__(self) -> None:
        super().__init__()
        # Leaky: with plain ReLUs 48 of the 128 features were zero on every test digit, with these 31; equal accuracy.
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, 16, 5, padding=2), nn.LeakyReLU(0.1), nn.MaxPool2d(2),  # 16×14×14
            nn.Conv2d(16, 32, 3, padding=1), nn.LeakyReLU(0.1), nn.MaxPool2d(2),  # 32×7×7
            nn.Conv2d(32, 48, 3, stride=2, padding=1), nn.LeakyReLU(0.1),  # 48×4×4
        )  # fmt: skip
        self.penultimate = nn.Linear(48 * 4 * 4, 128)
        self.last = nn.Linear(128, 10)

    def features(self, x: Tensor) -> Tensor:
        """N×1×28×28 in [0, 1] → N×128, not negative: the layer before the logits, after its ReLU.

        The file's features are scaled so that their covariance on MNIST's 60,000 training images has trace 1000: a
        Fréchet distance of 10 is one percent of the data's own variance.
        """
        return self.penultimate(self.convolutions(x).flatten(1)).relu()

    def forward(self, x: Tensor) -> Tensor:
        """N×1×28×28 in [0, 1] → N×10 logits; their softmax is an opinion about which digit, if any, this is.

        Trained to shrug at what is no digit, so a low mean confidence says "not digits", not merely "hard digits".
        """
        return self.last(self.features(x))


def digit_classifier() -> DigitClassifier:
    """The shipped classifier, frozen: `bench/train_digits.py` made its file and makes it again.

    Held-out accuracy and the command are in the file's metadata.
    """
    if not WEIGHTS.is_file() or sha256(WEIGHTS) != SHA256:
        raise Corrupt(f"{WEIGHTS} is not the file of {NAME}; install ganvas again")
    net = DigitClassifier()
    net.load_state_dict(load_file(WEIGHTS))
    return net.eval().requires_grad_(False)
