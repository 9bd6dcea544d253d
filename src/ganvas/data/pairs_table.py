"""pairs.csv: which picture belongs to which."""

import csv
import io

from ganvas.errors import BadInput

TABLE = "pairs.csv"


def read_pairs(content: bytes) -> dict[int, tuple[str, str, str]]:
    """(a, b, split) by the number of the line; a pair that is named twice, once. Raises `BadInput`, naming the line.

    A first line names the columns, with commas: a, b and, if there, split; others are passed over.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadInput(f"{TABLE} is not UTF-8, first in line {line}; save it as UTF-8 text with commas") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise BadInput(f"{TABLE}: line {reader.line_num}: {error}; save it as text with commas") from error
    heads = [head.lower() for head in lines[0][1]] if lines else []
    if heads.count("a") != 1 or heads.count("b") != 1 or heads.count("split") > 1:
        raise BadInput(f"{TABLE} needs a first line that names its columns, with commas: a,b or a,b,split")
    wanted = [heads.index(head) for head in ("a", "b", "split") if head in heads]
    found: dict[tuple[str, str], tuple[int, tuple[str, str, str]]] = {}
    for number, row in lines[1:]:
        a, b, split = [*(row[k].removeprefix("./") if k < len(row) else "" for k in wanted), ""][:3]
        if not a or not b:
            raise BadInput(f"{TABLE}: line {number} has an empty a or b; fill it in, or remove the line")
        earlier, pair = found.setdefault((a, b), (number, (a, b, split)))
        if pair[2] != split:
            raise BadInput(f"{TABLE}: lines {earlier} and {number} name one pair in two splits; remove one")
    return dict(found.values())
