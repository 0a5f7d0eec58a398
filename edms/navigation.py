"""The pages of all features under one shell: their blueprints, the side menu of each role, who is signed in."""

from flask import Flask

from edms.core.actor import Actor
from edms.web.page import Link, Section
from edms.web.shell import configure_web


def install_pages(app: Flask, *, secret_key: bytes, https: bool) -> None:
    """Put the shell and every feature's blueprint on ``app``."""
    configure_web(app, secret_key=secret_key, https=https, navigation=navigation)


def navigation(actor: Actor) -> tuple[Section, ...]:
    """Return the side menu of an actor: only places that the actor's roles open."""
    sections = []
    if not actor.roles.isdisjoint({"employee", "signatory", "registry", "auditor"}):
        sections.append(Section("Registry", (Link("Incoming", "/incoming"), Link("Outgoing", "/outgoing"))))
    return tuple(sections)
