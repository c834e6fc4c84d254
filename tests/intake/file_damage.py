"""Ways in which a file goes wrong: its rows, their values, its bytes."""

import random
from collections.abc import Callable, Sequence

import pandas as pd

Rows = list[list[str]]
Change = Callable[[Rows, random.Random], Rows]

NUMBERS = (
    *(
        "",
        " ",
        "NA",
        "n/a",
        "-",
        "?",
        "NaN",
        "inf",
        "-inf",
        "Infinity",
        "-0",
        "-5",
        "+7",
        "1e308",
        "-1e308",
        "1e400",
    ),
    *(
        "1e-320",
        "1,200",
        "1.234,5",
        "1,5",
        "1 200",
        "1\u00a0200",
        "1'200",
        "5%",
        "$5",
        "€ 5",
        "(5)",
        "true",
        "FALSE",
    ),
    *(
        "0x1F",
        "1_000",
        "1e5",
        "9" * 19,
        "9" * 25,
        "9" * 5000,
        "١٢",
        "½",
        "=A1+1",
        "#REF!",
        "a\nb",
        'a"b',
        "x" * 10_000,
    ),
    *("2023-01-02", "\x00", "\ufeff3", "1;2", "1\t2", "1|2", "None", "null", "0.1.2", "--1", "1-", "12e", "NaT"),
)
DATES = (
    *("", "soon", "2023-02-30", "2023-02-29", "2024-02-29", "31/01/2023", "01/31/2023", "05/01/2023", "5.1.2023"),
    *("20230109", "230109", "2023-W02", "2023-W53-1", "2023", "2023-01", "44935", "1672531200", "1672531200000"),
    *("2023-01-09T12:00:00+02:00", "2023-03-26T02:30:00[Europe/Berlin]", "2023-01-09 23:59:59.999999Z"),
    *("2023-01-09T24:00:00", "0001-01-01", "1700-01-01", "2200-12-31", "9999-12-31", "12345-01-01", "-2023-01-09"),
    *(
        "Jan 9, 2023",
        "Mon 9 Jan 2023",
        "9 Januar 2023",
        "1/2/3",
        "٢٠٢٣-٠١-٠٩",
        "2023-1-9",
        "2023–01–09",
        "NaT",
        "nan",
    ),
)
NAMES = (
    *(
        "",
        " ",
        " North ",
        "NORTH",
        "north",
        "No\u0308rd",
        "Nörd",
        "Ｎorth",
        "Nord/Süd",
        "東京",
        "a\nb",
        "All",
        ".",
        "..",
    ),
    *(
        "...",
        "%2F",
        "%",
        "a%b",
        "CON",
        "-",
        "national",
        "NA",
        "nan",
        "None",
        "0",
        "007",
        "7.0",
        "1e5",
        "true",
        "9" * 5000,
    ),
    *(
        "x" * 300,
        "ß",
        "ẞ",
        "é" * 200,
        "🙂",
        "a\u200bb",
        "\u202egeo",
        "a / b",
        "geo=1",
        "~",
        "*",
        "[a]",
        "{x}",
        "$HOME",
    ),
    *("rm -rf", "'; DROP", "<b>x</b>", "2023-01-02", "\ufeffNorth", "North\u00a0", "North\x00", "a\tb", "a,b"),
)


def _column(rows: Rows, rng: random.Random, kind: str) -> int:
    header = rows[0]
    wanted = {"date": ["day"], "geo": ["region"]}.get(kind) or [n for n in header if n not in ("day", "region")]
    present = [header.index(name) for name in wanted if name in header]
    return rng.choice(present) if present else rng.randrange(len(header))


def _put(rows: Rows, rng: random.Random, kind: str, values: Sequence[str]) -> Rows:
    column, value = _column(rows, rng, kind), rng.choice(values)
    if len(rows) < 2:
        return rows
    how = rng.random()
    chosen = range(1, len(rows)) if how < 0.15 else [rng.randrange(1, len(rows)) for _ in range(rng.randint(1, 4))]
    for row in chosen:
        if column < len(rows[row]):
            rows[row][column] = value
    return rows


def wrong_number(rows: Rows, rng: random.Random) -> Rows:
    return _put(rows, rng, "number", NUMBERS)


def wrong_date(rows: Rows, rng: random.Random) -> Rows:
    return _put(rows, rng, "date", DATES)


def wrong_name(rows: Rows, rng: random.Random) -> Rows:
    return _put(rows, rng, "geo", NAMES)


