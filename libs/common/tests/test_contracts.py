"""Published events are promises: stored schemas, examples that parse for ever, and no change that breaks a reader."""

import os
import shutil
import subprocess
from pathlib import Path

import orjson
import pytest
from pydantic import ValidationError

from libs.common.contracts.consumers import BROADCAST, CONSUMERS, MATCHES, QUEUES, topics_of
from libs.common.contracts.ledger import LimitsChangedV1
from libs.common.contracts.page import PAGE, page
from libs.common.contracts.registry import EXAMPLES, SCHEMAS, breaks, events, schema_text
from libs.common.envelope import Envelope
from libs.common.settings import SERVICES
from libs.common.testing import not_run

ROOT = Path(__file__).parents[3]
TYPES = sorted(events())


@pytest.mark.parametrize("kind", TYPES)
def test_the_stored_schema_is_the_generated_one(kind):
    stored = (SCHEMAS / f"{kind}.json").read_text(encoding="utf-8")
    assert stored == schema_text(events()[kind]), "`make events` writes it; a change must keep to the rule of additions"


def test_every_stored_schema_has_its_class():
    assert sorted(path.stem for path in SCHEMAS.glob("*.json")) == TYPES


@pytest.mark.parametrize("kind", TYPES)
def test_every_example_ever_stored_still_parses(kind):
    paths = sorted((EXAMPLES / kind).glob("*.json"))
    assert len(paths) >= 2, "two example messages each"
    for path in paths:
        envelope = Envelope.from_bytes(path.read_bytes())
        assert envelope.type == kind
        assert envelope.source == kind.split(".")[0]
        events()[kind].read(envelope.data)


def test_every_example_has_its_class():
    assert sorted(path.name for path in EXAMPLES.iterdir()) == TYPES


@pytest.mark.parametrize("kind", TYPES)
def test_names_follow_the_rule(kind):
    producer, noun, past, version = kind.split(".")
    assert producer in SERVICES
    assert noun
    assert past
    assert version[0] == "v"
    assert events()[kind].__name__.endswith(version.upper())
    assert events()[kind].__doc__


def test_the_table_of_consumers_knows_every_event_and_only_queues_that_there_are():
    assert sorted(CONSUMERS) == TYPES
    assert set(QUEUES) == {*SERVICES, MATCHES}
    assert set(TYPES) >= BROADCAST
    assert topics_of("matcher") >= {"directory.tags.changed.v1", "ledger.account.band_changed.v1"}


def test_the_page_of_all_events_is_current():
    assert PAGE.read_text(encoding="utf-8") == page(), "`make events` writes it"


def test_a_producer_may_not_send_an_unknown_field_and_a_consumer_ignores_one():
    known = {"entity_id": "e", "number": "1", "max_negative_minor": 0, "max_positive_minor": 5}
    with pytest.raises(ValidationError):
        LimitsChangedV1.model_validate(known | {"surprise": 1})
    assert LimitsChangedV1.read(known | {"surprise": 1}).max_positive_minor == 5


def _base() -> str:
    """The commit to compare with: the one given, or where we left main, or on main the one before."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        not_run("the git history that contracts are held against", "run in a clone, with git installed")
    given = os.environ.get("MCCS_TEST_CONTRACTS_BASE")
    for candidate in (
        [given] if given else [_git("merge-base", "HEAD", "origin/main"), _git("merge-base", "HEAD", "main")]
    ):
        if candidate and candidate != _git("rev-parse", "HEAD"):
            return candidate
    return _git("rev-parse", "HEAD~1") or not_run(
        "a commit before this one", "fetch the history (git fetch --unshallow)"
    )


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def test_no_change_since_main_breaks_a_reader():
    base = _base()
    folder = SCHEMAS.relative_to(ROOT).as_posix()
    broken = []
    for name in _git("ls-tree", "--name-only", base, f"{folder}/").splitlines():
        now = ROOT / name
        if not now.exists():
            broken.append(f"{name}: the event was removed")
            continue
        old = orjson.loads(_git("show", f"{base}:{name}"))
        broken += [f"{now.stem}: {problem}" for problem in breaks(old, orjson.loads(now.read_bytes()))]
    assert broken == [], f"against {base}; make a new version beside the old one instead"


def _object(required=("a",), **properties):
    return {"type": "object", "properties": properties, "required": list(required)}


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
NULLABLE = {"anyOf": [TEXT, {"type": "null"}]}


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (_object(a=TEXT), _object(a=TEXT, b=NUMBER), []),
        (_object(a=TEXT), _object(a=TEXT | {"description": "said better"}), []),
        (_object(a=TEXT), _object(required=(), b=TEXT), ["data.a: the field was removed"]),
        (_object(a=TEXT), _object(required=("a", "b"), a=TEXT, b=TEXT), ["data.b: the field is required now"]),
        (_object(a=TEXT), _object(a=NUMBER), ["data.a: its type was changed"]),
        (_object(a=TEXT), _object(a=NULLABLE), ["data.a: its type was changed"]),
        (_object(a=TEXT), _object(a={"type": "array", "items": TEXT}), ["data.a: its type was changed"]),
        (
            _object(a={"type": "array", "items": TEXT}),
            _object(a={"type": "array", "items": NUMBER}),
            ["data.a[]: its type was changed"],
        ),
        (
            _object(a={"$ref": "#/$defs/P"}) | {"$defs": {"P": _object(a=TEXT)}},
            _object(a={"$ref": "#/$defs/Q"}) | {"$defs": {"Q": _object(a=NUMBER)}},
            ["data.a.a: its type was changed"],
        ),
    ],
)
def test_what_breaks_a_reader_is_found(old, new, found):
    assert breaks(old, new) == found
