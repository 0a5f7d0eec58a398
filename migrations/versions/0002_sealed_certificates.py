"""Certificates of seals are stored sealed, since they name their body; each body makes a new seal on its next letter."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("DELETE FROM entity_seals")
    with op.batch_alter_table("entity_seals", schema=None) as batch_op:
        batch_op.add_column(sa.Column("certificate_sealed", sa.LargeBinary(), nullable=True))
        batch_op.drop_column("certificate")


def downgrade() -> None:
    """Take back."""
    op.execute("DELETE FROM entity_seals")
    with op.batch_alter_table("entity_seals", schema=None) as batch_op:
        batch_op.add_column(sa.Column("certificate", sa.LargeBinary(), nullable=False))
        batch_op.drop_column("certificate_sealed")
