"""Write the parser tables beside the grammar: `python scripts/build_tables.py`.

Building them takes seconds and checks the grammar strictly; loading them takes milliseconds.
"""

from pathlib import Path

import sluice.lang
from sluice.lang.parse import build_tables, grammar_text
from sluice.lang.tables import dump

if __name__ == "__main__":
    data = dump(build_tables(grammar_text(), strict=True))
    Path(sluice.lang.__file__).with_name("tables.bin").write_bytes(data)
