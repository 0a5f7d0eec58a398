"""Kinds of bodies, roles of staff, and who may keep the register; pure."""

from enum import StrEnum

from edms.core.actor import permission


class EntityType(StrEnum):
    """Where a body stands in the state."""

    MINISTRY = "ministry"
    INDEPENDENT = "independent"
    GOVERNORATE = "governorate"
    DIRECTORATE = "directorate"
    BRANCH = "branch"


class Role(StrEnum):
    """What a person does in Diwan."""

    EMPLOYEE = "employee"
    SIGNATORY = "signatory"
    REGISTRY = "registry"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    CENTRE = "centre"


KEEP_ENTITIES = permission("entities.keep", {Role.CENTRE, "system:operator"})
KEEP_STAFF = permission("entities.keep-staff", {Role.ADMINISTRATOR, Role.CENTRE, "system:operator"})
SEE_ENTITIES = permission("entities.see", {*Role, "system:operator"})
