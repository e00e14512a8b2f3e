"""What a planner is told of the user's data, from real files of each kind, and what is said of those that are bad."""

import base64
import csv
import json
import os
import sqlite3
import subprocess
import sys

import duckdb
import openpyxl
import pypdf
import pytest

from agenthands.data import folders
from agenthands.data.profile import read_data
from agenthands.data.samples import make_binary
from agenthands.errors import RequestInvalid
from agenthands.planning.user_data import told_data
from agenthands.world.tables import make_database

HEADER = ["day", "product", "units", "contact"]
ROWS = [[f"2027-02-{day:02}", ["tea", "coffee"][day % 2], str(day), f"buyer{day}@mail.example"] for day in range(1, 26)]


def write_csv(path, rows=ROWS, encoding="utf-8", delimiter=",", header=HEADER):
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])
    return str(path)


def only(data):
    (source,) = data.sources
    return source.files[0]


def test_a_csv_is_told_with_types_ranges_and_its_first_rows(tmp_path):
    data = read_data([write_csv(tmp_path / "Sales of 2027.csv")], 2)
    (table,) = only(data).tables
    columns = {column.name: column for column in table.columns}
    assert (table.rows, table.exact, only(data).kind, only(data).delimiter) == (25, True, "csv", ",")
    assert (columns["day"].type, columns["day"].low, columns["day"].high) == ("DATE", "2027-02-01", "2027-02-25")
    assert columns["product"].values == ["coffee", "tea"]
    assert columns["units"].high == "25"
    text = data.world.files["sales_of_2027.csv"]
    assert text.splitlines() == [
        "day,product,units,contact",
        "2027-02-01,coffee,1,masked1@example.org",
        "2027-02-02,tea,2,masked2@example.org",
    ]
    assert data.world.origin == "recorded"
    assert text in told_data(data)


def test_without_rows_no_value_is_told(tmp_path):
    data = read_data([write_csv(tmp_path / "sales.csv")], 0)
    told = told_data(data)
    assert "product VARCHAR" in told
    assert data.world.origin == "imagined"
    assert data.world.files["sales.csv"].splitlines()[1] == "2027-01-01,product 1,1,contact 1"
    assert not [each for row in ROWS for each in (row[0], row[3]) if each in told]
    assert not [
        word for word in ("tea", "coffee", "25 ") if word in told.partition("- The tool")[0].replace("25 rows", "")
    ]


def test_what_is_in_latin_1_is_sampled_in_latin_1(tmp_path):
    rows = [["2027-02-01", "Käse", "1,50", "x"], ["2027-02-02", "Öl", "12,00", "y"]]
    data = read_data([write_csv(tmp_path / "laden.csv", rows, "latin-1", ";")], 5)
    assert (only(data).encoding, only(data).delimiter) == ("cp1252", ";")
    assert (
        base64.b64decode(data.world.binary["laden.csv"]).decode("latin-1").splitlines()[1] == "2027-02-01;Käse;1,50;x"
    )
    assert "Käse" in told_data(data)
    assert "decimal comma" in told_data(data)


def test_a_database_is_told_with_its_keys_and_sampled_so_that_tables_fit_together(tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT);"
            "CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers(id), amount REAL);"
        )
        connection.executemany("INSERT INTO customers VALUES (?, ?)", [(i, f"customer {i}") for i in range(1, 51)])
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", [(i, 51 - i, i * 1.5) for i in range(1, 51)])
    connection.close()
    data = read_data([str(path)], 2)
    _, orders = only(data).tables
    assert orders.keys == ["primary key id", "customer refers to customers.id"]
    assert make_database(data.world.tables["shop"], str(tmp_path / "sample.db")) == ""
    with sqlite3.connect(tmp_path / "sample.db") as sample:
        joined = sample.execute("SELECT name FROM orders JOIN customers ON customer = customers.id").fetchall()
    sample.close()
    assert joined == [("customer 50",), ("customer 49",)]


