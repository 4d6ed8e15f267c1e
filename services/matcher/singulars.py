"""Singular forms of folded words, per language: candidates by ending, weighed by how common the words are."""

from collections.abc import Callable, Iterable, Iterator

Frequency = Callable[[str], float]
"""Zipf value of a folded word in the language; 0 where it is unknown."""

LETTERS_MIN = 4
"""Shorter words keep their endings: `gas`, `bus`, `mas`."""

_ENGLISH_IRREGULAR = {
    "children": "child", "feet": "foot", "geese": "goose", "mice": "mouse", "teeth": "tooth", "dice": "die",
    "leaves": "leaf", "loaves": "loaf", "thieves": "thief", "oxen": "ox", "halves": "half", "scarves": "scarf",
}  # fmt: skip
_ENGLISH_INVARIABLE = frozenset({"always", "business", "canvas", "christmas", "chess", "gas", "lens", "news", "series",
    "species", "yes", "mathematics", "physics", "economics", "electronics", "ceramics", "gymnastics", "athletics",
    "politics", "logistics", "aerobics", "pilates", "tennis", "atlas", "texas", "perhaps", "glasses", "goods", "arms",
    "customs", "means", "spectacles", "jeans"})  # fmt: skip
_FRENCH_INVARIABLE = frozenset({"cours", "jus", "bois", "tapis", "repas", "temps", "bras", "dos", "pays", "prix", "voix",
    "noix", "souris", "concours", "secours", "velours", "mois", "avis", "choix", "croix", "sens", "corps", "fils", "gris",
    "colis", "devis", "tournevis", "tennis", "anglais", "francais", "mais", "permis", "cassis", "ananas", "radis", "poids",
    "parcours", "discours", "paris", "vernis", "chassis", "pilates", "gaz", "riz", "nez", "frais", "bas", "lilas", "os",
    "taux", "faux", "doux", "roux", "toux", "houx", "epoux", "heureux", "deux", "paix", "plus", "moins", "sous", "vers"})  # fmt: skip
_FRENCH_TRAILS = {"travaux": "travail", "vitraux": "vitrail", "emaux": "email", "baux": "bail", "coraux": "corail"}
_SPANISH_INVARIABLE = frozenset({"lunes", "martes", "miercoles", "jueves", "viernes", "tenis", "gratis", "crisis", "gas",
    "pilates", "virus", "tesis", "menos", "detras", "ademas", "despues", "ingles", "frances", "paraguas", "autobus",
    "arnes", "interes", "estres", "cumpleanos", "analisis", "atlas"})  # fmt: skip
_GERMAN_ER_PLURALS = {
    "bilder": "bild", "bucher": "buch", "kinder": "kind", "rader": "rad", "hauser": "haus", "kleider": "kleid",
    "worter": "wort", "lieder": "lied", "eier": "ei", "huhner": "huhn", "blatter": "blatt", "bretter": "brett",
    "felder": "feld", "walder": "wald", "lander": "land", "dorfer": "dorf", "manner": "mann", "tucher": "tuch",
    "dacher": "dach", "facher": "fach", "locher": "loch", "krauter": "kraut", "guter": "gut", "bander": "band",
    "schilder": "schild", "kalber": "kalb", "lammer": "lamm", "korner": "korn", "gewander": "gewand",
    "denkmaler": "denkmal", "rinder": "rind",
}  # fmt: skip
_GERMAN_NOT_PLURAL = frozenset({"rinde", "tonne", "reise", "weise", "kasse", "messe", "decke", "kunde", "karte", "schule",
    "seife", "ende", "kurze", "heide", "miete", "pflege", "beere", "biene", "lehre", "note", "sache", "hefe", "wege",
    "nahen", "leben", "kuchen", "essen", "garten", "wagen", "ofen", "hafen", "laden", "boden", "faden", "magen"})  # fmt: skip


