"""A finished build as HTML, Markdown, and text for a terminal, from one view model."""
