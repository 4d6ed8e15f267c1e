"""The list of common passwords: those that leaks hold most often, as the package zxcvbn ships them, best known first."""

from functools import cache
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import Any

from services.identity.domain.passwords import Common

_STEMS = 30
_STEM_LENGTH_MIN = 5
_WORDS_OF_OUR_OWN = (
    "admin",
    "welcome",
    "changeme",
    "mutualcredit",
    "passwort",
    "motdepasse",
    "contraseña",
    "contrasena",
    "hallo",
    "hola",
)


@cache
def common_passwords() -> Common:
    """Read once, when first needed."""
    ranked: list[str] = _lists()["passwords"]
    stems = {password for password in ranked[:_STEMS] if password.isalpha() and len(password) >= _STEM_LENGTH_MIN}
    return Common(frozenset(ranked), frozenset(stems | set(_WORDS_OF_OUR_OWN)))


def _lists() -> dict[str, Any]:
    """The package's word lists without the rest of it, which would build its own tables of all of them."""
    package = PathFinder.find_spec("zxcvbn")
    assert package is not None
    spec = PathFinder.find_spec("frequency_lists", package.submodule_search_locations)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    lists: dict[str, Any] = module.FREQUENCY_LISTS
    return lists
