"""What is written about pictures: captions.csv, or a .txt beside each."""

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

from ganvas.errors import BadInput
from ganvas.files import printable

TABLE = "captions.csv"
_FILE = ("file", "filename", "file_name", "image", "image_name", "img", "path", "picture", "photo", "name")
_CAPTION = ("caption", "captions", "text", "sentence", "description", "prompt", "title")
_CLASS = ("class", "label", "category")
_HINT = "its first line must name the columns, as file,caption"


class Line(NamedTuple):
    """A caption, of which picture it is, where it stands, and the class it gives the picture ("": none)."""

    where: str
    file: str
    caption: str
    label: str = ""


def read_table(content: bytes, name: str = TABLE) -> tuple[list[Line], list[str]]:
    """The captions of a table with a first line that names the columns, and what was understood of it.

    Between the columns are commas, semicolons or tabs. The column of files is called file, that of captions caption, or
    each by another of the usual names, if only one column can be meant; of two columns the other is meant when one is
    known. A column class (label, category) is the picture's. Raises BadInput, naming the line.
    """
    text = decoded(content, name)
    first = next((line for line in text.splitlines() if line.strip()), "")
    mark = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise BadInput(f"{name}: line {reader.line_num}: {error}; save it as text with commas") from error
    if not rows:
        raise BadInput(f"{name} is empty; {_HINT}")
    heads = [head.lower() for head in rows[0][1]]
    file, caption = _column(name, heads, _FILE), _column(name, heads, _CAPTION)
    if len(heads) == 2 and (file is None) != (caption is None):
        file, caption = (1 - caption, caption) if file is None else (file, 1 - file)
    if file is None or caption is None:
        raise BadInput(f"{name} has no column of {'files' if file is None else 'captions'}; {_HINT}")
    label = _column(name, heads, _CLASS)
    found = []
    for number, row in rows[1:]:
        while len(row) > len(heads) and not row[-1]:
            row.pop()  # commas at the end, as spreadsheets leave them
        if len(row) > len(heads):
            raise BadInput(
                f"{name}: line {number} has {len(row)} cells where its first line has {len(heads)}; put text that holds a "
                "comma between quotes"
            )
        row += [""] * (len(heads) - len(row))
        if not row[file]:
            raise BadInput(f"{name}: line {number} names no file; fill it in, or remove the line")
        label_of = row[label] if label is not None else ""
        found.append(Line(f"line {number}", row[file], " ".join(row[caption].split()), label_of))
    used = {file, caption, label}
    rest = [printable(head) for k, head in enumerate(rows[0][1]) if k not in used and head]
    notes = [f"{name}: the columns {', '.join(rest)} are not used"] if len(rest) > 1 else []
    notes += [f"{name}: the column {rest[0]} is not used"] if len(rest) == 1 else []
    odd = [printable(rows[0][1][k]) for k, usual in ((file, "file"), (caption, "caption")) if heads[k] != usual]
    if odd:
        notes.insert(0, f"{name}: the files are read from {printable(rows[0][1][file])}, the captions from "
                     f"{printable(rows[0][1][caption])}")  # fmt: skip
    return found, notes


def read_lines(content: bytes, name: str, file: str) -> list[Line]:
    """The captions of picture `file` in the .txt beside it, one a line. Raises BadInput where it is not UTF-8."""
    lines = enumerate(decoded(content, name).splitlines(), 1)
    captions = [Line(f"{name} line {k}", file, " ".join(line.split())) for k, line in lines if line.strip()]
    return captions or [Line(name, file, "")]


def decoded(content: bytes, name: str) -> str:
    """UTF-8 as text, without a byte order mark. Raises BadInput, naming the line."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        kind = " (it looks like UTF-16)" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        line = content[: error.start].count(b"\n") + 1
        raise BadInput(f"{printable(name)} is not UTF-8, first in line {line}{kind}; save it as UTF-8 text") from error


def _column(name: str, heads: Sequence[str], usual: Sequence[str]) -> int | None:
    """Where the column of one of these names is. Raises BadInput where it may be one of several."""
    found = [k for k, head in enumerate(heads) if head in usual]
    best = [k for k in found if heads[k] == usual[0]]
    if len(best or found) > 1:
        several = " and ".join(printable(heads[k]) for k in best or found)
        raise BadInput(f"{name}: the columns {several} may both be meant; call one of them {usual[0]}")
    return (best or found or [None])[0]
