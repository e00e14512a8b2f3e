"""The sandbox over bubblewrap."""