def shuffled(rows: Rows, rng: random.Random) -> Rows:
    return [rows[0], *rng.sample(rows[1:], len(rows) - 1)]


def repeated(rows: Rows, rng: random.Random) -> Rows:
    return rows + [list(rng.choice(rows)) for _ in range(rng.randint(1, 5))]


def thinned(rows: Rows, rng: random.Random) -> Rows:
    share = rng.choice([0.02, 0.5, 0.95])
    return [rows[0], *(row for row in rows[1:] if rng.random() < share)]


def cut(rows: Rows, rng: random.Random) -> Rows:
    return rows[: rng.choice([0, 1, 2, 3, 60])]


def one_geo_of_one_row(rows: Rows, rng: random.Random) -> Rows:
    first = rows[1][0] if len(rows) > 1 and rows[1] else ""
    kept = [row for row in rows[1:] if row and row[0] == first]
    return [rows[0], *kept, *[row for row in rows[1:] if row and row[0] != first][:1]]


def without_column(rows: Rows, rng: random.Random) -> Rows:
    column = rng.randrange(len(rows[0]))
    return [row[:column] + row[column + 1 :] for row in rows]


def renamed_column(rows: Rows, rng: random.Random) -> Rows:
    header = list(rows[0])
    header[rng.randrange(len(header))] = rng.choice(
        ["", " ", "tv_cost", "TV_COST", "source_row", "a\nb", "kpi", "é"]
    )
    return [header, *rows[1:]]


def swapped_columns(rows: Rows, rng: random.Random) -> Rows:
    one, other = rng.randrange(len(rows[0])), rng.randrange(len(rows[0]))
    for row in rows[1:]:
        if len(row) > max(one, other):
            row[one], row[other] = row[other], row[one]
    return rows


def ragged(rows: Rows, rng: random.Random) -> Rows:
    row = rows[rng.randrange(len(rows))]
    row.extend(["1"]) if rng.random() < 0.5 else row.pop()
    return rows


def scaled(rows: Rows, rng: random.Random) -> Rows:
    column, factor = _column(rows, rng, "number"), rng.choice([-1.0, 0.0, 1e-300, 1e15, 1e300])
    for row in rows[1:]:
        try:
            row[column] = repr(float(row[column]) * factor)
        except (ValueError, IndexError):
            continue
    return rows


def constant(rows: Rows, rng: random.Random) -> Rows:
    column, value = _column(rows, rng, "number"), rng.choice(["0", "1", "", "3.5", "-1"])
    for row in rows[1:]:
        if column < len(row):
            row[column] = value
    return rows


def other_dates(rows: Rows, rng: random.Random) -> Rows:
    """Every date in another way of writing, or a geo's dates moved by some days."""
    written = rng.choice(
        ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d", "%d-%b-%Y", "%Y-%m-%dT00:00:00Z", "%y-%m-%d"]
    )
    moved = rng.choice([0, 0, 1, 3, 6, 365])
    some = rng.random() < 0.3
    column = rows[0].index("day") if "day" in rows[0] else 0
    for row in rows[1:]:
        if some and rng.random() < 0.5:
            continue
        try:
            row[column] = (pd.Timestamp(row[column]) + pd.Timedelta(days=moved)).strftime(written)
        except (ValueError, IndexError, OverflowError):
            continue
    return rows


CHANGES: tuple[Change, ...] = (
    *(
        wrong_number,
        wrong_date,
        wrong_name,
        wrong_number,
        wrong_date,
        wrong_name,
        shuffled,
        repeated,
        thinned,
        cut,
    ),
    *(one_geo_of_one_row, without_column, renamed_column, swapped_columns, ragged, scaled, constant, other_dates),
)


def broken_bytes(content: bytes, rng: random.Random) -> bytes:
    """Bytes flipped, put in, taken out, cut off, or doubled."""
    for _ in range(rng.randint(0, 3)):
        at = rng.randrange(len(content) + 1)
        piece = rng.choice(
            [b"\x00", b"\xff", b"\xc3", b'"', b"'", b",", b"\n", b"\r", b"\r\n\r\n", b"\x1a", b"\xef\xbb\xbf"]
        )
        how = rng.choice(["in", "out", "cut", "flip", "double"])
        if how == "in":
            content = content[:at] + piece + content[at:]
        elif how == "out":
            content = content[:at] + content[at + rng.randint(1, 40) :]
        elif how == "cut" and rng.random() < 0.3:
            content = content[:at]
        elif how == "flip" and at < len(content):
            content = content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]
        elif how == "double" and rng.random() < 0.3:
            content = content + content[at:]
    return content
