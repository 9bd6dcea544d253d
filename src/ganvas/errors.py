"""Errors a user can do something about. The command line prints them as one line; everything else is a bug."""


class GanvasError(Exception):
    """What is wrong, where, and what to do next, in one line. `code` is the exit status of the command."""

    code = 2


class BadInput(GanvasError):
    """Something the user gave (an argument, a file, a folder) cannot be used."""


class Busy(GanvasError):
    """Another process holds the run folder."""

    code = 3


class Storage(GanvasError):
    """The disk refused: full, read-only, gone."""

    code = 4


class Corrupt(GanvasError):
    """A stored file is not what was written."""

    code = 5


class Diverged(GanvasError):
    """Training produced numbers that cannot be trained on, and going back did not help."""

    code = 6
