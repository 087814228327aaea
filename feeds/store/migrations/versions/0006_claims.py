"""Who holds a subscriber is told by a mark that never comes again, as moments do."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("subscriber", sa.Column("claim", sa.String(26), nullable=False, server_default=sa.text("''")))
