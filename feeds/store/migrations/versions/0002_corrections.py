"""People's decisions on topics, what a decision on a story would teach, weekly figures, and tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

Ulid = sa.String(26).with_variant(sa.String(26, collation="C"), "postgresql")
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("story_topic", sa.Column("judged", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("story_topic", sa.Column("curator", sa.String(100)))
    story_topic = sa.table("story_topic", sa.column("judged", sa.Boolean), sa.column("chosen", sa.Boolean))
    op.execute(story_topic.update().values(judged=story_topic.c.chosen))
    op.add_column("story", sa.Column("lesson", sa.Float, nullable=False, server_default="0"))
    op.add_column("story", sa.Column("lesson_why", sa.Text, nullable=False, server_default=sa.text("''")))
    op.add_column("story", sa.Column("unknown_words", sa.Float, nullable=False, server_default="0"))
    op.create_index("story_lesson", "story", ["lesson"])
    op.create_table(
        "correction",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("story_id", Ulid, nullable=False),
        sa.Column("topic", sa.String(64), nullable=False),
        sa.Column("about", sa.Boolean),
        sa.Column("curator", sa.String(100), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("correction_story", "correction", ["story_id"])
    op.create_table(
        "week",
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("stories", sa.Integer, nullable=False),
        sa.Column("figures", sa.JSON, nullable=False),
    )
    op.create_table(
        "token",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(100), nullable=False, unique=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("revoked", sa.BigInteger),
        sqlite_autoincrement=True,
    )
