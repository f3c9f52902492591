# family: time bombs in answers
# about: Text that looks like an object.
def f(self):
    return "<Handle vault>"
