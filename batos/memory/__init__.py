"""What an image remembers: documents and their chunks, kept as objects, and a search over them.

Objects are the truth; the text index is a derived file that follows the transaction log. Knows nothing of models,
missions or the bridge.
"""
