"""The pages of letters on one blueprint; each topic has its own module."""

from flask import Blueprint

from edms.letters import (
    act_views,
    autosave_views,
    compose_views,
    letter_views,
    letterhead_views,
    list_views,
    preview_views,
    register_views,
    template_views,
)

blueprint = Blueprint("letters", __name__, template_folder="templates")
for topic in (
    list_views, compose_views, preview_views, autosave_views, template_views, letter_views, act_views, register_views,
    letterhead_views,
):  # fmt: skip
    topic.install(blueprint)
