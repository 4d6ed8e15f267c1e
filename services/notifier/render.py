"""Words made into the two bodies of a mail: plain text, and HTML in which everything from outside is escaped."""

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.notifier.language import Language
from services.notifier.words.parts import Words

_PLACE = FileSystemLoader(Path(__file__).parent / "templates")
_TEXT = Environment(  # plain text has nothing to escape
    loader=_PLACE,
    autoescape=False,  # noqa: S701  not HTML
    undefined=StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)
_HTML = Environment(
    loader=_PLACE,
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Bodies:
    text: str
    html: str


def bodies_of(
    words: Words, language: Language, *, node: str, base: str, name: str = "", unsubscribe_url: str | None = None
) -> Bodies:
    """A mail's bodies. `base` is the node's public address, `name` whom it greets."""
    greeting = language("Hello {name},").format(name=name) if name else language("Hello,")
    given = {
        "_": language,
        "language": language,
        "words": words,
        "greeting": greeting,
        "node": node,
        "base": base,
        "unsubscribe": unsubscribe_url,
    }
    return Bodies(_TEXT.get_template("mail.txt").render(given), _HTML.get_template("mail.html").render(given))
