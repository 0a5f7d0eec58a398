"""The pages of letters on one blueprint; each topic has its own module."""

from flask import Blueprint

from edms.letters import act_views, compose_views, letter_views, list_views, register_views

blueprint = Blueprint("letters", __name__, template_folder="templates")
for topic in (list_views, compose_views, letter_views, act_views, register_views):
    topic.install(blueprint)
