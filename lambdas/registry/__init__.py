"""Model packages: the champion, and new versions."""
