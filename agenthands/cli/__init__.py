"""What a person types, and what a terminal shows meanwhile."""
