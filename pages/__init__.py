"""What the pages of Millrace share: their look, their drawings, how they are rendered."""
