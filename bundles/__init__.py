"""The archives of code that runs elsewhere: what is in each, and how they are written."""
