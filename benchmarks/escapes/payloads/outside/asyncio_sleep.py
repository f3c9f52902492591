# family: outside
# about: A sleep that waits for the host.
def f(self):
    import asyncio
    asyncio.run(asyncio.sleep(10 ** 7))
    return "awake"
