"""Providers of models on loopback, each in its own protocol; `shared.py` says what a model in them wants to say."""
