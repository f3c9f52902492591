# family: host callbacks
# about: A future that the host would have to wait for.
def f(self):
    import asyncio
    return asyncio.gather(self.double(1))
