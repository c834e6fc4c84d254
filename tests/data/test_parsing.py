import datetime
import io
from decimal import Decimal

import pandas as pd
import pytest

from mmm_core.data.sources.parsing import parse_table
from mmm_core.errors import DataError


def parse(text: str | bytes, *text_columns: str) -> pd.DataFrame:
    content = text if isinstance(text, bytes) else text.encode()
    return parse_table(content, "sales.csv", frozenset(text_columns))


def parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def test_text_in_a_number_column_survives_and_other_columns_are_numbers() -> None:
    frame = parse("geo,a,b\nN,1,2\nN,oops,\nN,3,4.5\n", "geo")
    assert frame["a"].tolist() == ["1", "oops", "3"]
    assert frame["b"].isna().tolist() == [False, True, False]
    assert frame["b"].sum() == 6.5
    assert frame["source_row"].tolist() == [2, 3, 4]


def test_keys_and_dates_are_never_numbers() -> None:
    frame = parse("geo,time,x\n001,20230102,1\nNA,20230109,2\n,20230116,3\n", "geo", "time")
    assert frame["geo"].tolist() == ["001", "NA", None]
    assert frame["time"].tolist() == ["20230102", "20230109", "20230116"]


def test_rows_are_numbered_by_the_line_on_which_they_start() -> None:
    frame = parse('\n\na,b\r\n1,"two\nlines"\n\n \n2,x\r\n3,y\n')
    assert frame["source_row"].tolist() == [4, 8, 9]
    assert frame["b"].tolist() == ["two\nlines", "x", "y"]


def test_byte_order_mark_and_blanks_around_names_are_dropped() -> None:
    assert list(parse(b"\xef\xbb\xbf geo , x\nN,1\n").columns) == ["geo", "x", "source_row"]


def test_column_without_a_name_gets_one() -> None:
    assert list(parse(",x\n0,1\n").columns) == ["unnamed_1", "x", "source_row"]


@pytest.mark.parametrize("value", ["0.1", "1e-300", "123456789.123456789", "0.30000000000000004"])
def test_numbers_are_read_exactly(value: str) -> None:
    assert parse(f"x\n{value}\n")["x"][0] == float(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "sales.csv is empty"),
        (b" \n\n", "sales.csv is empty"),
        (b"geo,x\n", "header but no data rows"),
        (b"geo,x\nN,1\nN,2,3\nN\n", r"2 row\(s\) do not have 2 fields like the header \(line 3, 4\)"),
        (b"geo;x\nN;1\n", "separated by semicolons"),
        (b"geo\tx\nN\t1\n", "separated by tabs"),
        (b"geo,x,x\nN,1,2\n", "more than one column named x"),
        (b"geo,source_row\nN,1\n", "source_row, which is reserved"),
        (b"geo,x\nN,1\nS\xe3o,2\n", r"byte 0xe3 at offset 11 \(line 3\)"),
        (b'geo,x\nN,1\n"N,2\n', "cannot be parsed as CSV: line 3"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\x1f\x8brest", "gzip"),
        (b"PAR1 and then nothing", "cannot be read as Parquet"),
    ],
)
def test_what_is_no_table_is_refused_with_the_place(text: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse(text)


def test_parquet_is_recognised_by_content_and_keeps_numbers_dates_and_text() -> None:
    frame = pd.DataFrame(
        {
            "geo": pd.Categorical(["a", "b"]),
            "time": [datetime.date(2023, 1, 2), datetime.date(2023, 1, 9)],
            "x": [Decimal("1.50"), None],
            "y": ["3", "4"],
            "promo": [True, False],
        },
        index=pd.Index([7, 8], name="id"),
    )
    parsed = parse(parquet(frame), "geo")
    assert parsed["geo"].tolist() == ["a", "b"]
    assert parsed["time"].tolist() == [pd.Timestamp("2023-01-02"), pd.Timestamp("2023-01-09")]
    assert parsed["x"].fillna(-1).tolist() == [1.5, -1]
    assert parsed["y"].tolist() == [3, 4]
    assert parsed["promo"].tolist() == [1, 0]
    assert parsed["id"].tolist() == [7, 8]
    assert parsed["source_row"].tolist() == [2, 3]


def test_parsed_table_survives_a_parquet_round_trip() -> None:
    frame = parse("geo,a,b\nN,1,2\nS,oops,\n", "geo")
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(parquet(frame))), frame)


def test_parquet_without_rows_is_refused() -> None:
    with pytest.raises(DataError, match="no data rows"):
        parse(parquet(pd.DataFrame({"x": [1.0]}).iloc[:0]))
