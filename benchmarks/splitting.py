"""How well newsletters are cut: boundary precision, recall and F1 over the labelled set in ``tests/data/newsletters``."""

from __future__ import annotations

import time
from collections import defaultdict

from benchmarks.newsletters import Score, labelled, score


def main() -> None:
    started = time.process_time()
    scores: dict[str, Score] = defaultdict(Score)
    documents = 0
    imperfect = []
    for document in labelled():
        documents += 1
        result = score(document)
        scores[document.file.suffix] += result
        if not result.right == result.found == result.expected:
            imperfect.append((document.name, result))
    took = time.process_time() - started
    print(f"Splitting: {documents} labelled documents, {documents / took:.0f} documents a CPU second")
    print(f"{'kind':<10} {'boundaries':>10} {'precision':>10} {'recall':>10} {'F1':>10}")
    for kind, total in [*sorted(scores.items()), ("all", sum(scores.values(), Score()))]:
        print(f"{kind:<10} {total.expected:>10} {total.precision:>10.3f} {total.recall:>10.3f} {total.f1:>10.3f}")
    for name, result in imperfect:
        print(f"  not all right: {name} ({result.right} of {result.expected} boundaries, {result.found} found)")


if __name__ == "__main__":
    main()
