"""A lexicon of four languages, and an empty index of each kind."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.matcher.index.elastic import ElasticIndex, connect
from services.matcher.index.memory import MemoryIndex
from services.matcher.index.port import Index
from services.matcher.lexicon import NodeLexicon
from services.matcher.wordlist import WordList, open_word_list

LANGUAGES = ("en", "es", "fr", "de")


@pytest.fixture(scope="session")
def word_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("words")


@pytest.fixture(scope="session")
def words(word_folder: Path) -> WordList:
    return open_word_list(LANGUAGES, word_folder)


@pytest.fixture
def lexicon(words: WordList) -> NodeLexicon:
    return NodeLexicon(LANGUAGES, words)


@pytest_asyncio.fixture(params=["memory", "elasticsearch"])
async def index(request: pytest.FixtureRequest, lexicon: NodeLexicon) -> AsyncIterator[Index]:
    if request.param == "memory":
        yield MemoryIndex(lexicon)
        return
    client = connect(request.getfixturevalue("elasticsearch_url"), timeout_s=30.0)
    made = ElasticIndex(client, f"test-{uuid.uuid4().hex[:12]}", lexicon, shards=1, replicas=0)
    await made.start()
    yield made
    await client.indices.delete(index=",".join(await client.indices.get_alias(name=made.writing)))
    await made.close()
