"""Runs all benchmarks, one after the other."""

from __future__ import annotations

import os

# One thread, so that figures are of one core and do not change with the machine's others.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks import archive, classifier, ingest, readers, serving, splitting, visible

splitting.main()
print()
classifier.main()
print()
ingest.main()
print()
serving.main()
print()
visible.main()
print()
archive.main()
print()
readers.main()
