"""Mean and covariance of features in a file: ours, and those that others have published."""

import json
import zipfile
from pathlib import Path

import numpy as np

from ganvas import files
from ganvas.errors import BadInput
from ganvas.files import printable
from ganvas.measure.frechet import Moments, moments
from ganvas.study.extractors import Extractor
from ganvas.study.question import Question, Reference


def write_statistics(path: Path, question: Question) -> None:
    """Mean and covariance of the question's pictures, as pytorch-fid and NVIDIA's code name them, with their card."""
    found, ex = moments(question.fake.features), question.extractor
    about = {"extractor": ex.name, "digest": ex.digest, "resize": ex.resize}
    about |= {"name": question.fakes.name, "fingerprint": question.fakes.fingerprint}
    with files.replacing(path) as file:
        np.savez(file, mu=found.mean, sigma=found.cov, n=found.n, about=json.dumps(about))


def read_statistics(path: Path, extractor: Extractor) -> Reference:
    """Ours, pytorch-fid's and NVIDIA's .npz: keys mu and sigma. Raises BadInput for those of another extractor.

    Foreign files do not say how many images they are of nor which network saw them; the card says that it is unknown.
    """
    where = printable(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
        mu, sigma = (np.asarray(stored[name], np.float64) for name in ("mu", "sigma"))
        about = dict(json.loads(str(stored["about"]))) if "about" in stored else {}
        n = int(stored["n"]) if "n" in stored else 0
    except FileNotFoundError:
        raise BadInput(f"{where} does not exist: `ganvas stats FOLDER --out {where}` makes it") from None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, TypeError) as error:
        raise BadInput(f"{where} holds no statistics (mu and sigma) that can be read: {error}") from None
    mine = {"extractor": extractor.name, "digest": extractor.digest, "resize": extractor.resize}
    if about and {key: about.get(key) for key in mine} != mine:
        raise BadInput(
            f"{where} was made with {about.get('extractor')} ({about.get('resize')}), and this score with {extractor.name} "
            f"({extractor.resize}): they cannot be compared; make statistics with --extractor {extractor.name}"
        )
    if sigma.shape != (extractor.dim, extractor.dim) or mu.shape != (extractor.dim,):
        raise BadInput(
            f"{where} is of {mu.size} features and {extractor.name} has {extractor.dim}: another extractor's"
        )
    if not (np.isfinite(mu).all() and np.allclose(sigma, sigma.T) and (np.diag(sigma) >= 0).all()):
        raise BadInput(f"{where}: sigma is no covariance (finite, symmetric, no negative variance): make it again")
    name = about.get("name", f"{path.name}; which network, resize and how many images is unknown")
    return Reference(name, about.get("fingerprint", files.sha256(path)[:32]), Moments(mu, sigma, n))


def is_statistics(path: Path) -> bool:
    try:
        with np.load(path, allow_pickle=False) as file:
            return "mu" in file.files
    except (OSError, ValueError, zipfile.BadZipFile):
        return not path.exists()  # `read_statistics` says what is the matter
