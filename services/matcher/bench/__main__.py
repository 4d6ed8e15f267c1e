"""`make bench-search`: search and matching at the sizes of the design; each ratio against the bare engine in the same run.

Writes docs/bench-search.md when both doors were measured.
"""

import argparse
import asyncio
import logging
import os
import sys
import tempfile
from pathlib import Path

import structlog

from services.matcher.bench import embedded, engine
from services.matcher.bench.report import Run, machine
from services.matcher.lexicon import NodeLexicon
from services.matcher.wordlist import open_word_list

PAGE = Path("docs/bench-search.md")
LANGUAGES = ("en", "es", "fr", "de")


def main() -> int:
    """1 when a figure missed its bound."""
    options = _options()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    folder = options.data or Path(tempfile.gettempdir()) / "mccs-bench"
    lexicon = NodeLexicon(LANGUAGES, open_word_list(LANGUAGES, folder))
    print(machine(), flush=True)
    run, status = Run(), 0
    if options.only != "engine":
        status = run.add(asyncio.run(embedded.measure(lexicon, options.entities)))
    if options.only == "embedded":
        return status
    if not options.engine_url:
        print("The engine was not measured: give --engine-url, or set MCCS_TEST_ELASTICSEARCH_URL.")
        return status
    measured = engine.measure(
        options.engine_url,
        lexicon,
        options.engine_entities,
        seconds=options.seconds,
        per_second=options.changes_per_second,
    )
    status = max(status, run.add(asyncio.run(measured)))
    if options.only is None and not options.no_page:
        run.write(PAGE)
    return status


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m services.matcher.bench", description=__doc__)
    parser.add_argument("--entities", type=int, default=20_000, help="in the index in process (20 tags each)")
    parser.add_argument("--engine-entities", type=int, default=100_000, help="in Elasticsearch (20 tags each)")
    parser.add_argument(
        "--engine-url", default=os.environ.get("MCCS_TEST_ELASTICSEARCH_URL", ""), help="of Elasticsearch"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="how long changes arrive")
    parser.add_argument("--changes-per-second", type=int, default=200, help="how many arrive")
    parser.add_argument("--only", choices=("embedded", "engine"), help="one door")
    parser.add_argument("--data", type=Path, help="folder of the word list; default: one under the temporary folder")
    parser.add_argument("--no-page", action="store_true", help="only print")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
