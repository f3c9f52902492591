# family: decorators
# about: A decorator on a function inside.
def f(self):
    @exec
    def source():
        return "import os"
    return source
