"""The security review of one deployment, read from its synthesised templates and never from AWS.

``python -m review`` writes a page and its data; ``docs/review`` keeps what was last reviewed, so
that a reviewer argues about differences. Every part takes templates and gives plain values, so the
same code serves the page, the checks of CI and the tests.
"""
