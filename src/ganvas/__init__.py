"""ganvas trains, judges, explains and serves the classic GAN family.

    run = ganvas.train("dcgan", data="digits", images=200_000)   # trains, or resumes where it stopped
    G = ganvas.load(run.folder)                                   # the generator of a run or a snapshot
    G.sample(16, seed=0)                                          # N×C×H×W pictures; a notebook shows a sheet

Importing the package imports nothing heavy; `train` and `load` do when they are called.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Run", "load", "train"]

if TYPE_CHECKING:
    from ganvas.loading import load
    from ganvas.loop import Run, train


def __getattr__(name: str) -> Any:
    import importlib

    homes = {"train": "ganvas.loop", "Run": "ganvas.loop", "load": "ganvas.loading"}
    if name in homes:
        return getattr(importlib.import_module(homes[name]), name)
    raise AttributeError(f"module 'ganvas' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
