"""Models and their figures as text for people."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from classifier.register import Entry, InUse


def table(thresholds: Mapping[str, float], metrics: Mapping[str, Any]) -> str:
    """The figures of ``evaluate``, a line per topic beside its threshold, and a line for all."""
    width = max(len("topic"), *(len(name) for name in thresholds))
    lines = [f"{'topic':{width}}  threshold  precision  recall     F1  avg.prec.  Brier    ECE"]
    for name, threshold in thresholds.items():
        row = metrics["per_topic"][name]
        lines.append(
            f"{name:{width}}  {threshold:9.2f}  {row['precision']:9.3f}  {row['recall']:6.3f}"
            f"  {row['f1']:5.3f}  {row['average_precision']:9.3f}  {row['brier']:5.3f}  {row['ece']:5.3f}"
        )
    lines.append(
        f"{metrics['n']} stories: macro F1 {metrics['macro_f1']:.3f}, micro F1 {metrics['micro_f1']:.3f},"
        f" all topics right {metrics['exact_match']:.1%}"
    )
    return "\n".join(lines)


def entry_lines(entry: Entry) -> Iterator[str]:
    """All that is known of a model."""
    yield f"Model {entry.number}, version {entry.version}, made {_moment(entry.made)}"
    learned = entry.made_from
    yield f"from {learned['stories']} labelled stories and {learned['corrections']} corrected ones (seeds {learned['seeds']})"
    yield "by " + ", ".join(f"{name} {version}" for name, version in entry.made_by.items())
    yield f"file sha256 {entry.sha256}"
    for reason in entry.refused:
        yield f"refused: {reason}"
    yield ""
    yield table(entry.thresholds, entry.metrics)
    yield "Figures are from stories held out in turn."


def register_lines(entries: Sequence[Entry], in_use: InUse | None) -> Iterator[str]:
    """A line per model; the one in use has a star."""
    yield "   no.  version       made              stories  corrected  macro F1  state"
    for entry in entries:
        using = in_use is not None and entry.number == in_use.number
        state = "refused: " + "; ".join(entry.refused) if entry.refused else "may be used"
        if using and in_use:
            state = "in use, chosen by a person" if in_use.pinned else "in use"
        yield (
            f"{'*' if using else ' '} {entry.number:>4}  {entry.version:12}  {_moment(entry.made)}  {entry.made_from['stories']:>7}"
            f"  {entry.made_from['corrections']:>9}  {entry.metrics['macro_f1']:8.3f}  {state}"
        )


def _moment(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))
