"""The pages of all features under one shell: their blueprints, the side menu of each role, who is signed in."""

from flask import Flask

from edms.accounts import app_password_views, delegation_views, guard, person_views, security_views, staff_views
from edms.accounts import views as accounts
from edms.confirmations import views as confirmations
from edms.core.actor import Actor
from edms.custody import key_views as reading_keys
from edms.custody import views as custody
from edms.dispatch import refused_views as refused
from edms.dispatch import views as dispatch
from edms.entities import authority_views, mail_views, mailbox_views, server_views
from edms.entities import views as entities
from edms.intake import notice_views
from edms.intake import quarantine_views as quarantine
from edms.intake import views as intake
from edms.letters import api as letters_api
from edms.letters import views as letters
from edms.letters.letterhead_views import letterhead_menu
from edms.letters.menu import letters_menu
from edms.letters.rules import DRAFT
from edms.oversight import views as oversight
from edms.search import api as search_api
from edms.search import views as search
from edms.tracking import api as tracking_api
from edms.tracking import balance_views as balance
from edms.tracking import compliance_views as compliance
from edms.tracking import proof_views as proofs
from edms.tracking import views as tracking
from edms.verification import api as verification_api
from edms.verification import leak_views, seal_views
from edms.verification import views as verification
from edms.web.page import Link, Section
from edms.web.shell import configure_web

_PAGES = (
    accounts, staff_views, person_views, entities, security_views, app_password_views, reading_keys, server_views,
    mail_views, mailbox_views, delegation_views, authority_views, letters, letters_api, quarantine, intake,
    dispatch, confirmations, tracking, tracking_api, compliance, refused, proofs, balance, notice_views,
    verification, verification_api, seal_views, leak_views, search, search_api, oversight, custody,
)  # fmt: skip
"""Modules that have a blueprint."""


def install_pages(app: Flask, *, secret_key: bytes, https: bool, largest_body: int) -> None:
    """Put the shell and every feature's blueprint on ``app``; ``largest_body`` in octets is what a form may carry."""
    configure_web(
        app, secret_key=secret_key, https=https, navigation=navigation,
        load_actor=guard.load_actor, entity_name=guard.entity_name, primary_action=primary_action,
        largest_body=largest_body,
    )  # fmt: skip
    guard.install(app)
    for module in _PAGES:
        app.register_blueprint(module.blueprint)


def primary_action(actor: Actor) -> Link | None:
    """Return what an actor is offered above the menu."""
    return Link("New letter", "/letters/new") if actor.may(DRAFT) else None


def navigation(actor: Actor) -> tuple[Section, ...]:
    """Return the side menu of an actor: only places that the actor's roles open."""
    between = (
        *intake.intake_menu(actor),
        *quarantine.quarantine_menu(actor),
        *dispatch.queue_menu(actor),
        *refused.refused_menu(actor),
        *confirmations.confirmations_menu(actor),
    )
    sections = list(letters_menu(actor, *between))
    places = [Link("Bodies", "/entities")]
    if not actor.roles.isdisjoint({"administrator", "centre"}):
        places.append(Link("Staff", "/staff"))
    places += letterhead_menu(actor)
    places += compliance.compliance_menu(actor)
    places += balance.balance_menu(actor)
    sections.append(Section("Administration", tuple(places)))
    if watching := (*leak_views.leaks_menu(actor), *oversight.audit_menu(actor)):
        sections.insert(-1, Section("Audit", watching))
    return tuple(sections)
