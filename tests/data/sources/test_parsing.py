import contextlib
import datetime
import io
import random
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmm_core.config.ingest import FileFormatConfig
from mmm_core.data.sources.layout import Layout
from mmm_core.data.sources.parsing import parse_files
from mmm_core.data.sources.table import SourceTable
from mmm_core.data.sources.transfer import FetchedFile, file_hash
from mmm_core.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def table(folder: Path, content: str | bytes, *text_columns: str, **form: str) -> SourceTable:
    path = folder / "sales.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    layout = Layout(FileFormatConfig.model_validate(form), "ingest.format", frozenset(text_columns))
    return parse_files([FetchedFile(path, "sales.csv", "sales.csv", file_hash(path))], "sales.csv", layout)


def parse(folder: Path, content: str | bytes, *text_columns: str, **form: str) -> pd.DataFrame:
    return table(folder, content, *text_columns, **form).frame


def parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def test_text_in_a_number_column_survives_and_other_columns_are_numbers(folder: Path) -> None:
    frame = parse(folder, "geo,a,b\nN,1,2\nN,oops,\nN,3,4.5\n", "geo")
    assert frame["a"].tolist() == ["1", "oops", "3"]
    assert frame["b"].isna().tolist() == [False, True, False]
    assert frame["b"].sum() == 6.5
    assert frame["source_row"].tolist() == [2, 3, 4]


def test_keys_and_dates_are_never_numbers(folder: Path) -> None:
    frame = parse(folder, "geo,time,x\n001,20230102,1\nNA,20230109,2\n,20230116,3\n", "geo", "time")
    assert frame["geo"].tolist() == ["001", "NA", None]
    assert frame["time"].tolist() == ["20230102", "20230109", "20230116"]


def test_rows_are_numbered_by_the_line_on_which_they_start(folder: Path) -> None:
    frame = parse(folder, '\n\na,b\r\n1,"two\nlines"\n\n \n2,x\r\n3,y\n')
    assert frame["source_row"].tolist() == [4, 8, 9]
    assert frame["b"].tolist() == ["two\nlines", "x", "y"]


def test_byte_order_mark_and_blanks_around_names_are_dropped(folder: Path) -> None:
    assert list(parse(folder, b"\xef\xbb\xbf geo , x\nN,1\n").columns) == ["geo", "x", "source_row"]


def test_column_without_a_name_gets_one(folder: Path) -> None:
    assert list(parse(folder, ",x\n0,1\n").columns) == ["unnamed_1", "x", "source_row"]


def test_million_character_cell_is_read(folder: Path) -> None:
    frame = parse(folder, f"geo,x\n{'a' * 1_000_000},1\nb,2\n")
    assert frame["geo"].str.len().tolist() == [1_000_000, 1]
    assert frame["x"].tolist() == [1, 2]


@pytest.mark.parametrize("value", ["0.1", "1e-300", "123456789.123456789", "0.30000000000000004"])
def test_numbers_are_read_exactly(folder: Path, value: str) -> None:
    assert parse(folder, f"x\n{value}\n")["x"][0] == float(value)
    assert parse(folder, f"x\n{value.replace('.', ',')}\n", separator=";", decimal=",")["x"][0] == float(value)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("configured", ["auto", None])
def test_separator_is_found_or_given(folder: Path, separator: str, configured: str | None) -> None:
    text = '"a;,|\tb",x\n1,2\n'.replace('",x', f'"{separator}x').replace("1,2", f"1{separator}2")
    frame = parse(folder, text, separator=configured or separator)
    assert list(frame.columns) == ["a;,|\tb", "x", "source_row"]
    assert frame["x"].tolist() == [2]


