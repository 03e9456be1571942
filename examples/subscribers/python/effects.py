"""Print what the example subscriber acted on, in order, a JSON line each: what the contract test asks for.

Environment: DATABASE (a file).
"""

import json
import os
import sqlite3
from contextlib import closing

if __name__ == "__main__":
    with closing(sqlite3.connect(os.environ.get("DATABASE", "subscriber.db"))) as database:
        if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'effect'").fetchone():
            for source, identity in database.execute("SELECT source, id FROM effect ORDER BY number"):
                print(json.dumps({"source": source, "id": identity}))
