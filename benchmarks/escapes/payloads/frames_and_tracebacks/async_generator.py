# family: frames and tracebacks
# about: The frame of an asynchronous generator.
def f(self):
    async def inner():
        yield 1
    return inner().ag_frame
