"""The backend for any server that speaks the OpenAI chat-completions API, on this machine or one that the user named.

Opening contacts nobody; only `generate` and `stream` do, and only the servers in the spec. What it does not know:
missions, budgets, and whether an answer is any good.
"""

from batos.inference.openai.backend import OpenAIBackend

__all__ = ["OpenAIBackend"]