@given(
    rows=st.lists(
        st.tuples(
            st.text("aé東🙂 ,;|\"'#NA0.-", min_size=1, max_size=8),
            st.floats(allow_nan=False, allow_infinity=False),
        ),
        min_size=1,
        max_size=8,
    ),
    separator=st.sampled_from([",", ";", "\t", "|"]),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_written_text_is_read_back(folder: Path, rows: list[tuple[str, float]], separator: str) -> None:
    written = pd.DataFrame(rows, columns=["geo", "x"])
    frame = parse(folder, written.to_csv(index=False, sep=separator), "geo")
    assert frame["geo"].tolist() == written["geo"].tolist()
    assert frame["x"].tolist() == written["x"].tolist()


@given(
    content=st.one_of(
        st.binary(max_size=60),
        st.lists(
            st.sampled_from(
                [b"geo", b"x", b",", b"\n", b"\r", b'"', b"1", b"\x00", b"\xff", b"\xef\xbb\xbf", b";", b" "]
            )
        ).map(b"".join),
        st.tuples(
            st.sampled_from([b"PAR1", b"PK\x03\x04", b"\xff\xfe", b"geo,x\nN,1\n"]), st.binary(max_size=30)
        ).map(b"".join),
    ),
    decimal=st.sampled_from([".", ","]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_table_or_refused_in_one_sentence(folder: Path, content: bytes, decimal: str) -> None:
    with contextlib.suppress(DataError):
        frame = parse(folder, content, "geo", decimal=decimal)
        assert len(frame) == frame["source_row"].nunique() > 0


@pytest.mark.parametrize("kind", ["parquet", "workbook"])
def test_damaged_file_is_a_table_or_refused(folder: Path, kind: str) -> None:
    whole = parquet(pd.DataFrame({"geo": ["a", "b"] * 5, "x": range(10)}))
    if kind == "workbook":
        whole = workbook(data=[["geo", "x"], *([["a", number] for number in range(10)])])
    chance = random.Random(7)
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(4, len(damaged))] = chance.randrange(256)
        del damaged[chance.randrange(len(damaged)) :: chance.choice([1, len(damaged)])]
        with contextlib.suppress(DataError):
            parse(folder, bytes(damaged), "geo")


def test_encoding_is_as_configured(folder: Path) -> None:
    for encoding in ("latin-1", "utf-16", "cp1252"):
        frame = parse(folder, "geo,x\nSão Tomé,1\n".encode(encoding), encoding=encoding)
        assert frame["geo"].tolist() == ["São Tomé"]


def test_decimal_comma(folder: Path) -> None:
    frame = parse(folder, "geo;x;y;z\n1,5;1,5; 2,25 ;1.2.2023\nN;;na;3.2.2023\n", "geo", decimal=",")
    assert frame["geo"].tolist() == ["1,5", "N"]
    assert frame["x"].dropna().tolist() == [1.5]
    assert frame["y"].dropna().tolist() == [2.25]
    assert frame["z"].tolist() == ["1.2.2023", "3.2.2023"]


def test_decimal_point_where_a_comma_is_configured_is_refused(folder: Path) -> None:
    with pytest.raises(
        DataError, match=r"column x, line 3: '1\.500' has a decimal point.*ingest\.format\.decimal"
    ):
        parse(folder, "geo;x\nN;7\nN;1.500\n", "geo", decimal=",")


def test_decimal_comma_that_is_not_configured_is_noted(folder: Path) -> None:
    source = table(folder, "geo;x;text\nN;1,5;a\nN;2;b\n", "geo")
    assert source.frame["x"].tolist() == ["1,5", "2"]
    assert len(source.notes) == 1
    assert "in x seem to have a decimal comma" in source.notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "sales.csv is empty"),
        (b" \n\n", "sales.csv is empty"),
        (b"geo,x\n", "header but no data rows"),
        (b"geo,x\nN,1\nN,2,3\nN\n", r"2 row\(s\) do not have 2 fields like the header \(line 3, 4\)"),
        (b"geo,x,x\nN,1,2\n", "more than one column named x"),
        (b"geo,source_row\nN,1\n", "source_row, which is reserved"),
        (b"geo,x\nN,1\nS\xe3o,2\n", r"byte 0xe3 at offset 11 \(line 3\).*ingest\.format\.encoding"),
        (b"geo,x\n" + b"N,1\n" * 500_000 + b"S\xe3o,2\n", r"offset 2000007 \(line 500002\)"),
        ("geo,x\nN,1\n".encode("utf-16"), r"utf-16 text; set ingest\.format\.encoding to utf-16"),
        (b'geo,x\nN,1\n"N,2\n', "cannot be parsed as CSV: line 3"),
        (b"PK\x03\x04rest", "zip archive or a damaged Excel workbook"),
        (b"\x1f\x8brest", "gzip"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel workbook"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        (b"PAR1 and then nothing", "cannot be read as Parquet"),
    ],
)
def test_what_is_no_table_is_refused_with_the_place(folder: Path, text: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse(folder, text)


def test_wrong_settings_are_refused_by_key(folder: Path) -> None:
    with pytest.raises(DataError, match=r"separated by semicolons, but ingest\.format\.separator is ','"):
        parse(folder, "geo;x\nN;1\n", separator=",")
    with pytest.raises(DataError, match=r"ingest\.format\.encoding: received 'utf-9'"):
        parse(folder, "geo,x\nN,1\n", encoding="utf-9")


def test_parquet_is_recognised_by_content_and_keeps_numbers_dates_and_text(folder: Path) -> None:
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
    parsed = parse(folder, parquet(frame), "geo")
    assert parsed["geo"].tolist() == ["a", "b"]
    assert parsed["time"].tolist() == [pd.Timestamp("2023-01-02"), pd.Timestamp("2023-01-09")]
    assert parsed["x"].fillna(-1).tolist() == [1.5, -1]
    assert parsed["y"].tolist() == [3, 4]
    assert parsed["promo"].tolist() == [1, 0]
    assert parsed["id"].tolist() == [7, 8]
    assert parsed["source_row"].tolist() == [2, 3]


def test_repeated_text_is_converted_as_single_values_are(folder: Path) -> None:
    repeated = pd.DataFrame({"geo": ["7", None, "a"] * 4, "x": ["1.5", " 2 ", None] * 4, "y": ["1", "2", "3"] * 4})
    parsed = parse(folder, parquet(repeated), "geo")
    assert parsed["geo"].tolist() == ["7", None, "a"] * 4
    assert parsed["x"].fillna(-1).tolist() == [1.5, 2.0, -1.0] * 4
    assert parsed["y"].tolist() == [1, 2, 3] * 4


def test_parsed_table_survives_a_parquet_round_trip(folder: Path) -> None:
    frame = parse(folder, "geo,a,b\nN,1,2\nS,oops,\n", "geo")
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(parquet(frame))), frame)


