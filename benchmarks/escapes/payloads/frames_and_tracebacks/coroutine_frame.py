# family: frames and tracebacks
# about: The frame of a coroutine.
async def f(self):
    return 1
