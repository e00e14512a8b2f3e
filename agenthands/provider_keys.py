"""Which variable holds the key of a model's provider, for providers that one key unlocks.

The agent's package brings the table along and looks for the key when it starts. It is litellm's, without its import,
which takes seconds; a test compares them. Providers that are not in it (local models, clouds with sign-ins of their
own) are not looked at.
"""

from __future__ import annotations

KEYS = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "cerebras": ("CEREBRAS_API_KEY",),
    "cohere": ("COHERE_API_KEY",),
    "deepinfra": ("DEEPINFRA_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "huggingface": ("HUGGINGFACE_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "moonshot": ("MOONSHOT_API_KEY",),
    "nvidia_nim": ("NVIDIA_NIM_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "replicate": ("REPLICATE_API_KEY",),
    "together_ai": ("TOGETHERAI_API_KEY",),
    "xai": ("XAI_API_KEY",),
}


def key_names(model: str) -> tuple[str, ...]:
    """Give the variables of which one must hold the model's key, the usual one first; empty where no rule is known."""
    return KEYS.get(model.partition("/")[0], ())