def test_columns_of_parquet_can_be_written_to(folder: Path) -> None:
    for columns in ({"x": [1.0, 2.0]}, {"x": [1.0, 2.0], "geo": ["a", "b"], "n": [1, 2]}):
        frame = parse(folder, parquet(pd.DataFrame(columns)), "geo")
        frame.loc[0, "x"] = 9.0
        assert frame["x"].tolist() == [9.0, 2.0]


def test_parquet_without_rows_or_with_lists_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="no data rows"):
        parse(folder, parquet(pd.DataFrame({"x": [1.0]}).iloc[:0]))
    with pytest.raises(DataError, match="lists or structures in column x"):
        parse(folder, parquet(pd.DataFrame({"x": [[1.0]]})))


def workbook(**sheets: list[list[object]]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_excel_sheet_keeps_dates_numbers_and_text(folder: Path) -> None:
    day = datetime.datetime(2023, 1, 2)
    content = workbook(
        data=[
            [],
            ["geo", "time", "x", "promo"],
            ["7", day, 1, True],
            [None, None],
            [8, day, 2.5, False],
            ["N", day],
        ]
    )
    frame = parse(folder, content, "geo")
    assert frame["geo"].tolist() == ["7", "8", "N"]
    assert frame["time"].tolist() == [pd.Timestamp(day)] * 3
    assert frame["x"].fillna(-1).tolist() == [1, 2.5, -1]
    assert frame["promo"].fillna(-1).tolist() == [1, 0, -1]
    assert frame["source_row"].tolist() == [3, 5, 6]


def test_excel_sheet_is_chosen_by_name(folder: Path) -> None:
    content = workbook(one=[["x"], [1]], two=[["x"], [2]])
    assert parse(folder, content, sheet="two")["x"].tolist() == [2]
    with pytest.raises(DataError, match=r"several sheets; set ingest\.format\.sheet to one of: one, two"):
        parse(folder, content)
    with pytest.raises(DataError, match=r"no sheet 'three'"):
        parse(folder, content, sheet="three")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "is empty"),
        ([["x"]], "no data rows"),
        ([["x"], [1, 2]], "row 2 has more cells than the header"),
        ([["x", "y"], [1, "=A2*2"]], "row 2, column y: the formula's result is not stored"),
        ([["x", "x"], [1, 2]], "more than one column named x"),
    ],
)
def test_excel_sheet_that_is_no_table_is_refused(folder: Path, rows: list[list[object]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse(folder, workbook(data=rows))


def test_cut_workbook_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="damaged Excel workbook"):
        parse(folder, workbook(data=[["x"], [1]])[:500])
