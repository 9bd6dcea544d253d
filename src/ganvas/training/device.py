"""Which processor: a name a user gave, made sure of."""

import torch

from ganvas.errors import BadInput


def usable(name: str) -> str:
    """`name`, or for "auto" cuda where there is one, else cpu. Raises BadInput where it does not work here."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise BadInput(
            f"--device {name} cannot be used here ({str(error).splitlines()[0]}): try --device cpu"
        ) from None
    return name