def english(word: str, frequency: Frequency) -> Iterator[str]:
    """Plural endings of English."""
    if word in _ENGLISH_IRREGULAR:
        yield _ENGLISH_IRREGULAR[word]
    if len(word) < LETTERS_MIN:
        return
    if word.endswith("men"):
        yield word[:-3] + "man"
    if not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return
    if word.endswith("ies") and not word.endswith(("aies", "eies")) and len(word) > LETTERS_MIN:
        yield word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses", "zes", "oes")):
        yield word[:-2]
    if word.endswith(("lves", "oaves", "eaves")):
        yield word[:-3] + "f"
    if word.endswith("ives"):
        yield word[:-3] + "fe"
    yield word[:-1]


def spanish(word: str, frequency: Frequency) -> Iterator[str]:
    """Plural endings of Spanish, and the gender of trades and of long adjectives."""
    if len(word) < LETTERS_MIN:
        return
    singulars = list(_spanish_plural(word))
    yield from singulars
    for form in singulars or [word]:
        if form.endswith("ora") and len(form) >= 7:
            yield form[:-1]
        elif form.endswith(("era", "ica", "osa", "ada", "iva")) and len(form) >= 8:
            yield form[:-1] + "o"


def _spanish_plural(word: str) -> Iterator[str]:
    if not word.endswith("s"):
        return
    if word.endswith("ces"):
        yield word[:-3] + "z"
    if word.endswith("es") and len(word) > LETTERS_MIN and word[-3] in "dlnrszjy":
        yield word[:-2]
    yield word[:-1]


def french(word: str, frequency: Frequency) -> Iterator[str]:
    """Plural endings of French, and the gender of trades."""
    if len(word) < LETTERS_MIN:
        return
    singulars = list(_french_plural(word))
    yield from singulars
    for form in singulars or [word]:
        if form.endswith("euse") and len(form) >= 7:
            yield form[:-2] + "r"
        elif form.endswith("trice") and len(form) >= 8:
            yield form[:-4] + "eur"


def _french_plural(word: str) -> Iterator[str]:
    for plural, singular in _FRENCH_TRAILS.items():
        if word.endswith(plural):
            yield word[: -len(plural)] + singular
    if word.endswith("aux"):
        yield word[:-3] + "al"
    if word.endswith(("aux", "eux", "oux")):
        yield word[:-1]
    if word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]


def german(word: str, frequency: Frequency) -> Iterator[str]:
    """Plural endings of German; the end of a compound decides for the whole."""
    if len(word) < LETTERS_MIN:
        return
    for plural, singular in _GERMAN_ER_PLURALS.items():
        if word.endswith(plural):
            yield word[: -len(plural)] + singular
    if word.endswith("innen"):
        yield word[:-3]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        yield word[:-1]
    if any(word.endswith(kept) for kept in _GERMAN_NOT_PLURAL):
        return
    for ending in ("en", "n", "e"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= LETTERS_MIN - 1 and _german_singular(word, stem, ending, frequency):
            yield stem


def _german_singular(word: str, stem: str, ending: str, frequency: Frequency) -> bool:
    """Both known: the singular may not be much rarer. Neither known (a compound): only endings that are sure."""
    own, other = frequency(word), frequency(stem)
    if own and other:
        return other >= max(2.5, own - 0.6)
    if ending == "en":
        return stem.endswith(("ung", "heit", "keit", "schaft", "ion", "tat", "ur", "in"))
    return ending == "n" and stem.endswith(("el", "er", "e")) and not own


INVARIABLE = {"en": _ENGLISH_INVARIABLE, "es": _SPANISH_INVARIABLE, "fr": _FRENCH_INVARIABLE}
"""Words that end like a plural and are none, where they are at home; `news` is no plural in German either."""
SINGULARS: dict[str, Callable[[str, Frequency], Iterable[str]]] = {
    "en": english,
    "es": spanish,
    "fr": french,
    "de": german,
}
