"""The command line: `ganvas COMMAND …`. Imports a command's module when it is called, torch only when it computes."""

import importlib
import sys
from collections.abc import Sequence

from ganvas.errors import BadInput, GanvasError

COMMANDS = {
    "train": "train a recipe on data; the same command again resumes",
    "sample": "draw pictures from a run or a snapshot",
    "interpolate": "walk from picture to picture through the latent space, as a film; how smooth it is",
    "arithmetic": "A − B + C with pictures: find directions that mean something, apply and save them",
    "invert": "find the latent of an own picture, to change it",
    "translate": "picture to picture: ask a trained pix2pix or CycleGAN, any size, a file or a folder",
    "draw": "draw pictures of sentences with a trained StackGAN",
    "upscale": "enlarge pictures with a trained SRGAN or SRResNet, any size, a file or a folder",
    "evaluate": "score a run or a folder: FID, KID, IS, precision/recall, memorisation, each with its protocol",
    "compare": "scores of several runs side by side, where their protocols agree",
    "stats": "statistics of real images, kept for evaluate",
    "doctor": "what ails a run: one diagnosis, evidence, what to do; with --data, data before training",
    "report": "write a run's one-page report again",
    "recipes": "list the recipes: which GANs there are",
    "lab": "theory made visible: densities, divergences, the GAN with known dynamics",
    "show": "a recipe's arguments, networks, cost and needs, without training (the dry run)",
}

HELP = """\
ganvas trains, judges, explains and serves the classic GAN family.

usage: ganvas COMMAND …          ganvas COMMAND --help explains one

{commands}

first steps
  ganvas train --minutes 3                          a GAN on 5,000 handwritten digits, in ./runs/auto-digits
  ganvas show dcgan --data my/photos --size 64      what it would train and what that costs
  ganvas train dcgan --data my/photos --size 64 --run runs/photos
  ganvas train --resume runs/photos                 goes on where it stopped, needs nothing else
  ganvas sample runs/photos -n 64 --seed 1 --out sheet.png
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status: 0, or 2 and up with one line on stderr saying what is wrong."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if not arguments or arguments[0] in ("-h", "--help", "help"):
            print(HELP.format(commands="\n".join(f"  {name:<11} {what}" for name, what in COMMANDS.items())))
            return 0
        if arguments[0] in ("--version", "-V"):
            from ganvas import __version__

            print(f"ganvas {__version__}")
            return 0
        command, rest = arguments[0], arguments[1:]
        if command not in COMMANDS:
            import difflib

            near = difflib.get_close_matches(command, COMMANDS, 2, 0.4)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(COMMANDS)}"
            raise BadInput(f"there is no command {command!r}: {hint}")
        return importlib.import_module(f"ganvas.cli.{command}").main(rest) or 0
    except GanvasError as error:
        print(f"ganvas: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print("\nganvas: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away: `ganvas recipes | head`
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
