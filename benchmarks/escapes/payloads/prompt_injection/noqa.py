# family: prompt injection
# about: A mark that linters obey.
def f(self):
    return eval("1")  # noqa  # type: ignore  # nosec
