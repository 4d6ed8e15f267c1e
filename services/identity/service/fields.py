"""Texts that people give about themselves, brought into form; every fault is collected."""

import re
from dataclasses import dataclass, field
from typing import Any

from libs.common.texts import TextError, clean
from services.identity.domain.addresses import Email, parse_email
from services.identity.domain.errors import FieldFault, FieldsRefused
from services.identity.domain.passwords import Common, faults_of
from services.identity.domain.people import NAME_LENGTH_MAX, TELEPHONE_LENGTH_MAX

_LENGTHS = {"first_name": NAME_LENGTH_MAX, "last_name": NAME_LENGTH_MAX, "telephone": TELEPHONE_LENGTH_MAX}
_LANGUAGE = re.compile(r"[a-z]{2}\Z")


@dataclass(slots=True)
class Faults:
    """Collects what is wrong, to tell it at once."""

    found: list[FieldFault] = field(default_factory=list)

    def email(self, text: str) -> Email:
        """The address, or a stand-in where it is none."""
        try:
            return parse_email(text)
        except FieldsRefused as refused:
            self.found.extend(refused.faults)
            return Email("", "")

    def password(self, password: str, common: Common) -> None:
        self.found.extend(faults_of(password, common))

    def text(self, name: str, value: str | None, length_max: int) -> str:
        """A text in its form; empty for None."""
        try:
            return clean(value or "", length_max)
        except TextError as fault:
            self.found.append(FieldFault(name, fault.code, fault.message))
            return ""

    def refuse(self) -> None:
        """Raises FieldsRefused when anything was found."""
        if self.found:
            raise FieldsRefused(self.found)


def own_details(faults: Faults, given: dict[str, Any], default_language: str) -> dict[str, str]:
    """Names, telephone and language out of what was given; an absent field stays absent."""
    details = {name: faults.text(name, given[name], length) for name, length in _LENGTHS.items() if name in given}
    if "language" in given:
        language = given["language"] or default_language
        if _LANGUAGE.match(language):
            details["language"] = language
        else:
            faults.found.append(FieldFault("language", "invalid", "A language is two letters, such as en."))
    return details
