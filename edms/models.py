"""All tables in one place, for migrations and for creating test databases."""

from edms.accounts import models as accounts
from edms.audit import models as audit
from edms.codes import models as codes
from edms.confirmations import models as confirmations
from edms.content import models as content
from edms.core.database import Base
from edms.custody import models as custody
from edms.dispatch import models as dispatch
from edms.entities import models as entities
from edms.intake import models as intake
from edms.letters import models as letters
from edms.registry import models as registry
from edms.verification import models as verification

metadata = Base.metadata
modules = (
    accounts, audit, codes, confirmations, content, custody, dispatch, entities, intake, letters, registry,
    verification,
)  # fmt: skip
