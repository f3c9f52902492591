# family: outside
# about: The host's log.
def f(self):
    import logging
    logging.getLogger().handlers[0].stream.name
