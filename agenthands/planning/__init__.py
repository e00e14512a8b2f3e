"""From a request to a plan that can be built, and what building it will cost."""
