"""The phases of the story, one module each: a function takes the story and raises on failure."""
