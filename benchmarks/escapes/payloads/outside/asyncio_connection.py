# family: outside
# about: The same by asyncio.
def f(self):
    import asyncio
    return asyncio.run(asyncio.open_connection("127.0.0.1", @PORT@))
