"""The report of one run: ``report.json`` for machines, ``report.html`` for people."""
