# family: frames and tracebacks
# about: A coroutine made inside.
def f(self):
    async def inner():
        return 1
    c = inner()
    return c.cr_frame.f_back
