"""The program that runs one query in the jail: a request on stdin, its rows on stdout, both JSON."""

MAX_ROWS = 10_000

PROGRAM = f"""
import json, sqlite3, sys

READS = {{sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}}

def readable(cell):
    if isinstance(cell, bytes):
        return [cell.hex()]
    if isinstance(cell, float) and cell in (float("inf"), float("-inf")):
        return repr(cell)
    return cell

request = json.load(sys.stdin)
database = sqlite3.connect(":memory:")
try:
    database.executescript(request["setup"])
except (sqlite3.Error, sqlite3.Warning) as error:
    print(json.dumps({{"setup_error": str(error)}}))
    sys.exit(0)
database.set_authorizer(
    lambda action, *rest: sqlite3.SQLITE_OK if action in READS else sqlite3.SQLITE_DENY
)
try:
    rows = database.execute(request["sql"]).fetchmany({MAX_ROWS} + 1)
    print(json.dumps({{"rows": [[readable(cell) for cell in row] for row in rows]}}))
except (sqlite3.Error, sqlite3.Warning, UnicodeError) as error:
    print(json.dumps({{"error": str(error)}}))
"""