def test_a_duckdb_file_is_told_and_sampled(tmp_path):
    with duckdb.connect(str(tmp_path / "lake.duckdb")) as connection:
        connection.execute("CREATE TABLE visits(day DATE, number INTEGER)")
        connection.execute("INSERT INTO visits SELECT DATE '2027-01-01' + i::INTEGER, i FROM range(40) t(i)")
    data = read_data([str(tmp_path / "lake.duckdb")], 3)
    assert only(data).tables[0].rows == 40
    assert make_database(data.world.tables["lake"], str(tmp_path / "sample.duckdb"), "duckdb") == ""
    with duckdb.connect(str(tmp_path / "sample.duckdb")) as sample:
        assert sample.execute("SELECT max(number) FROM visits").fetchone() == (2,)


def test_parquet_excel_json_and_pdf_are_sampled_in_their_own_format(tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT i AS id, i / 2 AS half, ['a'] AS tags FROM range(900) t(i)) "
            f"TO '{folder / 'a.parquet'}' (FORMAT parquet)"
        )
    book = openpyxl.Workbook()
    book.active.append(["name", "mail", "amount"])
    for number in range(30):
        book.active.append([f"n{number}", f"n{number}@mail.example", number + 0.5])
    book.save(folder / "b.xlsx")
    (folder / "c.json").write_text(json.dumps([{"id": i, "at": {"city": "Bonn"}} for i in range(30)]))
    (folder / "d.jsonl").write_text(
        "".join(json.dumps({"id": i, "phone": "+49 221 5550012"}) + "\n" for i in range(30))
    )
    (folder / "e.pdf").write_bytes(
        base64.b64decode(make_binary("pdf", ["Invoice 7", "IBAN DE89 3704 0044 0532 0130 00"]))
    )
    data = read_data([str(folder)], 3)
    told = told_data(data)
    assert [pattern.pattern for pattern in data.sources[0].patterns] == [
        "a.parquet",
        "b.xlsx",
        "c.json",
        "d.jsonl",
        "e.pdf",
    ]
    assert "900 rows" in told
    assert "1 page." in told
    assert "5550012" not in told
    assert "DE89" not in told
    made = {name.rpartition("/")[2]: base64.b64decode(text) for name, text in data.world.binary.items()}
    for name, content in made.items():
        (tmp_path / name).write_bytes(content)
    assert duckdb.read_parquet(str(tmp_path / "a.parquet")).fetchall()[2] == (2, 1.0, ["a"])
    sheet = openpyxl.load_workbook(tmp_path / "b.xlsx").active
    assert [cell.value for cell in sheet[3]] == ["n1", "masked2@example.org", 1.5]
    assert pypdf.PdfReader(tmp_path / "e.pdf").pages[0].extract_text().splitlines()[0] == "Invoice 7"
    assert len(json.loads(data.world.files["mixed/c.json"])) == 3
    assert len(data.world.files["mixed/d.jsonl"].splitlines()) == 3


def test_a_large_csv_is_read_in_part(tmp_path):
    path = tmp_path / "large.csv"
    write_csv(path, ROWS * 40)
    data = read_data([str(path)], 1, head_bytes=10_000)
    (table,) = only(data).tables
    assert not table.exact
    assert 100 < table.rows < 400
    assert "by its size it has about 9" in only(data).notes[0]
    assert f"at least {table.rows} rows" in told_data(data)


def test_a_csv_may_have_line_ends_of_two_kinds(tmp_path):
    path = tmp_path / "mixed.csv"
    path.write_bytes(b"day,product,units\r\n2027-02-01,tea,1\r\n" + b"2027-02-02,tea,2\n" * 1000)
    (table,) = only(read_data([str(path)], 2)).tables
    assert (table.rows, [column.name for column in table.columns]) == (1001, ["day", "product", "units"])


