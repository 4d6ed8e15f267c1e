"""Believable communities of any size: towns, names, tags by Zipf's law in four languages, some mistyped. Same seed, same people."""

import math
import random
from collections.abc import Iterator, Sequence
from itertools import accumulate

from services.matcher.domain.documents import Band, Profile, Tag, Tags
from services.matcher.index.port import Change

TYPO_SHARE = 0.02
TRADING_SHARE, LISTED_SHARE = 0.7, 0.95
NOW_MS = 1_780_000_000_000
YEAR_MS = 365 * 86_400_000

_THINGS = {
    "en": "vegetables bread honey eggs cheese jam apples potatoes carrots beer wine candles soap pottery furniture bicycles clothes "
    "shoes books toys plants flowers firewood wool gardening plumbing carpentry painting cleaning cooking baking sewing tailoring "
    "translation photography bookkeeping accounting massage yoga acupuncture haircuts childcare babysitting tutoring guitar piano "
    "singing dance driving transport removals storage printing design websites computers repairs roofing tiling welding masonry "
    "electrics heating solar insulation dogs cats horses bees chickens fishing camping boats tools mowers trailers marquees catering",
    "es": "verduras pan miel huevos queso mermelada manzanas patatas zanahorias cerveza vino velas jabones cerámica muebles bicicletas "
    "ropa zapatos libros juguetes plantas flores leña lana jardinería fontanería carpintería pintura limpieza cocina costura "
    "traducción fotografía contabilidad masajes yoga peluquería clases guitarra piano canto baile transporte mudanzas imprenta "
    "diseño ordenadores reparaciones tejados albañilería electricidad calefacción perros gatos caballos abejas gallinas",
    "fr": "légumes pain miel oeufs fromage confiture pommes carottes bière vin bougies savons poterie meubles vélos vêtements "
    "chaussures livres jouets plantes fleurs bois laine jardinage plomberie menuiserie peinture ménage cuisine couture traduction "
    "photographie comptabilité massages yoga coiffure cours guitare piano chant danse transport déménagement imprimerie graphisme "
    "ordinateurs réparations toiture maçonnerie électricité chauffage chiens chats chevaux abeilles poules",
    "de": "gemüse brot honig eier käse marmelade äpfel kartoffeln karotten bier wein kerzen seife keramik möbel fahrräder kleidung "
    "schuhe bücher spielzeug pflanzen blumen brennholz wolle gartenarbeit klempner schreiner malerarbeiten reinigung kochen nähen "
    "übersetzung fotografie buchhaltung massage yoga friseur nachhilfe gitarre klavier gesang tanz transport umzug druckerei "
    "grafik computer reparaturen dachdecker maurer elektriker heizung hunde katzen pferde bienen hühner",
}
_KINDS = {
    "en": "organic local fresh homemade second-hand vintage repaired handmade vegan seasonal cheap emergency weekend evening beginners "
    "advanced childrens senior wedding garden small large mobile certified",
    "es": "ecológicas caseros locales frescos artesanos segunda-mano urgentes infantiles bodas mayores pequeños grandes",
    "fr": "bio locaux frais maison artisanal occasion urgence enfants mariage débutants petits grands",
    "de": "bio regionale frische hausgemachte gebrauchte handgemachte vegane günstige notdienst kinder hochzeit anfänger",
}  # fmt: skip
_NAMES = [
    "Old",
    "New",
    "Green",
    "Blue",
    "Little",
    "Grand",
    "North",
    "South",
    "River",
    "Hill",
    "Valley",
    "Market",
    "Station",
    "Mill",
    "Bridge",
    "Oak",
    "Elm",
    "Rose",
    "Sun",
    "Moon",
    "Star",
]
_TRADES = [
    "Bakery",
    "Garden",
    "Workshop",
    "Studio",
    "Farm",
    "Kitchen",
    "Store",
    "Cooperative",
    "Brewery",
    "Press",
    "Garage",
    "School",
    "Gallery",
    "Theatre",
    "Club",
    "Clinic",
]
_SYLLABLES = [
    "al",
    "ber",
    "cor",
    "den",
    "el",
    "fen",
    "gar",
    "hol",
    "in",
    "jas",
    "kel",
    "lor",
    "mar",
    "nor",
    "ol",
    "pen",
    "qui",
    "ros",
    "sel",
    "tor",
    "ul",
    "ver",
    "wes",
    "xan",
    "yor",
    "zel",
]
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Community:
    """Draws entities; `tags_max` of each list, most lists are full."""

    def __init__(self, *, seed: int = 1, tags_max: int = 10) -> None:
        self._chance = random.Random(seed)
        self._tags_max = tags_max
        self._tags = _all_tags(self._chance)
        self._weights = list(accumulate(1 / (rank + 3) for rank in range(len(self._tags))))
        self._towns = [
            (self._chance.uniform(43, 54), self._chance.uniform(-3, 14), 1 / (rank + 1)) for rank in range(60)
        ]

    def entities(self, count: int) -> Iterator[Change]:
        """So many, numbered from 0."""
        return (self.entity(number) for number in range(count))

    def entity(self, number: int) -> Change:
        """One entity with everything there is to know about it."""
        chance = self._chance
        latitude, longitude, _ = chance.choices(self._towns, [town[2] for town in self._towns])[0]
        profile = Profile(
            sequence=1,
            name=self.name(),
            listed=chance.random() < LISTED_SHARE,
            may_trade=chance.random() < TRADING_SHARE,
            categories=tuple(self.drawn(1)),
            latitude=round(latitude + chance.gauss(0, 0.05), 2),
            longitude=round(longitude + chance.gauss(0, 0.05), 2),
            newest=NOW_MS - chance.randrange(YEAR_MS),
        )
        tags = Tags(1, self.dated(), self.dated())
        return Change(an_id(number), (profile, tags, Band(1, chance.choice((-2, -1, 0, 0, 1, 2)))))

    def name(self) -> str:
        """A name of two or three words, one of them made up."""
        chance = self._chance
        own = "".join(chance.choices(_SYLLABLES, k=chance.randint(2, 3))).title()
        return f"{chance.choice(_NAMES)} {own} {chance.choice(_TRADES)}"

    def dated(self) -> tuple[Tag, ...]:
        """A list of tags with their dates."""
        count = self._tags_max if self._chance.random() < 0.9 else self._chance.randint(0, self._tags_max)
        return tuple(Tag(tag, NOW_MS - self._chance.randrange(YEAR_MS)) for tag in self.drawn(count))

    def drawn(self, count: int) -> list[str]:
        """So many different tags, popular ones oftener, some mistyped."""
        found: dict[str, None] = {}
        while len(found) < count:
            tag = self._chance.choices(self._tags, cum_weights=self._weights)[0]
            found[self._mistyped(tag) if self._chance.random() < TYPO_SHARE else tag] = None
        return list(found)

    @property
    def commonest(self) -> str:
        """The tag that most have."""
        return self._tags[0]

    def _mistyped(self, tag: str) -> str:
        place = self._chance.randrange(1, max(2, len(tag) - 1))
        match self._chance.randrange(3):
            case 0:
                return tag[:place] + tag[place + 1 :]
            case 1:
                return tag[:place] + self._chance.choice(_LETTERS) + tag[place:]
            case _:
                return tag[:place] + tag[place + 1 : place + 2] + tag[place] + tag[place + 2 :]


def an_id(number: int) -> str:
    """Ids whose order has nothing to do with who is found first."""
    return f"01890000-0000-7000-8000-{number * 2_654_435_761 % 2**40:012x}"


def _all_tags(chance: random.Random) -> list[str]:
    """Single things first, then things of a kind: about ten thousand, the popular ones of all languages in front."""
    single = [thing for things in _THINGS.values() for thing in things.split()]
    composed = [
        f"{kind}-{thing}" if language in ("en", "de") else f"{thing}-{kind}"
        for language, things in _THINGS.items()
        for thing in things.split()
        for kind in _KINDS[language].split()
    ]
    trained = [
        f"{thing}-{word}" for thing in single for word in ("lessons", "repair", "delivery", "kurs", "cours", "taller")
    ]
    chance.shuffle(single)
    rest = composed + trained
    chance.shuffle(rest)
    return single + rest


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
