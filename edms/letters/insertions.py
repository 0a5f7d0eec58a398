"""What a writer inserts into a letter: the stock phrases on offer, and adding one without scripts."""

from dataclasses import dataclass, replace

from edms.core.database import UnitOfWork
from edms.letters import phrases
from edms.letters.forms import Typed
from edms.web import locale
from edms.web.locale import msgid

PLACES = {
    phrases.Place.OPENING: msgid("Opening phrases"),
    phrases.Place.TEXT: msgid("Phrases in the text"),
    phrases.Place.CLOSING: msgid("Closing phrases"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """A phrase on offer: the key that its button sends, and its words."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """Phrases under one heading (a msgid); ``language`` is that of the phrases, "" for a body's own."""

    title: str
    language: str
    offers: tuple[Offer, ...]


def groups(uow: UnitOfWork) -> list[Group]:
    """Return the body's own phrases, then the built-in ones in Arabic and in English."""
    own = phrases.phrases(uow)
    found = [
        Group(title, "", tuple(Offer(str(each.id), each.text) for each in own if each.place == place))
        for place, title in PLACES.items()
    ]
    for language in ("ar", "en"):
        for place, title in PLACES.items():
            offers = tuple(
                Offer(f"{language}-{place}-{number}", _words(text, language))
                for number, text in enumerate(phrases.BUILT_IN[place])
            )
            found.append(Group(title, language, offers))
    return [group for group in found if group.offers]


def with_phrase(uow: UnitOfWork, typed: Typed, action: str) -> Typed:
    """Return a form with the phrase of a pressed button at its place: an opening one first, others at the end."""
    if not action.startswith("phrase-"):
        return typed
    key = action.removeprefix("phrase-")
    for group in groups(uow):
        for offer in group.offers:
            if offer.key == key:
                opens = group.title == PLACES[phrases.Place.OPENING]
                parts = [offer.text, typed.body.strip()] if opens else [typed.body.rstrip(), offer.text]
                return replace(typed, body="\n\n".join(part for part in parts if part))
    return typed


def _words(text: str, language: str) -> str:
    return locale.gettext(text, "ar") if language == "ar" else text
