"""The tables. Times are UTC epoch seconds; story and article ids are ULIDs, so their order is first-seen order."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

# Byte order, so that ULIDs sort by time whatever the database's language is.
Ulid = sa.String(26).with_variant(sa.String(26, collation="C"), "postgresql")
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# ``host`` is the one that polls of it ask, so that claims can be fair to it; empty where nobody is asked.
source = sa.Table(
    "source",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("url", sa.Text, nullable=False, unique=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("home_url", sa.Text),
    sa.Column("etag", sa.Text),
    sa.Column("last_modified", sa.Text),
    sa.Column("body_hash", sa.String(32)),
    sa.Column("next_poll", sa.BigInteger),
    sa.Column("lease_until", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("lease_token", sa.String(26)),
    sa.Column("last_polled", sa.BigInteger),
    sa.Column("last_success", sa.BigInteger),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("error", sa.Text),
    sa.Column("host", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("interval", sa.BigInteger),
    sa.Column("full_text", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("carrier", BigId),
    sa.Column("reason", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("last_new", sa.BigInteger),
    sa.Column("usual_gap", sa.BigInteger),
    sa.Column("ttl", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("skip_hours", sa.Integer, nullable=False, server_default="0"),
    sa.Column("skip_days", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failing_since", sa.BigInteger),
    sa.Column("stopped", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("moved_to", sa.Text),
    sa.Column("moved_times", sa.Integer, nullable=False, server_default="0"),
    sa.Column("silent_since", sa.BigInteger),
    sa.Column("silence", sa.Text),
    sa.Index("source_due", "next_poll"),
    sa.Index("source_carrier", "carrier"),
    sqlite_autoincrement=True,
)

# Hashes of the entries in the document that a source gave last, one beside the other: what is in it again need not be parsed.
entry_marks = sa.Table(
    "entry_marks",
    metadata,
    sa.Column("source_id", sa.ForeignKey("source.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("marks", sa.Text, nullable=False),
)

# Source bytes as they were parsed, compressed, for some days: what replay reads. ``size`` is that of ``body``.
raw = sa.Table(
    "raw",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("source_id", sa.ForeignKey("source.id", ondelete="CASCADE"), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Index("raw_source", "source_id"),
    sa.Index("raw_at", "at"),
    sqlite_autoincrement=True,
)

# Append-only: what happened to sources, for the people who look after them.
source_event = sa.Table(
    "source_event",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("source_id", sa.ForeignKey("source.id", ondelete="CASCADE"), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Index("source_event_source", "source_id"),
    sqlite_autoincrement=True,
)

article = sa.Table(
    "article",
    metadata,
    sa.Column("id", Ulid, primary_key=True),
    sa.Column("source_id", sa.ForeignKey("source.id", ondelete="CASCADE"), nullable=False),
    sa.Column("guid", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.String(32), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("url", sa.Text),
    sa.Column("author", sa.Text),
    sa.Column("published", sa.BigInteger),
    sa.Column("first_seen", sa.BigInteger, nullable=False),
    sa.Column("doubt", sa.Text),
    sa.UniqueConstraint("source_id", "guid"),
    sa.Index("article_latest", "source_id", "first_seen"),
)

story = sa.Table(
    "story",
    metadata,
    sa.Column("id", Ulid, primary_key=True),
    sa.Column("lead_report", Ulid, nullable=False),
    sa.Column("first_seen", sa.BigInteger, nullable=False),
    sa.Column("updated", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("untagged", sa.Boolean, nullable=False),
    sa.Column("withdrawn", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("lesson", sa.Float, nullable=False, server_default="0"),
    sa.Column("lesson_why", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("unknown_words", sa.Float, nullable=False, server_default="0"),
    # Its first place in the change log: a figure that grows in the order of ids.
    sa.Column("number", sa.BigInteger, nullable=False, server_default="0"),
    sa.Index("story_number", "number", unique=True),
    sa.Index("story_live", "withdrawn", "id"),
    sa.Index("story_seq", "seq"),
    sa.Index("story_untagged", "untagged", "id"),
    sa.Index("story_first_seen", "first_seen"),
    sa.Index("story_lesson", "lesson"),
)

# One telling of a story in one article. A story shows its lead report; the others are "also reported".
report = sa.Table(
    "report",
    metadata,
    sa.Column("id", Ulid, primary_key=True),
    sa.Column("story_id", sa.ForeignKey("story.id", ondelete="CASCADE"), nullable=False),
    sa.Column("article_id", sa.ForeignKey("article.id", ondelete="CASCADE"), nullable=False),
    sa.Column("source_id", sa.ForeignKey("source.id", ondelete="CASCADE"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("of", sa.Integer, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("html", sa.Text, nullable=False),
    sa.Column("url", sa.Text),
    sa.Column("link_key", sa.Text),
    sa.Column("text_key", sa.String(32)),
    sa.Index("report_story", "story_id"),
    sa.Index("report_article", "article_id"),
    sa.Index("report_link", "link_key"),
    sa.Index("report_text", "text_key"),
    sa.Index("report_source", "source_id", "story_id"),
)

# The words of live stories by their numbers, as stems between spaces. SQLite's full-text index ``story_words_index`` and
# PostgreSQL's column ``vector`` are kept true by the databases themselves.
story_words = sa.Table(
    "story_words",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("stems", sa.Text, nullable=False),
)

# ``confidence``, ``model``, ``evidence`` and ``judged`` are the model's word; ``chosen`` is what holds: the curator's, if there is one.
story_topic = sa.Table(
    "story_topic",
    metadata,
    sa.Column("story_id", sa.ForeignKey("story.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("topic", sa.String(64), primary_key=True),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("chosen", sa.Boolean, nullable=False),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),
    sa.Column("judged", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("curator", sa.String(100)),
    sa.Index("story_topic_latest", "topic", "chosen", "story_id"),
)

# Append-only. Everything a reader may want to catch up on stands here, in commit order.
change = sa.Table(
    "change",
    metadata,
    sa.Column("seq", BigId, primary_key=True, autoincrement=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("story_id", Ulid, nullable=False),
    sqlite_autoincrement=True,
)

# Stories that a feed showed and does not show now, and since when; what was in it must be taken back from those who read it.
departure = sa.Table(
    "departure",
    metadata,
    sa.Column("feed", sa.String(64), primary_key=True),
    sa.Column("story_id", Ulid, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
)

# When each feed (a topic, "all" or "untagged") last changed, and how many stories it shows: a summary of the change log.
feed = sa.Table(
    "feed",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("updated", sa.BigInteger, nullable=False),
    sa.Column("stories", sa.BigInteger, nullable=False, server_default="0"),
)

# Append-only: every decision that a person made, with the words that it was made on, which outlive the story. ``about`` is
# null when it was handed back to the model.
correction = sa.Table(
    "correction",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("story_id", Ulid, nullable=False),
    sa.Column("topic", sa.String(64), nullable=False),
    sa.Column("about", sa.Boolean),
    sa.Column("curator", sa.String(100), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Index("correction_story", "story_id"),
    sqlite_autoincrement=True,
)

# How the tags of a week's stories were spread; ``start`` is its Monday.
week = sa.Table(
    "week",
    metadata,
    sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("stories", sa.Integer, nullable=False),
    sa.Column("figures", sa.JSON, nullable=False),
)

# Only a digest is kept: who reads the database cannot act as a curator.
token = sa.Table(
    "token",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("name", sa.String(100), nullable=False, unique=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("revoked", sa.BigInteger),
    sa.Column("only_reads", sa.Boolean, nullable=False, server_default=sa.false()),
    sqlite_autoincrement=True,
)

# Whom to tell that something is new, and what they asked of our hub. ``feed`` to ``most`` are a query; ``host`` is that of the
# callback, so that nobody has us ask one host too much. ``claim`` is another one after everything that begins or ends a claim.
subscriber = sa.Table(
    "subscriber",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("callback", sa.Text, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("suffix", sa.String(8), nullable=False),
    sa.Column("feed", sa.Text, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("source", sa.BigInteger),
    sa.Column("min_confidence", sa.Float, nullable=False),
    sa.Column("most", sa.Integer, nullable=False),
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("owner", sa.String(100), nullable=False),
    sa.Column("lease", sa.BigInteger, nullable=False),
    sa.Column("lease_until", sa.BigInteger),
    sa.Column("etag", sa.String(64), nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("next_try", sa.BigInteger, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("failing_since", sa.BigInteger),
    sa.Column("error", sa.Text),
    sa.Column("claim", sa.String(26), nullable=False, server_default=sa.text("''")),
    sa.Index("subscriber_behind", "state", "seq"),
    sa.Index("subscriber_lease", "lease_until"),
    sa.Index("subscriber_host", "host"),
    sa.Index("subscriber_owner", "owner"),
    sqlite_autoincrement=True,
)