@pytest.mark.slow
@pytest.mark.long
def test_a_csv_of_two_gigabytes_takes_little_memory_and_time(tmp_path):
    path = tmp_path / "huge.csv"
    write_csv(path, [], header=("day", "product", "amount", "buyer"))
    block = ("2027-02-02,tea,2,buyer@mail.example\n" * 500_000).encode()
    with path.open("ab") as file:
        while file.tell() < 2 * 1024**3:
            file.write(block)
    script = (
        "import resource, sys; from agenthands.data.profile import read_data; d = read_data([sys.argv[1]], 2);"
        "print(d.sources[0].files[0].tables[0].exact, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    said = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True).stdout
    exact, kilobytes = said.split()
    assert exact == "False"
    assert int(kilobytes) < 400_000


def test_a_csv_of_many_columns_is_told_in_part(tmp_path):
    names = [f"c{number}" for number in range(5000)]
    data = read_data([write_csv(tmp_path / "wide.csv", [range(5000)] * 30, header=names)], 2)
    (table,) = only(data).tables
    assert (len(table.columns), table.more_columns) == (100, 4900)
    assert "and 4,900 columns more" in told_data(data)
    assert len(data.world.files["wide.csv"].splitlines()[0].split(",")) == 100


def test_a_csv_without_rows_is_told_as_such(tmp_path):
    data = read_data([write_csv(tmp_path / "none.csv", [])], 5)
    assert only(data).tables[0].rows == 0
    assert "0 rows" in told_data(data)
    assert data.world.files["none.csv"].splitlines() == ["day,product,units,contact"]


def protected_pdf(path):
    writer = pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(path)


BAD = {
    "gone.csv": (lambda path: None, "No such file"),
    "pipe.csv": (os.mkfifo, "is a named pipe"),
    "empty.csv": (lambda path: path.touch(), "is empty"),
    "broken.sqlite": (
        lambda path: path.write_bytes(b"SQLite format 3\0" + os.urandom(9000)),
        "cannot be read as sqlite",
    ),
    "cut.db": (lambda path: path.write_bytes(b"nothing"), "no file of the kind that its name says"),
    "locked.pdf": (protected_pdf, "protected by a password"),
    "locked.xlsx": (
        lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le")),
        "protected by a password",
    ),
    "old.xls": (lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600)), "old format of Office"),
    "broken.parquet": (lambda path: path.write_bytes(b"PAR1" + bytes(100)), "cannot be read as parquet"),
    "broken.json": (lambda path: path.write_text('{"a": '), "cannot be read as json"),
    "deep.json": (lambda path: path.write_text("[" * 100_000), "cannot be read"),
    "zip.xlsx": (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(600)), "cannot be read as excel"),
    "picture.csv": (lambda path: path.write_bytes(bytes(600)), "neither a text nor a format"),
    "packed.csv.gz": (lambda path: path.write_bytes(b"\x1f\x8b" + bytes(60)), "is compressed"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_said_with_a_hint(tmp_path, name):
    make, said = BAD[name]
    make(tmp_path / name)
    with pytest.raises(RequestInvalid, match=said) as refused:
        read_data([str(tmp_path / name)], 5)
    assert name in refused.value.message
    assert refused.value.hint


def test_a_device_is_not_read():
    with pytest.raises(RequestInvalid, match="is a device"):
        read_data(["/dev/zero"], 5)


def test_a_folder_is_told_by_the_pattern_of_its_names_and_links_are_left_out(tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    for month in (1, 2, 3):
        write_csv(folder / f"sales-2027-{month:02}.csv")
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "loop").symlink_to(folder)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    os.mkfifo(folder / "pipe.csv")
    data = read_data([str(folder)], 1)
    (source,) = data.sources
    assert [(each.pattern, each.count) for each in source.patterns] == [("sales-####-##.csv", 3), ("broken.pdf", 1)]
    assert set(data.world.files) == {"exports/sales-2027-01.csv", "exports/sales-2027-03.csv"}
    notes = " ".join(source.notes)
    assert "Left out: 2 links." in notes
    assert "broken.pdf cannot be read as pdf" in notes
    assert "secret" not in told_data(data)


def test_a_folder_of_very_many_files_is_counted_up_to_a_bound(tmp_path, monkeypatch):
    for number in range(60):
        (tmp_path / f"{number}.csv").write_text("a\n1\n")
    monkeypatch.setattr(folders, "MOST_FILES", 50)
    listed = folders.list_folder(str(tmp_path))
    assert not listed["exact"]
    assert sum(each["count"] for each in listed["patterns"]) == 50


def test_names_of_sources_are_those_of_settings_and_do_not_collide(tmp_path):
    (tmp_path / "b").mkdir()
    paths = [tmp_path / "Orders.csv", tmp_path / "b" / "orders.csv", tmp_path / "type.csv", tmp_path / "2027.csv"]
    data = read_data([write_csv(path) for path in paths], 1)
    assert [source.name for source in data.sources] == ["orders", "orders_2", "data_type", "data_2027"]
