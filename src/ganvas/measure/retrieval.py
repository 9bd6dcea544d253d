"""R-precision: of a hundred captions, is the one that a picture was drawn from the one that suits it best?"""

import numpy as np

from ganvas.errors import BadInput


def r_precision(
    images: np.ndarray, captions: np.ndarray, meanings: np.ndarray, *, of: int = 100, seed: int = 0
) -> float:  # fmt: skip
    """The share of N pictures whose own caption is ahead of `of` − 1 others (Xu et al. 2018, AttnGAN, section 4.1; R = 1).

    images, captions: N×d features, picture i and its own caption i; what suits a picture is the largest inner product.
    meanings: N×k rows; captions of equal rows are one caption, which is never its own rival. Each picture's rivals are
    drawn among all that differ. A tie is lost. 1/`of` where features know nothing. Raises BadInput for too few captions.
    """
    _, which = np.unique(meanings, axis=0, return_inverse=True)
    which = which.ravel()
    kinds = which.max() + 1
    if kinds < of:
        raise BadInput(f"R-precision asks for the best of {of} captions, and only {kinds} of these differ")
    one_each = np.unique(which, return_index=True)[1]  # a caption of each meaning
    rng, right = np.random.default_rng(seed), 0
    for image, caption, mine in zip(images, captions, which, strict=True):
        others = rng.choice(kinds - 1, of - 1, replace=False)
        rivals = captions[one_each[others + (others >= mine)]]
        right += bool(caption @ image > (rivals @ image).max())
    return right / len(images)
