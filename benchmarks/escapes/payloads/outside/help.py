# family: outside
# about: The pager.
def f(self):
    help("modules")
