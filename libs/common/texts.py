"""Texts that people type, brought into one form before anything looks at them."""

import unicodedata


class TextError(ValueError):
    """Not a text we keep. `code` is one of too_long, control_character."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def clean(value: str, length_max: int, *, multiline: bool = False) -> str:
    """The text in Unicode's NFC without blanks around it; raises TextError.

    Control characters are refused, and so are lone surrogates and the marks that turn the direction of text; with
    `multiline` tabs and line breaks are kept, the breaks as `\\n`.
    """
    if multiline:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    text = unicodedata.normalize("NFC", value).strip()
    if len(text) > length_max:
        raise TextError("too_long", f"The text must have at most {length_max} characters.")
    if not text.isprintable() and any(_is_refused(character, multiline=multiline) for character in text):
        raise TextError("control_character", "The text must not hold control characters.")
    return text


def _is_refused(character: str, *, multiline: bool) -> bool:
    if multiline and character in "\n\t":
        return False
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _TURNING


_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
