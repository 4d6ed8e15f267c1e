"""Words: how common they are, which are real, which singular they have; and the file they are mapped from."""

from pathlib import Path

import pytest

from services.matcher.lexicon import NodeLexicon
from services.matcher.wordlist import WordList, open_word_list, word_list_is_there


def test_a_word_is_as_common_as_the_package_says(words: WordList):
    english, _, french, german = words.zipf("vegetables")
    assert english > 4
    assert german < 2.5
    assert words.zipf("garten")[3] > 4 > words.zipf("garten")[0]
    assert words.zipf("gemuse")[3] > 4
    assert words.zipf("vegetalbes") == (0.0,) * 4
    assert french == words.zipf("vegetables")[2]


def test_the_file_is_written_once_and_mapped_and_a_broken_one_is_written_again(tmp_path: Path):
    assert not word_list_is_there(("fr", "xx"), tmp_path)
    made = open_word_list(("fr", "xx"), tmp_path)
    assert word_list_is_there(("fr", "xx"), tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.unlink()  # not in place: the first list is mapped from it
    file.write_bytes(whole[:100])
    again = open_word_list(("fr", "xx"), tmp_path)
    assert file.read_bytes() == whole
    assert made.zipf("pomme") == again.zipf("pomme") == open_word_list(("fr", "xx"), None).zipf("pomme")
    assert made.zipf("pomme")[0] > 3
    assert made.zipf("pomme")[1] == 0


def test_a_folder_that_cannot_be_written_does_not_stop_it(tmp_path: Path):
    (tmp_path / "file").write_text("")
    assert open_word_list(("xx",), tmp_path / "file").zipf("a") == (0.0,)


@pytest.mark.parametrize(("plural", "singular"), [
    ("knives", "knife"), ("women", "woman"), ("boxes", "box"), ("cars", "car"), ("tomatoes", "tomato"), ("berries", "berry"),
    ("luces", "luz"), ("jabones", "jabon"), ("jardinera", "jardinero"), ("chevaux", "cheval"), ("travaux", "travail"),
    ("coiffeuse", "coiffeur"), ("fahrrader", "fahrrad"), ("wohnungen", "wohnung"), ("kurse", "kurs"), ("lehrerinnen", "lehrerin"),
])  # fmt: skip
def test_plurals_have_their_singular_among_their_forms(lexicon: NodeLexicon, plural: str, singular: str):
    assert singular in lexicon.forms(plural)
    assert plural in lexicon.forms(plural)


@pytest.mark.parametrize(("word", "other"), [
    ("care", "car"), ("organic", "organ"), ("reise", "reis"), ("news", "new"), ("cours", "cour"), ("caso", "casa"), ("rinde", "rind"),
])  # fmt: skip
def test_words_that_only_look_like_a_plural_stay_themselves(lexicon: NodeLexicon, word: str, other: str):
    assert lexicon.forms(word).isdisjoint(lexicon.forms(other))


def test_languages_without_endings_of_ours_use_snowballs(tmp_path: Path):
    italian = NodeLexicon(("it",), open_word_list(("it",), None))
    assert not italian.forms("biciclette").isdisjoint(italian.forms("bicicletta"))


def test_numbers_and_words_of_admins_are_real(lexicon: NodeLexicon):
    assert lexicon.is_real("3d")
    assert not lexicon.is_real("grobble")
    lexicon.admin_tags(["grobble-cake", "grobble"])
    lexicon.admin_tag("grobble", stands=False)
    assert lexicon.is_real("grobble")
    lexicon.admin_tag("grobble-cake", stands=False)
    assert not lexicon.is_real("grobble")
