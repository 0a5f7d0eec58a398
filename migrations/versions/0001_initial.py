"""All tables of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "code_counters",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_code_counters")),
    )
    op.create_table(
        "employees",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("clearance", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_employees")),
        sa.UniqueConstraint("code", name=op.f("uq_employees_code")),
    )
    op.create_table(
        "entity_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entity_keys")),
        sa.UniqueConstraint("owner_id", "version", name=op.f("uq_entity_keys_owner_id_version")),
    )
    op.create_table(
        "event_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_head")),
    )
    op.create_table(
        "follower_cursors",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_follower_cursors")),
    )
    op.create_table(
        "installations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("is_home", sa.Boolean(), nullable=False),
        sa.Column("gateway_host", sa.String(length=255), nullable=False),
        sa.Column("gateway_port", sa.Integer(), nullable=False),
        sa.Column("ca_certificate", sa.LargeBinary(), nullable=False),
        sa.Column("issuing_certificate", sa.LargeBinary(), nullable=True),
        sa.Column("issuing_key", sa.String(length=64), nullable=True),
        sa.Column("root_crl", sa.LargeBinary(), nullable=True),
        sa.Column("crl", sa.LargeBinary(), nullable=True),
        sa.Column("crl_stale", sa.Boolean(), nullable=False),
        sa.Column("authority_url", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installations")),
        sa.UniqueConstraint("name", name=op.f("uq_installations_name")),
    )
    op.create_table(
        "refusal_counts",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "code", name=op.f("pk_refusal_counts")),
    )
    op.create_table(
        "stored_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_files")),
    )
    op.create_table(
        "throttles",
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_throttles")),
    )
    op.create_table(
        "entities",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("name_ar_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("name_en_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("installation_id", sa.Uuid(), nullable=False),
        sa.Column("mail_domain", sa.String(length=253), nullable=False),
        sa.Column("short_mark", sa.String(length=40), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("registers_by_rule", sa.Boolean(), nullable=False),
        sa.Column("max_sensitivity", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["installation_id"], ["installations.id"], name=op.f("fk_entities_installation_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["entities.id"], name=op.f("fk_entities_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entities")),
        sa.UniqueConstraint("code", name=op.f("uq_entities_code")),
        sa.UniqueConstraint("mail_domain", name=op.f("uq_entities_mail_domain")),
    )
    with op.batch_alter_table("entities", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_entities_installation_id"), ["installation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_entities_parent_id"), ["parent_id"], unique=False)

    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("employee_id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("roles", sa.String(length=200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("factors_reset_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["employee_id"], ["employees.id"], name=op.f("fk_accounts_employee_id")),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_accounts_entity_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("employee_id", name=op.f("uq_accounts_employee_id")),
        sa.UniqueConstraint("login", name=op.f("uq_accounts_login")),
    )
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_accounts_entity_id"), ["entity_id"], unique=False)

    op.create_table(
        "document_counters",
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last_serial", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_document_counters_entity_id")),
        sa.PrimaryKeyConstraint("entity_id", "year", name=op.f("pk_document_counters")),
    )
    op.create_table(
        "entity_seals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("key_name", sa.String(length=64), nullable=True),
        sa.Column("key_id", sa.LargeBinary(), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("certificate_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_entity_seals_entity_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entity_seals")),
        sa.UniqueConstraint("key_id", name=op.f("uq_entity_seals_key_id")),
        sa.UniqueConstraint("key_name", name=op.f("uq_entity_seals_key_name")),
    )
    with op.batch_alter_table("entity_seals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_entity_seals_entity_id"), ["entity_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_entity_seals_serial"), ["serial"], unique=False)

    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("act", sa.String(length=60), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("employee_id", sa.Uuid(), nullable=True),
        sa.Column("entity_id", sa.Uuid(), nullable=True),
        sa.Column("object_type", sa.String(length=40), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=True),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("entry_hash", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_events_entity_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_events_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_events_entity_id"), ["entity_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_events_object_id"), ["object_id"], unique=False)

    op.create_table(
        "file_keys",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_file_keys_entity_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_files.id"], name=op.f("fk_file_keys_file_id")),
        sa.PrimaryKeyConstraint("file_id", "entity_id", name=op.f("pk_file_keys")),
    )
    op.create_table(
        "inquiries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("inquiry_id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("side", sa.String(length=10), nullable=False),
        sa.Column("document_code", sa.String(length=18), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(length=12), nullable=False),
        sa.Column("told_sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["employees.id"], name=op.f("fk_inquiries_by_id")),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_inquiries_entity_id")),
        sa.ForeignKeyConstraint(["other_id"], ["entities.id"], name=op.f("fk_inquiries_other_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inquiries")),
        sa.UniqueConstraint("entity_id", "inquiry_id", name=op.f("uq_inquiries_entity_id_inquiry_id")),
    )
    with op.batch_alter_table("inquiries", schema=None) as batch_op:
        batch_op.create_index("ix_inquiries_list", ["entity_id", "side", "asked_at"], unique=False)

    op.create_table(
        "issued_certificates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("usage", sa.String(length=10), nullable=False),
        sa.Column("issuer_key", sa.String(length=64), nullable=False),
        sa.Column("key_name", sa.String(length=64), nullable=True),
        sa.Column("entity_id", sa.Uuid(), nullable=True),
        sa.Column("employee_id", sa.Uuid(), nullable=True),
        sa.Column("certificate_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=30), nullable=True),
        sa.ForeignKeyConstraint(["employee_id"], ["employees.id"], name=op.f("fk_issued_certificates_employee_id")),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_issued_certificates_entity_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issued_certificates")),
        sa.UniqueConstraint("serial", name=op.f("uq_issued_certificates_serial")),
    )
    with op.batch_alter_table("issued_certificates", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_issued_certificates_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_issued_certificates_entity_id"), ["entity_id"], unique=False)

    op.create_table(
        "letter_templates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["changed_by_id"], ["employees.id"], name=op.f("fk_letter_templates_changed_by_id")),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_letter_templates_entity_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter_templates")),
    )
    with op.batch_alter_table("letter_templates", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_letter_templates_entity_id"), ["entity_id"], unique=False)

    op.create_table(
        "letterheads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("emblem_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("top_ar_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("top_en_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("contact_ar_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("contact_en_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("colour", sa.String(length=7), nullable=False),
        sa.Column("digits", sa.String(length=8), nullable=False),
        sa.Column("months", sa.String(length=8), nullable=False),
        sa.Column("hijri", sa.Boolean(), nullable=False),
        sa.Column("kashida", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_letterheads_entity_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letterheads")),
        sa.UniqueConstraint("entity_id", name=op.f("uq_letterheads_entity_id")),
    )
    op.create_table(
        "outbound_packages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("meta_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_outbound_packages_entity_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbound_packages")),
    )
    with op.batch_alter_table("outbound_packages", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outbound_packages_entity_id"), ["entity_id"], unique=False)

    op.create_table(
        "signing_keys",
        sa.Column("employee_id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("private_key_wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["employee_id"], ["employees.id"], name=op.f("fk_signing_keys_employee_id")),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_signing_keys_entity_id")),
        sa.PrimaryKeyConstraint("employee_id", name=op.f("pk_signing_keys")),
    )
    op.create_table(
        "stock_phrases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.String(length=10), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_stock_phrases_entity_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_phrases")),
    )
    with op.batch_alter_table("stock_phrases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stock_phrases_entity_id"), ["entity_id"], unique=False)

    op.create_table(
        "units",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("code", sa.String(length=14), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("is_registry", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_units_entity_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["units.id"], name=op.f("fk_units_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_units")),
        sa.UniqueConstraint("code", name=op.f("uq_units_code")),
    )
    with op.batch_alter_table("units", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_units_entity_id"), ["entity_id"], unique=False)

    op.create_table(
        "login_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.Column("stepped_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stepped_up_by", sa.String(length=10), nullable=False),
        sa.Column("client", sa.String(length=100), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_login_sessions_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_login_sessions_token_hash")),
    )
    with op.batch_alter_table("login_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_sessions_account_id"), ["account_id"], unique=False)

    op.create_table(
        "posts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("title_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("may_sign", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_posts_entity_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_posts_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posts")),
    )
    with op.batch_alter_table("posts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_posts_entity_id"), ["entity_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_posts_unit_id"), ["unit_id"], unique=False)

    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_recovery_codes_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_recovery_codes_code_hash")),
    )
    with op.batch_alter_table("recovery_codes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recovery_codes_account_id"), ["account_id"], unique=False)

    op.create_table(
        "registers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("direction", sa.String(length=10), nullable=False),
        sa.Column("pattern", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_registers_entity_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_registers_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registers")),
        sa.UniqueConstraint("entity_id", "unit_id", "direction", name=op.f("uq_registers_entity_id_unit_id_direction")),
    )
    with op.batch_alter_table("registers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_registers_entity_id"), ["entity_id"], unique=False)

    op.create_table(
        "signing_pins",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("pin_hash", sa.String(length=255), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_signing_pins_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_signing_pins")),
    )
    op.create_table(
        "totp_factors",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_totp_factors_account_id")),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_totp_factors_entity_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_totp_factors")),
        sa.UniqueConstraint("account_id", name=op.f("uq_totp_factors_account_id")),
    )
    op.create_table(
        "assignments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("employee_id", sa.Uuid(), nullable=False),
        sa.Column("post_id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["employee_id"], ["employees.id"], name=op.f("fk_assignments_employee_id")),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_assignments_entity_id")),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_assignments_post_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
    )
    with op.batch_alter_table("assignments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_assignments_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_assignments_entity_id"), ["entity_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_assignments_post_id"), ["post_id"], unique=False)

    op.create_table(
        "delegations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("post_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("deputy_id", sa.Uuid(), nullable=False),
        sa.Column("kinds", sa.String(length=200), nullable=False),
        sa.Column("max_sensitivity", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=60), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["deputy_id"], ["employees.id"], name=op.f("fk_delegations_deputy_id")),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_delegations_entity_id")),
        sa.ForeignKeyConstraint(["holder_id"], ["employees.id"], name=op.f("fk_delegations_holder_id")),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_delegations_post_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegations")),
    )
    with op.batch_alter_table("delegations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_delegations_deputy_id"), ["deputy_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_delegations_entity_id"), ["entity_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_delegations_post_id"), ["post_id"], unique=False)

    op.create_table(
        "letters",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("direction", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("sensitivity", sa.Integer(), nullable=False),
        sa.Column("precedence", sa.String(length=10), nullable=False),
        sa.Column("subject_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("signer_post_id", sa.Uuid(), nullable=True),
        sa.Column("return_reason_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("returned_version", sa.Integer(), nullable=True),
        sa.Column("document_code", sa.String(length=18), nullable=True),
        sa.Column("number", sa.String(length=80), nullable=False),
        sa.Column("letter_date", sa.Date(), nullable=True),
        sa.Column("verification_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("verification_code_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("rendition_id", sa.Uuid(), nullable=True),
        sa.Column("rendition_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sender_id", sa.Uuid(), nullable=True),
        sa.Column("package_id", sa.Uuid(), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("register_number", sa.String(length=40), nullable=False),
        sa.Column("void_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_by", sa.String(length=18), nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["employees.id"], name=op.f("fk_letters_author_id")),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_letters_entity_id")),
        sa.ForeignKeyConstraint(["rendition_id"], ["stored_files.id"], name=op.f("fk_letters_rendition_id")),
        sa.ForeignKeyConstraint(["sender_id"], ["entities.id"], name=op.f("fk_letters_sender_id")),
        sa.ForeignKeyConstraint(["signer_post_id"], ["posts.id"], name=op.f("fk_letters_signer_post_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_letters_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
        sa.UniqueConstraint(
            "entity_id", "direction", "document_code", name=op.f("uq_letters_entity_id_direction_document_code")
        ),
    )
    with op.batch_alter_table("letters", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_letters_author_id"), ["author_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_letters_document_code"), ["document_code"], unique=False)
        batch_op.create_index("ix_letters_list", ["entity_id", "direction", "state", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_letters_package_id"), ["package_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_letters_rendition_hash"), ["rendition_hash"], unique=False)
        batch_op.create_index(batch_op.f("ix_letters_signer_post_id"), ["signer_post_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_letters_superseded_at"), ["superseded_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_letters_verification_digest"), ["verification_digest"], unique=False)
        batch_op.create_index(batch_op.f("ix_letters_void_at"), ["void_at"], unique=False)

    op.create_table(
        "register_years",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("register_id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("turn_owner", sa.Uuid(), nullable=True),
        sa.Column("turn_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["register_id"], ["registers.id"], name=op.f("fk_register_years_register_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_years")),
        sa.UniqueConstraint("register_id", "year", name=op.f("uq_register_years_register_id_year")),
    )
    op.create_table(
        "addressees",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=4), nullable=False),
        sa.Column("purpose_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_addressees_entity_id")),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_addressees_letter_id")),
        sa.ForeignKeyConstraint(["recipient_id"], ["entities.id"], name=op.f("fk_addressees_recipient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addressees")),
        sa.UniqueConstraint("letter_id", "recipient_id", name=op.f("uq_addressees_letter_id_recipient_id")),
    )
    op.create_table(
        "attachments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("media_type", sa.String(length=120), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("hash_sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_attachments_entity_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_files.id"], name=op.f("fk_attachments_file_id")),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_attachments_letter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
    )
    with op.batch_alter_table("attachments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attachments_letter_id"), ["letter_id"], unique=False)

    op.create_table(
        "issued_copies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=14), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("employee_id", sa.Uuid(), nullable=False),
        sa.Column("act", sa.String(length=20), nullable=False),
        sa.Column("document_code", sa.String(length=18), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("client", sa.String(length=100), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["employee_id"], ["employees.id"], name=op.f("fk_issued_copies_employee_id")),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_issued_copies_entity_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_files.id"], name=op.f("fk_issued_copies_file_id")),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_issued_copies_letter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issued_copies")),
        sa.UniqueConstraint("code", name=op.f("uq_issued_copies_code")),
        sa.UniqueConstraint("file_id", "employee_id", "act", name=op.f("uq_issued_copies_file_id_employee_id_act")),
    )
    with op.batch_alter_table("issued_copies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_issued_copies_employee_id"), ["employee_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_issued_copies_entity_id"), ["entity_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_issued_copies_letter_id"), ["letter_id"], unique=False)

    op.create_table(
        "letter_references",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("document_code", sa.String(length=18), nullable=True),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_letter_references_entity_id")),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_letter_references_letter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter_references")),
    )
    with op.batch_alter_table("letter_references", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_letter_references_letter_id"), ["letter_id"], unique=False)

    op.create_table(
        "openings",
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.Column("employee_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["employee_id"], ["employees.id"], name=op.f("fk_openings_employee_id")),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_openings_letter_id")),
        sa.PrimaryKeyConstraint("letter_id", "employee_id", name=op.f("pk_openings")),
    )
    op.create_table(
        "outbox_items",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=4), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_owner", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("far_number", sa.String(length=80), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_outbox_items_entity_id")),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_outbox_items_letter_id")),
        sa.ForeignKeyConstraint(["package_id"], ["outbound_packages.id"], name=op.f("fk_outbox_items_package_id")),
        sa.ForeignKeyConstraint(["recipient_id"], ["entities.id"], name=op.f("fk_outbox_items_recipient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_items")),
        sa.UniqueConstraint("package_id", "recipient_id", name=op.f("uq_outbox_items_package_id_recipient_id")),
    )
    with op.batch_alter_table("outbox_items", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_items_due", ["state", "next_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_outbox_items_entity_id"), ["entity_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_outbox_items_letter_id"), ["letter_id"], unique=False)

    op.create_table(
        "preservations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rendition_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.String(length=5), nullable=False),
        sa.Column("goal", sa.String(length=3), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=80), nullable=False),
        sa.Column("suffix_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("extended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stamp_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_preservations_letter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preservations")),
        sa.UniqueConstraint("rendition_hash", name=op.f("uq_preservations_rendition_hash")),
    )
    with op.batch_alter_table("preservations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_preservations_due_at"), ["due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_preservations_letter_id"), ["letter_id"], unique=False)

    op.create_table(
        "received_messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=False),
        sa.Column("raw_file_id", sa.Uuid(), nullable=False),
        sa.Column("raw_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("meta_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("peer", sa.String(length=60), nullable=False),
        sa.Column("times_received", sa.Integer(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("refusal_code", sa.String(length=40), nullable=False),
        sa.Column("refusal_text_sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["decided_by_id"], ["employees.id"], name=op.f("fk_received_messages_decided_by_id")),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_received_messages_entity_id")),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_received_messages_letter_id")),
        sa.ForeignKeyConstraint(["raw_file_id"], ["stored_files.id"], name=op.f("fk_received_messages_raw_file_id")),
        sa.ForeignKeyConstraint(["sender_id"], ["entities.id"], name=op.f("fk_received_messages_sender_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_received_messages")),
        sa.UniqueConstraint("entity_id", "key", name=op.f("uq_received_messages_entity_id_key")),
    )
    with op.batch_alter_table("received_messages", schema=None) as batch_op:
        batch_op.create_index("ix_received_messages_waiting", ["entity_id", "state", "id"], unique=False)

    op.create_table(
        "register_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("register_id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("direction", sa.String(length=10), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.Column("entry_date", sa.Date(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clerk_id", sa.Uuid(), nullable=True),
        sa.Column("void_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("void_reason_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("void_authority_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["clerk_id"], ["employees.id"], name=op.f("fk_register_entries_clerk_id")),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_register_entries_entity_id")),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_register_entries_letter_id")),
        sa.ForeignKeyConstraint(["register_id"], ["registers.id"], name=op.f("fk_register_entries_register_id")),
        sa.ForeignKeyConstraint(
            ["void_authority_id"], ["employees.id"], name=op.f("fk_register_entries_void_authority_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_entries")),
        sa.UniqueConstraint("letter_id", name=op.f("uq_register_entries_letter_id")),
        sa.UniqueConstraint("register_id", "year", "number", name=op.f("uq_register_entries_register_id_year_number")),
    )
    with op.batch_alter_table("register_entries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_register_entries_entity_id"), ["entity_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_register_entries_entry_date"), ["entry_date"], unique=False)

    op.create_table(
        "sightings",
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("mask", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_sightings_letter_id")),
        sa.ForeignKeyConstraint(["session_id"], ["login_sessions.id"], name=op.f("fk_sightings_session_id")),
        sa.PrimaryKeyConstraint("letter_id", "session_id", name=op.f("pk_sightings")),
    )
    op.create_table(
        "signatures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("version_no", sa.Integer(), nullable=False),
        sa.Column("employee_id", sa.Uuid(), nullable=False),
        sa.Column("post_id", sa.Uuid(), nullable=False),
        sa.Column("on_behalf_of_id", sa.Uuid(), nullable=True),
        sa.Column("means", sa.String(length=12), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("signature_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("certificate_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["employee_id"], ["employees.id"], name=op.f("fk_signatures_employee_id")),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_signatures_entity_id")),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_signatures_letter_id")),
        sa.ForeignKeyConstraint(["on_behalf_of_id"], ["employees.id"], name=op.f("fk_signatures_on_behalf_of_id")),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_signatures_post_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signatures")),
    )
    with op.batch_alter_table("signatures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_signatures_letter_id"), ["letter_id"], unique=False)

    op.create_table(
        "unfinished_forms",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("employee_id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("fields_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["employee_id"], ["employees.id"], name=op.f("fk_unfinished_forms_employee_id")),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_unfinished_forms_entity_id")),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_unfinished_forms_letter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unfinished_forms")),
    )
    with op.batch_alter_table("unfinished_forms", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_unfinished_forms_employee_id"), ["employee_id"], unique=False)

    op.create_table(
        "versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["employees.id"], name=op.f("fk_versions_author_id")),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_versions_entity_id")),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_versions_letter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        sa.UniqueConstraint("letter_id", "no", name=op.f("uq_versions_letter_id_no")),
    )
    op.create_table(
        "delivery_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("reply", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["outbox_items.id"], name=op.f("fk_delivery_attempts_item_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_attempts")),
    )
    with op.batch_alter_table("delivery_attempts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_delivery_attempts_item_id"), ["item_id"], unique=False)

    op.create_table(
        "evidence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("letter_id", sa.Uuid(), nullable=True),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("other_entity_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name=op.f("fk_evidence_entity_id")),
        sa.ForeignKeyConstraint(["item_id"], ["outbox_items.id"], name=op.f("fk_evidence_item_id")),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_evidence_letter_id")),
        sa.ForeignKeyConstraint(["other_entity_id"], ["entities.id"], name=op.f("fk_evidence_other_entity_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_evidence_entity_id"), ["entity_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_evidence_item_id"), ["item_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_evidence_letter_id"), ["letter_id"], unique=False)

    op.execute("INSERT INTO event_head (id, last_seq) VALUES (1, 0)")


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_evidence_letter_id"))
        batch_op.drop_index(batch_op.f("ix_evidence_item_id"))
        batch_op.drop_index(batch_op.f("ix_evidence_entity_id"))

    op.drop_table("evidence")
    with op.batch_alter_table("delivery_attempts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delivery_attempts_item_id"))

    op.drop_table("delivery_attempts")
    op.drop_table("versions")
    with op.batch_alter_table("unfinished_forms", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_unfinished_forms_employee_id"))

    op.drop_table("unfinished_forms")
    with op.batch_alter_table("signatures", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_signatures_letter_id"))

    op.drop_table("signatures")
    op.drop_table("sightings")
    with op.batch_alter_table("register_entries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_register_entries_entry_date"))
        batch_op.drop_index(batch_op.f("ix_register_entries_entity_id"))

    op.drop_table("register_entries")
    with op.batch_alter_table("received_messages", schema=None) as batch_op:
        batch_op.drop_index("ix_received_messages_waiting")

    op.drop_table("received_messages")
    with op.batch_alter_table("preservations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_preservations_letter_id"))
        batch_op.drop_index(batch_op.f("ix_preservations_due_at"))

    op.drop_table("preservations")
    with op.batch_alter_table("outbox_items", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outbox_items_letter_id"))
        batch_op.drop_index(batch_op.f("ix_outbox_items_entity_id"))
        batch_op.drop_index("ix_outbox_items_due")

    op.drop_table("outbox_items")
    op.drop_table("openings")
    with op.batch_alter_table("letter_references", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_letter_references_letter_id"))

    op.drop_table("letter_references")
    with op.batch_alter_table("issued_copies", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_issued_copies_letter_id"))
        batch_op.drop_index(batch_op.f("ix_issued_copies_entity_id"))
        batch_op.drop_index(batch_op.f("ix_issued_copies_employee_id"))

    op.drop_table("issued_copies")
    with op.batch_alter_table("attachments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attachments_letter_id"))

    op.drop_table("attachments")
    op.drop_table("addressees")
    op.drop_table("register_years")
    with op.batch_alter_table("letters", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_letters_void_at"))
        batch_op.drop_index(batch_op.f("ix_letters_verification_digest"))
        batch_op.drop_index(batch_op.f("ix_letters_superseded_at"))
        batch_op.drop_index(batch_op.f("ix_letters_signer_post_id"))
        batch_op.drop_index(batch_op.f("ix_letters_rendition_hash"))
        batch_op.drop_index(batch_op.f("ix_letters_package_id"))
        batch_op.drop_index("ix_letters_list")
        batch_op.drop_index(batch_op.f("ix_letters_document_code"))
        batch_op.drop_index(batch_op.f("ix_letters_author_id"))

    op.drop_table("letters")
    with op.batch_alter_table("delegations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delegations_post_id"))
        batch_op.drop_index(batch_op.f("ix_delegations_entity_id"))
        batch_op.drop_index(batch_op.f("ix_delegations_deputy_id"))

    op.drop_table("delegations")
    with op.batch_alter_table("assignments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_assignments_post_id"))
        batch_op.drop_index(batch_op.f("ix_assignments_entity_id"))
        batch_op.drop_index(batch_op.f("ix_assignments_employee_id"))

    op.drop_table("assignments")
    op.drop_table("totp_factors")
    op.drop_table("signing_pins")
    with op.batch_alter_table("registers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_registers_entity_id"))

    op.drop_table("registers")
    with op.batch_alter_table("recovery_codes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_recovery_codes_account_id"))

    op.drop_table("recovery_codes")
    with op.batch_alter_table("posts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_posts_unit_id"))
        batch_op.drop_index(batch_op.f("ix_posts_entity_id"))

    op.drop_table("posts")
    with op.batch_alter_table("login_sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_login_sessions_account_id"))

    op.drop_table("login_sessions")
    with op.batch_alter_table("units", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_units_entity_id"))

    op.drop_table("units")
    with op.batch_alter_table("stock_phrases", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stock_phrases_entity_id"))

    op.drop_table("stock_phrases")
    op.drop_table("signing_keys")
    with op.batch_alter_table("outbound_packages", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outbound_packages_entity_id"))

    op.drop_table("outbound_packages")
    op.drop_table("letterheads")
    with op.batch_alter_table("letter_templates", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_letter_templates_entity_id"))

    op.drop_table("letter_templates")
    with op.batch_alter_table("issued_certificates", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_issued_certificates_entity_id"))
        batch_op.drop_index(batch_op.f("ix_issued_certificates_employee_id"))

    op.drop_table("issued_certificates")
    with op.batch_alter_table("inquiries", schema=None) as batch_op:
        batch_op.drop_index("ix_inquiries_list")

    op.drop_table("inquiries")
    op.drop_table("file_keys")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_events_object_id"))
        batch_op.drop_index(batch_op.f("ix_events_entity_id"))
        batch_op.drop_index(batch_op.f("ix_events_employee_id"))

    op.drop_table("events")
    with op.batch_alter_table("entity_seals", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_entity_seals_serial"))
        batch_op.drop_index(batch_op.f("ix_entity_seals_entity_id"))

    op.drop_table("entity_seals")
    op.drop_table("document_counters")
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_accounts_entity_id"))

    op.drop_table("accounts")
    with op.batch_alter_table("entities", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_entities_parent_id"))
        batch_op.drop_index(batch_op.f("ix_entities_installation_id"))

    op.drop_table("entities")
    op.drop_table("throttles")
    op.drop_table("stored_files")
    op.drop_table("refusal_counts")
    op.drop_table("installations")
    op.drop_table("follower_cursors")
    op.drop_table("event_head")
    op.drop_table("entity_keys")
    op.drop_table("employees")
    op.drop_table("code_counters")
