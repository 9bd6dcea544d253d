"""`ganvas evaluate` of what enlarges pictures: PSNR, SSIM and sharpness, with bicubic's row beside the network's."""

from pathlib import Path

from ganvas.errors import BadInput


def enlarges(what: Path) -> bool:
    """Is this a run, or a snapshot, of super-resolution?"""
    from ganvas.data.source import DataSpec
    from ganvas.training.run import RunFolder
    from ganvas.training.snapshot import read_snapshot

    if RunFolder.exists(what):
        return DataSpec.from_json(RunFolder.open(what).record["data"]["spec"]).scale > 1
    return what.suffix == ".safetensors" and read_snapshot(what).spec.scale > 1


def evaluated(what: Path, asked: list[str], options: dict) -> tuple[list, list[dict]]:
    """Scores, and a row for each photo: of a folder or zip of large photos, or of those that the run holds out."""
    if other := [name for name in asked if name not in ("psnr", "ssim", "sharpness")]:
        raise BadInput(
            f"{what} enlarges pictures, which psnr, ssim and sharpness are for, not {', '.join(other)}: leave --metric out"
        )
    against, device = options["against"], options["device"]
    from ganvas import judging
    from ganvas.data.gallery import files_in
    from ganvas.loading import load
    from ganvas.study.upscale import fidelity, photos_of

    if against in (None, "held-out"):
        run = judging.run_of(what)
        if run is None:
            raise BadInput(f"{what} is a snapshot, and its run is not here: give --against a folder of photos")
        photos = photos_of(judging.source_of(run, print, needed=True))
    elif not Path(against).exists():
        raise BadInput(f"--against {against} does not exist: give a folder of photos, or leave it out")
    else:
        photos = files_in(Path(against))
    return fidelity(load(what, device=device), photos)
