"""The list of common passwords: those that leaks hold most often, as the package zxcvbn ships them, best known first."""

from functools import cache

from services.identity.domain.passwords import Common

_STEMS = 1000
_WORDS_OF_OUR_OWN = ("changeme", "mutualcredit", "passwort", "motdepasse", "contraseña", "contrasena", "hallo", "hola")


@cache
def common_passwords() -> Common:
    """Read once, when first needed."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    ranked = FREQUENCY_LISTS["passwords"]
    stems = {password for password in ranked[:_STEMS] if password.isalpha() and len(password) >= 4}
    return Common(frozenset(ranked), frozenset(stems | set(_WORDS_OF_OUR_OWN)))
